"""Settings: each checked once, and the same after a trip through JSON."""

import dataclasses
import json
import re
from typing import Any

import pytest

from rarenmt.config import (
    PRESETS,
    Config,
    MemoryConfig,
    ModelConfig,
    SearchConfig,
    TrainConfig,
)
from rarenmt.errors import SettingError


@pytest.mark.parametrize(
    "config",
    [
        Config(),
        Config(
            model=PRESETS["gnmt"],
            memory=MemoryConfig(
                query=("context",),
                readout="paper",
                reinforce=True,
                slots=77,
                neighbours=5,
            ),
            source_language="fr",
            target_language="hsb",
        ),
    ],
)
def test_a_configuration_survives_json(config: Config) -> None:
    text = json.dumps(config.to_json())

    assert Config.from_json(json.loads(text)) == config


def test_the_former_setting_lookup_is_ignored() -> None:
    data = Config().to_json()
    data["memory"]["lookup"] = "relevant"

    assert Config.from_json(data) == Config()
    data["memory"]["looking"] = "relevant"
    with pytest.raises(SettingError, match='memory has an unknown setting "looking"'):
        Config.from_json(data)


def test_json_is_read_without_being_changed() -> None:
    data = json.loads(json.dumps(Config().to_json()))
    before = json.dumps(data)

    Config.from_json(data)

    assert json.dumps(data) == before


@pytest.mark.parametrize(
    ("part", "change", "sentence"),
    [
        ("model", {"colour": 7}, 'model has an unknown setting "colour"'),
        ("model", {"hidden": "512"}, 'hidden must be a whole number, not "512"'),
        ("model", {"hidden": 512.0}, "hidden must be a whole number, not 512.0"),
        ("model", {"hidden": True}, "hidden must be a whole number, not true"),
        ("model", {"hidden": None}, "hidden must be a whole number, not null"),
        ("model", {"hidden": {}}, "hidden must be a whole number, not {}"),
        ("model", {"hidden": -2}, "hidden must be from 1 to 1,048,576, not -2"),
        ("model", {"hidden": 10**12}, "hidden must be from 1 to 1,048,576, not 1000000000000"),
        ("model", {"dropout": "0"}, 'dropout must be a number, not "0"'),
        ("model", {"dropout": False}, "dropout must be a number, not false"),
        ("model", {"dropout": float("nan")}, "dropout must be in [0, 1), not nan"),
        ("memory", {"query": "context"}, 'query must be a list, not "context"'),
        ("memory", {"query": []}, "the query needs at least one part"),
        (
            "memory",
            {"query": ["top", "side"]},
            'query must be one of context, source, bottom, top, not "side"',
        ),
        ("memory", {"query": [["top"]]}, 'query must be one of *, not ["top"]'),
        ("memory", {"readout": "loud"}, 'readout must be one of mixture, paper, not "loud"'),
        ("memory", {"readout": {}}, "readout must be one of mixture, paper, not {}"),
        ("memory", {"reinforce": 1}, "reinforce must be true or false, not 1"),
        ("memory", {"temperature": float("inf")}, "temperature must be *, not inf"),
        ("memory", {"temperature": 10**400}, "temperature must be *"),
        (None, {"model": [1] * 99}, "model must be an object, not [1, 1, *…"),
        (None, {"memory": None}, "memory must be an object, not null"),
        (None, {"source_language": 5}, "source_language must be a string, not 5"),
        (None, {"a": 1, "b": "\n"}, 'it has an unknown setting "a, b"'),
    ],
)
def test_a_wrong_value_in_json_is_one_sentence(
    part: str | None, change: dict[str, Any], sentence: str
) -> None:
    data = Config().to_json()
    (data if part is None else data[part]).update(change)

    with pytest.raises(SettingError) as caught:
        Config.from_json(json.loads(json.dumps(data)))

    assert re.fullmatch(re.escape(sentence).replace(r"\*", ".*"), str(caught.value))


@pytest.mark.parametrize("data", [None, [], 5, "config"])
def test_what_is_no_object_is_no_configuration(data: Any) -> None:
    with pytest.raises(SettingError, match="it must be an object, not "):
        Config.from_json(data)


def test_a_setting_may_be_missing_but_not_a_whole_part() -> None:
    data = Config(target_language="hsb").to_json()
    del data["target_language"], data["model"]["hidden"]

    assert Config.from_json(data) == Config()
    del data["memory"]
    with pytest.raises(SettingError, match=r"^it lacks memory$"):
        Config.from_json(data)


@pytest.mark.parametrize(
    ("kind", "setting", "sentence"),
    [
        (ModelConfig, {"hidden": 7}, "hidden must be even, not 7"),
        (ModelConfig, {"embedding": 0}, "embedding must be from 1 to 1,048,576, not 0"),
        (ModelConfig, {"encoder_layers": 65}, "encoder_layers must be at most 64"),
        (ModelConfig, {"encoder_layers": 0}, "the encoder needs at least 1 layer"),
        (ModelConfig, {"decoder_layers": 1}, "the decoder needs at least 2 layers"),
        (ModelConfig, {"dropout": 1.0}, "dropout must be in [0, 1), not 1.0"),
        (ModelConfig, {"dropout": -0.1}, "dropout must be in [0, 1), not -0.1"),
        (MemoryConfig, {"block": 0}, "block must be from 1 to 1,048,576, not 0"),
        (
            MemoryConfig,
            {"limit": 1 << 31},
            "limit must be under 2³¹: slots are numbered in 32 bits",
        ),
        (MemoryConfig, {"margin": -0.1}, "margin must be in [0, 2], not -0.1"),
        (
            MemoryConfig,
            {"temperature": 0.0},
            "temperature must be over 0 and at most 10,000, not 0.0",
        ),
        (MemoryConfig, {"query": ()}, "the query needs at least one part"),
        (
            MemoryConfig,
            {"slots": 10, "neighbours": 11},
            "neighbours must be between 1 and slots (10), not 11",
        ),
        (MemoryConfig, {"neighbours": 0}, "neighbours must be between 1 and slots (8192), not 0"),
        (
            MemoryConfig,
            {"slots": 200, "limit": 100},
            "slots (200) must not exceed limit (100)",
        ),
        (TrainConfig, {"steps": 0}, "steps must be at least 1"),
        (TrainConfig, {"batch_tokens": 0}, "batch_tokens must be at least 1"),
        (TrainConfig, {"evaluate_every": 0}, "evaluate_every must be at least 1"),
        (TrainConfig, {"save_every": 0}, "save_every must be at least 1"),
        (TrainConfig, {"warmup": -1}, "warmup must not be negative"),
        (TrainConfig, {"memory_positions": -1}, "memory_positions must not be negative"),
        (TrainConfig, {"seed": -1}, "seed must be from 0 to 2³² − 1, not -1"),
        (TrainConfig, {"seed": 1 << 32}, "seed must be from 0 to 2³² − 1, not 4294967296"),
        (TrainConfig, {"learning_rate": 0.0}, "learning_rate must be over 0, not 0.0"),
        (TrainConfig, {"decay_fraction": 1.5}, "decay_fraction must be in [0, 1], not 1.5"),
        (SearchConfig, {"beam": 0}, "beam must be at least 1, not 0"),
    ],
)
def test_a_setting_outside_its_range_is_one_sentence(
    kind: type, setting: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(SettingError) as caught:
        kind(**setting)

    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("kind", "setting"),
    [
        (ModelConfig, {"dropout": 0.0}),
        (MemoryConfig, {"slots": 5, "neighbours": 5, "limit": 5}),
        (MemoryConfig, {"reinforce": True}),
        (TrainConfig, {"decay_fraction": 0.0, "warmup": 0, "memory_positions": 0, "seed": 0}),
        (
            TrainConfig,
            {"decay_fraction": 1.0, "steps": 1, "batch_tokens": 1, "seed": (1 << 32) - 1},
        ),
        (SearchConfig, {"beam": 1}),
    ],
)
def test_the_ends_of_a_range_belong_to_it(kind: type, setting: dict[str, Any]) -> None:
    assert dataclasses.asdict(kind(**setting)).items() >= setting.items()


def test_a_setting_cannot_be_changed_afterwards() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        ModelConfig().hidden = 2  # type: ignore[misc]


def test_gnmt_has_the_sizes_of_section_3() -> None:
    gnmt = PRESETS["gnmt"]

    assert (gnmt.encoder_layers, gnmt.decoder_layers, gnmt.hidden) == (8, 8, 1024)

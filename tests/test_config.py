"""Settings: each checked once, and the same after a trip through JSON."""

import dataclasses
import json
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
                query=("context",), readout="paper", lookup="whole", slots=77, neighbours=5
            ),
            source_language="fr",
            target_language="hsb",
        ),
    ],
)
def test_a_configuration_survives_json(config: Config) -> None:
    text = json.dumps(config.to_json())

    assert Config.from_json(json.loads(text)) == config


def test_json_is_read_without_being_changed() -> None:
    data = json.loads(json.dumps(Config().to_json()))
    before = json.dumps(data)

    Config.from_json(data)

    assert json.dumps(data) == before


def test_an_unknown_name_in_json_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="colour"):
        Config.from_json({**Config().to_json(), "colour": "blue"})


def test_a_missing_part_of_json_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="memory"):
        Config.from_json({"model": {}})


@pytest.mark.parametrize(
    ("kind", "setting", "sentence"),
    [
        (ModelConfig, {"hidden": 7}, "hidden must be even, not 7"),
        (ModelConfig, {"encoder_layers": 0}, "the encoder needs at least 1 layer"),
        (ModelConfig, {"decoder_layers": 1}, "the decoder needs at least 2 layers"),
        (ModelConfig, {"dropout": 1.0}, "dropout must be in [0, 1), not 1.0"),
        (ModelConfig, {"dropout": -0.1}, "dropout must be in [0, 1), not -0.1"),
        (MemoryConfig, {"query": ()}, "the query needs at least one part"),
        (
            MemoryConfig,
            {"slots": 10, "neighbours": 11},
            "neighbours must be between 1 and slots (10), not 11",
        ),
        (
            MemoryConfig,
            {"reinforce": True},
            "a memory that reinforces has no pairs to choose from; its lookup must be whole",
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
        (TrainConfig, {"decay": 1.5}, "decay must be in [0, 1], not 1.5"),
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
        (MemoryConfig, {"reinforce": True, "lookup": "whole"}),
        (TrainConfig, {"decay": 0.0, "warmup": 0, "memory_positions": 0, "seed": 0}),
        (TrainConfig, {"decay": 1.0, "steps": 1, "batch_tokens": 1, "seed": (1 << 32) - 1}),
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

"""The folder of a trained model: what is saved is what is loaded."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from rarenmt.config import PRESETS, Config, MemoryConfig, ModelConfig
from rarenmt.errors import StorageError
from rarenmt.model import checkpoint
from rarenmt.model.checkpoint import (
    CONFIG,
    METRICS,
    TRAINING,
    VOCABULARY,
    key_fingerprint,
    load_checkpoint,
    save_checkpoint,
)
from rarenmt.model.seq2seq import Model
from rarenmt.storage import tensors
from rarenmt.storage.files import replace_bytes
from rarenmt.storage.tensors import load_tensors
from rarenmt.text.tokenizer import Tokenizer
from rarenmt.translator.locations import MEMORY

SOURCE = Path(__file__).parents[2]
CPU = torch.device("cpu")
SENTENCES = ["one two three", "eins zwei drei"] * 10


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.train(SENTENCES, 275)


@pytest.fixture
def folder(tmp_path: Path, tiny_model: Model, tokenizer: Tokenizer) -> Path:
    """A whole checkpoint."""
    folder = tmp_path / "model"
    save_checkpoint(folder, tiny_model, tokenizer)
    return folder


def another_model(config: Config) -> Model:
    model = Model(config)
    model.initialise(torch.Generator().manual_seed(2))
    return model


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def weights(folder: Path) -> list[Path]:
    return sorted(folder.glob("weights-*.safetensors"))


def same_in_bfloat16(loaded: Model, saved: Model) -> bool:
    pairs = zip(loaded.state_dict().items(), saved.state_dict().items(), strict=True)
    return all(
        name == other and torch.equal(tensor, wanted.bfloat16().float())
        for (name, tensor), (other, wanted) in pairs
    )


# Round trips


def test_a_model_comes_back_in_bfloat16(
    folder: Path, tiny_model: Model, tokenizer: Tokenizer
) -> None:
    loaded = load_checkpoint(folder, CPU)

    assert same_in_bfloat16(loaded.model, tiny_model)
    assert loaded.model.config == tiny_model.config
    assert loaded.tokenizer.model == tokenizer.model
    assert not loaded.model.training
    assert {parameter.dtype for parameter in loaded.model.parameters()} == {torch.float32}


def test_a_loaded_model_saved_again_is_the_same_folder(folder: Path, tmp_path: Path) -> None:
    loaded = load_checkpoint(folder, CPU)

    save_checkpoint(tmp_path / "copy", loaded.model, loaded.tokenizer)

    assert files(tmp_path / "copy") == files(folder)
    for path in folder.iterdir():
        assert (tmp_path / "copy" / path.name).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("readout", ["mixture", "paper"])
def test_every_kind_of_model_comes_back(readout: Any, tmp_path: Path, tokenizer: Tokenizer) -> None:
    config = Config(
        model=ModelConfig(
            vocabulary=30, embedding=4, hidden=6, attention=2, encoder_layers=1, decoder_layers=3
        ),
        memory=MemoryConfig(slots=9, neighbours=2, block=3, query=("source",), readout=readout),
        source_language="cs",
        target_language="hsb",
    )
    model = another_model(config)

    save_checkpoint(tmp_path, model, tokenizer)

    loaded = load_checkpoint(tmp_path, CPU).model
    assert loaded.config == config
    assert same_in_bfloat16(loaded, model)


def test_the_languages_are_part_of_a_checkpoint(
    tmp_path: Path, tiny_config: Config, tokenizer: Tokenizer
) -> None:
    model = another_model(replace(tiny_config, source_language="da"))

    save_checkpoint(tmp_path, model, tokenizer)

    assert load_checkpoint(tmp_path, CPU).model.config.source_language == "da"


def test_a_folder_holds_what_its_description_says(folder: Path) -> None:
    description = json.loads((folder / CONFIG).read_text("utf-8"))

    assert files(folder) == {CONFIG, VOCABULARY, *description["weights"]}
    assert description["format"] == 2


def test_the_fingerprint_is_that_of_the_stored_keys(folder: Path, tokenizer: Tokenizer) -> None:
    (file,) = weights(folder)

    assert load_checkpoint(folder, CPU).fingerprint == key_fingerprint(
        load_tensors(file)[0], tokenizer
    )


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("embedding.weight", True),
        ("encoder.forwards.weight_ih_l0", True),
        ("query.shares", True),
        ("output.bias", False),  # it says which piece follows, not what the memory is asked
        ("readout.", False),
    ],
)
def test_the_fingerprint_changes_with_what_makes_keys(
    name: str, changes: bool, tiny_model: Model, tokenizer: Tokenizer
) -> None:
    state = dict(tiny_model.state_dict())
    before = key_fingerprint(state, tokenizer)
    changed = next(key for key in state if key.startswith(name))
    state[changed] = state[changed] + 1

    assert (key_fingerprint(state, tokenizer) != before) == changes


def test_another_vocabulary_is_another_fingerprint(tiny_model: Model, tokenizer: Tokenizer) -> None:
    state = dict(tiny_model.state_dict())
    other = Tokenizer.train(SENTENCES, 274)

    assert key_fingerprint(state, tokenizer) != key_fingerprint(state, other)


def test_nothing_is_ever_unpickled() -> None:
    code = [path for part in ("rarenmt", "cli") for path in (SOURCE / part).rglob("*.py")]
    unsafe = re.compile(
        r"(?<!allow_)pickle|allow_pickle(?!=False)|(?<!safetensors\.)torch\.(load|save)\("
        r"|\bshelve\b|\bmarshal\b"
    )

    assert code
    assert [path for path in code if unsafe.search(path.read_text("utf-8"))] == []


# Several files


def test_large_weights_are_cut_into_files_under_the_limit(
    tmp_path: Path, tiny_model: Model, tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    top_k = max(tensor.nbytes for tensor in tiny_model.state_dict().values())
    limit = top_k // 4  # bfloat16 takes half
    monkeypatch.setattr(tensors, "SHARD_BYTES", limit)

    save_checkpoint(tmp_path, tiny_model, tokenizer)

    found = weights(tmp_path)
    assert len(found) > 2
    for file in found:
        assert sum(tensor.nbytes for tensor in load_tensors(file)[0].values()) <= limit
    assert same_in_bfloat16(load_checkpoint(tmp_path, CPU).model, tiny_model)


def test_the_files_of_the_small_preset_stay_under_16_megabytes(
    tmp_path: Path, tokenizer: Tokenizer
) -> None:
    save_checkpoint(tmp_path, Model(Config()), tokenizer)

    sizes = [file.stat().st_size for file in weights(tmp_path)]
    assert len(sizes) == 2
    assert max(sizes) < 16 * 1024 * 1024


@pytest.mark.parametrize("sizes", PRESETS.values(), ids=PRESETS)
def test_no_file_of_any_preset_has_more_than_16_megabytes(sizes: ModelConfig) -> None:
    with torch.device("meta"):
        state = Model(Config(model=sizes)).bfloat16().state_dict()

    groups = tensors.shards(state)

    header = max(len(f"{name}{tensor.shape}") + 100 for g in groups for name, tensor in g.items())
    for group in groups:
        assert sum(tensor.nbytes + header for tensor in group.values()) <= 16_000_000


# Over an older one


def test_saving_over_an_older_checkpoint_leaves_the_new_files_alone(
    folder: Path,
    tmp_path: Path,
    tiny_config: Config,
    tokenizer: Tokenizer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tensors, "SHARD_BYTES", 1000)
    model = another_model(tiny_config)
    save_checkpoint(tmp_path / "elsewhere", model, tokenizer)

    save_checkpoint(folder, model, tokenizer)

    assert files(folder) == files(tmp_path / "elsewhere")
    assert same_in_bfloat16(load_checkpoint(folder, CPU).model, model)


def test_saving_touches_nothing_else_in_the_folder(
    folder: Path, tiny_config: Config, tokenizer: Tokenizer
) -> None:
    others = [MEMORY, TRAINING, METRICS, "README.md", "my-weights.safetensors"]
    for name in others:
        (folder / name).write_text(name)

    save_checkpoint(folder, another_model(tiny_config), tokenizer)

    assert [(folder / name).read_text() for name in others] == others


def test_a_crash_before_the_last_file_leaves_the_old_checkpoint(
    folder: Path,
    tiny_model: Model,
    tiny_config: Config,
    tokenizer: Tokenizer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full_disk(path: Path, content: bytes) -> None:
        if path.name == CONFIG:
            raise StorageError(path, "write", OSError(28, "No space left on device"))
        replace_bytes(path, content)

    old = weights(folder)
    monkeypatch.setattr(checkpoint, "replace_bytes", full_disk)
    with pytest.raises(StorageError):
        save_checkpoint(folder, another_model(tiny_config), tokenizer)

    assert len(weights(folder)) == 2 * len(old)
    assert same_in_bfloat16(load_checkpoint(folder, CPU).model, tiny_model)


def test_what_a_crash_left_is_swept_by_the_next_save(
    folder: Path, tiny_model: Model, tokenizer: Tokenizer
) -> None:
    whole = files(folder)
    (folder / "weights-00000000-1-of-9.safetensors").write_bytes(b"half of a")

    save_checkpoint(folder, tiny_model, tokenizer)

    assert files(folder) == whole


def test_loading_a_checkpoint_does_not_load_the_compiler(folder: Path) -> None:
    """It would take longer than all the rest of a short command."""
    code = (
        "import sys, torch; from pathlib import Path; "
        "from rarenmt.model.checkpoint import load_checkpoint; "
        f"load_checkpoint(Path({str(folder)!r}), torch.device('cpu')); "
        "print('torch._dynamo' in sys.modules)"
    )

    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout

    assert said == "False\n"

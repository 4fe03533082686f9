"""A checkpoint folder that is damaged, mixed or none at all: one sentence says what is wrong."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import SENTENCES

from rarenmt.errors import CheckpointError
from rarenmt.model.checkpoint import CONFIG, VOCABULARY, load_checkpoint, save_checkpoint
from rarenmt.storage.tensors import load_tensors, save_tensors
from rarenmt.text.tokenizer import Tokenizer

CPU = torch.device("cpu")


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    """A whole checkpoint that may be damaged."""
    return shutil.copytree(folder, tmp_path / "copy")


def weights(folder: Path) -> list[Path]:
    return sorted(folder.glob("weights-*.safetensors"))


def edit(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    """Changes config.json as JSON."""

    def damage(folder: Path) -> None:
        description = json.loads((folder / CONFIG).read_text("utf-8"))
        change(description)
        (folder / CONFIG).write_text(json.dumps(description), "utf-8")

    return damage


def overwrite(name: str, content: bytes) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        (folder / name).write_bytes(content)

    return damage


def remove(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def remove_weights(folder: Path) -> None:
    weights(folder)[0].unlink()


def truncate_weights(folder: Path) -> None:
    file = weights(folder)[0]
    file.write_bytes(file.read_bytes()[:-100])


def drop_a_weight(folder: Path) -> None:
    file = weights(folder)[0]
    found, metadata = load_tensors(file)
    del found["query.shares"]
    save_tensors(file, found, metadata)


def misfit_a_part(folder: Path) -> None:
    """Cuts a weight into two parts that cannot be joined."""
    file = weights(folder)[0]
    found, metadata = load_tensors(file)
    embedding = found.pop("embedding.weight")
    found |= {
        "embedding.weight#1-of-2": embedding[:9],
        "embedding.weight#2-of-2": embedding[9:, 1:],
    }
    save_tensors(file, found, metadata)


def swap_weights(folder: Path) -> None:
    """Puts weights of the same shapes in the place of the right ones."""
    file = weights(folder)[0]
    found, metadata = load_tensors(file)
    save_tensors(file, {name: tensor + 1 for name, tensor in found.items()}, metadata)


def swap_vocabulary(folder: Path) -> None:
    (folder / VOCABULARY).write_bytes(
        Tokenizer.train([side for pair in SENTENCES for side in pair], 309).model
    )


def change(start: str) -> Callable[[Path], None]:
    """Turns one bit of a weight whose name starts so."""

    def damage(folder: Path) -> None:
        file = weights(folder)[0]
        found, metadata = load_tensors(file)
        name = next(name for name in found if name.startswith(start))
        found[name].flatten().view(torch.uint8)[0] ^= 1
        save_tensors(file, found, metadata)

    return damage


OTHER_WEIGHTS = (
    "{folder}: the weight files are damaged, or not those that config.json was written with; "
    "copy the whole folder again"
)
OTHER_VOCABULARY = (
    "{folder}/vocabulary.model is not the vocabulary that config.json was written with; "
    "put that one back, or copy the whole folder again"
)
NOT_JSON = "{folder}/config.json is damaged: it is not the JSON of a checkpoint"


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (remove(CONFIG), "{folder} is not a checkpoint: it holds no config.json"),
        (overwrite(CONFIG, b""), NOT_JSON),
        (overwrite(CONFIG, b'{"format": 1, "wei'), NOT_JSON),
        (overwrite(CONFIG, b"[1]"), NOT_JSON),
        (overwrite(CONFIG, b"17"), NOT_JSON),
        (overwrite(CONFIG, b'"format"'), NOT_JSON),
        (overwrite(CONFIG, b"{}"), NOT_JSON),
        (overwrite(CONFIG, b"\xff\xfe{}"), NOT_JSON),
        (overwrite(CONFIG, 10_000 * b"["), NOT_JSON),
        (
            edit(lambda it: it.update(format=1)),
            "{folder}/config.json has checkpoint format 1; this version reads format 2",
        ),
        (
            edit(lambda it: it.update(format="1\n2")),
            "{folder}/config.json has checkpoint format '1\\n2'; this version reads format 2",
        ),
        (
            edit(lambda it: [it.pop("fingerprint"), it.pop("weights")]),
            "{folder}/config.json is damaged: it lacks fingerprint, weights",
        ),
        (
            edit(lambda it: it["model"].update(hidden=7)),
            "{folder}/config.json is damaged: hidden must be even, not 7",
        ),
        (
            edit(lambda it: it["model"].update(colour=7)),
            '{folder}/config.json is damaged: model has an unknown setting "colour"',
        ),
        (
            edit(lambda it: it["model"].update(hidden="8")),
            '{folder}/config.json is damaged: hidden must be a whole number, not "8"',
        ),
        (
            edit(lambda it: it.update(model=[])),
            "{folder}/config.json is damaged: model must be an object, not []",
        ),
        (
            edit(lambda it: it.update(weights=None)),
            "{folder}/config.json is damaged: weights must be a list, not null",
        ),
        (
            edit(lambda it: it.update(weights=["weights-" + 300 * "9"])),
            "{folder}/config.json is damaged: 'weights-9*9' is not the name of a weight file",
        ),
        (
            edit(lambda it: it.update(fingerprint=17)),
            "{folder}/config.json is damaged: fingerprint must be a string, not 17",
        ),
        (
            edit(lambda it: it["model"].update(hidden=1 << 20, attention=1 << 20)),
            "{folder}: the weights do not fit config.json: size mismatch for *",
        ),
        (
            edit(lambda it: it["model"].update(embedding=7)),
            "{folder}: the weights do not fit config.json: size mismatch for *",
        ),
        (
            edit(lambda it: it["model"].update(decoder_layers=3)),
            "{folder}: the weights do not fit config.json: Missing key(s) in state_dict: *",
        ),
        (
            edit(lambda it: it.update(fingerprint="0" * 64)),
            OTHER_VOCABULARY,
        ),
        (remove(VOCABULARY), "{folder} holds no vocabulary.model"),
        (overwrite(VOCABULARY, b""), "the vocabulary is not a sentencepiece model"),
        (overwrite(VOCABULARY, b"hello"), "the vocabulary is not a sentencepiece model"),
        (
            swap_vocabulary,
            OTHER_VOCABULARY,
        ),
        (remove_weights, "{folder} holds no weights-*-1-of-1.safetensors"),
        (truncate_weights, "{folder}/weights-* is damaged or not a safetensors file: *"),
        (
            drop_a_weight,
            "{folder}: the weights do not fit config.json: Missing key(s) in state_dict: "
            '"query.shares".',
        ),
        (
            misfit_a_part,
            "{folder}: the weights do not fit config.json: Sizes of tensors must match *",
        ),
        (swap_weights, OTHER_WEIGHTS),
        (change("output.bias"), OTHER_WEIGHTS),
        (change("readout."), OTHER_WEIGHTS),
        (edit(lambda it: it.update(content="0" * 64)), OTHER_WEIGHTS),
    ],
)
def test_a_damaged_checkpoint_is_one_sentence(
    damage: Callable[[Path], None], sentence: str, copy: Path
) -> None:
    damage(copy)

    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(copy, CPU)

    wanted = re.escape(sentence.format(folder=copy)).replace(r"\*", ".*")
    assert re.fullmatch(wanted, str(caught.value)), str(caught.value)


@pytest.mark.parametrize("name", ["missing", "file", "file/below", "empty"])
def test_what_is_no_folder_is_no_checkpoint(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "empty").mkdir()

    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(tmp_path / name, CPU)

    assert str(caught.value) == f"{tmp_path / name} is not a checkpoint: it holds no config.json"


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("name", ["embedding.weight", "output.bias"])
def test_a_model_that_training_broke_is_one_sentence(
    name: str, value: float, copy: Path, tmp_path: Path
) -> None:
    loaded = load_checkpoint(copy, CPU)
    loaded.model.state_dict()[name][-1] = value
    save_checkpoint(tmp_path / "broken", loaded.model, loaded.tokenizer)

    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(tmp_path / "broken", CPU)

    assert str(caught.value) == (
        f"{tmp_path / 'broken'}: {name} has infinite or NaN values, so the model "
        "cannot translate; its training diverged: train again with a lower --learning-rate"
    )

"""A memory file that was cut, flipped or made by an enemy: one sentence, never a traceback."""

import json
import random
import time
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from conftest import SENTENCES

from rarenmt.config import SearchConfig
from rarenmt.errors import CheckpointError
from rarenmt.model.checkpoint import Checkpoint, load_checkpoint
from rarenmt.text.pairs import Pair
from rarenmt.translation_memory.file import read_journal
from rarenmt.translation_memory.store import TranslationMemory
from rarenmt.translator.translator import Translator

HEADER_SIZE = 8


@pytest.fixture(scope="module")
def checkpoint(folder: Path) -> Checkpoint:
    return load_checkpoint(folder, torch.device("cpu"))


@pytest.fixture(scope="module")
def whole(checkpoint: Checkpoint, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a memory of four pairs."""
    memory = TranslationMemory(checkpoint, tmp_path_factory.mktemp("whole") / "m.safetensors")
    memory.remember([Pair(s, t, "a.tsv", i) for i, (s, t) in enumerate(SENTENCES, start=1)])
    memory.save()
    assert memory.path is not None
    return memory.path.read_bytes()


def use(checkpoint: Checkpoint, path: Path) -> bool:
    """Whether a memory can be read; if so, all of it is used. Anything but a sentence is raised."""
    try:
        translator = Translator(checkpoint, path)
    except CheckpointError as error:
        return "\n" in str(error)
    sources = [source for source, _ in SENTENCES]
    for repeat in (False, True):
        translator.translate(sources, SearchConfig(beam=1, exact_matches=repeat))
    translator.memory.forget([0])
    translator.memory.remember([Pair("new", "neu", "b.tsv", 1)])
    return True


def seen(path: Path) -> None:
    """Read the journal alone; anything but a sentence is raised."""
    with suppress(CheckpointError):
        list(read_journal(path)[0].lines())


def header_length(whole: bytes) -> int:
    return int.from_bytes(whole[:HEADER_SIZE], "little")


def with_header(whole: bytes, header: dict[str, object]) -> bytes:
    described = json.dumps(header).encode()
    content = whole[HEADER_SIZE + header_length(whole) :]
    return len(described).to_bytes(HEADER_SIZE, "little") + described + content


@pytest.mark.parametrize("seed", range(4))
def test_any_flipped_bits_are_read_or_refused(
    checkpoint: Checkpoint, whole: bytes, tmp_path: Path, seed: int
) -> None:
    rng = random.Random(seed)
    path = tmp_path / "memory.safetensors"
    outcomes = set()
    for _ in range(60):
        damaged = bytearray(whole)
        most = HEADER_SIZE + header_length(whole) if rng.random() < 0.5 else len(whole)
        for _ in range(rng.randint(1, 4)):
            damaged[rng.randrange(most)] ^= 1 << rng.randrange(8)
        path.write_bytes(damaged)
        outcomes.add(use(checkpoint, path))
        seen(path)
    assert False in outcomes


def test_any_truncated_file_is_refused(
    checkpoint: Checkpoint, whole: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "memory.safetensors"
    rng = random.Random(0)
    for end in [0, 1, 7, 8, 9, len(whole) - 1, *(rng.randrange(len(whole)) for _ in range(30))]:
        path.write_bytes(whole[:end])
        assert not use(checkpoint, path)
        seen(path)


@pytest.mark.parametrize("length", [0, 1, 1 << 20, 1 << 40, (1 << 64) - 1])
def test_a_header_of_enormous_length_is_refused(
    checkpoint: Checkpoint, whole: bytes, tmp_path: Path, length: int
) -> None:
    path = tmp_path / "memory.safetensors"
    path.write_bytes(length.to_bytes(HEADER_SIZE, "little") + whole[HEADER_SIZE:])

    assert not use(checkpoint, path)


@pytest.mark.parametrize(
    "name", ["keys", "values", "offsets", "calls", "passes", "owners", "links"]
)
@pytest.mark.parametrize(
    "change",
    [
        {"shape": [1 << 62, 4]},
        {"shape": [-1]},
        {"data_offsets": [0, 1 << 60]},
        {"data_offsets": [64, 0]},
        {"dtype": "F64"},
        {"dtype": "X"},
    ],
    ids=str,
)
def test_a_header_that_lies_is_refused(
    checkpoint: Checkpoint, whole: bytes, tmp_path: Path, name: str, change: dict[str, object]
) -> None:
    header = json.loads(whole[HEADER_SIZE : HEADER_SIZE + header_length(whole)])
    header[name] |= change
    path = tmp_path / "memory.safetensors"
    path.write_bytes(with_header(whole, header))

    assert not use(checkpoint, path)


def test_an_enormous_number_of_calls_is_refused_at_once(whole: bytes, tmp_path: Path) -> None:
    """One flipped bit of the last number of a call; there would be a counter for each call."""
    header = json.loads(whole[HEADER_SIZE : HEADER_SIZE + header_length(whole)])
    _, end = header["calls"]["data_offsets"]
    damaged = bytearray(whole)
    damaged[HEADER_SIZE + header_length(whole) + end - 1] ^= 1 << 4
    path = tmp_path / "memory.safetensors"
    path.write_bytes(damaged)
    begun = time.process_time()

    with pytest.raises(CheckpointError, match="is damaged: calls do not follow each other"):
        read_journal(path)

    assert time.process_time() - begun < 1


def test_metadata_of_deep_nesting_are_refused(
    checkpoint: Checkpoint, whole: bytes, tmp_path: Path
) -> None:
    header = json.loads(whole[HEADER_SIZE : HEADER_SIZE + header_length(whole)])
    header["__metadata__"]["rarenmt"] = "[" * 100_000
    path = tmp_path / "memory.safetensors"
    path.write_bytes(with_header(whole, header))

    assert not use(checkpoint, path)


def test_a_folder_is_no_memory(checkpoint: Checkpoint, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()

    assert not use(checkpoint, tmp_path / "folder")

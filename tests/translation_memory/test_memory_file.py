"""The memory file: what goes in comes out, and what cannot be true is refused."""

from pathlib import Path

import pytest
import torch
from conftest import SENTENCES
from torch import Tensor

from rarenmt.errors import CheckpointError
from rarenmt.memory.memory import Memory
from rarenmt.model.seq2seq import Model
from rarenmt.storage.tensors import load_tensors, save_tensors
from rarenmt.text.pairs import Pair
from rarenmt.text.words import UNALIGNED
from rarenmt.translation_memory.file import (
    OLD_FORMATS,
    Header,
    load_memory,
    read_journal,
    save_memory,
)
from rarenmt.translation_memory.journal import Call, Journal

PAIRS = [Pair(s, t, "sentences.tsv", i, time=i) for i, (s, t) in enumerate(SENTENCES, start=1)]
PAIRS += [Pair("naïve ﬁre\u2028🔥", "", "other\nfile", 9, '{"tuid":"ä"}', 1 << 40)]
AGAIN = Pair(PAIRS[0].source, PAIRS[0].target, "later.tsv", 3, time=9)
HEADER = Header("fingerprint", "en", "de", 7)


@pytest.fixture
def memory(tiny_model: Model) -> Memory:
    return tiny_model.new_memory(slots=32, dtype=torch.bfloat16)


@pytest.fixture
def saved(memory: Memory, tmp_path: Path) -> Path:
    """Five pairs of three entries each, shown by two calls, and one of them again."""
    journal = Journal()
    journal.append(Call(PAIRS[:2]))
    journal.append(Call([*PAIRS[2:], AGAIN], passes=3))
    for number in range(len(PAIRS)):
        keys = torch.nn.functional.normalize(torch.randn(3, memory.keys.shape[1]), dim=-1)
        values = torch.tensor([number, number + 1, number + 2])
        slots = memory.append(keys, values, torch.zeros(3, dtype=torch.long))
        links = torch.tensor([[0, 0], [1, 0], [UNALIGNED, UNALIGNED]])
        journal.assign_slots(torch.full((3,), number), torch.arange(3), links, slots)
    path = tmp_path / "memory.safetensors"
    save_memory(path, journal, memory, HEADER)
    return path


def test_what_was_saved_is_loaded(saved: Path, memory: Memory, tiny_model: Model) -> None:
    other = tiny_model.new_memory(slots=4, dtype=torch.bfloat16)

    journal, header = load_memory(saved, other, "fingerprint")

    assert header == HEADER
    assert journal.calls == [Call(PAIRS[:2]), Call([*PAIRS[2:], AGAIN], passes=3)]
    assert other.size == memory.size == 15
    for name in ("keys", "values", "ages"):
        assert torch.equal(getattr(other, name)[:15], getattr(memory, name)[:15])
    assert torch.equal(other.latest, memory.latest)
    assert [journal.owner(slot).line for slot in (0, 3, 14)] == [1, 2, 9]
    assert journal.links[3:6].tolist() == [[0, 0], [1, 0], [UNALIGNED, UNALIGNED]]


def test_saving_what_was_loaded_gives_the_same_bytes(saved: Path, tiny_model: Model) -> None:
    other = tiny_model.new_memory(slots=4, dtype=torch.bfloat16)
    journal, header = load_memory(saved, other, "fingerprint")
    before = saved.read_bytes()

    save_memory(saved, journal, other, header)

    assert saved.read_bytes() == before


def test_the_journal_can_be_read_alone_whatever_the_checkpoint(saved: Path) -> None:
    journal, header = read_journal(saved)

    assert journal.pairs == PAIRS
    assert header == HEADER


def test_only_a_file_with_several_pairs_of_one_line_has_their_numbers(
    saved: Path, tiny_model: Model, tmp_path: Path
) -> None:
    empty = tiny_model.new_memory(slots=4, dtype=torch.bfloat16)
    third = Pair("sun", "Sonne", "units.tmx", 5, time=1, number=3)
    journal = Journal()
    journal.append(Call([PAIRS[0], third]))
    path = tmp_path / "units.safetensors"
    save_memory(path, journal, empty, HEADER)

    assert read_journal(path)[0].pairs == [PAIRS[0], third]
    assert load_tensors(path)[0]["numbers"].tolist() == [1, 3]
    assert "numbers" not in load_tensors(saved)[0]  # as in files of earlier versions


@pytest.mark.parametrize("numbers", [[1], [1, 0], [[1, 1]], [1.0, 1.0]])
def test_numbers_that_cannot_be_are_refused(
    memory: Memory, tmp_path: Path, numbers: list[object]
) -> None:
    journal = Journal()
    journal.append(Call([PAIRS[0], Pair("sun", "Sonne", "units.tmx", 5, number=2)]))
    path = tmp_path / "units.safetensors"
    save_memory(path, journal, memory, HEADER)
    tensors, metadata = load_tensors(path)
    save_tensors(path, {**tensors, "numbers": torch.tensor(numbers)}, metadata)

    with pytest.raises(CheckpointError, match="is damaged"):
        read_journal(path)


def test_another_fingerprint_is_refused_with_a_way_out(saved: Path, memory: Memory) -> None:
    with pytest.raises(CheckpointError, match=r"belongs to another checkpoint.*memory rebuild"):
        load_memory(saved, memory, "other")


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("values", lambda t: t[:-1]),
        ("values", lambda t: t + 1000),
        ("values", lambda t: t - 1),
        ("values", lambda t: t.float()),
        ("keys", lambda t: t[:, :-1]),
        ("keys", lambda t: t * torch.inf),
        ("keys", lambda t: t.int()),
        ("owners", lambda t: t + 100),
        ("owners", lambda t: -1 - t),
        ("owners", lambda t: t[:, :1]),
        ("links", lambda t: t - 1),
        ("links", lambda t: t[:-1]),
        ("links", lambda t: t[:, :1]),
        ("links", lambda t: t.float()),
        ("offsets", lambda t: t.flip(0)),
        ("offsets", lambda t: t[:-1]),
        ("offsets", lambda t: t.float()),
        ("texts", lambda t: t[:-1]),
        ("texts", lambda t: torch.full_like(t, 255)),
        ("texts", lambda t: torch.full_like(t, 9)),
        ("texts", lambda t: t[None]),
        ("latest", lambda t: t + 1000),
        ("latest", lambda t: t - 2),
        ("lines", lambda t: t[:-1]),
        ("lines", lambda t: t[0]),
        ("times", lambda t: t[:-1]),
        ("calls", lambda t: t + 1),
        ("calls", lambda t: t.flip(0)),
        ("calls", lambda t: t * 2),
        ("passes", lambda t: t[:-1]),
        ("passes", lambda t: t.new_zeros(2, 0)),
    ],
)
def test_what_cannot_be_true_is_refused(
    saved: Path, tiny_model: Model, name: str, change: object
) -> None:
    assert callable(change)
    tensors, metadata = load_tensors(saved)
    changed: Tensor = change(tensors[name])
    save_tensors(saved, {**tensors, name: changed}, metadata)

    with pytest.raises(CheckpointError, match="is damaged"):
        load_memory(saved, tiny_model.new_memory(slots=32, dtype=torch.bfloat16), "fingerprint")


@pytest.mark.parametrize("name", ["keys", "values", "latest", "owners", "links", "texts", "calls"])
def test_what_is_missing_is_named(saved: Path, memory: Memory, name: str) -> None:
    tensors, metadata = load_tensors(saved)
    save_tensors(saved, {k: v for k, v in tensors.items() if k != name}, metadata)

    with pytest.raises(CheckpointError, match=f"is damaged: '{name}'"):
        load_memory(saved, memory, "fingerprint")


def test_a_file_of_something_else_is_refused(tmp_path: Path, memory: Memory) -> None:
    path = tmp_path / "weights.safetensors"
    save_tensors(path, {"a": torch.zeros(1)}, {})

    with pytest.raises(CheckpointError, match="is not a memory of rarenmt"):
        load_memory(path, memory, "fingerprint")


@pytest.mark.parametrize("version", OLD_FORMATS)
def test_what_an_earlier_version_was_shown_can_be_read(
    saved: Path, memory: Memory, version: str
) -> None:
    journal, _ = read_journal(saved)
    tensors, metadata = load_tensors(saved)
    if version == "2":
        del tensors["links"]
    save_tensors(saved, tensors, metadata | {"format": version})

    earlier, header = read_journal(saved)

    assert earlier.calls == journal.calls
    assert header == HEADER
    with pytest.raises(CheckpointError, match=r"earlier version.*memory rebuild"):
        load_memory(saved, memory, "fingerprint")


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"format": "99"}, "has memory format 99; this version reads 4"),
        ({"languages": "en"}, "is damaged: its metadata are incomplete"),
        ({"evicted": "many"}, "is damaged: its metadata are incomplete"),
        (
            {"evicted": None},
            "is damaged or not a safetensors file: metadata values must be strings",
        ),
    ],
)
def test_metadata_that_cannot_be_true_are_refused(
    saved: Path, memory: Memory, changed: dict[str, str], sentence: str
) -> None:
    tensors, metadata = load_tensors(saved)
    save_tensors(saved, tensors, metadata | changed)

    with pytest.raises(CheckpointError, match=sentence):
        load_memory(saved, memory, "fingerprint")

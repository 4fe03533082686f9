"""The memory file: what goes in comes out, and what cannot be true is refused."""

from pathlib import Path

import pytest
import torch
from conftest import SENTENCES
from torch import Tensor

from rarenmt.errors import CheckpointError
from rarenmt.journal import Journal, load_journal, save_journal
from rarenmt.memory import Memory
from rarenmt.model import Model
from rarenmt.tensors import load_tensors, save_tensors
from rarenmt.text import Pair

PAIRS = [Pair(s, t, "sentences.tsv", i) for i, (s, t) in enumerate(SENTENCES, start=1)]
PAIRS += [Pair("naïve ﬁre\u2028🔥", "", "other\nfile", 9)]


@pytest.fixture
def memory(tiny_model: Model) -> Memory:
    return tiny_model.new_memory(slots=32, dtype=torch.bfloat16)


@pytest.fixture
def saved(memory: Memory, tmp_path: Path) -> Path:
    """Five pairs of three entries each."""
    journal = Journal()
    generator = torch.Generator().manual_seed(0)
    for number, pair in enumerate(PAIRS):
        keys = torch.nn.functional.normalize(torch.randn(3, memory.keys.shape[1]), dim=-1)
        values = torch.tensor([number, number + 1, number + 2])
        journal.note(journal.add(pair), memory.write(keys, values, None, generator))
    path = tmp_path / "memory.safetensors"
    save_journal(path, journal, memory, "fingerprint")
    return path


def test_what_was_saved_is_loaded(saved: Path, memory: Memory, tiny_model: Model) -> None:
    other = tiny_model.new_memory(slots=4, dtype=torch.bfloat16)

    journal = load_journal(saved, other, "fingerprint")

    assert journal.pairs == PAIRS
    assert other.used == memory.used == 15
    for name in ("keys", "values", "ages"):
        assert torch.equal(getattr(other, name)[:15], getattr(memory, name)[:15])
    assert torch.equal(other.latest, memory.latest)
    assert [journal.owner(slot).line for slot in (0, 3, 14)] == [1, 2, 9]


def test_saving_what_was_loaded_gives_the_same_bytes(saved: Path, tiny_model: Model) -> None:
    other = tiny_model.new_memory(slots=4, dtype=torch.bfloat16)
    journal = load_journal(saved, other, "fingerprint")
    before = saved.read_bytes()

    save_journal(saved, journal, other, "fingerprint")

    assert saved.read_bytes() == before


def test_pairs_of_the_same_source_are_found() -> None:
    journal = Journal([Pair("bank", "Bank", "a", 1), Pair("bank", "Ufer", "a", 2)])

    assert [pair.target for pair in journal.same_source(Pair("bank", "", "", 0))] == [
        "Bank",
        "Ufer",
    ]


def test_the_slots_of_each_pair_stand_in_the_order_of_its_positions() -> None:
    owners = [(2, 1), (0, 2), (2, 0), (0, 0), (2, 4), (1, 0)]  # pair and position of each slot
    journal = Journal(PAIRS[:4], torch.tensor(owners, dtype=torch.int32))

    assert [slots.tolist() for slots in journal.slots(6)] == [[3, 1], [5], [2, 0, 4], []]
    assert [slots.tolist() for slots in journal.slots(4)] == [[3, 1], [], [2, 0], []]
    assert Journal().slots(0) == []


def test_another_fingerprint_is_refused(saved: Path, memory: Memory) -> None:
    with pytest.raises(CheckpointError, match="belongs to another checkpoint"):
        load_journal(saved, memory, "other")


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("values", lambda t: t[:-1]),
        ("values", lambda t: t + 1000),
        ("keys", lambda t: t[:, :-1]),
        ("owners", lambda t: t + 100),
        ("owners", lambda t: -1 - t),
        ("offsets", lambda t: t.flip(0)),
        ("offsets", lambda t: t[:-1]),
        ("texts", lambda t: t[:-1]),
        ("texts", lambda t: torch.full_like(t, 255)),
        ("latest", lambda t: t + 1000),
        ("lines", lambda t: t[:-1]),
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
        load_journal(saved, tiny_model.new_memory(slots=32, dtype=torch.bfloat16), "fingerprint")


def test_a_file_of_something_else_is_refused(tmp_path: Path, memory: Memory) -> None:
    path = tmp_path / "weights.safetensors"
    save_tensors(path, {"a": torch.zeros(1)}, {})

    with pytest.raises(CheckpointError, match="is not a memory of rarenmt"):
        load_journal(path, memory, "fingerprint")


def test_a_file_of_another_format_is_refused(saved: Path, memory: Memory) -> None:
    tensors, metadata = load_tensors(saved)
    save_tensors(saved, tensors, {**metadata, "format": "99"})

    with pytest.raises(CheckpointError, match="has memory format 99; this version reads 1"):
        load_journal(saved, memory, "fingerprint")

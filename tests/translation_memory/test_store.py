"""A memory is a pure function of its checkpoint and of the calls that showed it pairs: what is
forgotten has never been."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from conftest import as_an_ordinary_user
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rarenmt.config import MemoryConfig
from rarenmt.errors import CheckpointError, StorageError
from rarenmt.model.checkpoint import Checkpoint, load_checkpoint
from rarenmt.model.seq2seq import Model
from rarenmt.text.pairs import Pair
from rarenmt.translation_memory.store import TranslationMemory

WORDS = ["cat", "dog", "bird", "tree", "water", "bread"]

KINDS = {
    "pairs apart": MemoryConfig(block=16, neighbours=4),
    "reinforcing": MemoryConfig(block=16, neighbours=4, reinforce=True),
    "small, so that entries are evicted": MemoryConfig(block=16, neighbours=4, slots=8, limit=48),
}


@pytest.fixture(scope="module", params=KINDS)
def checkpoint(request: pytest.FixtureRequest, folder: Path) -> Checkpoint:
    """Of widths that fill a processor's vectors, as those of every preset do: what is left over of
    a batch may be rounded otherwise, and then the company matters."""
    loaded = load_checkpoint(folder, torch.device("cpu"))
    config = loaded.model.config
    sizes = replace(config.model, embedding=16, hidden=32, attention=16)
    kind = replace(KINDS[request.param], query=config.memory.query)
    model = Model(replace(config, model=sizes, memory=kind))
    model.initialise(torch.Generator().manual_seed(1))
    return replace(loaded, model=model.eval())


pairs = st.builds(
    lambda words, target, file, line: Pair(" ".join(words), target, file, line, time=5),
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=3),
    st.sampled_from(["Katze", "Hund", "Vogel im Baum"]),
    st.sampled_from(["a.tsv", "b.tsv"]),
    st.integers(1, 3),
)
calls = st.lists(st.tuples(st.lists(pairs, min_size=1, max_size=4), st.integers(1, 2)), max_size=4)


def told(checkpoint: Checkpoint, history: Sequence[tuple[list[Pair], int]]) -> TranslationMemory:
    memory = TranslationMemory(checkpoint)
    for shown, passes in history:
        memory.remember(shown, passes=passes)
    return memory


def saved(memory: TranslationMemory, folder: Path) -> bytes:
    path = folder / "memory.safetensors"
    memory.save_as(path)
    return path.read_bytes()


@settings(max_examples=40, deadline=None)
@given(history=calls, data=st.data())
def test_a_memory_that_forgot_some_lines_never_saw_them(
    checkpoint: Checkpoint,
    tmp_path_factory: pytest.TempPathFactory,
    history: list[tuple[list[Pair], int]],
    data: st.DataObject,
) -> None:
    memory = told(checkpoint, history)
    showings = list(memory.journal.lines())
    chosen = data.draw(st.sets(st.sampled_from(range(len(showings))))) if showings else set()
    lost = {
        (showings[i].path, showings[i].line, showings[i].source, showings[i].target) for i in chosen
    }
    never = [
        ([p for p in shown if (p.path, p.line, p.source, p.target) not in lost], passes)
        for shown, passes in history
    ]

    gone = memory.forget(chosen)

    work = tmp_path_factory.mktemp("work")
    expected = told(checkpoint, never)
    assert saved(memory, work) == saved(expected, work)
    texts = {(p.source, p.target) for p in expected.journal.pairs}
    assert {(p.source, p.target) for p in gone} == {(p.source, p.target) for p in showings} - texts


def pair(source: str, target: str) -> Pair:
    return Pair(source, target, "a.tsv", 1, time=5)


LONGER_COMPANY = [
    ([pair("cat", "Katze"), pair("bread bread bread", "Katze")], 1),
    ([pair("cat", "Hund"), pair("bread cat tree", "Vogel im Baum")], 1),
]
"""The last pair is encoded beside a longer one or not: more padding, another order of adding up."""


@settings(max_examples=25, deadline=None)
@given(first=calls, second=calls)
@example(first=[], second=LONGER_COMPANY)
def test_a_merged_memory_was_shown_both_histories(
    checkpoint: Checkpoint,
    tmp_path_factory: pytest.TempPathFactory,
    first: list[tuple[list[Pair], int]],
    second: list[tuple[list[Pair], int]],
) -> None:
    merged = told(checkpoint, first)

    merged.merge(told(checkpoint, second))

    work = tmp_path_factory.mktemp("work")
    assert saved(merged, work) == saved(told(checkpoint, [*first, *second]), work)


@settings(max_examples=15, deadline=None)
@given(history=calls)
def test_a_rebuilt_memory_is_the_same(
    checkpoint: Checkpoint,
    tmp_path_factory: pytest.TempPathFactory,
    history: list[tuple[list[Pair], int]],
) -> None:
    work = tmp_path_factory.mktemp("work")
    before = saved(told(checkpoint, history), work)
    rebuilt = TranslationMemory(checkpoint)

    rebuilt.rebuild(work / "memory.safetensors")

    assert saved(rebuilt, work) == before


def test_a_full_memory_says_what_made_room(checkpoint: Checkpoint) -> None:
    memory = TranslationMemory(checkpoint)
    limit = checkpoint.model.config.memory.limit

    result = memory.remember([Pair(f"word {i}", f"Wort {i}", "a.tsv", i) for i in range(20)])

    assert (result.evicted > 0) == (result.tokens > limit)
    assert memory.evicted == result.evicted
    assert memory.entries.size <= limit


def test_what_was_forgotten_can_be_remembered_again(checkpoint: Checkpoint, tmp_path: Path) -> None:
    history = [([Pair(f"word {i}", f"Wort {i}", "a.tsv", i, time=5)], 1) for i in range(3)]
    memory = told(checkpoint, history)
    before = saved(memory, tmp_path)

    memory.forget([2])
    memory.remember(history[2][0])

    assert saved(memory, tmp_path) == before


def test_a_known_pair_in_another_place_survives_the_first(checkpoint: Checkpoint) -> None:
    first, again = (Pair("cat", "Katze", file, 1, time=5) for file in ("a.tsv", "b.tsv"))
    memory = told(checkpoint, [([first], 1), ([again], 1)])

    assert memory.forget([0]) == []

    assert memory.journal.pairs == [again]


def test_the_same_lines_again_change_nothing(checkpoint: Checkpoint) -> None:
    shown = [Pair("cat", "Katze", "a.tsv", 1)]
    memory = told(checkpoint, [(shown, 1)])

    result = memory.remember([replace(shown[0], time=99)])

    assert (result.new, result.changed, result.tokens) == ([], False, 0)
    assert len(memory.journal.calls) == 1


def test_progress_counts_every_pair(checkpoint: Checkpoint) -> None:
    memory = TranslationMemory(checkpoint)
    done: list[int] = []
    memory.progress = done.append

    memory.remember([Pair(f"word {i}", f"Wort {i}", "a.tsv", i) for i in range(900)])

    assert sum(done) == 900
    assert len(done) > 1


def test_a_lock_is_held_on_what_the_file_holds_now(checkpoint: Checkpoint, tmp_path: Path) -> None:
    path = tmp_path / "memory.safetensors"
    mine, yours = (TranslationMemory(checkpoint, path) for _ in range(2))
    shown = [Pair(f"word {i}", f"Wort {i}", "a.tsv", i, time=5) for i in range(3)]

    with yours.lock():
        yours.remember(shown[:1])
        yours.save()
    mine.remember(shown[1:2])  # in RAM alone
    with mine.lock():
        assert mine.journal.pairs == shown[:1]
        mine.remember(shown[2:])
        mine.save()
    with mine.lock():
        assert mine.journal.pairs == [shown[0], shown[2]]


@pytest.mark.parametrize("lock", [False, True], ids=["no lock", "lock"])
@pytest.mark.parametrize("gone", [False, True], ids=["replaced", "removed"])
def test_a_file_that_another_program_changes_is_left_alone(
    gone: bool, lock: bool, checkpoint: Checkpoint, tmp_path: Path
) -> None:
    memory, other = (TranslationMemory(checkpoint, tmp_path / name) for name in ("m", "o"))
    for each in (memory, other):
        each.remember([Pair("cat", "Katze", "a.tsv", 1)])
        each.save()
    other.remember([Pair("dog", "Hund", "a.tsv", 2)])
    other.save()
    swapped = (tmp_path / "o").read_bytes()

    with memory.lock() if lock else nullcontext():
        memory.remember([Pair("cow", "Kuh", "a.tsv", 3)])
        if gone:
            (tmp_path / "m").unlink()
        else:
            (tmp_path / "o").replace(tmp_path / "m")
        with pytest.raises(CheckpointError, match="changed by another program meanwhile"):
            memory.save()

    assert gone or (tmp_path / "m").read_bytes() == swapped
    with memory.lock():
        assert len(memory.journal.pairs) == (0 if gone else 2)


def test_a_folder_that_may_not_be_written_keeps_its_memory(
    checkpoint: Checkpoint, tmp_path: Path
) -> None:
    memory = told(checkpoint, [([Pair("cat", "Katze", "a.tsv", 1)], 1)])
    before = saved(memory, tmp_path)
    tmp_path.chmod(0o555)

    with as_an_ordinary_user():
        with pytest.raises(StorageError, match="cannot lock: permission denied"):
            memory.lock().__enter__()
        memory.forget([0])
        with pytest.raises(StorageError, match=r"cannot (read|write): permission denied"):
            memory.save()

    tmp_path.chmod(0o755)
    assert (tmp_path / "memory.safetensors").read_bytes() == before

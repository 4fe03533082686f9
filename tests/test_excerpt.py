"""An excerpt answers as a plain loop over its entries would, and not otherwise in company."""

import random
from dataclasses import fields

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

from rarenmt.config import MemoryConfig
from rarenmt.excerpt import ELSEWHERE, NEXT_WORD, SAME_WORD, THREAD, Excerpt
from rarenmt.memory import EMPTY, Memory, Recall
from rarenmt.ragged import RaggedKeys
from rarenmt.spelling import Spelling, Threads

WIDTH, NEIGHBOURS, PIECES = 16, 4, 5
HOLA, MUNDO = 7, 8
PIECES_IN_ALL = 20


def unit_rows(count: int, seed: int, width: int = WIDTH) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(count, width, generator=generator), dim=-1)


def remembering(
    entries: int, seed: int, *, neighbours: int = NEIGHBOURS, width: int = WIDTH
) -> tuple[Memory, Threads]:
    """A memory of unrelated entries; slot i holds value 100 + i."""
    config = MemoryConfig(slots=entries, neighbours=min(neighbours, entries))
    memory = Memory(config, width, 100 + entries)
    memory.write(unit_rows(entries, seed, width), 100 + torch.arange(entries), None, generator())
    memory.config = MemoryConfig(neighbours=neighbours)
    rng = random.Random(seed)
    before = torch.tensor([rng.choice([EMPTY, *range(PIECES)]) for _ in range(entries)])
    inside = torch.tensor([False] * 100 + [rng.random() < 0.4 for _ in range(entries)])
    return memory, Threads(before, torch.full_like(before, EMPTY), inside)


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def drawn(memory: Memory, counts: list[int], seed: int) -> list[Tensor]:
    rng = random.Random(seed)
    return [torch.tensor(rng.sample(range(memory.used), n), dtype=torch.long) for n in counts]


def few(*entries: tuple[Tensor, int, int, bool], neighbours: int = NEIGHBOURS) -> Excerpt:
    """One sentence with these keys, values, words before and whether inside a word."""
    keys, values, stems, inside = zip(*entries, strict=True)
    vocabulary = torch.zeros(PIECES_IN_ALL, dtype=torch.bool)
    vocabulary[list(values)] = torch.tensor(inside)
    spelling = Spelling(torch.tensor([stems]), torch.tensor([values]), vocabulary)
    return Excerpt(
        RaggedKeys.of(torch.stack(keys), torch.arange(len(values))[None]),
        torch.arange(len(values))[None],
        spelling.values,
        spelling.stems,
        torch.full_like(spelling.stems, EMPTY),
        torch.zeros_like(spelling.stems, dtype=torch.bool),
        spelling,
        neighbours,
    )


def axis(number: int) -> Tensor:
    return F.one_hot(torch.tensor(number), WIDTH).float()


def near(similarity: float) -> Tensor:
    """A unit key of this similarity to the first axis."""
    return similarity * axis(0) + (1 - similarity**2) ** 0.5 * axis(1)


def ask(excerpt: Excerpt, previous: int) -> Recall:
    return excerpt.read(axis(0)[None], torch.tensor([previous]))


# Against a plain loop


def spoken(
    memory: Memory, threads: Threads, slots: Tensor, query: Tensor, previous: int
) -> list[tuple[int, float, int]]:
    """Slot, nearness and thread of what answers one query, nearest first."""
    answers = []
    for slot in slots.tolist():
        follows = int(threads.stems[slot]) == previous
        if bool(threads.inside[memory.values[slot]]) and not follows:
            continue
        nearness = float(torch.dot(query, memory.keys[slot])) + (THREAD if follows else 0.0)
        inside = bool(threads.inside[memory.values[slot]])
        thread = (SAME_WORD if inside else NEXT_WORD) if follows else ELSEWHERE
        answers.append((slot, nearness, thread))
    return sorted(answers, key=lambda answer: -answer[1])[: memory.config.neighbours]


@settings(max_examples=150, deadline=None)
@given(
    counts=st.lists(st.integers(0, 12), min_size=1, max_size=4),
    rows=st.integers(1, 3),
    seed=st.integers(0, 1 << 16),
)
def test_an_excerpt_answers_as_a_loop_over_its_entries(
    counts: list[int], rows: int, seed: int
) -> None:
    memory, threads = remembering(20, seed)
    chosen = drawn(memory, counts, seed)
    queries = unit_rows(len(counts) * rows, seed + 1)
    previous = torch.randint(0, PIECES, (len(queries),), generator=generator())

    recall = Excerpt.of(memory, threads, chosen).read(queries, previous)

    assert recall.thread is not None
    for row, (query, piece) in enumerate(zip(queries, previous.tolist(), strict=True)):
        expected = spoken(memory, threads, chosen[row // rows], query, piece)
        missing = NEIGHBOURS - len(expected)
        slots = [slot for slot, _, _ in expected]
        assert recall.slots[row].tolist() == slots + [EMPTY] * missing
        assert recall.values[row].tolist() == [100 + slot for slot in slots] + [EMPTY] * missing
        assert recall.similarity[row].tolist() == pytest.approx(
            [nearness for _, nearness, _ in expected] + [-torch.inf] * missing, abs=1e-5
        )
        assert recall.thread[row].tolist() == [t for _, _, t in expected] + [ELSEWHERE] * missing


# Threads


def test_an_entry_that_goes_on_from_the_last_piece_is_nearer() -> None:
    excerpt = few((near(0.8), HOLA, 1, False), (near(0.75), MUNDO, 2, False))

    assert ask(excerpt, 1).values[0, :2].tolist() == [HOLA, MUNDO]
    recall = ask(excerpt, 2)
    assert recall.values[0, :2].tolist() == [MUNDO, HOLA]
    assert_close(recall.similarity[0, :2], torch.tensor([0.75 + THREAD, 0.8]))


def test_the_thread_decides_who_is_among_the_neighbours_at_all() -> None:
    excerpt = few(
        (near(0.8), HOLA, EMPTY, False), (near(0.75), MUNDO, 2, False), neighbours=1
    )  # fmt: skip

    assert ask(excerpt, 1).values.tolist() == [[HOLA]]
    assert ask(excerpt, 2).values.tolist() == [[MUNDO]]


def test_the_inside_of_a_word_is_silent_unless_its_beginning_was_just_written() -> None:
    excerpt = few((near(0.1), HOLA, EMPTY, False), (near(0.9), MUNDO, 2, True), neighbours=2)

    silent, spoken = ask(excerpt, 1), ask(excerpt, 2)

    assert silent.values.tolist() == [[HOLA, EMPTY]]
    assert silent.slots.tolist() == [[0, EMPTY]]
    assert spoken.values.tolist() == [[MUNDO, HOLA]]
    assert spoken.slots.tolist() == [[1, 0]]


def test_a_thread_says_whether_the_word_goes_on_or_the_next_begins() -> None:
    excerpt = few(
        (near(0.9), 10, 2, True), (near(0.6), 11, 2, False), (near(0.3), 12, 1, False)
    )  # fmt: skip

    recall = ask(excerpt, 2)

    assert recall.values.tolist() == [[10, 11, 12, EMPTY]]
    assert recall.thread is not None
    assert recall.thread.tolist() == [[SAME_WORD, NEXT_WORD, ELSEWHERE, ELSEWHERE]]


def test_an_unknown_beginning_is_followed_by_nothing() -> None:
    """A pair that lost its first entries does not start in the middle of a word."""
    excerpt = few((near(0.9), HOLA, EMPTY, True))

    for piece in range(PIECES):
        assert ask(excerpt, piece).values.tolist() == [[EMPTY] * NEIGHBOURS]


def test_when_all_are_silent_nothing_is_near() -> None:
    excerpt = few((near(0.9), HOLA, 2, True), (near(0.8), MUNDO, 3, True))

    recall = ask(excerpt, 1)

    assert recall.slots.tolist() == recall.values.tolist() == [[EMPTY] * NEIGHBOURS]
    assert recall.similarity.tolist() == [[-torch.inf] * NEIGHBOURS]


# Which entries, for which sentences


def test_an_excerpt_holds_the_chosen_slots_and_padding() -> None:
    memory, threads = remembering(6, 1)

    excerpt = Excerpt.of(
        memory, threads, [torch.tensor([4, 2]), torch.tensor([], dtype=torch.long)]
    )

    assert excerpt.slots.tolist()[0][:2] == [4, 2]
    assert excerpt.values.tolist()[0][:2] == [104, 102]
    assert torch.equal(excerpt.keys.rows[:2], memory.keys[[4, 2]])
    assert excerpt.stems[0, :2].tolist() == threads.stems[[4, 2]].tolist()
    for part in (excerpt.slots, excerpt.values, excerpt.stems):
        assert set(part[1].tolist()) == {EMPTY}


def test_a_mute_entry_is_still_spelt_and_found_where_it_begins_a_word() -> None:
    memory, threads = remembering(9, 1)
    threads.inside[100:] = torch.tensor([False] * 7 + [True] * 2)
    chosen, mute = [torch.tensor([4, 2, 7])], [torch.tensor([False, True, True])]

    excerpt = Excerpt.of(memory, threads, chosen, mute)
    recall = excerpt.read(memory.keys[[2]], torch.tensor([PIECES]))

    assert excerpt.slots.tolist() == [[4, 2]]
    assert torch.equal(excerpt.keys.rows[:2], memory.keys[[4, 2]])
    assert excerpt.spelling.values.tolist() == [[104, 102, 107]]
    assert excerpt.spelling.stems.tolist() == [threads.stems[chosen[0]].tolist()]
    assert recall.slots[0, :2].tolist() == [2, 4]
    assert recall.mute is not None
    assert recall.mute[0, :2].tolist() == [True, False]


def test_a_word_is_not_said_twice_in_a_row_unless_its_pair_does() -> None:
    memory, threads = remembering(3, 1)
    threads = Threads(
        torch.tensor([EMPTY, HOLA, HOLA]),
        torch.tensor([HOLA, HOLA, MUNDO]),
        torch.zeros(103, dtype=torch.bool),
    )
    excerpt = Excerpt.of(memory, threads, [torch.tensor([0, 1, 2])])

    recall = excerpt.read(memory.keys[[0, 0]], torch.tensor([HOLA, MUNDO]))

    assert recall.mute is not None
    silent = [recall.slots[row][recall.mute[row]].tolist() for row in range(2)]
    assert silent == [[0], [2]]


def test_selected_sentences_keep_their_entries() -> None:
    memory, threads = remembering(9, 1)
    excerpt = Excerpt.of(memory, threads, drawn(memory, [3, 5, 2], seed=1))

    selected = excerpt.select(torch.tensor([2, 0, 2]))

    assert selected.neighbours == excerpt.neighbours
    for name in ("slots", "values", "stems", "words", "mute"):
        # three entries are enough for these two
        assert torch.equal(getattr(selected, name), getattr(excerpt, name)[[2, 0, 2], :3])
    for name in ("stems", "values"):
        expected = getattr(excerpt.spelling, name)[[2, 0, 2]]
        assert torch.equal(getattr(selected.spelling, name), expected)
    assert torch.equal(selected.inside, excerpt.inside)


def test_what_is_near_teaches_the_queries_and_not_the_entries() -> None:
    memory, threads = remembering(3, 1)
    threads = Threads(threads.stems, threads.words, torch.zeros(103, dtype=torch.bool))
    excerpt = Excerpt.of(memory, threads, [torch.tensor([0, 1, 2])])
    queries = unit_rows(1, 2).requires_grad_()

    recall = excerpt.read(queries, torch.tensor([PIECES]))
    recall.similarity[0, 0].backward()

    assert_close(queries.grad, memory.keys[recall.slots[:, 0]])
    assert not excerpt.keys.rows.requires_grad


# Company


@settings(max_examples=150, deadline=None)
@given(
    counts=st.lists(st.integers(0, 150), min_size=2, max_size=4),
    rows=st.integers(1, 3),
    seed=st.integers(0, 1 << 16),
)
def test_a_sentence_gets_the_same_bits_alone_and_in_company(
    counts: list[int], rows: int, seed: int
) -> None:
    memory, threads = remembering(150, seed, neighbours=64, width=48)
    chosen = drawn(memory, counts, seed)
    queries = unit_rows(len(counts) * rows, seed + 1, width=48)
    previous = torch.randint(0, PIECES, (len(queries),), generator=generator())

    together = Excerpt.of(memory, threads, chosen).read(queries, previous)

    for sentence, slots in enumerate(chosen):
        own = slice(sentence * rows, (sentence + 1) * rows)
        alone = Excerpt.of(memory, threads, [slots]).read(queries[own], previous[own])
        assert_same_bits(together, own, alone)


def assert_same_bits(together: Recall, own: slice, alone: Recall) -> None:
    for field in fields(Recall):
        assert torch.equal(getattr(together, field.name)[own], getattr(alone, field.name))


@pytest.mark.parametrize("others", [10, 200])
def test_entries_that_are_equally_near_stand_in_the_same_order_in_any_company(others: int) -> None:
    """Two translations of one source begin with the same key."""
    keys = axis(0).repeat(6, 1)
    config = MemoryConfig(slots=6 + others, neighbours=NEIGHBOURS)
    memory = Memory(config, WIDTH, 100)
    memory.write(torch.cat([keys, unit_rows(others, 1)]), torch.arange(6 + others) % 99, None,
                 generator())  # fmt: skip
    unknown = torch.full((6 + others,), EMPTY)
    threads = Threads(unknown, unknown, torch.zeros(100, dtype=torch.bool))
    same, distraction = torch.arange(6), torch.arange(6, 6 + others)

    alone = Excerpt.of(memory, threads, [same]).read(axis(0)[None], torch.tensor([1]))
    together = Excerpt.of(memory, threads, [same, distraction]).read(
        axis(0).repeat(2, 1), torch.tensor([1, 1])
    )

    assert alone.slots[0].tolist() == together.slots[0].tolist()

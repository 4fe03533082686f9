"""A candidate set recalls what a plain loop over its entries would, in every batch."""

import random
from collections.abc import Sequence
from dataclasses import fields, replace

import pytest
import torch
import torch.nn.functional as F
from candidate_sets import candidate_set
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_joints import plain
from torch import Tensor
from torch.testing import assert_close

from rarenmt.config import MemoryConfig
from rarenmt.config.decoding import CandidateConfig
from rarenmt.decoding.candidates import CandidateSet
from rarenmt.decoding.continuation import CandidateEntries
from rarenmt.decoding.prefix import EntryPrefixes, LastWords
from rarenmt.decoding.processors.automaton import END, TokenAutomaton
from rarenmt.memory.memory import EMPTY, Continuation, Memory, Recall
from rarenmt.text.tokenizer import BOS
from rarenmt.text.words import WordBoundaries

WIDTH, NEIGHBOURS, PIECES = 16, 4, 5
HOLA, MUNDO = 7, 8
NONE, NEXT_WORD, SAME_WORD = Continuation.NONE, Continuation.NEXT_WORD, Continuation.SAME_WORD
CONFIG = CandidateConfig()
PIECES_IN_ALL = 20


def unit_rows(count: int, seed: int, width: int = WIDTH) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(count, width, generator=generator), dim=-1)


def remembering(
    entries: int, seed: int, *, neighbours: int = NEIGHBOURS, width: int = WIDTH
) -> tuple[Memory, EntryPrefixes]:
    """A memory of unrelated entries; slot i holds value 100 + i."""
    config = MemoryConfig(slots=entries, neighbours=min(neighbours, entries))
    memory = Memory(config, width, 100 + entries)
    memory.write(unit_rows(entries, seed, width), 100 + torch.arange(entries), None, generator())
    memory.config = MemoryConfig(neighbours=neighbours)
    rng = random.Random(seed)
    prefixes = torch.tensor([rng.choice([EMPTY, *range(PIECES)]) for _ in range(entries)])
    before = torch.tensor([rng.choice([EMPTY, *range(PIECES)]) for _ in range(entries)])
    inside = torch.tensor([False] * 100 + [rng.random() < 0.4 for _ in range(entries)])
    return memory, EntryPrefixes(prefixes, before, torch.full_like(prefixes, EMPTY), plain(inside))


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def drawn(memory: Memory, counts: list[int], seed: int) -> list[Tensor]:
    rng = random.Random(seed)
    return [torch.tensor(rng.sample(range(memory.size), n), dtype=torch.long) for n in counts]


NO_WORDS = TokenAutomaton(torch.tensor([[EMPTY]]), torch.tensor([[EMPTY]]))
"""No words to complete."""


def few(
    *rows: tuple[Tensor, int, int, bool],
    neighbours: int = NEIGHBOURS,
    before: list[int] | None = None,
    source_positions: list[list[bool]] | None = None,
    fuzzy_match: list[bool] | None = None,
) -> CandidateSet:
    """One sentence with these keys, values, words prefix and whether inside a word."""
    keys, values, prefixes, inside = zip(*rows, strict=True)
    vocabulary = torch.zeros(PIECES_IN_ALL, dtype=torch.bool)
    vocabulary[list(values)] = torch.tensor(inside)
    slots = torch.arange(len(values))[None]
    unknown = torch.full_like(slots, EMPTY)
    entries = CandidateEntries(
        slots,
        torch.tensor([values]),
        torch.tensor([prefixes]),
        unknown if before is None else torch.tensor([before]),
        unknown,
        unknown != EMPTY if fuzzy_match is None else torch.tensor([fuzzy_match]),
        torch.zeros_like(slots),
        unknown != EMPTY,
        unknown == EMPTY,
        unknown != EMPTY,
        plain(vocabulary),
    )
    return CandidateSet(
        torch.stack(keys)[None],
        entries,
        None if source_positions is None else torch.tensor([source_positions]),
        None,
        NO_WORDS,
        torch.empty((1, 0), dtype=torch.long),
        neighbours,
        CONFIG,
    )


def axis(number: int) -> Tensor:
    return F.one_hot(torch.tensor(number), WIDTH).float()


def near(similarity: float) -> Tensor:
    """A unit key of this similarity to the first axis."""
    return similarity * axis(0) + (1 - similarity**2) ** 0.5 * axis(1)


def after(*words: int) -> LastWords:
    """After these words, with unknown words before them."""
    return LastWords(torch.tensor(words), torch.full((len(words),), EMPTY))


def nowhere(rows: int) -> Tensor:
    """Attention to no word."""
    return torch.zeros(rows, 1)


def ask(
    candidates: CandidateSet, previous: int, before: int = EMPTY, attention: float = 0.0
) -> Recall:
    """Near the first axis, with so much attention on the first piece, the rest on the second."""
    prefix = LastWords(torch.tensor([previous]), torch.tensor([before]))
    return candidates.read(axis(0)[None], prefix, torch.tensor([[attention, 1 - attention]]))


# Against a plain loop


def by_loop(
    memory: Memory,
    prefixes: EntryPrefixes,
    positions: Sequence[tuple[int, Tensor, bool]],
    query: Tensor,
    prefix: tuple[int, int],
    attention: Tensor,
    untranslated: Tensor,
) -> list[tuple[int, float, Continuation, bool, bool]]:
    """Slot, similarity, continuation and blocking of the neighbours of one query, nearest first,
    and whether each continues a fuzzy match."""
    answers = []
    word, before = prefix
    inside = {
        slot: bool(prefixes.boundaries.continues_word[memory.values[slot]])
        for slot, *_ in positions
    }
    follow = {slot: int(prefixes.prefixes[slot]) == word for slot, *_ in positions}
    translates = {slot: bool(place.any()) for slot, place, _ in positions}
    incomplete = any(inside[slot] and follow[slot] and translates[slot] for slot, *_ in positions)
    for slot, place, fuzzy in positions:
        if inside[slot] and not (follow[slot] and translates[slot]):
            continue
        nearness = float(torch.dot(query, memory.keys[slot]))
        if not (inside[slot] or incomplete):
            nearness += float(attention[place].sum()) * (1 - nearness)
        if follow[slot]:
            nearness += CONFIG.bigram_bonus
            if int(prefixes.previous_words[slot]) == before != EMPTY:
                nearness += CONFIG.trigram_bonus
            nearness += CONFIG.fuzzy_bonus * fuzzy
        continuation = (SAME_WORD if inside[slot] else NEXT_WORD) if follow[slot] else NONE
        unattended = (
            not (inside[slot] or follow[slot])
            and float(untranslated[place].sum()) < CONFIG.min_attention
        )
        blocked = not translates[slot] or unattended
        answers.append((slot, nearness, continuation, blocked, fuzzy and follow[slot]))
    return sorted(answers, key=lambda answer: -answer[1])[: memory.config.neighbours]


@settings(max_examples=150, deadline=None)
@given(
    counts=st.lists(st.integers(0, 12), min_size=1, max_size=4),
    rows=st.integers(1, 3),
    pieces=st.integers(1, 5),
    seed=st.integers(0, 1 << 16),
)
def test_a_candidate_set_recalls_what_a_loop_over_its_entries_does(
    counts: list[int], rows: int, pieces: int, seed: int
) -> None:
    memory, prefixes = remembering(20, seed)
    chosen = drawn(memory, counts, seed)
    positions = [torch.rand(len(own), pieces, generator=generator()) < 0.3 for own in chosen]
    queries = unit_rows(len(counts) * rows, seed + 1)
    words, before = torch.randint(0, PIECES, (2, len(queries)), generator=generator())
    attention = 0.8 * torch.rand(len(queries), pieces, generator=generator()).softmax(dim=-1)
    untranslated = 0.2 * torch.rand(len(queries), pieces, generator=generator())
    fuzzy_match = [torch.rand(len(own), generator=generator()) < 0.5 for own in chosen]

    candidates = candidate_set(memory, prefixes, chosen, positions, fuzzy_match=fuzzy_match)
    recall = candidates.read(queries, LastWords(words, before), attention, untranslated)

    assert recall.continuation is not None
    assert recall.blocked is not None
    assert recall.cosine is not None
    assert recall.gate_bonus is not None
    for row, query in enumerate(queries):
        own = row // rows
        expected = by_loop(
            memory, prefixes,
            list(zip(chosen[own].tolist(), positions[own], fuzzy_match[own].tolist(), strict=True)),
            query,
            (int(words[row]), int(before[row])), attention[row], untranslated[row],
        )  # fmt: skip
        missing = NEIGHBOURS - len(expected)
        slots = [slot for slot, *_ in expected]
        assert recall.slots[row].tolist() == slots + [EMPTY] * missing
        assert recall.values[row].tolist() == [100 + slot for slot in slots] + [EMPTY] * missing
        assert recall.similarity[row].tolist() == pytest.approx(
            [nearness for _, nearness, *_ in expected] + [-torch.inf] * missing, abs=1e-5
        )
        known = (part[row, : len(slots)].tolist() for part in (recall.continuation, recall.blocked))
        assert tuple(known) == (
            [continuation for _, _, continuation, *_ in expected],
            [blocked for *_, blocked, _ in expected],
        )  # fmt: skip
        assert recall.gate_bonus[row].tolist() == (
            [CONFIG.fuzzy_gate_bonus * near for *_, near in expected] + [0.0] * missing
        )
        assert_close(recall.cosine[row, : len(slots)], memory.keys[slots] @ query)


# CandidateEntries


def test_an_entry_that_continues_the_last_word_gains_similarity() -> None:
    candidates = few((near(0.8), HOLA, 1, False), (near(0.75), MUNDO, 2, False))

    assert ask(candidates, 1).values[0, :2].tolist() == [HOLA, MUNDO]
    recall = ask(candidates, 2)
    assert recall.values[0, :2].tolist() == [MUNDO, HOLA]
    assert_close(recall.similarity[0, :2], torch.tensor([0.75 + CONFIG.bigram_bonus, 0.8]))


def test_an_entry_gains_more_after_two_words_of_its_pair() -> None:
    candidates = few((near(0.9), HOLA, 1, False), (near(0.3), MUNDO, 2, False), before=[EMPTY, 3])

    def nearness(word: int, before: int) -> list[float]:
        recall = ask(candidates, word, before)
        return recall.similarity[0, recall.slots[0].argsort()][-2:].tolist()

    assert nearness(2, 4) == pytest.approx([0.9, 0.3 + CONFIG.bigram_bonus])
    assert nearness(2, 3) == pytest.approx([0.9, 0.3 + CONFIG.bigram_bonus + CONFIG.trigram_bonus])
    assert nearness(4, 3) == pytest.approx([0.9, 0.3])
    assert nearness(1, EMPTY) == pytest.approx(
        [0.9 + CONFIG.bigram_bonus, 0.3]
    )  # nothing is known of either


def test_an_entry_of_a_fuzzy_match_gains_more_if_it_continues() -> None:
    first, second = (near(0.5), HOLA, 2, False), (near(0.5), MUNDO, 2, False)
    candidates = few(first, second, fuzzy_match=[False, True])

    onwards, elsewhere = ask(candidates, 2), ask(candidates, 1)

    assert onwards.values[0, :2].tolist() == [MUNDO, HOLA]
    assert_close(
        onwards.similarity[0, :2],
        torch.tensor([0.5 + CONFIG.bigram_bonus + CONFIG.fuzzy_bonus, 0.5 + CONFIG.bigram_bonus]),
    )
    assert onwards.gate_bonus is not None
    assert onwards.gate_bonus.tolist() == [[CONFIG.fuzzy_gate_bonus, 0.0, 0.0, 0.0]]
    assert_close(elsewhere.similarity[0, :2], torch.tensor([0.5, 0.5]))
    assert elsewhere.gate_bonus is not None
    assert not elsewhere.gate_bonus.any()


# Attention


def test_attention_to_its_source_word_raises_the_similarity_of_an_entry() -> None:
    candidates = few(
        (near(0.6), HOLA, 1, False), (near(0.5), MUNDO, 2, False),
        source_positions=[[False, False], [True, False]],
    )  # fmt: skip

    recall = ask(candidates, 3, attention=0.6)

    assert recall.values[0, :2].tolist() == [MUNDO, HOLA]
    assert_close(recall.similarity[0, :2], torch.tensor([0.5 + 0.6 * 0.5, 0.6]))
    assert recall.cosine is not None
    assert_close(recall.cosine[0, :2], torch.tensor([0.5, 0.6]))
    assert recall.blocked is not None
    assert recall.blocked[0, :2].tolist() == [False, True]
    assert ask(candidates, 3, attention=0.0).values[0, :2].tolist() == [HOLA, MUNDO]


@pytest.mark.parametrize(
    ("word", "constrained", "untranslated", "blocked"),
    [
        (
            3,
            False,
            [0.05, 0.9],
            True,
        ),  # continues nothing, and its source word has not been attended
        (3, False, [0.15, 0.0], False),
        (2, False, [0.05, 0.9], False),  # continues the word before it in its pair
        (BOS, False, [0.05, 0.9], False),  # begins the sentence as it begins its pair
        (BOS, True, [0.05, 0.9], True),  # begins its pair, as any sentence begins
        (BOS, True, [0.15, 0.0], False),
    ],
)
def test_an_entry_is_blocked_until_its_source_word_is_attended(
    word: int, constrained: bool, untranslated: list[float], blocked: bool
) -> None:
    stem = BOS if word == BOS else 2
    candidates = few((near(0.9), HOLA, stem, False), source_positions=[[True, False]])
    entries = replace(candidates.entries, constrained=torch.tensor([[constrained]]))
    candidates = replace(candidates, entries=entries)

    recall = candidates.read(
        axis(0)[None], after(word), nowhere(1).expand(1, 2), torch.tensor([untranslated])
    )

    assert recall.blocked is not None
    assert recall.blocked[0, 0] == blocked
    assert recall.values[0, 0] == HOLA  # blocked entries are recalled all the same


def test_attention_raises_no_similarity_while_a_remembered_word_is_incomplete() -> None:
    positions = [[True, False], [True, False]]
    begins, goes_on = (near(0.6), HOLA, 1, False), (near(0.5), MUNDO, 2, True)
    candidates = few(begins, goes_on, source_positions=positions)

    assert_close(ask(candidates, 3, attention=1.0).similarity[0, 0], torch.tensor(1.0))
    incomplete = ask(candidates, 2, attention=1.0).similarity[0, :2]
    assert_close(incomplete, torch.tensor([0.6, 0.5 + CONFIG.bigram_bonus]))


def test_the_bonus_counts_when_neighbours_are_chosen() -> None:
    candidates = few(
        (near(0.8), HOLA, EMPTY, False), (near(0.75), MUNDO, 2, False), neighbours=1
    )  # fmt: skip

    assert ask(candidates, 1).values.tolist() == [[HOLA]]
    assert ask(candidates, 2).values.tolist() == [[MUNDO]]


def test_an_entry_from_inside_a_word_is_a_candidate_only_after_its_beginning() -> None:
    candidates = few((near(0.1), HOLA, EMPTY, False), (near(0.9), MUNDO, 2, True), neighbours=2)

    silent, by_loop = ask(candidates, 1), ask(candidates, 2)

    assert silent.values.tolist() == [[HOLA, EMPTY]]
    assert silent.slots.tolist() == [[0, EMPTY]]
    assert by_loop.values.tolist() == [[MUNDO, HOLA]]
    assert by_loop.slots.tolist() == [[1, 0]]


def test_the_continuation_distinguishes_the_same_word_from_the_next() -> None:
    candidates = few(
        (near(0.9), 10, 2, True), (near(0.6), 11, 2, False), (near(0.3), 12, 1, False)
    )  # fmt: skip

    recall = ask(candidates, 2)

    assert recall.values.tolist() == [[10, 11, 12, EMPTY]]
    assert recall.continuation is not None
    assert recall.continuation.tolist() == [[SAME_WORD, NEXT_WORD, NONE, NONE]]


def test_nothing_follows_an_unknown_beginning() -> None:
    """A pair that lost its first entries does not start in the middle of a word."""
    candidates = few((near(0.9), HOLA, EMPTY, True))

    for piece in range(PIECES):
        assert ask(candidates, piece).values.tolist() == [[EMPTY] * NEIGHBOURS]


def test_without_candidates_the_recall_is_empty() -> None:
    candidates = few((near(0.9), HOLA, 2, True), (near(0.8), MUNDO, 3, True))

    recall = ask(candidates, 1)

    assert recall.slots.tolist() == recall.values.tolist() == [[EMPTY] * NEIGHBOURS]
    assert recall.similarity.tolist() == [[-torch.inf] * NEIGHBOURS]


# Which entries, for which sentences


def test_a_candidate_set_holds_the_given_slots_and_padding() -> None:
    memory, prefixes = remembering(6, 1)

    candidates = candidate_set(
        memory, prefixes, [torch.tensor([4, 2]), torch.tensor([], dtype=torch.long)]
    )

    assert candidates.entries.slots.tolist()[0][:2] == [4, 2]
    assert candidates.entries.values.tolist()[0][:2] == [104, 102]
    assert torch.equal(candidates.keys[0, :2], memory.keys[[4, 2]])
    assert candidates.entries.prefixes[0, :2].tolist() == prefixes.prefixes[[4, 2]].tolist()
    for part in (candidates.entries.slots, candidates.entries.values, candidates.entries.prefixes):
        assert set(part[1].tolist()) == {EMPTY}


def test_a_blocked_entry_that_begins_a_word_is_still_recalled() -> None:
    memory, prefixes = remembering(9, 1)
    prefixes.boundaries.continues_word[100:] = torch.tensor([False] * 7 + [True] * 2)
    chosen, positions = [torch.tensor([4, 2, 7])], [torch.tensor([[True], [False], [False]])]

    candidates = candidate_set(memory, prefixes, chosen, positions)
    recall = candidates.read(memory.keys[[2]], after(PIECES), nowhere(1))

    assert candidates.entries.slots.tolist() == [[4, 2]]
    assert torch.equal(candidates.keys[0, :2], memory.keys[[4, 2]])
    assert candidates.words.pieces.tolist() == [[END, END, 107]]
    assert candidates.words.states.tolist() == [prefixes.prefixes[chosen[0]].tolist()]
    assert recall.slots[0, :2].tolist() == [2, 4]
    assert recall.blocked is not None
    assert recall.blocked[0, :2].tolist() == [True, False]


def test_a_word_is_not_repeated_unless_its_pair_repeats_it() -> None:
    memory, prefixes = remembering(3, 1)
    prefixes = EntryPrefixes(
        torch.tensor([EMPTY, HOLA, HOLA]),
        torch.full((3,), EMPTY),
        torch.tensor([HOLA, HOLA, MUNDO]),
        plain(torch.zeros(103, dtype=torch.bool)),
    )
    candidates = candidate_set(memory, prefixes, [torch.tensor([0, 1, 2])])

    recall = candidates.read(memory.keys[[0, 0]], after(HOLA, MUNDO), nowhere(2))

    assert recall.blocked is not None
    silent = [recall.slots[row][recall.blocked[row]].tolist() for row in range(2)]
    assert silent == [[0], [2]]


def test_a_word_is_not_completed_to_the_word_before_it() -> None:
    memory, prefixes = remembering(3, 1)
    inside = torch.tensor([False] * 100 + [True] * 3)
    prefixes = EntryPrefixes(
        torch.tensor([HOLA, HOLA, HOLA]),
        torch.tensor([EMPTY, MUNDO, EMPTY]),
        torch.tensor([MUNDO, MUNDO, EMPTY]),
        plain(inside),
    )
    candidates = candidate_set(memory, prefixes, [torch.tensor([0, 1, 2])])

    recall = candidates.read(
        memory.keys[[0]], LastWords(*torch.tensor([[HOLA], [MUNDO]])), nowhere(1)
    )
    unknown = candidates.read(memory.keys[[0]], after(HOLA), nowhere(1))

    assert recall.blocked is not None
    assert recall.slots[recall.blocked].tolist() == [0]
    assert unknown.blocked is not None
    assert not bool(unknown.blocked.any())


def test_selected_sentences_keep_their_entries() -> None:
    memory, prefixes = remembering(9, 1)
    chosen = drawn(memory, [3, 5, 2], seed=1)
    prefixes.boundaries.continues_word[:] = False
    positions = [torch.rand(len(own), 7, generator=generator()) < 0.2 for own in chosen]
    fuzzy_match = [torch.rand(len(own), generator=generator()) < 0.5 for own in chosen]
    candidates = candidate_set(memory, prefixes, chosen, positions, fuzzy_match=fuzzy_match)

    selected = candidates.select(torch.tensor([2, 0, 2]))

    assert selected.neighbours == candidates.neighbours
    # three entries are enough for these two
    for name in ("source_positions", "blocked"):
        assert torch.equal(getattr(selected, name), getattr(candidates, name)[[2, 0, 2], :3])
    for name in ("slots", "values", "prefixes", "previous_words", "words", "fuzzy_match"):
        whole = getattr(candidates.entries, name)
        assert torch.equal(getattr(selected.entries, name), whole[[2, 0, 2], :3])
    assert torch.equal(selected.words.states, candidates.words.states[[2, 0, 2]])
    assert selected.boundaries is candidates.boundaries


def test_gradients_reach_the_queries_and_not_the_keys() -> None:
    memory, prefixes = remembering(3, 1)
    prefixes.boundaries.continues_word[:] = False
    candidates = candidate_set(memory, prefixes, [torch.tensor([0, 1, 2])])
    queries = unit_rows(1, 2).requires_grad_()

    recall = candidates.read(queries, after(PIECES), nowhere(1))
    recall.similarity[0, 0].backward()

    assert_close(queries.grad, memory.keys[recall.slots[:, 0]])
    assert not candidates.keys.requires_grad


# Batches


@settings(max_examples=150, deadline=None)
@given(
    counts=st.lists(st.integers(0, 150), min_size=2, max_size=4),
    rows=st.integers(1, 3),
    seed=st.integers(0, 1 << 16),
)
def test_a_sentence_gets_the_same_bits_in_every_batch(
    counts: list[int], rows: int, seed: int
) -> None:
    memory, prefixes = remembering(150, seed, neighbours=64, width=48)
    chosen = drawn(memory, counts, seed)
    lengths = [random.Random(seed + number).randint(1, 40) for number in range(len(counts))]
    positions = [
        torch.rand(len(own), length, generator=generator()) < 0.3
        for own, length in zip(chosen, lengths, strict=True)
    ]
    queries = unit_rows(len(counts) * rows, seed + 1, width=48)
    prefix = LastWords(*torch.randint(0, PIECES, (2, len(queries)), generator=generator()))
    real = torch.arange(max(lengths)) < torch.tensor(lengths).repeat_interleave(rows)[:, None]
    attention = torch.rand(real.shape, generator=generator()) * real
    attention /= attention.sum(dim=1, keepdim=True)

    together = candidate_set(memory, prefixes, chosen, positions).read(queries, prefix, attention)

    for sentence, slots in enumerate(chosen):
        own = slice(sentence * rows, (sentence + 1) * rows)
        candidates = candidate_set(memory, prefixes, [slots], [positions[sentence]])
        looked = attention[own, : lengths[sentence]]
        alone = candidates.read(queries[own], LastWords(*(part[own] for part in prefix)), looked)
        assert_same_bits(together, own, alone)


def assert_same_bits(together: Recall, own: slice, alone: Recall) -> None:
    of_sentence = together.select(torch.arange(len(together.slots))[own])
    for field in fields(Recall):
        assert torch.equal(getattr(of_sentence, field.name), getattr(alone, field.name))


@pytest.mark.parametrize("others", [10, 200])
def test_equally_near_entries_keep_their_order_in_every_batch(others: int) -> None:
    """Two translations of one source begin with the same key."""
    keys = axis(0).repeat(6, 1)
    config = MemoryConfig(slots=6 + others, neighbours=NEIGHBOURS)
    memory = Memory(config, WIDTH, 100)
    memory.write(torch.cat([keys, unit_rows(others, 1)]), torch.arange(6 + others) % 99, None,
                 generator())  # fmt: skip
    unknown = torch.full((6 + others,), EMPTY)
    prefixes = EntryPrefixes(unknown, unknown, unknown, plain(torch.zeros(100, dtype=torch.bool)))
    same, distraction = torch.arange(6), torch.arange(6, 6 + others)

    alone = candidate_set(memory, prefixes, [same]).read(axis(0)[None], after(1), nowhere(1))
    together = candidate_set(memory, prefixes, [same, distraction]).read(
        axis(0).repeat(2, 1), after(1, 1), nowhere(2)
    )

    assert alone.slots[0].tolist() == together.slots[0].tolist()


# Words after punctuation

QUOTE, WORD, SPACED, BYTE, SPACE = 1, 2, 3, 4, 5
APART = torch.tensor([0, 1, SPACED, 3, SPACE, 5, 6, 7, 8, 9])
IN_WORDS = torch.isin(torch.arange(10), torch.tensor([WORD, BYTE]))
QUOTED = WordBoundaries(
    continues_word=IN_WORDS,
    ends_with_punctuation=torch.arange(10) == QUOTE,
    is_digit=torch.zeros(10, dtype=torch.bool),
    opening_punctuation=torch.tensor([QUOTE]),
    attaches_right=torch.arange(10) == QUOTE,
    with_space=APART,
    case_twin=torch.arange(10),
    space=SPACE,
)


def proposed(value: int, written: int, stem: int = QUOTE) -> tuple[int, int, bool]:
    """The value and continuation of an entry after the word `written`, and whether it is recalled;
    in its pair it follows `stem`, a quotation mark by default."""
    slots, unknown = torch.tensor([[0]]), torch.tensor([[EMPTY]])
    entries = CandidateEntries(
        slots,
        torch.tensor([[value]]),
        torch.tensor([[stem]]),
        unknown,
        unknown,
        unknown != EMPTY,
        torch.zeros_like(slots),
        unknown != EMPTY,
        unknown == EMPTY,
        unknown != EMPTY,
        QUOTED,
    )
    nothing = torch.empty((1, 0), dtype=torch.long)
    keys = axis(0)[None, None]
    candidates = CandidateSet(keys, entries, None, None, NO_WORDS, nothing, 1, CONFIG)
    recall = ask(candidates, written)
    assert recall.continuation is not None
    assert recall.opening_punctuation is QUOTED.opening_punctuation
    return int(recall.values), int(recall.continuation), int(recall.slots) != EMPTY


def test_a_word_after_punctuation_gets_a_space_if_it_needs_one() -> None:
    assert proposed(WORD, QUOTE) == (WORD, NEXT_WORD, True)  # as in its pair
    assert proposed(WORD, HOLA) == (SPACED, NONE, True)
    assert proposed(SPACED, QUOTE, stem=HOLA) == (SPACED, NONE, True)
    assert proposed(WORD, QUOTE, stem=6)[2] is False  # from inside a word


def test_a_word_that_has_no_piece_with_a_space_begins_with_one() -> None:
    assert proposed(BYTE, HOLA) == (SPACE, NONE, True)
    assert proposed(BYTE, SPACE) == (BYTE, SAME_WORD, True)
    assert proposed(BYTE, QUOTE) == (BYTE, NEXT_WORD, True)
    assert proposed(WORD, SPACE) == (SPACED, NONE, True)

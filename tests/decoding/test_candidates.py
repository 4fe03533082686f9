"""An excerpt answers as a plain loop over its entries would, and not otherwise in company."""

import random
from collections.abc import Sequence
from dataclasses import fields, replace

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_joints import plain
from torch import Tensor
from torch.testing import assert_close

from rarenmt.config import MemoryConfig
from rarenmt.decoding.candidates import LOOKED, CandidateSet
from rarenmt.decoding.continuation import CLOSER, LONGER, THREAD, Continuations
from rarenmt.decoding.padded_keys import PaddedKeys
from rarenmt.decoding.prefix import EntryPrefixes, Prefix
from rarenmt.memory.memory import ELSEWHERE, EMPTY, NEXT_WORD, SAME_WORD, Memory, Recall
from rarenmt.text.tokenizer import BOS
from rarenmt.text.words import WordBoundaries

WIDTH, NEIGHBOURS, PIECES = 16, 4, 5
HOLA, MUNDO = 7, 8
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
    stems = torch.tensor([rng.choice([EMPTY, *range(PIECES)]) for _ in range(entries)])
    before = torch.tensor([rng.choice([EMPTY, *range(PIECES)]) for _ in range(entries)])
    inside = torch.tensor([False] * 100 + [rng.random() < 0.4 for _ in range(entries)])
    return memory, EntryPrefixes(stems, before, torch.full_like(stems, EMPTY), plain(inside))


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def drawn(memory: Memory, counts: list[int], seed: int) -> list[Tensor]:
    rng = random.Random(seed)
    return [torch.tensor(rng.sample(range(memory.used), n), dtype=torch.long) for n in counts]


def few(
    *entries: tuple[Tensor, int, int, bool],
    neighbours: int = NEIGHBOURS,
    before: list[int] | None = None,
    places: list[list[bool]] | None = None,
    close: list[bool] | None = None,
) -> CandidateSet:
    """One sentence with these keys, values, words begun and whether inside a word."""
    keys, values, stems, inside = zip(*entries, strict=True)
    vocabulary = torch.zeros(PIECES_IN_ALL, dtype=torch.bool)
    vocabulary[list(values)] = torch.tensor(inside)
    slots = torch.arange(len(values))[None]
    unknown = torch.full_like(slots, EMPTY)
    speech = Continuations(
        slots,
        torch.tensor([values]),
        torch.tensor([stems]),
        unknown if before is None else torch.tensor([before]),
        unknown,
        unknown != EMPTY if close is None else torch.tensor([close]),
        torch.zeros_like(slots),
        unknown != EMPTY,
        unknown != EMPTY,
        plain(vocabulary),
    )
    return CandidateSet(
        PaddedKeys.of(torch.stack(keys), slots),
        speech,
        None if places is None else torch.tensor([places]),
        None,
        speech,
        neighbours,
    )


def axis(number: int) -> Tensor:
    return F.one_hot(torch.tensor(number), WIDTH).float()


def near(similarity: float) -> Tensor:
    """A unit key of this similarity to the first axis."""
    return similarity * axis(0) + (1 - similarity**2) ** 0.5 * axis(1)


def after(*words: int) -> Prefix:
    """After these words, and who knows what before them."""
    return Prefix(torch.tensor(words), torch.full((len(words),), EMPTY))


def nowhere(rows: int) -> Tensor:
    """Attention that lies on no word."""
    return torch.zeros(rows, 1)


def ask(
    excerpt: CandidateSet, previous: int, before: int = EMPTY, attention: float = 0.0
) -> Recall:
    """Near the first axis, with so much attention on the first piece, the rest on the second."""
    begun = Prefix(torch.tensor([previous]), torch.tensor([before]))
    return excerpt.read(axis(0)[None], begun, torch.tensor([[attention, 1 - attention]]))


# Against a plain loop


def spoken(
    memory: Memory,
    threads: EntryPrefixes,
    places: Sequence[tuple[int, Tensor, bool]],
    query: Tensor,
    begun: tuple[int, int],
    attention: Tensor,
    untold: Tensor,
) -> list[tuple[int, float, int, bool, bool]]:
    """Slot, nearness, thread and silence of what answers one query, nearest first, and whether it
    goes on in a pair that resembles the sentence."""
    answers = []
    word, before = begun
    inside = {slot: bool(threads.joints.continues_word[memory.values[slot]]) for slot, *_ in places}
    follow = {slot: int(threads.stems[slot]) == word for slot, *_ in places}
    heard = {slot: bool(place.any()) for slot, place, _ in places}
    unfinished = any(inside[slot] and follow[slot] and heard[slot] for slot, *_ in places)
    for slot, place, close in places:
        if inside[slot] and not (follow[slot] and heard[slot]):
            continue
        nearness = float(torch.dot(query, memory.keys[slot]))
        if not (inside[slot] or unfinished):
            nearness += float(attention[place].sum()) * (1 - nearness)
        if follow[slot]:
            nearness += THREAD
            if int(threads.before[slot]) == before != EMPTY:
                nearness += LONGER
            nearness += CLOSER * close
        thread = (SAME_WORD if inside[slot] else NEXT_WORD) if follow[slot] else ELSEWHERE
        unlooked = not (inside[slot] or follow[slot]) and float(untold[place].sum()) < LOOKED
        mute = not heard[slot] or unlooked
        answers.append((slot, nearness, thread, mute, close and follow[slot]))
    return sorted(answers, key=lambda answer: -answer[1])[: memory.config.neighbours]


@settings(max_examples=150, deadline=None)
@given(
    counts=st.lists(st.integers(0, 12), min_size=1, max_size=4),
    rows=st.integers(1, 3),
    pieces=st.integers(1, 5),
    seed=st.integers(0, 1 << 16),
)
def test_an_excerpt_answers_as_a_loop_over_its_entries(
    counts: list[int], rows: int, pieces: int, seed: int
) -> None:
    memory, threads = remembering(20, seed)
    chosen = drawn(memory, counts, seed)
    places = [torch.rand(len(own), pieces, generator=generator()) < 0.3 for own in chosen]
    queries = unit_rows(len(counts) * rows, seed + 1)
    words, before = torch.randint(0, PIECES, (2, len(queries)), generator=generator())
    attention = 0.8 * torch.rand(len(queries), pieces, generator=generator()).softmax(dim=-1)
    untold = 0.2 * torch.rand(len(queries), pieces, generator=generator())
    close = [torch.rand(len(own), generator=generator()) < 0.5 for own in chosen]

    excerpt = CandidateSet.of(memory, threads, chosen, places, close=close)
    recall = excerpt.read(queries, Prefix(words, before), attention, untold)

    assert recall.thread is not None
    assert recall.mute is not None
    assert recall.cosine is not None
    assert recall.close is not None
    for row, query in enumerate(queries):
        own = row // rows
        expected = spoken(
            memory, threads,
            list(zip(chosen[own].tolist(), places[own], close[own].tolist(), strict=True)), query,
            (int(words[row]), int(before[row])), attention[row], untold[row],
        )  # fmt: skip
        missing = NEIGHBOURS - len(expected)
        slots = [slot for slot, *_ in expected]
        assert recall.slots[row].tolist() == slots + [EMPTY] * missing
        assert recall.values[row].tolist() == [100 + slot for slot in slots] + [EMPTY] * missing
        assert recall.similarity[row].tolist() == pytest.approx(
            [nearness for _, nearness, *_ in expected] + [-torch.inf] * missing, abs=1e-5
        )
        known = (part[row, : len(slots)].tolist() for part in (recall.thread, recall.mute))
        assert tuple(known) == (
            [thread for _, _, thread, *_ in expected], [mute for *_, mute, _ in expected],
        )  # fmt: skip
        assert recall.close[row].tolist() == [near for *_, near in expected] + [False] * missing
        assert_close(recall.cosine[row, : len(slots)], memory.keys[slots] @ query)


# Threads


def test_an_entry_that_goes_on_from_the_last_piece_is_nearer() -> None:
    excerpt = few((near(0.8), HOLA, 1, False), (near(0.75), MUNDO, 2, False))

    assert ask(excerpt, 1).values[0, :2].tolist() == [HOLA, MUNDO]
    recall = ask(excerpt, 2)
    assert recall.values[0, :2].tolist() == [MUNDO, HOLA]
    assert_close(recall.similarity[0, :2], torch.tensor([0.75 + THREAD, 0.8]))


def test_an_entry_is_nearer_still_after_two_words_of_its_pair() -> None:
    excerpt = few((near(0.9), HOLA, 1, False), (near(0.3), MUNDO, 2, False), before=[EMPTY, 3])

    def nearness(word: int, before: int) -> list[float]:
        recall = ask(excerpt, word, before)
        return recall.similarity[0, recall.slots[0].argsort()][-2:].tolist()

    assert nearness(2, 4) == pytest.approx([0.9, 0.3 + THREAD])
    assert nearness(2, 3) == pytest.approx([0.9, 0.3 + THREAD + LONGER])
    assert nearness(4, 3) == pytest.approx([0.9, 0.3])
    assert nearness(1, EMPTY) == pytest.approx([0.9 + THREAD, 0.3])  # nothing is known of either


def test_an_entry_of_a_pair_that_resembles_the_sentence_is_nearer_where_it_goes_on() -> None:
    first, second = (near(0.5), HOLA, 2, False), (near(0.5), MUNDO, 2, False)
    excerpt = few(first, second, close=[False, True])

    onwards, elsewhere = ask(excerpt, 2), ask(excerpt, 1)

    assert onwards.values[0, :2].tolist() == [MUNDO, HOLA]
    assert_close(onwards.similarity[0, :2], torch.tensor([0.5 + THREAD + CLOSER, 0.5 + THREAD]))
    assert onwards.close is not None
    assert onwards.close.tolist() == [[True, False, False, False]]
    assert_close(elsewhere.similarity[0, :2], torch.tensor([0.5, 0.5]))
    assert elsewhere.close is not None
    assert not elsewhere.close.any()


# Attention


def test_an_entry_is_as_near_as_what_it_translates_is_attended_to() -> None:
    excerpt = few(
        (near(0.6), HOLA, 1, False), (near(0.5), MUNDO, 2, False),
        places=[[False, False], [True, False]],
    )  # fmt: skip

    recall = ask(excerpt, 3, attention=0.6)

    assert recall.values[0, :2].tolist() == [MUNDO, HOLA]
    assert_close(recall.similarity[0, :2], torch.tensor([0.5 + 0.6 * 0.5, 0.6]))
    assert recall.cosine is not None
    assert_close(recall.cosine[0, :2], torch.tensor([0.5, 0.6]))
    assert recall.mute is not None
    assert recall.mute[0, :2].tolist() == [False, True]
    assert ask(excerpt, 3, attention=0.0).values[0, :2].tolist() == [HOLA, MUNDO]


@pytest.mark.parametrize(
    ("word", "wanted", "untold", "mute"),
    [
        (3, False, [0.05, 0.9], True),  # goes on from nothing, and nobody has looked at it
        (3, False, [0.15, 0.0], False),
        (2, False, [0.05, 0.9], False),  # goes on from the word before it in its pair
        (BOS, False, [0.05, 0.9], False),  # begins the sentence as it begins its pair
        (BOS, True, [0.05, 0.9], True),  # a line of a glossary, which any sentence begins like
        (BOS, True, [0.15, 0.0], False),
    ],
)
def test_a_word_waits_until_somebody_has_looked_at_what_it_translates(
    word: int, wanted: bool, untold: list[float], mute: bool
) -> None:
    stem = BOS if word == BOS else 2
    excerpt = few((near(0.9), HOLA, stem, False), places=[[True, False]])
    speech = replace(excerpt.speech, wanted=torch.tensor([[wanted]]))
    excerpt = replace(excerpt, speech=speech)

    recall = excerpt.read(
        axis(0)[None], after(word), nowhere(1).expand(1, 2), torch.tensor([untold])
    )

    assert recall.mute is not None
    assert recall.mute[0, 0] == mute
    assert recall.values[0, 0] == HOLA  # what it would have been lent stays with the model


def test_a_remembered_word_is_finished_before_another_is_attended_to() -> None:
    places = [[True, False], [True, False]]
    begins, goes_on = (near(0.6), HOLA, 1, False), (near(0.5), MUNDO, 2, True)
    excerpt = few(begins, goes_on, places=places)

    assert_close(ask(excerpt, 3, attention=1.0).similarity[0, 0], torch.tensor(1.0))
    unfinished = ask(excerpt, 2, attention=1.0).similarity[0, :2]
    assert_close(unfinished, torch.tensor([0.6, 0.5 + THREAD]))


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

    excerpt = CandidateSet.of(
        memory, threads, [torch.tensor([4, 2]), torch.tensor([], dtype=torch.long)]
    )

    assert excerpt.speech.slots.tolist()[0][:2] == [4, 2]
    assert excerpt.speech.values.tolist()[0][:2] == [104, 102]
    assert torch.equal(excerpt.keys.rows[:2], memory.keys[[4, 2]])
    assert excerpt.speech.stems[0, :2].tolist() == threads.stems[[4, 2]].tolist()
    for part in (excerpt.speech.slots, excerpt.speech.values, excerpt.speech.stems):
        assert set(part[1].tolist()) == {EMPTY}


def test_a_mute_entry_is_still_spelt_and_found_where_it_begins_a_word() -> None:
    memory, threads = remembering(9, 1)
    threads.joints.continues_word[100:] = torch.tensor([False] * 7 + [True] * 2)
    chosen, places = [torch.tensor([4, 2, 7])], [torch.tensor([[True], [False], [False]])]

    excerpt = CandidateSet.of(memory, threads, chosen, places)
    recall = excerpt.read(memory.keys[[2]], after(PIECES), nowhere(1))

    assert excerpt.speech.slots.tolist() == [[4, 2]]
    assert torch.equal(excerpt.keys.rows[:2], memory.keys[[4, 2]])
    assert excerpt.asked.values.tolist() == [[104, 102, 107]]
    assert excerpt.asked.stems.tolist() == [threads.stems[chosen[0]].tolist()]
    assert recall.slots[0, :2].tolist() == [2, 4]
    assert recall.mute is not None
    assert recall.mute[0, :2].tolist() == [True, False]


def test_a_word_is_not_said_twice_in_a_row_unless_its_pair_does() -> None:
    memory, threads = remembering(3, 1)
    threads = EntryPrefixes(
        torch.tensor([EMPTY, HOLA, HOLA]),
        torch.full((3,), EMPTY),
        torch.tensor([HOLA, HOLA, MUNDO]),
        plain(torch.zeros(103, dtype=torch.bool)),
    )
    excerpt = CandidateSet.of(memory, threads, [torch.tensor([0, 1, 2])])

    recall = excerpt.read(memory.keys[[0, 0]], after(HOLA, MUNDO), nowhere(2))

    assert recall.mute is not None
    silent = [recall.slots[row][recall.mute[row]].tolist() for row in range(2)]
    assert silent == [[0], [2]]


def test_nor_is_it_ended_so_where_another_word_began_alike() -> None:
    memory, threads = remembering(3, 1)
    inside = torch.tensor([False] * 100 + [True] * 3)
    threads = EntryPrefixes(
        torch.tensor([HOLA, HOLA, HOLA]),
        torch.tensor([EMPTY, MUNDO, EMPTY]),
        torch.tensor([MUNDO, MUNDO, EMPTY]),
        plain(inside),
    )
    excerpt = CandidateSet.of(memory, threads, [torch.tensor([0, 1, 2])])

    recall = excerpt.read(memory.keys[[0]], Prefix(*torch.tensor([[HOLA], [MUNDO]])), nowhere(1))
    unknown = excerpt.read(memory.keys[[0]], after(HOLA), nowhere(1))

    assert recall.mute is not None
    assert recall.slots[recall.mute].tolist() == [0]
    assert unknown.mute is not None
    assert not bool(unknown.mute.any())


def test_selected_sentences_keep_their_entries() -> None:
    memory, threads = remembering(9, 1)
    chosen = drawn(memory, [3, 5, 2], seed=1)
    threads.joints.continues_word[:] = False
    places = [torch.rand(len(own), 7, generator=generator()) < 0.2 for own in chosen]
    close = [torch.rand(len(own), generator=generator()) < 0.5 for own in chosen]
    excerpt = CandidateSet.of(memory, threads, chosen, places, close=close)

    selected = excerpt.select(torch.tensor([2, 0, 2]))

    assert selected.neighbours == excerpt.neighbours
    # three entries are enough for these two
    for name in ("places", "mute"):
        assert torch.equal(getattr(selected, name), getattr(excerpt, name)[[2, 0, 2], :3])
    for one, other in ((selected.speech, excerpt.speech), (selected.asked, excerpt.asked)):
        for name in ("slots", "values", "stems", "before", "words", "close"):
            assert torch.equal(getattr(one, name), getattr(other, name)[[2, 0, 2], :3])
    assert selected.joints is excerpt.joints


def test_what_is_near_teaches_the_queries_and_not_the_entries() -> None:
    memory, threads = remembering(3, 1)
    threads.joints.continues_word[:] = False
    excerpt = CandidateSet.of(memory, threads, [torch.tensor([0, 1, 2])])
    queries = unit_rows(1, 2).requires_grad_()

    recall = excerpt.read(queries, after(PIECES), nowhere(1))
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
    lengths = [random.Random(seed + number).randint(1, 40) for number in range(len(counts))]
    places = [
        torch.rand(len(own), length, generator=generator()) < 0.3
        for own, length in zip(chosen, lengths, strict=True)
    ]
    queries = unit_rows(len(counts) * rows, seed + 1, width=48)
    begun = Prefix(*torch.randint(0, PIECES, (2, len(queries)), generator=generator()))
    heard = torch.arange(max(lengths)) < torch.tensor(lengths).repeat_interleave(rows)[:, None]
    attention = torch.rand(heard.shape, generator=generator()) * heard
    attention /= attention.sum(dim=1, keepdim=True)

    together = CandidateSet.of(memory, threads, chosen, places).read(queries, begun, attention)

    for sentence, slots in enumerate(chosen):
        own = slice(sentence * rows, (sentence + 1) * rows)
        excerpt = CandidateSet.of(memory, threads, [slots], [places[sentence]])
        looked = attention[own, : lengths[sentence]]
        alone = excerpt.read(queries[own], Prefix(*(part[own] for part in begun)), looked)
        assert_same_bits(together, own, alone)


def assert_same_bits(together: Recall, own: slice, alone: Recall) -> None:
    of_sentence = together.at(torch.arange(len(together.slots))[own])
    for field in fields(Recall):
        assert torch.equal(getattr(of_sentence, field.name), getattr(alone, field.name))


@pytest.mark.parametrize("others", [10, 200])
def test_entries_that_are_equally_near_stand_in_the_same_order_in_any_company(others: int) -> None:
    """Two translations of one source begin with the same key."""
    keys = axis(0).repeat(6, 1)
    config = MemoryConfig(slots=6 + others, neighbours=NEIGHBOURS)
    memory = Memory(config, WIDTH, 100)
    memory.write(torch.cat([keys, unit_rows(others, 1)]), torch.arange(6 + others) % 99, None,
                 generator())  # fmt: skip
    unknown = torch.full((6 + others,), EMPTY)
    threads = EntryPrefixes(unknown, unknown, unknown, plain(torch.zeros(100, dtype=torch.bool)))
    same, distraction = torch.arange(6), torch.arange(6, 6 + others)

    alone = CandidateSet.of(memory, threads, [same]).read(axis(0)[None], after(1), nowhere(1))
    together = CandidateSet.of(memory, threads, [same, distraction]).read(
        axis(0).repeat(2, 1), after(1, 1), nowhere(2)
    )

    assert alone.slots[0].tolist() == together.slots[0].tolist()


# Words behind a sign

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


def said(value: int, written: int, stem: int = QUOTE) -> tuple[int, int, bool]:
    """What an entry behind a quotation mark says behind something else, its thread, and whether
    it says anything."""
    slots, unknown = torch.tensor([[0]]), torch.tensor([[EMPTY]])
    speech = Continuations(
        slots,
        torch.tensor([[value]]),
        torch.tensor([[stem]]),
        unknown,
        unknown,
        unknown != EMPTY,
        torch.zeros_like(slots),
        unknown != EMPTY,
        unknown != EMPTY,
        QUOTED,
    )
    excerpt = CandidateSet(PaddedKeys.of(axis(0)[None], slots), speech, None, None, speech, 1)
    recall = ask(excerpt, written)
    assert recall.thread is not None
    assert recall.awaited is QUOTED.opening_punctuation
    return int(recall.values), int(recall.thread), int(recall.slots) != EMPTY


def test_a_word_behind_a_sign_is_said_with_a_space_where_one_is_needed() -> None:
    assert said(WORD, QUOTE) == (WORD, NEXT_WORD, True)  # as in its pair
    assert said(WORD, HOLA) == (SPACED, ELSEWHERE, True)
    assert said(SPACED, QUOTE, stem=HOLA) == (SPACED, ELSEWHERE, True)
    assert said(WORD, QUOTE, stem=6)[2] is False  # from inside a word


def test_a_word_that_has_no_piece_with_a_space_begins_with_one() -> None:
    assert said(BYTE, HOLA) == (SPACE, ELSEWHERE, True)
    assert said(BYTE, SPACE) == (BYTE, SAME_WORD, True)
    assert said(BYTE, QUOTE) == (BYTE, NEXT_WORD, True)
    assert said(WORD, SPACE) == (SPACED, ELSEWHERE, True)

"""A remembered word is written to its end, and not beyond it."""

from dataclasses import replace

import pytest
import torch
from plain_joints import INNER, INSIDE, JOINTS, LAST, OTHER, PIECES, START, word
from torch import Tensor

from rarenmt.decoding.continuation import ENDING, OWED, THREAD, Continuations, Neighbours
from rarenmt.decoding.prefix import Prefix
from rarenmt.memory.memory import EMPTY, SAME_WORD, Recall
from rarenmt.text.tokenizer import BOS


def spoken(stems: Tensor, values: Tensor) -> Continuations:
    """What entries say behind these words, and nothing else is known of them."""
    unknown = torch.full_like(stems, EMPTY)
    slots = torch.arange(stems.numel()).view_as(stems)
    none = unknown != EMPTY
    return Continuations(
        slots, values, stems, unknown, unknown, none, none.long(), none, none, JOINTS
    )


def speech(*entries: tuple[int, int]) -> Continuations:
    """One sentence with entries of what stood before and the piece after it."""
    stems, values = torch.tensor(entries).t()[:, None]
    return spoken(stems, values)


def lost(entries: Continuations, written: int, *, owed: bool = False) -> Tensor:
    """What going on with each piece loses."""
    log_probs = torch.zeros(1, PIECES)
    entries.end_words(log_probs, torch.tensor([written]), torch.tensor([owed]))
    return -log_probs[0]


def test_a_word_that_was_remembered_whole_hardly_goes_on() -> None:
    whole = word(START, INNER)
    entries = speech((BOS, START), (START, INNER), (whole, OTHER))

    assert torch.equal(lost(entries, whole), ENDING * INSIDE)
    assert torch.equal(lost(entries, whole, owed=True), (ENDING + OWED) * INSIDE)
    assert not lost(entries, START).any()  # begun, not whole
    assert not lost(entries, word(START, INNER, INNER)).any()  # another word


def test_a_remembered_word_is_hardly_left_before_its_end() -> None:
    half = word(START, INNER)
    entries = speech((BOS, START), (START, INNER), (half, LAST))

    assert torch.equal(lost(entries, half), ENDING * ~INSIDE)


def test_a_word_of_one_piece_may_go_on_and_so_may_one_that_another_pair_continues() -> None:
    whole = word(START, INNER)

    single = speech((EMPTY, INNER), (START, OTHER))
    longer = speech((whole, INNER), (whole, OTHER))

    assert not lost(single, START).any()
    assert not lost(longer, whole).any()


def test_a_word_of_one_piece_is_kept_whole_where_the_memory_began_it() -> None:
    entries = speech((BOS, START), (START, INNER))

    assert not lost(entries, START).any()
    owed = lost(entries, START, owed=True)
    assert owed[INNER] == 0
    assert owed[START] == OWED + ENDING
    assert owed[LAST] == OWED  # continues a word, but no piece of that pair


def test_each_hypothesis_of_each_sentence_loses_by_its_own_words() -> None:
    whole = word(START, INNER)
    both = spoken(torch.tensor([[whole], [EMPTY]]), torch.tensor([[OTHER], [EMPTY]]))
    log_probs = torch.zeros(4, PIECES)
    written = torch.tensor([START, whole, whole, START])

    both.end_words(log_probs, written, torch.zeros(4, dtype=torch.bool))

    assert log_probs[:, INNER].tolist() == [0, -ENDING, 0, 0]
    assert not log_probs[:, OTHER].any()
    again = torch.zeros(2, PIECES)
    both.select(torch.tensor([1])).end_words(again, written[2:], torch.zeros(2, dtype=torch.bool))
    assert not again.any()


@pytest.mark.parametrize(
    ("bound", "word", "before", "speaks"),
    [
        (0, OTHER, EMPTY, True),
        (1, OTHER, EMPTY, False),  # the word before it is another
        (1, START, EMPTY, True),
        (2, START, EMPTY, False),  # and so is the one before that
        (2, START, OTHER, True),
    ],
)
def test_the_further_words_of_a_term_are_said_only_behind_the_ones_before(
    bound: int, word: int, before: int, *, speaks: bool
) -> None:
    entries = replace(
        spoken(torch.tensor([[START]]), torch.tensor([[LAST + 2]])),
        before=torch.tensor([[OTHER]]),
        bound=torch.tensor([[bound]]),
    )
    begun = Prefix(torch.tensor([[word]]), torch.tensor([[before]]))

    bonus, thread = entries.goes_on(begun)
    one = torch.ones(1, 1)
    near = Neighbours(torch.tensor([[0]]), bonus[0], one, thread[0], torch.tensor([[False]]))
    recall = entries.recall(near, Prefix(begun.word[0], begun.before[0]), 1)

    assert recall.mute is not None
    assert recall.values[0, 0] == LAST + 2  # it is heard, for the gate to know how near it is
    assert bool(recall.mute[0, 0]) != speaks
    assert (thread[0, 0, 0] == SAME_WORD) == (speaks and bound > 0)
    assert (bonus[0, 0, 0] > THREAD) == (speaks and bound > 0)


CAPITAL, SMALL = 4, 5
TWINS = torch.arange(PIECES)
TWINS[[CAPITAL, SMALL]] = torch.tensor([SMALL, CAPITAL])
CASED = replace(JOINTS, case_twin=TWINS)


def recalled(
    stem: int, value: int, written: int, *, alone: bool = True, wanted: bool = False
) -> Recall:
    """What one entry behind this word says behind what is written."""
    one = torch.zeros(1, 1)
    none = torch.full((1, 1), EMPTY)
    words = torch.tensor([[value if alone else value + PIECES]])
    slots, stems, values = torch.tensor([[[0]], [[stem]], [[value]]])
    false = slots > 0
    wants = torch.full_like(false, wanted)
    entry = Continuations(
        slots, values, stems, none, words, false, false.long(), false, wants, CASED
    )
    begun = Prefix(torch.tensor([[written]]), none)
    bonus, thread = entry.goes_on(begun)
    near = Neighbours(slots, bonus[0], one, thread[0], slots > 0)
    return entry.recall(near, Prefix(begun.word[0], none[0]), 1)


@pytest.mark.parametrize(("stem", "value", "written"), [(BOS, CAPITAL, OTHER), (OTHER, SMALL, BOS)])
def test_a_word_that_may_have_another_capital_letter_here_is_left_to_the_model(
    stem: int, value: int, written: int
) -> None:
    recall = recalled(stem, value, written)

    assert recall.values.item() == value  # it is as near as ever, and has nothing to say
    assert recall.mute is not None
    assert bool(recall.mute.all())


@pytest.mark.parametrize(
    ("stem", "value", "written"),
    [(BOS, CAPITAL, BOS), (OTHER, CAPITAL, START), (BOS, OTHER, START)],
)
def test_elsewhere_and_without_another_letter_a_word_speaks(
    stem: int, value: int, written: int
) -> None:
    recall = recalled(stem, value, written)

    assert recall.mute is not None
    assert not recall.mute.any()


def test_so_does_the_beginning_of_a_longer_word() -> None:
    recall = recalled(BOS, CAPITAL, OTHER, alone=False)

    assert recall.mute is not None
    assert not recall.mute.any()


def test_so_does_one_that_translates_a_due_word() -> None:
    recall = recalled(BOS, CAPITAL, OTHER, wanted=True)

    assert recall.mute is not None
    assert not recall.mute.any()


def test_an_entry_goes_on_from_a_word_with_another_capital_letter() -> None:
    def nearer(stem: int, value: int, written: int) -> float:
        return recalled(stem, value, written).similarity.item()

    assert nearer(CAPITAL, OTHER, SMALL) == nearer(SMALL, OTHER, SMALL) == pytest.approx(THREAD)
    assert nearer(OTHER, OTHER, SMALL) == 0
    assert nearer(CAPITAL, INNER, SMALL) == -torch.inf  # within a word it is another one

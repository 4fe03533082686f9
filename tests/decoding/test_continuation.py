"""A remembered word is completed, and not continued beyond its end."""

from dataclasses import replace

import pytest
import torch
from plain_joints import BOUNDARIES, INNER, LAST, OTHER, PIECES, START
from torch import Tensor

from rarenmt.config.decoding import CandidateConfig
from rarenmt.decoding.continuation import CandidateEntries, Neighbours
from rarenmt.decoding.prefix import LastWords
from rarenmt.memory.memory import EMPTY, Continuation, Recall
from rarenmt.text.tokenizer import BOS

CANDIDATES = CandidateConfig()


def entries_after(prefixes: Tensor, values: Tensor) -> CandidateEntries:
    """Entries with these words before them, of which nothing else is known."""
    unknown = torch.full_like(prefixes, EMPTY)
    slots = torch.arange(prefixes.numel()).view_as(prefixes)
    none = unknown != EMPTY
    return CandidateEntries(
        slots, values, prefixes, unknown, unknown, none, none.long(), none, ~none, none, BOUNDARIES
    )


def one_sentence(*entries: tuple[int, int]) -> CandidateEntries:
    """The entries of one sentence: the word before each, and its piece."""
    prefixes, values = torch.tensor(entries).t()[:, None]
    return entries_after(prefixes, values)


@pytest.mark.parametrize(
    ("context_words", "word", "before", "allowed"),
    [
        (0, OTHER, EMPTY, True),
        (1, OTHER, EMPTY, False),  # the word before it is another
        (1, START, EMPTY, True),
        (2, START, EMPTY, False),  # and so is the one before that
        (2, START, OTHER, True),
    ],
)
def test_later_words_of_a_term_need_the_words_before_them(
    context_words: int, word: int, before: int, *, allowed: bool
) -> None:
    entries = replace(
        entries_after(torch.tensor([[START]]), torch.tensor([[LAST + 2]])),
        previous_words=torch.tensor([[OTHER]]),
        context_words=torch.tensor([[context_words]]),
    )
    prefix = LastWords(torch.tensor([[word]]), torch.tensor([[before]]))

    bonus, continuation = entries.match_prefix(prefix, CANDIDATES)
    one = torch.ones(1, 1)
    near = Neighbours(torch.tensor([[0]]), bonus[0], one, continuation[0], torch.tensor([[False]]))
    recall = entries.recall(near, prefix.select(torch.tensor(0)), 1, CANDIDATES.fuzzy_gate_bonus)

    assert recall.blocked is not None
    assert recall.values[0, 0] == LAST + 2  # blocked, but the gate sees its similarity
    assert bool(recall.blocked[0, 0]) != allowed
    assert (continuation[0, 0, 0] == Continuation.SAME_WORD) == (allowed and context_words > 0)
    assert (bonus[0, 0, 0] > CANDIDATES.bigram_bonus) == (allowed and context_words > 0)


CAPITAL, SMALL = 4, 5
TWINS = torch.arange(PIECES)
TWINS[[CAPITAL, SMALL]] = torch.tensor([SMALL, CAPITAL])
CASED = replace(BOUNDARIES, case_twin=TWINS)


def recalled(
    before: int, value: int, written: int, *, alone: bool = True, constrained: bool = False
) -> Recall:
    """Recall one entry, stored after the word `before`, after the word `written`."""
    one = torch.zeros(1, 1)
    none = torch.full((1, 1), EMPTY)
    words = torch.tensor([[value if alone else value + PIECES]])
    slots, prefixes, values = torch.tensor([[[0]], [[before]], [[value]]])
    false = slots > 0
    translates = torch.full_like(false, constrained)
    entry = CandidateEntries(
        slots, values, prefixes, none, words, false, false.long(), false, ~false, translates, CASED
    )
    prefix = LastWords(torch.tensor([[written]]), none)
    bonus, continuation = entry.match_prefix(prefix, CANDIDATES)
    near = Neighbours(slots, bonus[0], one, continuation[0], slots > 0)
    return entry.recall(near, prefix.select(torch.tensor(0)), 1, CANDIDATES.fuzzy_gate_bonus)


@pytest.mark.parametrize(
    ("before", "value", "written"), [(BOS, CAPITAL, OTHER), (OTHER, SMALL, BOS)]
)
def test_a_word_whose_capitalisation_may_be_wrong_here_is_blocked(
    before: int, value: int, written: int
) -> None:
    recall = recalled(before, value, written)

    assert recall.values.item() == value  # recalled, but blocked
    assert recall.blocked is not None
    assert bool(recall.blocked.all())


@pytest.mark.parametrize(
    ("before", "value", "written"),
    [(BOS, CAPITAL, BOS), (OTHER, CAPITAL, START), (BOS, OTHER, START)],
)
def test_a_word_whose_capitalisation_cannot_be_wrong_is_not_blocked(
    before: int, value: int, written: int
) -> None:
    recall = recalled(before, value, written)

    assert recall.blocked is not None
    assert not recall.blocked.any()


def test_the_beginning_of_a_longer_word_is_not_blocked() -> None:
    recall = recalled(BOS, CAPITAL, OTHER, alone=False)

    assert recall.blocked is not None
    assert not recall.blocked.any()


def test_a_word_that_translates_a_constrained_word_is_not_blocked() -> None:
    recall = recalled(BOS, CAPITAL, OTHER, constrained=True)

    assert recall.blocked is not None
    assert not recall.blocked.any()


def test_an_entry_continues_a_word_with_another_capitalisation() -> None:
    def nearer(before: int, value: int, written: int) -> float:
        return recalled(before, value, written).similarity.item()

    assert (
        nearer(CAPITAL, OTHER, SMALL)
        == nearer(SMALL, OTHER, SMALL)
        == pytest.approx(CANDIDATES.bigram_bonus)
    )
    assert nearer(OTHER, OTHER, SMALL) == 0
    assert nearer(CAPITAL, INNER, SMALL) == -torch.inf  # within a word it is another one

"""A remembered word is written to its end, and not beyond it."""

import torch
from plain_joints import INNER, INSIDE, JOINTS, LAST, OTHER, PIECES, START, word
from torch import Tensor

from rarenmt.memory import EMPTY
from rarenmt.speech import ENDING, OWED, Speech
from rarenmt.tokens import BOS


def spoken(stems: Tensor, values: Tensor) -> Speech:
    """What entries say behind these words, and nothing else is known of them."""
    unknown = torch.full_like(stems, EMPTY)
    slots = torch.arange(stems.numel()).view_as(stems)
    return Speech(slots, values, stems, unknown, unknown, unknown != EMPTY, JOINTS)


def speech(*entries: tuple[int, int]) -> Speech:
    """One sentence with entries of what stood before and the piece after it."""
    stems, values = torch.tensor(entries).t()[:, None]
    return spoken(stems, values)


def lost(entries: Speech, written: int, *, owed: bool = False) -> Tensor:
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

"""A remembered word is written to its end, and not beyond it."""

import torch
from plain_joints import plain
from torch import Tensor

from rarenmt.memory import EMPTY
from rarenmt.spelling import ENDING, OWED, Begun, Spelling, spell_pairs
from rarenmt.tokens import BOS

PIECES = 20
START, INNER, LAST, OTHER = 3, 10, 11, 12
INSIDE = torch.zeros(PIECES, dtype=torch.bool)
INSIDE[[INNER, LAST]] = True
JOINTS = plain(INSIDE)


def word(*pieces: int) -> int:
    return int(Begun.all(torch.tensor([BOS, *pieces])[:, None], JOINTS).word[-1])


def spelling(*entries: tuple[int, int]) -> Spelling:
    """One sentence with entries of what stood before and the piece after it."""
    stems, values = torch.tensor(entries).t()[:, None]
    return Spelling(stems, values, JOINTS)


def lost(entries: Spelling, written: int, *, owed: bool = False) -> Tensor:
    """What going on with each piece loses."""
    log_probs = torch.zeros(1, PIECES)
    entries.end_words(log_probs, torch.tensor([written]), torch.tensor([owed]))
    return -log_probs[0]


def test_a_word_is_numbered_by_all_its_pieces_and_the_next_one_begins_anew() -> None:
    pieces = torch.tensor([[START, START], [INNER, LAST], [INNER, INNER], [START, START]])

    begun = Begun.all(torch.cat([torch.full((1, 2), BOS), pieces]), JOINTS)

    assert begun.word[0].tolist() == [BOS, BOS]
    stems = begun.word[1:]
    assert stems[0].tolist() == stems[3].tolist() == [START, START]
    assert stems[1:3].unique().numel() == 4  # the same last piece, yet other words
    assert torch.equal(JOINTS.spell(stems[0], pieces[1], ~INSIDE[pieces[1]]), stems[1])
    before = begun.before
    assert set(before[0].tolist()) == {EMPTY}
    assert set(before[1:4].flatten().tolist()) == {BOS}
    assert torch.equal(before[4], stems[2])  # whole, whatever it was


def test_entries_of_many_pairs_are_spelt_as_one_pair_after_the_other() -> None:
    generator = torch.Generator().manual_seed(1)
    pairs = torch.arange(40).repeat_interleave(torch.arange(40) % 9)
    positions = torch.cat([torch.arange(count % 9) for count in range(40)])
    values = torch.randint(START, PIECES, pairs.shape, generator=generator)

    threads = spell_pairs(values, pairs, positions, JOINTS)

    gaps = torch.rand(pairs.shape, generator=generator) < 0.2
    torn = spell_pairs(values[~gaps], pairs[~gaps], positions[~gaps], JOINTS)
    for pair in pairs.unique().tolist():
        own = pairs == pair
        pieces = values[own]
        begun = Begun.all(torch.cat([torch.tensor([BOS]), pieces])[:, None], JOINTS)
        assert threads.stems[own].tolist() == begun.word[:-1, 0].tolist()
        assert threads.before[own].tolist() == begun.before[:-1, 0].tolist()
    for part, whole in ((torn.stems, threads.stems), (torn.before, threads.before)):
        known = part != EMPTY
        assert torch.equal(part[known], whole[~gaps][known])
        assert 0 < int(known.sum()) < len(known)


def test_a_word_that_was_remembered_whole_hardly_goes_on() -> None:
    whole = word(START, INNER)
    entries = spelling((BOS, START), (START, INNER), (whole, OTHER))

    assert torch.equal(lost(entries, whole), ENDING * INSIDE)
    assert torch.equal(lost(entries, whole, owed=True), (ENDING + OWED) * INSIDE)
    assert not lost(entries, START).any()  # begun, not whole
    assert not lost(entries, word(START, INNER, INNER)).any()  # another word


def test_a_remembered_word_is_hardly_left_before_its_end() -> None:
    half = word(START, INNER)
    entries = spelling((BOS, START), (START, INNER), (half, LAST))

    assert torch.equal(lost(entries, half), ENDING * ~INSIDE)


def test_a_word_of_one_piece_may_go_on_and_so_may_one_that_another_pair_continues() -> None:
    whole = word(START, INNER)

    single = spelling((EMPTY, INNER), (START, OTHER))
    longer = spelling((whole, INNER), (whole, OTHER))

    assert not lost(single, START).any()
    assert not lost(longer, whole).any()


def test_a_word_of_one_piece_is_kept_whole_where_the_memory_began_it() -> None:
    entries = spelling((BOS, START), (START, INNER))

    assert not lost(entries, START).any()
    owed = lost(entries, START, owed=True)
    assert owed[INNER] == 0
    assert owed[START] == OWED + ENDING
    assert owed[LAST] == OWED  # continues a word, but no piece of that pair


def test_each_hypothesis_of_each_sentence_loses_by_its_own_words() -> None:
    whole = word(START, INNER)
    both = Spelling(torch.tensor([[whole], [EMPTY]]), torch.tensor([[OTHER], [EMPTY]]), JOINTS)
    log_probs = torch.zeros(4, PIECES)
    written = torch.tensor([START, whole, whole, START])

    both.end_words(log_probs, written, torch.zeros(4, dtype=torch.bool))

    assert log_probs[:, INNER].tolist() == [0, -ENDING, 0, 0]
    assert not log_probs[:, OTHER].any()
    again = torch.zeros(2, PIECES)
    both.select(torch.tensor([1])).end_words(again, written[2:], torch.zeros(2, dtype=torch.bool))
    assert not again.any()

"""How words are numbered, piece by piece."""

import torch
from plain_joints import INNER, INSIDE, JOINTS, LAST, PIECES, START

from rarenmt.decoding.prefix import Prefix, entry_prefixes
from rarenmt.memory.memory import EMPTY
from rarenmt.text.tokenizer import BOS


def test_a_word_is_numbered_by_all_its_pieces_and_the_next_one_begins_anew() -> None:
    pieces = torch.tensor([[START, START], [INNER, LAST], [INNER, INNER], [START, START]])

    begun = Prefix.all(torch.cat([torch.full((1, 2), BOS), pieces]), JOINTS)

    assert begun.word[0].tolist() == [BOS, BOS]
    stems = begun.word[1:]
    assert stems[0].tolist() == stems[3].tolist() == [START, START]
    assert stems[1:3].unique().numel() == 4  # the same last piece, yet other words
    assert torch.equal(JOINTS.hash_word(stems[0], pieces[1], ~INSIDE[pieces[1]]), stems[1])
    before = begun.before
    assert set(before[0].tolist()) == {EMPTY}
    assert set(before[1:4].flatten().tolist()) == {BOS}
    assert torch.equal(before[4], stems[2])  # whole, whatever it was


def test_entries_of_many_pairs_are_spelt_as_one_pair_after_the_other() -> None:
    generator = torch.Generator().manual_seed(1)
    pairs = torch.arange(40).repeat_interleave(torch.arange(40) % 9)
    positions = torch.cat([torch.arange(count % 9) for count in range(40)])
    values = torch.randint(START, PIECES, pairs.shape, generator=generator)

    threads = entry_prefixes(values, pairs, positions, JOINTS)

    gaps = torch.rand(pairs.shape, generator=generator) < 0.2
    torn = entry_prefixes(values[~gaps], pairs[~gaps], positions[~gaps], JOINTS)
    for pair in pairs.unique().tolist():
        own = pairs == pair
        pieces = values[own]
        begun = Prefix.all(torch.cat([torch.tensor([BOS]), pieces])[:, None], JOINTS)
        assert threads.stems[own].tolist() == begun.word[:-1, 0].tolist()
        assert threads.before[own].tolist() == begun.before[:-1, 0].tolist()
    for part, whole in ((torn.stems, threads.stems), (torn.before, threads.before)):
        known = part != EMPTY
        assert torch.equal(part[known], whole[~gaps][known])
        assert 0 < int(known.sum()) < len(known)

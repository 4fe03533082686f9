"""Words are hashed piece by piece."""

import torch
from plain_joints import BOUNDARIES, INNER, INSIDE, LAST, PIECES, START

from rarenmt.decoding.prefix import LastWords, entry_prefixes
from rarenmt.memory.memory import EMPTY
from rarenmt.text.tokenizer import BOS


def test_a_word_is_hashed_from_all_its_pieces_and_the_next_one_starts_anew() -> None:
    pieces = torch.tensor([[START, START], [INNER, LAST], [INNER, INNER], [START, START]])

    prefix = LastWords.from_inputs(torch.cat([torch.full((1, 2), BOS), pieces]), BOUNDARIES)

    assert prefix.word[0].tolist() == [BOS, BOS]
    words = prefix.word[1:]
    assert words[0].tolist() == words[3].tolist() == [START, START]
    assert words[1:3].unique().numel() == 4  # the same last piece, yet other words
    assert torch.equal(BOUNDARIES.hash_word(words[0], pieces[1], ~INSIDE[pieces[1]]), words[1])
    before = prefix.previous_word
    assert set(before[0].tolist()) == {EMPTY}
    assert set(before[1:4].flatten().tolist()) == {BOS}
    assert torch.equal(before[4], words[2])  # whole, whatever it was


def test_entries_of_many_pairs_are_hashed_as_those_of_each_pair_alone() -> None:
    generator = torch.Generator().manual_seed(1)
    pairs = torch.arange(40).repeat_interleave(torch.arange(40) % 9)
    positions = torch.cat([torch.arange(count % 9) for count in range(40)])
    values = torch.randint(START, PIECES, pairs.shape, generator=generator)

    whole_pairs = entry_prefixes(values, pairs, positions, BOUNDARIES)

    gaps = torch.rand(pairs.shape, generator=generator) < 0.2
    torn = entry_prefixes(values[~gaps], pairs[~gaps], positions[~gaps], BOUNDARIES)
    for pair in pairs.unique().tolist():
        own = pairs == pair
        pieces = values[own]
        prefix = LastWords.from_inputs(
            torch.cat([torch.tensor([BOS]), pieces])[:, None], BOUNDARIES
        )
        assert whole_pairs.prefixes[own].tolist() == prefix.word[:-1, 0].tolist()
        assert whole_pairs.previous_words[own].tolist() == prefix.previous_word[:-1, 0].tolist()
    for part, expected in (
        (torn.prefixes, whole_pairs.prefixes),
        (torn.previous_words, whole_pairs.previous_words),
    ):
        known = part != EMPTY
        assert torch.equal(part[known], expected[~gaps][known])
        assert 0 < int(known.sum()) < len(known)

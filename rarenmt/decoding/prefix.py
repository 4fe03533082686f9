"""How remembered words are spelt, piece by piece.

Shapes: N slots · B sentences · T pieces of them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from rarenmt.memory.memory import EMPTY
from rarenmt.text.tokenizer import BOS
from rarenmt.text.words import WordBoundaries


class Prefix(NamedTuple):
    """How far some texts have come, whatever their shape (…)."""

    word: Tensor
    """(…,) the word begun so far, as `WordBoundaries.hash_word` numbers it."""
    before: Tensor
    """(…,) the word before it; EMPTY where there is none or it is unknown."""

    @classmethod
    def nothing(cls, like: Tensor) -> "Prefix":
        """Nothing is written yet."""
        return cls(torch.full_like(like, BOS), torch.full_like(like, EMPTY))

    def goes_on(self, pieces: Tensor, joints: WordBoundaries) -> "Prefix":
        """After one more piece (…,)."""
        begin = joints.starts_word(pieces, self.word)
        before = torch.where(begin, self.word, self.before)
        return Prefix(joints.hash_word(self.word, pieces, begin), before)

    def at(self, rows: Tensor) -> "Prefix":
        """Some of the texts."""
        return Prefix(self.word[rows], self.before[rows])

    def by_sentence(self) -> "Prefix":
        """Of texts (T, B) all that one comes to, then the next (B·T,)."""
        return Prefix(self.word.t().flatten(), self.before.t().flatten())

    @classmethod
    def all(cls, inputs: Tensor, joints: WordBoundaries) -> "Prefix":
        """(T, B) after each of the decoder's inputs (T, B), of which the first are BOS."""
        begun = [cls.nothing(inputs[0])]
        for pieces in inputs[1:]:
            begun.append(begun[-1].goes_on(pieces, joints))
        words, before = zip(*begun, strict=True)
        return cls(torch.stack(words), torch.stack(before))


def entry_prefixes(
    values: Tensor, pairs: Tensor, positions: Tensor, joints: WordBoundaries
) -> "EntryPrefixes":
    """The words of N entries in the order of their pairs and of their positions in them (N,); of
    what an entry between them would have told, nothing is known. One position of all pairs is
    spelt after the other."""
    joined = torch.zeros_like(pairs, dtype=torch.bool)
    joined[1:] = (pairs[1:] == pairs[:-1]) & (positions[1:] == positions[:-1] + 1)
    begun = Prefix(torch.full_like(pairs, EMPTY), torch.full_like(pairs, EMPTY))
    begun.word[positions == 0] = BOS
    steps = list(_by_position(positions, joined))
    for places in steps:
        piece = values[places - 1]
        after = begun.at(places - 1).goes_on(piece, joints)
        known = (begun.word[places - 1] != EMPTY) | ~joints.continues_word[piece]
        begun.word[places] = after.word.where(known, EMPTY)
        begun.before[places] = after.before.where(known, EMPTY)
    begin = joints.starts_word(values, begun.word)
    torn = ~begin & (begun.word == EMPTY)
    words = joints.hash_word(begun.word, values, begin).masked_fill(torn, EMPTY)
    for places in reversed(steps):
        further = places[~begin[places]]
        words[further - 1] = words[further]
    return EntryPrefixes(begun.word, begun.before, words, joints)


@dataclass(frozen=True)
class EntryPrefixes:
    """What stood before the entry of each slot."""

    stems: Tensor
    """(N,) the word begun before it in its pair, as `WordBoundaries.hash_word` has it; EMPTY
    where unknown."""
    before: Tensor
    """(N,) the word before that one; EMPTY where unknown."""
    words: Tensor
    """(N,) the whole word that it belongs to, numbered likewise; EMPTY where unknown."""
    joints: WordBoundaries

    def at(self, rows: Tensor) -> "EntryPrefixes":
        """The same for some of the entries."""
        return EntryPrefixes(self.stems[rows], self.before[rows], self.words[rows], self.joints)

    def to(self, device: torch.device) -> "EntryPrefixes":
        """The same on a device."""
        parts = (self.stems, self.before, self.words)
        stems, before, words = (part.to(device) for part in parts)
        return EntryPrefixes(stems, before, words, self.joints.to(device))


def _by_position(position: Tensor, joined: Tensor) -> Iterator[Tensor]:
    """The places that follow another one of their pair: all first ones, all second ones, …"""
    places = joined.nonzero()[:, 0]
    places = places[position[places].argsort(stable=True)]
    _, counts = position[places].unique_consecutive(return_counts=True)
    yield from places.split(counts.tolist())

"""How remembered words are spelt, piece by piece, and where they end.

Shapes: B sentences · A entries of a sentence · N slots · R rows a sentence · V pieces.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from rarenmt.memory import EMPTY
from rarenmt.tokens import BOS

SPELL = 1_000_003
"""Multiplier of the rolling hash over the pieces of a word."""

ENDING = 3.0
"""Nats that going on with a word loses when the remembered word ends there, and that leaving it
loses when the remembered one goes on."""

OWED = 6.0
"""Nats more that anything but its next piece loses while a word is unfinished that the memory began
and has written so far; and that going on with it loses when it has come to its end."""


def spell(stems: Tensor, pieces: Tensor, inside: Tensor) -> Tensor:
    """The word begun so far, as a number, after one more piece.

    A piece that starts a word is its own number; one from inside is hashed into the number of
    what stood before it. inside (V,) tells them apart.
    """
    return torch.where(inside[pieces], stems * SPELL + pieces, pieces)


class Begun(NamedTuple):
    """How far some texts have come, whatever their shape (…)."""

    word: Tensor
    """(…,) the word begun so far, as `spell` numbers it."""
    before: Tensor
    """(…,) the word before it; EMPTY where there is none or it is unknown."""

    @classmethod
    def nothing(cls, like: Tensor) -> "Begun":
        """Nothing is written yet."""
        return cls(torch.full_like(like, BOS), torch.full_like(like, EMPTY))

    def goes_on(self, pieces: Tensor, inside: Tensor) -> "Begun":
        """After one more piece (…,)."""
        before = torch.where(inside[pieces], self.before, self.word)
        return Begun(spell(self.word, pieces, inside), before)

    def at(self, rows: Tensor) -> "Begun":
        """Some of the texts."""
        return Begun(self.word[rows], self.before[rows])

    def by_sentence(self) -> "Begun":
        """Of texts (T, B) all that one comes to, then the next (B·T,)."""
        return Begun(self.word.t().flatten(), self.before.t().flatten())

    @classmethod
    def all(cls, inputs: Tensor, inside: Tensor) -> "Begun":
        """(T, B) after each of the decoder's inputs (T, B), of which the first are BOS."""
        begun = [cls.nothing(inputs[0])]
        for pieces in inputs[1:]:
            begun.append(begun[-1].goes_on(pieces, inside))
        words, before = zip(*begun, strict=True)
        return cls(torch.stack(words), torch.stack(before))


def spell_pairs(values: Tensor, pairs: Tensor, positions: Tensor, inside: Tensor) -> "Threads":
    """The words of N entries in the order of their pairs and of their positions in them (N,); of
    what an entry between them would have told, nothing is known. One position of all pairs is
    spelt after the other."""
    joined = torch.zeros_like(pairs, dtype=torch.bool)
    joined[1:] = (pairs[1:] == pairs[:-1]) & (positions[1:] == positions[:-1] + 1)
    begun = Begun(torch.full_like(pairs, EMPTY), torch.full_like(pairs, EMPTY))
    begun.word[positions == 0] = BOS
    steps = list(_by_position(positions, joined))
    for places in steps:
        piece = values[places - 1]
        after = begun.at(places - 1).goes_on(piece, inside)
        known = (begun.word[places - 1] != EMPTY) | ~inside[piece]
        begun.word[places] = after.word.where(known, EMPTY)
        begun.before[places] = after.before.where(known, EMPTY)
    torn = inside[values] & (begun.word == EMPTY)
    words = spell(begun.word, values, inside).masked_fill(torn, EMPTY)
    for places in reversed(steps):
        further = places[inside[values[places]]]
        words[further - 1] = words[further]
    return Threads(begun.word, begun.before, words, inside)


@dataclass(frozen=True)
class Threads:
    """What stood before the entry of each slot."""

    stems: Tensor
    """(N,) the word begun before it in its pair, as `spell` numbers it; EMPTY where unknown."""
    before: Tensor
    """(N,) the word before that one; EMPTY where unknown."""
    words: Tensor
    """(N,) the whole word that it belongs to, numbered likewise; EMPTY where unknown."""
    inside: Tensor
    """(V,) whether a piece continues a word."""

    def at(self, rows: Tensor) -> "Threads":
        """The same for some of the entries."""
        return Threads(self.stems[rows], self.before[rows], self.words[rows], self.inside)


@dataclass(frozen=True)
class Spelling:
    """The words that the sentences of a batch may take from the memory."""

    stems: Tensor
    """(B, A) what stood before each entry, as in `Threads`."""
    values: Tensor
    """(B, A) the piece it holds; EMPTY where a sentence has fewer."""
    inside: Tensor
    """(V,) as in `Threads`."""

    def select(self, sentences: Tensor) -> "Spelling":
        """The same for some of the sentences."""
        return replace(self, stems=self.stems[sentences], values=self.values[sentences])

    def end_words(self, log_probs: Tensor, written: Tensor, owed: Tensor) -> None:
        """Make it unlikely, in log_probs (B·R, V), to go on with a word that is written as it was
        remembered, or to leave one before its end; of words with one piece so far only those that
        are `owed` (B·R,) to the memory, for others only happen to begin alike."""
        follows = self.stems[:, None] == written.view(len(self.stems), -1, 1)  # (B, R, A)
        further = (follows & self._continue[:, None]).flatten(0, 1)
        goes_on = further.any(dim=-1)
        ends = (follows & ~self._continue[:, None]).any(dim=-1).flatten()
        spelt = (written < 0) | (written >= len(self.inside)) | owed
        going_on, going_on_owed, leaving, anything = self._lost
        _subtract(log_probs, ends & ~goes_on & spelt, going_on)
        _subtract(log_probs, ends & ~goes_on & owed, going_on_owed)
        _subtract(log_probs, goes_on & ~ends & spelt, leaving)
        unfinished = goes_on & ~ends & owed
        rows, entries = (further & unfinished[:, None]).nonzero().unbind(1)
        nexts = self.values[rows // follows.shape[1], entries]
        kept = log_probs[rows, nexts]
        _subtract(log_probs, unfinished, anything)
        log_probs[rows, nexts] = kept

    @cached_property
    def _lost(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """(V,) each: nats that pieces lose which go on with a word, the same if it is owed to the
        memory, which leave it, and all."""
        inside = self.inside.float()
        anything = torch.full_like(inside, OWED)
        return ENDING * inside, OWED * inside, ENDING * (1 - inside), anything

    @cached_property
    def _continue(self) -> Tensor:
        """(B, A) whether an entry continues a word."""
        return self.inside[self.values.clamp(min=0)]


def _by_position(position: Tensor, joined: Tensor) -> Iterator[Tensor]:
    """The places that follow another one of their pair: all first ones, all second ones, …"""
    places = joined.nonzero()[:, 0]
    places = places[position[places].argsort(stable=True)]
    _, counts = position[places].unique_consecutive(return_counts=True)
    yield from places.split(counts.tolist())


def _subtract(log_probs: Tensor, rows: Tensor, lost: Tensor) -> None:
    """Take (V,) from log_probs (N, V) in the rows (N,) that are true."""
    rows = rows.nonzero()[:, 0]
    if len(rows):
        log_probs.index_add_(0, rows, lost.to(log_probs.dtype).expand(len(rows), -1), alpha=-1)

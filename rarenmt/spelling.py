"""How remembered words are spelt, piece by piece, and where they end.

Shapes: B sentences · A entries of a sentence · N slots · R rows a sentence · V pieces.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from rarenmt.joints import Joints
from rarenmt.memory import EMPTY
from rarenmt.tokens import BOS

ENDING = 3.0
"""Nats that going on with a word loses when the remembered word ends there, and that leaving it
loses when the remembered one goes on."""

OWED = 6.0
"""Nats more that anything but its next piece loses while a word is unfinished that the memory began
and has written so far; and that going on with it loses when it has come to its end."""


class Begun(NamedTuple):
    """How far some texts have come, whatever their shape (…)."""

    word: Tensor
    """(…,) the word begun so far, as `Joints.spell` numbers it."""
    before: Tensor
    """(…,) the word before it; EMPTY where there is none or it is unknown."""

    @classmethod
    def nothing(cls, like: Tensor) -> "Begun":
        """Nothing is written yet."""
        return cls(torch.full_like(like, BOS), torch.full_like(like, EMPTY))

    def goes_on(self, pieces: Tensor, joints: Joints) -> "Begun":
        """After one more piece (…,)."""
        begin = joints.begin(pieces, self.word)
        before = torch.where(begin, self.word, self.before)
        return Begun(joints.spell(self.word, pieces, begin), before)

    def at(self, rows: Tensor) -> "Begun":
        """Some of the texts."""
        return Begun(self.word[rows], self.before[rows])

    def by_sentence(self) -> "Begun":
        """Of texts (T, B) all that one comes to, then the next (B·T,)."""
        return Begun(self.word.t().flatten(), self.before.t().flatten())

    @classmethod
    def all(cls, inputs: Tensor, joints: Joints) -> "Begun":
        """(T, B) after each of the decoder's inputs (T, B), of which the first are BOS."""
        begun = [cls.nothing(inputs[0])]
        for pieces in inputs[1:]:
            begun.append(begun[-1].goes_on(pieces, joints))
        words, before = zip(*begun, strict=True)
        return cls(torch.stack(words), torch.stack(before))


def spell_pairs(values: Tensor, pairs: Tensor, positions: Tensor, joints: Joints) -> "Threads":
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
        after = begun.at(places - 1).goes_on(piece, joints)
        known = (begun.word[places - 1] != EMPTY) | ~joints.inside[piece]
        begun.word[places] = after.word.where(known, EMPTY)
        begun.before[places] = after.before.where(known, EMPTY)
    begin = joints.begin(values, begun.word)
    torn = ~begin & (begun.word == EMPTY)
    words = joints.spell(begun.word, values, begin).masked_fill(torn, EMPTY)
    for places in reversed(steps):
        further = places[~begin[places]]
        words[further - 1] = words[further]
    return Threads(begun.word, begun.before, words, joints)


@dataclass(frozen=True)
class Threads:
    """What stood before the entry of each slot."""

    stems: Tensor
    """(N,) the word begun before it in its pair, as `Joints.spell` has it; EMPTY where unknown."""
    before: Tensor
    """(N,) the word before that one; EMPTY where unknown."""
    words: Tensor
    """(N,) the whole word that it belongs to, numbered likewise; EMPTY where unknown."""
    joints: Joints

    def at(self, rows: Tensor) -> "Threads":
        """The same for some of the entries."""
        return Threads(self.stems[rows], self.before[rows], self.words[rows], self.joints)


@dataclass(frozen=True)
class Spelling:
    """The words that the sentences of a batch may take from the memory."""

    stems: Tensor
    """(B, A) what stood before each entry, as in `Threads`."""
    values: Tensor
    """(B, A) the piece it holds; EMPTY where a sentence has fewer."""
    joints: Joints

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
        ends &= ~self.joints.closed(written)
        spelt = (written < 0) | (written >= len(self.joints.inside)) | owed
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
        inside = self.joints.inside.float()
        anything = torch.full_like(inside, OWED)
        return ENDING * inside, OWED * inside, ENDING * (1 - inside), anything

    @cached_property
    def _continue(self) -> Tensor:
        """(B, A) whether an entry continues a word."""
        return ~self.joints.begin(self.values.clamp(min=0), self.stems)


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

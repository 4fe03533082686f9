"""The entries of a memory that have something to do with a sentence, and their threads.

A sentence asks only the remembered pairs that `relevance` found for it, so that nothing
unrelated leaks in and the cost does not grow with the memory. An entry knows what had been
written of its word before it: one from inside a word speaks only right there, so that a
remembered word neither starts in the middle nor loses its end.

Shapes: B sentences · M entries of a sentence · N slots · R rows a sentence · K neighbours ·
D width of a key.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from rarenmt.memory import EMPTY, Memory, Recall

ELSEWHERE, NEXT_WORD, SAME_WORD = 0, 1, 2
"""How an entry goes on from the word written so far."""

THREAD = 0.1
"""By how much an entry is nearer when the word before it, or its beginning, was just written."""

SPELL = 1_000_003
"""Multiplier of the rolling hash over the pieces of a word."""

ENDING = 3.0
"""Nats that going on with a word loses when the remembered word ends there, and that leaving it
loses when the remembered one goes on."""

UNFINISHED = 6.0
"""Nats more that anything but its next piece loses while a word is unfinished that the memory began
and has written so far."""


def spell(stems: Tensor, pieces: Tensor, inside: Tensor) -> Tensor:
    """The word begun so far, as a number, after one more piece.

    A piece that starts a word is its own number; one from inside is hashed into the number of
    what stood before it. inside (V,) tells them apart.
    """
    return torch.where(inside[pieces], stems * SPELL + pieces, pieces)


def spell_all(pieces: Tensor, inside: Tensor) -> Tensor:
    """The word begun so far after each of the pieces (T, B)."""
    stems = [pieces[0]]
    for step in pieces[1:]:
        stems.append(spell(stems[-1], step, inside))
    return torch.stack(stems)


@dataclass(frozen=True)
class Threads:
    """What stood before the entry of each slot."""

    stems: Tensor
    """(N,) the word begun before it in its pair, as `spell` numbers it; EMPTY where unknown."""
    inside: Tensor
    """(V,) whether a piece continues a word."""


@dataclass(frozen=True)
class Excerpt:
    """The entries that each sentence of a batch may ask."""

    keys: Tensor
    """(B, M, D) in float32"""
    slots: Tensor
    """(B, M), EMPTY where a sentence has fewer."""
    values: Tensor
    """(B, M)"""
    stems: Tensor
    """(B, M) as in `Threads`."""
    mute: Tensor
    """(B, M) whether an entry has nothing to say in this sentence; it still ends its word."""
    inside: Tensor
    """(V,) as in `Threads`."""
    neighbours: int

    @classmethod
    def of(
        cls,
        memory: Memory,
        threads: Threads,
        chosen: Sequence[Tensor],
        mute: Sequence[Tensor] | None = None,
    ) -> "Excerpt":
        """The entries in the chosen slots (≤ M,) of each sentence, and which of them are mute."""
        device = memory.values.device
        slots = torch.full((len(chosen), max(1, *map(len, chosen))), EMPTY)
        muted = torch.zeros_like(slots, dtype=torch.bool)
        for number, some in enumerate(chosen):
            slots[number, : len(some)] = some
            if mute is not None:
                muted[number, : len(some)] = mute[number]
        slots = slots.to(device)
        there, at = slots != EMPTY, slots.clamp(min=0)
        return cls(
            memory.keys.index_select(0, at.flatten()).float().view(*at.shape, -1),
            slots,
            memory.values[at].where(there, EMPTY),
            threads.stems.to(device)[at].where(there, EMPTY),
            muted.to(device),
            threads.inside.to(device),
            memory.config.neighbours,
        )

    def select(self, sentences: Tensor) -> "Excerpt":
        """The same for some of the sentences."""
        return replace(
            self,
            keys=self.keys.index_select(0, sentences),
            slots=self.slots[sentences],
            values=self.values[sentences],
            stems=self.stems[sentences],
            mute=self.mute[sentences],
        )

    def read(self, queries: Tensor, written: Tensor) -> Recall:
        """The neighbours of queries (B·R, D), R for each sentence in turn, where the words
        `written` (B·R,) have been begun; an entry that goes on from there is nearer by THREAD."""
        sentences, entries, width = self.keys.shape
        with torch.autocast(queries.device.type, enabled=False):
            queries = queries.float()
            with torch.no_grad():
                grouped = queries.view(sentences, -1, width)
                bonus, thread = self._threads(written)
                if entries <= self.neighbours:  # all of them are: no need to look
                    found = torch.arange(entries, device=bonus.device).expand_as(bonus)
                else:
                    coarse = torch.bmm(grouped, self.keys.transpose(1, 2)) + bonus  # (B, R, M)
                    found = _first(coarse, self.neighbours).sort(dim=-1).values
            first = entries * torch.arange(sentences, device=found.device)[:, None, None]
            places = (found + first).flatten(0, 1)  # (B·R, K) among the entries of all sentences
            found = found.flatten(0, 1)
            # Not `keys[…]`, which is four times as slow.
            nearest = self.keys.flatten(0, 1).index_select(0, places.flatten())
            # Not a matrix product: a sum gives the same bits in whatever company.
            similarity = (queries[:, None] * nearest.view(*places.shape, width)).sum(dim=-1)
            similarity = similarity + bonus.flatten(0, 1).gather(1, found)
        order = _first(similarity, similarity.shape[1])
        similarity, found, places = (x.gather(1, order) for x in (similarity, found, places))
        slots, values = (part.take(places) for part in (self.slots, self.values))
        thread = thread.flatten(0, 1).gather(1, found)
        silent = similarity.isneginf()
        missing = (0, self.neighbours - similarity.shape[1])
        return Recall(
            F.pad(slots.masked_fill(silent, EMPTY), missing, value=EMPTY),
            F.pad(values.masked_fill(silent, EMPTY), missing, value=EMPTY),
            F.pad(similarity, missing, value=-torch.inf),
            F.pad(thread, missing),
        )

    def end_words(self, log_probs: Tensor, written: Tensor, owed: Tensor) -> None:
        """Make it unlikely, in log_probs (B·R, V), to go on with a word that is written as it was
        remembered, or to leave one before its end; of words with one piece so far only those that
        are `owed` (B·R,) to the memory, for others only happen to begin alike."""
        spelt = (written < 0) | (written >= len(self.inside)) | owed
        follows, inside = self._following(written)
        goes_on, ends = (follows & inside).any(dim=-1), (follows & ~inside).any(dim=-1)
        going_on, leaving, anything = self._lost
        _subtract(log_probs, (ends & ~goes_on).flatten() & spelt, going_on)
        _subtract(log_probs, (goes_on & ~ends).flatten() & spelt, leaving)
        unfinished = (goes_on & ~ends).flatten() & owed
        rows, entries = ((follows & inside).flatten(0, 1) & unfinished[:, None]).nonzero().unbind(1)
        nexts = self.values[rows // follows.shape[1], entries]
        kept = log_probs[rows, nexts]
        _subtract(log_probs, unfinished, anything)
        log_probs[rows, nexts] = kept

    def _threads(self, written: Tensor) -> tuple[Tensor, Tensor]:
        """What is added to the similarities, and how each entry goes on (B, R, M)."""
        follows, inside = self._following(written)
        silent = ((self.values == EMPTY) | self.mute)[:, None] | (inside & ~follows)
        bonus = (THREAD * follows.float()).masked_fill(silent, -torch.inf)
        thread = torch.where(follows, torch.where(inside, SAME_WORD, NEXT_WORD), ELSEWHERE)
        return bonus, thread

    def _following(self, written: Tensor) -> tuple[Tensor, Tensor]:
        """Which entries go on from the words written so far (B·R,), and which are from inside a
        word; both (B, R, M)."""
        follows = self.stems[:, None] == written.view(len(self.stems), -1, 1)
        return follows, self._entries_inside[:, None].expand_as(follows)

    @cached_property
    def _lost(self) -> tuple[Tensor, Tensor, Tensor]:
        """(V,) each: nats that pieces lose which go on with a word, which leave it, and all."""
        inside = self.inside.float()
        return ENDING * inside, ENDING * (1 - inside), torch.full_like(inside, UNFINISHED)

    @cached_property
    def _entries_inside(self) -> Tensor:
        """(B, M) whether an entry continues a word."""
        return self.inside[self.values.clamp(min=0)]


def _subtract(log_probs: Tensor, rows: Tensor, lost: Tensor) -> None:
    """Take (V,) from log_probs (N, V) in the rows (N,) that are true."""
    rows = rows.nonzero()[:, 0]
    if len(rows):
        log_probs.index_add_(0, rows, lost.to(log_probs.dtype).expand(len(rows), -1), alpha=-1)


def _first(numbers: Tensor, k: int) -> Tensor:
    """Places (…, k) of the largest numbers of each row, the first of equals first."""
    return numbers.sort(dim=-1, descending=True, stable=True).indices[..., :k]

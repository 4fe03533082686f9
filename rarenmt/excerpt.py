"""The entries of a memory that have something to do with a sentence, and their threads.

A sentence asks only the remembered pairs that `relevance` found for it, so that nothing
unrelated leaks in and the cost does not grow with the memory. An entry knows what had been
written of its word before it: one from inside a word speaks only right there, so that a
remembered word neither starts in the middle nor loses its end. Nor is it said twice in a row,
unless its pair does so.

Shapes: B sentences · M entries of a sentence that may speak · R rows a sentence · K neighbours ·
D width of a key.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from rarenmt.memory import EMPTY, Memory, Recall
from rarenmt.ragged import RaggedKeys
from rarenmt.spelling import Spelling, Threads

ELSEWHERE, NEXT_WORD, SAME_WORD = 0, 1, 2
"""How an entry goes on from the word written so far."""

THREAD = 0.1
"""By how much an entry is nearer when the word before it, or its beginning, was just written."""

HEARD = 8
"""Neighbours of a query, at most: of 64 translations with 100,000 entries to ask, none changes
with sixteen, and seven do with four."""


@dataclass(frozen=True)
class Excerpt:
    """The entries that each sentence of a batch may ask."""

    keys: RaggedKeys
    """In float32."""
    slots: Tensor
    """(B, M), EMPTY where a sentence has fewer; those come last."""
    values: Tensor
    """(B, M)"""
    stems: Tensor
    """(B, M) as in `Threads`."""
    words: Tensor
    """(B, M) as in `Threads`."""
    mute: Tensor
    """(B, M) which have nothing to say in their sentence."""
    spelling: Spelling
    """Of their words, and of those that have nothing to say in a sentence."""
    neighbours: int

    @classmethod
    def of(
        cls,
        memory: Memory,
        threads: Threads,
        chosen: Sequence[Tensor],
        mute: Sequence[Tensor] | None = None,
    ) -> "Excerpt":
        """The entries in the chosen slots (≤ A,) of each sentence. Those that are mute have nothing
        to say in it, but still end their words; and where one that begins a word is the nearest,
        the memory has nothing to say."""
        device = memory.values.device
        inside = threads.inside.to(device)
        mute = mute or [torch.zeros(len(slots), dtype=torch.bool) for slots in chosen]
        near = [
            ~quiet | ~inside[memory.values[slots.to(device)]].cpu()
            for slots, quiet in zip(chosen, mute, strict=True)
        ]
        slots = _pad([own[n] for own, n in zip(chosen, near, strict=True)]).to(device)
        quiet = _pad([own[n].long() for own, n in zip(mute, near, strict=True)]).to(device)
        all_slots, stems = _pad(chosen).to(device), threads.stems.to(device)
        values = _look_up(memory.values, all_slots)
        return cls(
            RaggedKeys.of(memory.keys, slots),
            slots,
            _look_up(memory.values, slots),
            _look_up(stems, slots),
            _look_up(threads.words.to(device), slots),
            quiet > 0,
            Spelling(_look_up(stems, all_slots), values, inside),
            min(memory.config.neighbours, HEARD),
        )

    @property
    def inside(self) -> Tensor:
        """(V,) whether a piece continues a word."""
        return self.spelling.inside

    def select(self, sentences: Tensor) -> "Excerpt":
        """The same for some of the sentences."""
        slots = self.slots[sentences]
        longest = max(1, int((slots != EMPTY).sum(dim=1).max())) if len(slots) else 1
        return replace(
            self,
            keys=self.keys.select(sentences),
            slots=slots[:, :longest],
            values=self.values[sentences, :longest],
            stems=self.stems[sentences, :longest],
            words=self.words[sentences, :longest],
            mute=self.mute[sentences, :longest],
            spelling=self.spelling.select(sentences),
        )

    def read(self, queries: Tensor, written: Tensor) -> Recall:
        """The neighbours of queries (B·R, D), R for each sentence in turn, where the words
        `written` (B·R,) have been begun; an entry that goes on from there is nearer by THREAD."""
        sentences, entries = self.slots.shape
        with torch.autocast(queries.device.type, enabled=False):
            queries = queries.float()
            with torch.no_grad():
                grouped = queries.view(sentences, -1, queries.shape[1])
                bonus, thread = self._threads(written.view(sentences, -1))
                if entries <= self.neighbours:  # all of them are: no need to look
                    found = torch.arange(entries, device=bonus.device).expand_as(bonus)
                else:
                    coarse = self.keys.products(grouped, entries) + bonus  # (B, R, M)
                    found = _first(coarse, self.neighbours).sort(dim=-1).values
            rows = (found + self.keys.starts[:, None, None]).flatten(0, 1)  # (B·R, K)
            first = entries * torch.arange(sentences, device=found.device)[:, None, None]
            places = (found + first).flatten(0, 1)  # among the entries of all sentences
            found = found.flatten(0, 1)
            # Not `rows[…]`, which is four times as slow.
            nearest = self.keys.rows.index_select(0, rows.flatten()).view(*rows.shape, -1)
            # Not a matrix product: a sum gives the same bits in whatever company.
            similarity = (queries[:, None] * nearest).sum(dim=-1)
            similarity = similarity + bonus.flatten(0, 1).gather(1, found)
        order = _first(similarity, similarity.shape[1])
        similarity, found, places = (x.gather(1, order) for x in (similarity, found, places))
        slots, values = (part.take(places) for part in (self.slots, self.values))
        thread = thread.flatten(0, 1).gather(1, found)
        again = (self.words.take(places) == written[:, None]) & (thread == ELSEWHERE)
        again &= ~self.inside[values.clamp(min=0)]
        silent = similarity.isneginf()
        missing = (0, self.neighbours - similarity.shape[1])
        return Recall(
            F.pad(slots.masked_fill(silent, EMPTY), missing, value=EMPTY),
            F.pad(values.masked_fill(silent, EMPTY), missing, value=EMPTY),
            F.pad(similarity, missing, value=-torch.inf),
            F.pad(thread, missing),
            F.pad(self.mute.take(places) | again, missing),
        )

    def _threads(self, written: Tensor) -> tuple[Tensor, Tensor]:
        """What is added to the similarities where the words written (B, R) have been begun, and
        how each entry goes on from there; both (B, R, M)."""
        follows = self.stems[:, None] == written[:, :, None]
        silent = (self.values == EMPTY)[:, None] | (self._continue[:, None] & ~follows)
        bonus = (THREAD * follows.float()).masked_fill(silent, -torch.inf)
        onwards = torch.where(self._continue, SAME_WORD, NEXT_WORD)[:, None]
        return bonus, follows * onwards  # ELSEWHERE is 0

    @cached_property
    def _continue(self) -> Tensor:
        """(B, M) whether an entry continues a word."""
        return self.inside[self.values.clamp(min=0)]


def _pad(rows: Sequence[Tensor]) -> Tensor:
    """The rows of slots side by side (B, the longest), at least one wide, filled up with EMPTY."""
    longest = max(1, *map(len, rows))
    return torch.stack([F.pad(row, (0, longest - len(row)), value=EMPTY) for row in rows])


def _look_up(table: Tensor, slots: Tensor) -> Tensor:
    """What a table (N,) holds of the slots, EMPTY where there is none."""
    return table[slots.clamp(min=0)].where(slots != EMPTY, EMPTY)


def _first(numbers: Tensor, k: int) -> Tensor:
    """Places (…, k) of the largest numbers of each row, the first of equals first."""
    return numbers.sort(dim=-1, descending=True, stable=True).indices[..., :k]

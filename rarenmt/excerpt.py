"""The entries of a memory that have something to do with a sentence, and their threads.

A sentence asks only the remembered pairs that `relevance` found for it, so that nothing
unrelated leaks in and the cost does not grow with the memory. An entry knows the piece that
stood before it: one inside a word speaks only right after that piece, so that a remembered
word neither starts in the middle nor loses its end.

Shapes: B sentences · M entries of a sentence · N slots · R rows a sentence · K neighbours ·
D width of a key.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from rarenmt.memory import EMPTY, Memory, Recall

ELSEWHERE, NEXT_WORD, SAME_WORD = 0, 1, 2
"""How an entry goes on from the piece that was just written."""

THREAD = 0.1
"""By how much an entry is nearer when the piece before it was just written."""


@dataclass(frozen=True)
class Threads:
    """What stood before the entry of each slot."""

    before: Tensor
    """(N,) the piece before it in its pair, EMPTY where that is not known."""
    inside: Tensor
    """(N,) whether the entry continues a word."""


@dataclass(frozen=True)
class Excerpt:
    """The entries that each sentence of a batch may ask."""

    keys: Tensor
    """(B, M, D) in float32"""
    slots: Tensor
    """(B, M), EMPTY where a sentence has fewer."""
    values: Tensor
    """(B, M)"""
    before: Tensor
    """(B, M) as in `Threads`."""
    inside: Tensor
    """(B, M)"""
    neighbours: int

    @classmethod
    def of(cls, memory: Memory, threads: Threads, chosen: Sequence[Tensor]) -> "Excerpt":
        """The entries in the chosen slots (≤ M,) of each sentence."""
        device = memory.values.device
        slots = torch.full((len(chosen), max(1, *map(len, chosen))), EMPTY)
        for row, some in zip(slots, chosen, strict=True):
            row[: len(some)] = some
        slots = slots.to(device)
        there, at = slots != EMPTY, slots.clamp(min=0)
        return cls(
            memory.keys[at].float(),
            slots,
            memory.values[at].where(there, EMPTY),
            threads.before.to(device)[at].where(there, EMPTY),
            threads.inside.to(device)[at] & there,
            memory.config.neighbours,
        )

    def select(self, sentences: Tensor) -> "Excerpt":
        """The same for some of the sentences."""
        return Excerpt(
            self.keys[sentences],
            self.slots[sentences],
            self.values[sentences],
            self.before[sentences],
            self.inside[sentences],
            self.neighbours,
        )

    def read(self, queries: Tensor, previous: Tensor) -> Recall:
        """The neighbours of queries (B·R, D), R for each sentence in turn, after the pieces
        `previous` (B·R,); an entry that goes on from there counts as nearer by THREAD."""
        sentences, entries, width = self.keys.shape
        with torch.autocast(queries.device.type, enabled=False):
            queries = queries.float()
            with torch.no_grad():
                grouped = queries.view(sentences, -1, width)
                bonus, thread = self._threads(previous.view(sentences, -1))
                coarse = torch.bmm(grouped, self.keys.transpose(1, 2)) + bonus  # (B, R, M)
                found = _first(coarse, min(self.neighbours, entries)).sort(dim=-1).values
            rows = torch.arange(sentences, device=found.device)[:, None, None]
            nearest = self.keys[rows, found].flatten(0, 1)  # (B·R, K, D)
            # Not a matrix product: a sum gives the same bits in whatever company.
            similarity = (queries[:, None] * nearest).sum(dim=-1)
            similarity = similarity + bonus.gather(2, found).flatten(0, 1)
        order = _first(similarity, similarity.shape[1])
        similarity = similarity.gather(1, order)
        slots, values, thread = (
            part.flatten(0, 1).gather(1, order)
            for part in (
                self.slots[rows, found],
                self.values[rows, found],
                thread.gather(2, found),
            )
        )
        silent = similarity.isneginf()
        missing = (0, self.neighbours - similarity.shape[1])
        return Recall(
            F.pad(slots.masked_fill(silent, EMPTY), missing, value=EMPTY),
            F.pad(values.masked_fill(silent, EMPTY), missing, value=EMPTY),
            F.pad(similarity, missing, value=-torch.inf),
            F.pad(thread, missing),
        )

    def _threads(self, previous: Tensor) -> tuple[Tensor, Tensor]:
        """What is added to the similarities, and how each entry goes on (B, R, M), after
        pieces (B, R)."""
        follows = self.before[:, None] == previous[:, :, None]
        inside = self.inside[:, None]
        silent = (self.values == EMPTY)[:, None] | (inside & ~follows)
        bonus = (THREAD * follows.float()).masked_fill(silent, -torch.inf)
        thread = torch.where(follows, torch.where(inside, SAME_WORD, NEXT_WORD), ELSEWHERE)
        return bonus, thread


def _first(numbers: Tensor, k: int) -> Tensor:
    """Places (…, k) of the largest numbers of each row, the first of equals first."""
    return numbers.sort(dim=-1, descending=True, stable=True).indices[..., :k]

"""The keys of a batch of excerpts, which a long excerpt does not pad with nothing for all others.

Shapes: B sentences · M keys of the sentence with most · R queries a sentence · D width of a key.
"""

from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from rarenmt.memory.memory import EMPTY

SMALLEST = 64
"""Rows of a sentence; it has these, or twice, four times, … as many."""


@dataclass(frozen=True)
class PaddedKeys:
    """Each sentence has some rows for its keys; those with equally many stand together."""

    rows: Tensor
    """(all rows, D) in float32"""
    sizes: Tensor
    """(B,) rows of each sentence."""

    @classmethod
    def of(cls, keys: Tensor, slots: Tensor) -> "PaddedKeys":
        """The keys (N, D) in the slots (B, M) of each sentence, EMPTY ones last."""
        counts = (slots != EMPTY).sum(dim=1).tolist()
        sizes = [SMALLEST << (max(0, count - 1) // SMALLEST).bit_length() for count in counts]
        slots = F.pad(slots, (0, max(sizes) - slots.shape[1]), value=EMPTY)
        rooms = torch.tensor(sizes, device=slots.device)
        parts = [slots[sentences, :size].flatten() for sentences, size in _by_size(rooms)]
        return cls(keys.index_select(0, torch.cat(parts).clamp(min=0)).float(), rooms)

    def select(self, sentences: Tensor) -> "PaddedKeys":
        """The same for some of the sentences."""
        sizes, starts = self.sizes[sentences], self.starts[sentences]
        parts = [
            (starts[own][:, None] + torch.arange(size, device=sizes.device)).flatten()
            for own, size in _by_size(sizes)
        ]
        return PaddedKeys(self.rows.index_select(0, torch.cat(parts)), sizes)

    def products(self, queries: Tensor, most: int) -> Tensor:
        """Products (B, R, most) of queries (B, R, D) with the keys of their sentence: only to tell
        the nearest, for their last bits are not the same in any company."""
        found = queries.new_full((*queries.shape[:2], most), -torch.inf)
        begin = 0
        for sentences, size in self.groups:
            rows = self.rows[begin : begin + size * len(sentences)]
            begin += len(rows)
            keys = rows.view(len(sentences), size, -1)[:, :most]
            found[sentences, :, : keys.shape[1]] = queries[sentences] @ keys.transpose(1, 2)
        return found

    @cached_property
    def groups(self) -> list[tuple[Tensor, int]]:
        """The sentences that have as many rows, and how many, in the order of their rows."""
        return _by_size(self.sizes)

    @cached_property
    def starts(self) -> Tensor:
        """(B,) the first row of each sentence."""
        order = self.sizes.argsort(stable=True)
        sizes = self.sizes[order]
        return torch.empty_like(sizes).index_copy_(0, order, sizes.cumsum(0) - sizes)


def _by_size(sizes: Tensor) -> list[tuple[Tensor, int]]:
    """The sentences that have as many rows, and how many; the fewest first."""
    return [((sizes == size).nonzero()[:, 0], size) for size in sizes.unique().tolist()]

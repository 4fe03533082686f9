"""The keys of the candidates of a batch, padded by size so that one large set pads no other.

Shapes: B sentences · M keys of the largest set · R queries per sentence · D width of a key.
"""

from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from rarenmt.memory.memory import EMPTY

MIN_ROWS = 64
"""Rows of a sentence; a sentence has this many, or twice, four times, … as many."""


@dataclass(frozen=True)
class PaddedKeys:
    """A block of rows for each sentence; blocks of equal size are adjacent."""

    rows: Tensor
    """(all rows, D) in float32"""
    sizes: Tensor
    """(B,) rows of each sentence."""

    @classmethod
    def from_slots(cls, keys: Tensor, slots: Tensor) -> "PaddedKeys":
        """Gather the keys (N, D) of the slots (B, M) of each sentence; EMPTY slots come last."""
        counts = (slots != EMPTY).sum(dim=1).tolist()
        sizes = [MIN_ROWS << (max(0, count - 1) // MIN_ROWS).bit_length() for count in counts]
        slots = F.pad(slots, (0, max(sizes) - slots.shape[1]), value=EMPTY)
        all_sizes = torch.tensor(sizes, device=slots.device)
        blocks = [slots[sentences, :size].flatten() for sentences, size in _by_size(all_sizes)]
        return cls(keys.index_select(0, torch.cat(blocks).clamp(min=0)).float(), all_sizes)

    def select(self, sentences: Tensor) -> "PaddedKeys":
        """Return the keys of some sentences."""
        sizes, starts = self.sizes[sentences], self.starts[sentences]
        blocks = [
            (starts[group][:, None] + torch.arange(size, device=sizes.device)).flatten()
            for group, size in _by_size(sizes)
        ]
        return PaddedKeys(self.rows.index_select(0, torch.cat(blocks)), sizes)

    def products(self, queries: Tensor, width: int) -> Tensor:
        """Return dot products (B, R, width) of queries (B, R, D) and the keys of their sentence.

        Their last bits depend on the batch, so use them only to choose neighbours.
        """
        found = queries.new_full((*queries.shape[:2], width), -torch.inf)
        begin = 0
        for sentences, size in self.groups:
            rows = self.rows[begin : begin + size * len(sentences)]
            begin += len(rows)
            keys = rows.view(len(sentences), size, -1)[:, :width]
            found[sentences, :, : keys.shape[1]] = queries[sentences] @ keys.transpose(1, 2)
        return found

    @cached_property
    def groups(self) -> list[tuple[Tensor, int]]:
        """The sentences of each block size, and that size, in the order of `rows`."""
        return _by_size(self.sizes)

    @cached_property
    def starts(self) -> Tensor:
        """(B,) the first row of each sentence."""
        order = self.sizes.argsort(stable=True)
        sizes = self.sizes[order]
        return torch.empty_like(sizes).index_copy_(0, order, sizes.cumsum(0) - sizes)


def _by_size(sizes: Tensor) -> list[tuple[Tensor, int]]:
    """Group sentences by size; the smallest size first."""
    return [((sizes == size).nonzero()[:, 0], size) for size in sizes.unique().tolist()]

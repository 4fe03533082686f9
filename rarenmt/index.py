"""Nearest slots by dot product.

An index may miss a neighbour but never mis-scores one: `Memory` computes every
similarity from the keys themselves.

Shapes: B queries · N slots in use · D width of a key · K neighbours.
"""

from typing import Protocol

import torch
from torch import Tensor


class Index(Protocol):
    """Finds the slots whose keys are nearest to a query."""

    def put(self, slots: Tensor, keys: Tensor) -> None:
        """Note that the slots (B,) now hold the keys (B, D)."""

    def search(self, queries: Tensor, keys: Tensor, k: int) -> Tensor:
        """Slots (B, k) nearest to queries (B, D) among keys (N, D), in any order; k ≤ N."""
        ...


class ExactIndex:
    """Every slot against every query: a matrix product and a top-k, block by block.

    Always in float32, whatever the keys are stored in: a product rounded to half precision
    has hundreds of ties where keys lie close together, and would miss the true neighbours.
    """

    def __init__(self, block: int = 1 << 14) -> None:
        self._block = block
        """Keys compared at once."""

    def put(self, slots: Tensor, keys: Tensor) -> None:
        """Nothing to note: the search reads the keys."""

    def search(self, queries: Tensor, keys: Tensor, k: int) -> Tensor:
        """Slots (B, k) nearest to queries (B, D) among keys (N, D), in any order."""
        queries = queries.float()
        best = [queries.new_empty((len(queries), 0))]
        slots = [torch.empty_like(best[0], dtype=torch.long)]
        for start in range(0, keys.shape[0], self._block):
            similarity = queries @ keys[start : start + self._block].float().t()
            top = similarity.topk(min(k, similarity.shape[1]), sorted=False)
            best.append(top.values)
            slots.append(top.indices + start)
        order = torch.cat(best, dim=1).topk(k, sorted=False).indices
        return torch.cat(slots, dim=1).gather(1, order)

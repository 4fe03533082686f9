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
    """Every slot against every query: one matrix product and a top-k, in pieces that fit.

    Half-precision keys are compared in half precision, so a few more candidates are
    returned than asked for; `Memory.read` scores them again in float32.
    """

    def __init__(self, cells: int = 1 << 25) -> None:
        self._cells = cells
        """Similarities held at once."""

    def put(self, slots: Tensor, keys: Tensor) -> None:
        """Nothing to note: the search reads the keys."""

    def search(self, queries: Tensor, keys: Tensor, k: int) -> Tensor:
        """Slots (B, k or a few more) nearest to queries (B, D) among keys (N, D)."""
        spare = 0 if keys.dtype == torch.float32 else 8
        k = min(k + spare, keys.shape[0])
        rows = max(1, self._cells // max(1, keys.shape[0]))
        blocks = [
            (block.to(keys.dtype) @ keys.t()).topk(k, sorted=False).indices
            for block in queries.split(rows)
        ]
        return torch.cat(blocks) if blocks else queries.new_empty((0, k), dtype=torch.long)

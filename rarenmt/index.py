"""Nearest slots by dot product.

An index may miss a neighbour but never mis-scores one: `Memory` computes every
similarity from the keys themselves.

Shapes: B queries · N slots in use · D width of a key · K neighbours.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import torch
from torch import Tensor

from rarenmt.largest import largest


class Index(Protocol):
    """Finds the slots whose keys are nearest to a query."""

    def put(self, slots: Tensor, keys: Tensor) -> None:
        """Note that the slots (B,) now hold the keys (B, D)."""

    def search(self, queries: Tensor, keys: Tensor, k: int) -> Tensor:
        """Slots (B, k) nearest to queries (B, D) among keys (N, D), in any order; k ≤ N."""
        ...


class ExactIndex:
    """Every slot against every query: a matrix product and a top-k, block by block.

    The products are float32 numbers whatever the keys are stored in: rounded to half precision
    they have hundreds of ties where keys lie close together. With `coarse` the factors may be
    rounded on the way in (bfloat16 on a CPU that has it, TF32 on a GPU), which is up to three
    times as fast and errs in the fourth digit: good enough to train with.
    """

    def __init__(self, *, coarse: bool = False, block: int = 1 << 14) -> None:
        self._coarse = coarse
        self._block = block
        """Keys compared at once: few enough for their products to stay in a CPU's cache."""

    def put(self, slots: Tensor, keys: Tensor) -> None:
        """Nothing to note: the search reads the keys."""

    def search(self, queries: Tensor, keys: Tensor, k: int) -> Tensor:
        """Slots (B, k) nearest to queries (B, D) among keys (N, D), in any order."""
        queries = queries.float()
        best = [queries.new_empty((len(queries), 0))]
        slots = [torch.empty_like(best[0], dtype=torch.long)]
        with _rounded_factors(self._coarse):
            for start in range(0, keys.shape[0], self._block):
                similarity = queries @ keys[start : start + self._block].float().t()
                places = largest(similarity, min(k, similarity.shape[1]))
                best.append(similarity.gather(1, places))
                slots.append(places + start)
        order = torch.cat(best, dim=1).topk(k, sorted=False).indices
        return torch.cat(slots, dim=1).gather(1, order)


@contextmanager
def _rounded_factors(allowed: bool) -> Iterator[None]:
    """Let matrix products of float32 round their factors, and put it back."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium" if allowed else before)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)

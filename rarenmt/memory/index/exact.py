"""Nearest slots by dot product.

An index may miss a neighbour but never mis-scores one: `Memory` computes every
similarity from the keys themselves.

Shapes: B queries · N slots in use · D width of a key · K neighbours. Queries and keys are unit
rows.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import torch
from torch import Tensor

from rarenmt.memory.index.topk import top_k, top_k_in_columns

GLANCE = 4
"""Times as many slots as are wanted whose rounded products are looked at closely."""

GLANCED = 1 << 16
"""Keys whose rounded products are computed at once."""

FEWEST_GLANCED = 1 << 15
"""Keys below which their float32 products cost no more than looking twice."""

LEAST = 64
"""Slots looked at closely, however few are wanted."""

CLOSE_ROWS = 64
"""Queries whose slots are looked at closely at once."""

NOISE = 1e-4
"""What the order of a sum in float32 can change in a product of unit rows of some thousand."""


class Index(Protocol):
    """Finds the slots whose keys are nearest to a query."""

    def put(self, slots: Tensor, keys: Tensor) -> None:
        """Note that the slots (B,) now hold the keys (B, D), whatever they held before."""

    def clear(self) -> None:
        """Forget all slots."""

    def search(self, queries: Tensor, keys: Tensor, k: int) -> Tensor:
        """Different slots (B, k) nearest to queries (B, D) among keys (N, D), in any order;
        k ≤ N. The keys of all N slots were put, and have not changed since."""
        ...


class ExactIndex:
    """Every slot against every query: a matrix product and a top-k, block by block.

    Products rounded to half precision have hundreds of ties where keys lie close together, so
    they are float32 numbers whatever the keys are stored in. On a processor that multiplies
    bfloat16, keys stored so are first ranked by rounded products, several times as fast; the
    best are then compared in float32, and a query whose answer the rounding could have changed
    asks again all slots that it could have hidden.

    With `coarse` the factors of keys stored in float32 may be rounded on the way in (bfloat16 on
    a CPU that has it, TF32 on a GPU), which is up to three times as fast and errs in the fourth
    digit: good enough to train with.
    """

    def __init__(
        self, *, coarse: bool = False, glance: bool | None = None, block: int = 1 << 14
    ) -> None:
        self._coarse = coarse
        self._rounds = glance
        """Whether keys in bfloat16 are ranked by rounded products first; None: where it pays."""
        self._block = block
        """Keys compared at once: few enough for their products to stay in a CPU's cache."""

    def put(self, slots: Tensor, keys: Tensor) -> None:
        """Nothing to note: the search reads the keys."""

    def clear(self) -> None:
        """Nothing was noted."""

    def search(self, queries: Tensor, keys: Tensor, k: int) -> Tensor:
        """Slots (B, k) nearest to queries (B, D) among keys (N, D), in any order."""
        queries = queries.float()
        count = max(GLANCE * k, LEAST)
        if not self._glances(keys) or len(keys) <= count:
            return self._look(queries, keys, k, None)
        rounded = queries.bfloat16()
        coarse, slots = self._glance(rounded, keys, count)
        similarity = _products(queries, keys, slots)
        best = similarity.topk(k)
        found, kth = slots.gather(1, best.indices), best.values[:, -1]
        missed = coarse.amin(dim=1).float()
        slack = (queries - rounded.float()).norm(dim=1) + _half_a_step(missed) + NOISE
        unsure = (kth <= missed + slack).nonzero()[:, 0]
        if len(unsure):
            floor = (kth - slack)[unsure]
            found[unsure] = self._look(queries[unsure], keys, k, floor)
        return found

    def _glances(self, keys: Tensor) -> bool:
        """Whether rounded products come first."""
        pays = len(keys) > FEWEST_GLANCED and rounds_fast(keys.device)
        return keys.dtype == torch.bfloat16 and (pays if self._rounds is None else self._rounds)

    def _glance(self, rounded: Tensor, keys: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """The largest rounded products (B, count) and their slots (B, count)."""
        best = [rounded.new_empty((len(rounded), 0))]
        slots = [torch.empty_like(best[0], dtype=torch.long)]
        for start in range(0, len(keys), GLANCED):
            products = keys[start : start + GLANCED] @ rounded.t()  # (N, B): faster than (B, N)
            places = top_k_in_columns(products, min(count, len(products)))
            best.append(products.t().gather(1, places))
            slots.append(places + start)
        products = torch.cat(best, dim=1)
        order = products.topk(count, sorted=False).indices
        return products.gather(1, order), torch.cat(slots, dim=1).gather(1, order)

    def _look(self, queries: Tensor, keys: Tensor, k: int, floor: Tensor | None) -> Tensor:
        """Slots (B, k) by float32 products, of those whose rounded ones reach the floor (B,)."""
        best = [queries.new_empty((len(queries), 0))]
        slots = [torch.empty_like(best[0], dtype=torch.long)]
        for start in range(0, len(keys), self._block):
            block = keys[start : start + self._block]
            if floor is not None:
                reached = queries.bfloat16() @ block.t() >= floor[:, None]
                chosen = reached.any(dim=0).nonzero()[:, 0]
                block = block[chosen]
            with rounded_factors(self._coarse):
                similarity = queries @ block.float().t()
            places = top_k(similarity, min(k, similarity.shape[1]))
            best.append(similarity.gather(1, places))
            slots.append((places if floor is None else chosen[places]) + start)
        order = torch.cat(best, dim=1).topk(k, sorted=False).indices
        return torch.cat(slots, dim=1).gather(1, order)


def rounds_fast(device: torch.device) -> bool:
    """Whether products of bfloat16 numbers are much faster than those of float32 numbers."""
    return device.type == "cpu" and torch.cpu._is_avx512_bf16_supported()


def _products(queries: Tensor, keys: Tensor, slots: Tensor) -> Tensor:
    """Float32 products of queries (B, D) with the keys in slots (B, M) → (B, M)."""
    return torch.cat(
        [
            torch.einsum("bd,bmd->bm", some, keys[chosen].float())
            for some, chosen in zip(queries.split(CLOSE_ROWS), slots.split(CLOSE_ROWS), strict=True)
        ]
    )


def _half_a_step(numbers: Tensor) -> Tensor:
    """The most by which a product that rounds to such a number in bfloat16 can be larger."""
    return numbers.abs().clamp(min=2.0**-100).log2().floor().exp2() * 2.0**-8


@contextmanager
def rounded_factors(allowed: bool) -> Iterator[None]:
    """Let matrix products of float32 round their factors, and put it back."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium" if allowed else before)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)

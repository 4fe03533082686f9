"""Nearest slots by dot product.

Shapes: B queries · N slots in use · D width of a key · K neighbours. Queries and keys are unit
rows.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from rarenmt.memory.topk import top_k, top_k_in_columns

OVERSAMPLING = 4
"""Candidates of the coarse search per wanted slot."""

MIN_CANDIDATES = 64
"""Candidates of the coarse search, at least."""

COARSE_BLOCK = 1 << 16
"""Keys whose rounded products are computed at once."""

MIN_COARSE_KEYS = 1 << 15
"""Keys from which the two-stage search is faster than float32 products of all."""

RERANK_ROWS = 64
"""Queries whose candidates are compared in float32 at once."""

SUM_ERROR = 1e-4
"""Rounding error of a float32 product of unit rows of some thousand numbers."""


class NeighbourSearch:
    """Every slot against every query: a matrix product and a top-k, block by block.

    Products rounded to half precision have hundreds of ties where keys lie close together, so
    they are computed in float32 for every storage type. On a processor that multiplies bfloat16,
    a coarse search first ranks bfloat16 keys by rounded products, several times as fast; an exact
    search compares the best in float32, and all other slots of a query for which the rounding could
    have changed the result.

    With `coarse` the factors of float32 keys may be rounded (bfloat16 on a CPU that has it, TF32 on
    a GPU), which is up to three times as fast with errors in the fourth digit: enough for
    training.
    """

    def __init__(
        self, *, coarse: bool = False, two_stage: bool | None = None, block: int = 1 << 14
    ) -> None:
        self._coarse = coarse
        self._two_stage = two_stage
        """Whether a coarse search comes first for bfloat16 keys; None: if it is faster."""
        self._block = block
        """Keys compared at once: their products stay in a CPU's cache."""

    def search(self, queries: Tensor, keys: Tensor, k: int) -> Tensor:
        """Slots (B, k) nearest to queries (B, D) among keys (N, D), in any order."""
        queries = queries.float()
        count = max(OVERSAMPLING * k, MIN_CANDIDATES)
        if not self._has_two_stages(keys) or len(keys) <= count:
            return self._exact_search(queries, keys, k, None)
        rounded = queries.bfloat16()
        coarse, slots = self._coarse_search(rounded, keys, count)
        similarity = _products(queries, keys, slots)
        best = similarity.topk(k)
        found, kth = slots.gather(1, best.indices), best.values[:, -1]
        missed = coarse.amin(dim=1).float()
        slack = (queries - rounded.float()).norm(dim=1) + _rounding_error(missed) + SUM_ERROR
        unsure = (kth <= missed + slack).nonzero()[:, 0]
        if len(unsure):
            floor = (kth - slack)[unsure]
            found[unsure] = self._exact_search(queries[unsure], keys, k, floor)
        return found

    def _has_two_stages(self, keys: Tensor) -> bool:
        """Whether a coarse search comes first."""
        faster = len(keys) > MIN_COARSE_KEYS and rounds_fast(keys.device)
        return keys.dtype == torch.bfloat16 and (
            faster if self._two_stage is None else self._two_stage
        )

    def _coarse_search(self, rounded: Tensor, keys: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """The largest rounded products (B, count) and their slots (B, count)."""
        best = [rounded.new_empty((len(rounded), 0))]
        slots = [torch.empty_like(best[0], dtype=torch.long)]
        for start in range(0, len(keys), COARSE_BLOCK):
            products = (
                keys[start : start + COARSE_BLOCK] @ rounded.t()
            )  # (N, B): faster than (B, N)
            rows = top_k_in_columns(products, min(count, len(products)))
            best.append(products.t().gather(1, rows))
            slots.append(rows + start)
        products = torch.cat(best, dim=1)
        order = products.topk(count, sorted=False).indices
        return products.gather(1, order), torch.cat(slots, dim=1).gather(1, order)

    def _exact_search(self, queries: Tensor, keys: Tensor, k: int, floor: Tensor | None) -> Tensor:
        """Slots (B, k) by float32 products, of keys whose rounded ones reach `floor` (B,)."""
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
            rows = top_k(similarity, min(k, similarity.shape[1]))
            best.append(similarity.gather(1, rows))
            slots.append((rows if floor is None else chosen[rows]) + start)
        order = torch.cat(best, dim=1).topk(k, sorted=False).indices
        return torch.cat(slots, dim=1).gather(1, order)


def rounds_fast(device: torch.device) -> bool:
    """Whether products of bfloat16 numbers are much faster than those of float32 numbers."""
    return device.type == "cpu" and torch.cpu._is_avx512_bf16_supported()


def _products(queries: Tensor, keys: Tensor, slots: Tensor) -> Tensor:
    """Float32 products of queries (B, D) with the keys in slots (B, M) → (B, M)."""
    return torch.cat(
        [
            torch.einsum("bd,bmd->bm", part, keys[chosen].float())
            for part, chosen in zip(
                queries.split(RERANK_ROWS), slots.split(RERANK_ROWS), strict=True
            )
        ]
    )


def _rounding_error(numbers: Tensor) -> Tensor:
    """Largest error of rounding a product to these bfloat16 numbers."""
    return numbers.abs().clamp(min=2.0**-100).log2().floor().exp2() * 2.0**-8


@contextmanager
def rounded_factors(allowed: bool) -> Iterator[None]:
    """Let matrix products of float32 round their factors, and restore the setting."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium" if allowed else before)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)

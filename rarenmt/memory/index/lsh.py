"""Locality-sensitive hashing: the index that Kaiser et al. (2017, section 2) propose for memories
too large to compare with every key.

Each bit of a code is the side of a random hyperplane on which a key lies. Every table sorts the
slots by another code; a query searches the bucket of its code and those that differ in its least
certain bits (Lv et al. 2007, "Multi-Probe LSH", section 4.4), and the slots found are ranked by
their keys. Real keys have a large common component, and hyperplanes through the origin leave nearly
all of them in one bucket: here they contain the mean of the keys.
"""

from itertools import combinations

import torch
from torch import Tensor

from rarenmt.memory.index.exact import ExactIndex, rounded_factors, rounds_fast

BUCKET_SIZE = 24
"""Average slots per bucket of new tables."""

MIN_BITS, MAX_BITS = 8, 20
"""Bits per code."""

UNCERTAIN_BITS = 8
"""Least certain bits of a query of which up to four are flipped."""

MEAN_SAMPLE = 1 << 14
"""Keys whose mean the hyperplanes contain."""

MIN_KEYS = 1 << 16
"""Slots below which there are no buckets: all are compared."""

ROUNDING_MARGIN = 0.01
"""Twice the largest error of a product of unit rows rounded to bfloat16."""

BLOCK = 1 << 14
"""Keys hashed at once."""


class LshIndex:
    """Buckets of random hyperplanes, and recently updated slots, which are all compared.

    Candidates are ranked by their current keys, so a slot left in the bucket of an earlier key
    costs time but causes no error. Equal histories find equal slots.
    """

    def __init__(
        self,
        *,
        tables: int = 16,
        probes: int = 32,
        tail: int = 1 << 12,
        min_keys: int = MIN_KEYS,
        seed: int = 0,
    ) -> None:
        self._tables = tables
        self._probes = probes
        """Buckets searched per table."""
        self._tail = tail
        """Updated slots, at least, before they are sorted into the tables."""
        self._min_keys = min_keys
        self._seed = seed
        self._exact = ExactIndex()
        self._flips = _flips()
        self.clear()

    def clear(self) -> None:
        """Remove all slots."""
        self._pending: list[Tensor] = []
        self._buckets: _Buckets | None = None

    def update(self, slots: Tensor, keys: Tensor) -> None:
        """The slots (B,) now hold other keys, which are hashed when there are many."""
        self._pending.append(slots.to(keys.device))

    def search(self, queries: Tensor, keys: Tensor, k: int) -> Tensor:
        """Slots (B, k) near queries (B, D) among keys (N, D), in any order; a query with too
        few candidates searches all slots."""
        tail = self._add_pending(keys)
        if self._buckets is None:
            return self._exact.search(queries, keys, k)
        queries = queries.float()
        recent = tail[self._exact.search(queries, keys[tail], min(k, len(tail)))]
        found = torch.empty((len(queries), k), dtype=torch.long, device=keys.device)
        marks = torch.zeros(len(keys), dtype=torch.bool, device=keys.device)
        incomplete = []
        bounds = self._buckets.bounds(queries, self._probes, self._flips)
        for row, (first, last) in enumerate(bounds):
            marks[self._buckets.slots(first, last)] = True
            marks[recent[row]] = True
            slots = marks.nonzero()[:, 0]
            marks[slots] = False
            if len(slots) < k:
                incomplete.append(row)
                continue
            found[row] = _nearest(queries[row], keys, slots, k)
        if incomplete:
            found[incomplete] = self._exact.search(queries[incomplete], keys, k)
        return found

    def _add_pending(self, keys: Tensor) -> Tensor:
        """The updated slots that are not yet in the tables; many are sorted in first."""
        late = torch.cat([keys.new_empty(0, dtype=torch.long), *self._pending]).unique()
        self._pending = [late]
        if len(keys) >= self._min_keys and len(late) > max(self._tail, len(keys) >> 8):
            if self._buckets is None or len(keys) > 2 * self._buckets.planned:
                self._buckets = _Buckets(keys, self._tables, self._seed)
            else:
                self._buckets.take(late, keys)
            self._pending = [late[:0]]
        return self._pending[0]


class _Buckets:
    """Slots sorted by their codes, in T tables of codes of b bits."""

    def __init__(self, keys: Tensor, tables: int, seed: int) -> None:
        self.planned = len(keys)
        """Number of keys for which the code length was chosen."""
        bits = max(len(keys) // BUCKET_SIZE, 1).bit_length()
        self._bits = min(max(bits, MIN_BITS), MAX_BITS)
        generator = torch.Generator().manual_seed(seed)
        shape = (keys.shape[1], tables * self._bits)
        self._planes = torch.randn(shape, generator=generator).to(keys.device)
        self._powers = 1 << torch.arange(self._bits, device=keys.device)
        self._mean = keys[:: max(1, len(keys) // MEAN_SAMPLE)].float().mean(dim=0)
        self._codes = self._hash(keys)
        self._sort()

    def take(self, slots: Tensor, keys: Tensor) -> None:
        """Sort the slots in by the keys they hold now; keys are those of all slots."""
        more = self._codes.new_empty((self._codes.shape[0], len(keys) - self._codes.shape[1]))
        self._codes = torch.cat([self._codes, more], dim=1)
        self._codes[:, slots] = self._hash(keys[slots])
        self._sort()

    def bounds(self, queries: Tensor, probes: int, flips: Tensor) -> list[tuple[Tensor, Tensor]]:
        """For each query, the begins and ends (T · P,) of its buckets in all tables."""
        sides = self._sides(queries)  # (B, T, b)
        codes = (sides > 0).long() @ self._powers
        margins, bits = sides.abs().topk(UNCERTAIN_BITS, largest=False)  # (B, T, U)
        cost = margins.square() @ flips.to(queries).t()  # (B, T, F)
        chosen = cost.topk(min(probes, len(flips)), largest=False).indices  # (B, T, P)
        changes = (self._powers[bits].float() @ flips.to(queries).t()).long().gather(2, chosen)
        table = torch.arange(codes.shape[1], device=codes.device)[:, None]
        bucket = (codes[..., None] ^ changes) + table * ((1 << self._bits) + 1)
        ends = self._ends.flatten()
        first, last = ends[bucket].flatten(1), ends[bucket + 1].flatten(1)
        return list(zip(first, last, strict=True))

    def slots(self, first: Tensor, last: Tensor) -> Tensor:
        """The slots between these bounds, some of them more than once."""
        counts = last - first
        before = counts.cumsum(0) - counts
        shift = torch.repeat_interleave(first - before, counts)
        return self._order[shift + torch.arange(len(shift), device=shift.device)]

    def _sort(self) -> None:
        tables, count = self._codes.shape
        codes, order = self._codes.sort(dim=1)
        self._order = order.to(torch.int32).flatten()
        edges = torch.arange((1 << self._bits) + 1, dtype=torch.int32, device=codes.device)
        ends = torch.searchsorted(codes, edges.expand(tables, -1).contiguous())
        self._ends = ends + count * torch.arange(tables, device=codes.device)[:, None]

    def _hash(self, keys: Tensor) -> Tensor:
        """Codes (T, N) of keys (N, D)."""
        codes = [(self._sides(part) > 0).long() @ self._powers for part in keys.split(BLOCK)]
        return torch.cat(codes).t().to(torch.int32).contiguous()

    def _sides(self, keys: Tensor) -> Tensor:
        """Signed distances (N, T, b) of keys (N, D) from every hyperplane."""
        with rounded_factors(True):
            sides = (keys.float() - self._mean) @ self._planes
        return sides.view(len(keys), -1, self._bits)


def _nearest(query: Tensor, keys: Tensor, slots: Tensor, k: int) -> Tensor:
    """The k of the slots whose keys are nearest to a query (D,)."""
    near = keys.index_select(0, slots)
    if near.dtype == torch.bfloat16 and rounds_fast(keys.device):
        rounded = (near @ query.bfloat16()).float()
        close = (rounded >= rounded.topk(k).values[-1] - ROUNDING_MARGIN).nonzero()[:, 0]
        near, slots = near[close], slots[close]
    return slots[(near.float() @ query).topk(k, sorted=False).indices]


def _flips() -> Tensor:
    """Sets of up to four of the uncertain bits, as rows of zeros and ones (F, U)."""
    sets = [s for size in range(5) for s in combinations(range(UNCERTAIN_BITS), size)]
    flips = torch.zeros(len(sets), UNCERTAIN_BITS)
    for row, chosen in zip(flips, sets, strict=True):
        row[list(chosen)] = 1
    return flips

"""Locality-sensitive hashing: the index that Kaiser et al. (2017, section 2) propose for memories
too large to compare with every key.

A bit of a code says on which side of a random hyperplane a key lies. Every table sorts the slots
by a code of its own; a query looks into the bucket of its code and into those that differ in the
bits it is least certain of (Lv et al. 2007, "Multi-Probe LSH", section 4.4), and what it finds
there is ranked by the keys themselves. Real keys share a large common part, and hyperplanes
through the origin leave nearly all of them in one bucket: here they run through the keys' mean.
"""

from itertools import combinations

import torch
from torch import Tensor

from rarenmt.memory.index.exact import ExactIndex, rounded_factors, rounds_fast

BUCKET = 24
"""Slots of a bucket on average, when the tables are laid out."""

FEWEST_BITS, MOST_BITS = 8, 20
"""Of a code."""

UNCERTAIN = 8
"""Least certain bits of a query of which up to four are flipped."""

SAMPLE = 1 << 14
"""Keys whose mean the hyperplanes run through."""

FEWEST = 1 << 16
"""Slots below which there are no buckets: all are compared."""

SLACK = 0.01
"""Twice the most by which the product of unit rows rounded to bfloat16 errs."""

BLOCK = 1 << 14
"""Keys hashed at once."""


class LshIndex:
    """Buckets of random hyperplanes, and the slots put of late, which are all compared.

    What is found is ranked by the keys as they are now, so that an entry left in the bucket of
    an earlier key is a wasted look, never a wrong answer. Equal histories find equal slots.
    """

    def __init__(
        self,
        *,
        tables: int = 16,
        probes: int = 32,
        tail: int = 1 << 12,
        fewest: int = FEWEST,
        seed: int = 0,
    ) -> None:
        self._tables = tables
        self._probes = probes
        """Buckets looked into in each table."""
        self._tail = tail
        """Slots compared one by one before they are sorted into the tables, at least."""
        self._fewest = fewest
        self._seed = seed
        self._exact = ExactIndex()
        self._flips = _flips()
        self.clear()

    def clear(self) -> None:
        """Forget all slots."""
        self._pending: list[Tensor] = []
        self._buckets: _Buckets | None = None

    def put(self, slots: Tensor, keys: Tensor) -> None:
        """Note that the slots (B,) now hold other keys; they are hashed when many have come."""
        self._pending.append(slots.to(keys.device))

    def search(self, queries: Tensor, keys: Tensor, k: int) -> Tensor:
        """Slots (B, k) near queries (B, D) among keys (N, D), in any order; who finds too few
        asks all of them."""
        tail = self._settle(keys)
        if self._buckets is None:
            return self._exact.search(queries, keys, k)
        queries = queries.float()
        late = tail[self._exact.search(queries, keys[tail], min(k, len(tail)))]
        found = torch.empty((len(queries), k), dtype=torch.long, device=keys.device)
        marks = torch.zeros(len(keys), dtype=torch.bool, device=keys.device)
        poor = []
        places = self._buckets.places(queries, self._probes, self._flips)
        for row, (first, last) in enumerate(places):
            marks[self._buckets.slots(first, last)] = True
            marks[late[row]] = True
            slots = marks.nonzero()[:, 0]
            marks[slots] = False
            if len(slots) < k:
                poor.append(row)
                continue
            found[row] = _nearest(queries[row], keys, slots, k)
        if poor:
            found[poor] = self._exact.search(queries[poor], keys, k)
        return found

    def _settle(self, keys: Tensor) -> Tensor:
        """The slots put of late, after they went into the tables if they are too many."""
        late = torch.cat([keys.new_empty(0, dtype=torch.long), *self._pending]).unique()
        self._pending = [late]
        if len(keys) >= self._fewest and len(late) > max(self._tail, len(keys) >> 8):
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
        """Keys for which the length of the codes was chosen."""
        bits = max(len(keys) // BUCKET, 1).bit_length()
        self._bits = min(max(bits, FEWEST_BITS), MOST_BITS)
        generator = torch.Generator().manual_seed(seed)
        shape = (keys.shape[1], tables * self._bits)
        self._planes = torch.randn(shape, generator=generator).to(keys.device)
        self._powers = 1 << torch.arange(self._bits, device=keys.device)
        self._mean = keys[:: max(1, len(keys) // SAMPLE)].float().mean(dim=0)
        self._codes = self._hash(keys)
        self._sort()

    def take(self, slots: Tensor, keys: Tensor) -> None:
        """Sort the slots in by the keys they hold now; keys are those of all slots."""
        more = self._codes.new_empty((self._codes.shape[0], len(keys) - self._codes.shape[1]))
        self._codes = torch.cat([self._codes, more], dim=1)
        self._codes[:, slots] = self._hash(keys[slots])
        self._sort()

    def places(self, queries: Tensor, probes: int, flips: Tensor) -> list[tuple[Tensor, Tensor]]:
        """For each query where the buckets it looks into begin and end, of all tables (T · P,)."""
        sides = self._sides(queries)  # (B, T, b)
        codes = (sides > 0).long() @ self._powers
        margins, bits = sides.abs().topk(UNCERTAIN, largest=False)  # (B, T, U)
        cost = margins.square() @ flips.to(queries).t()  # (B, T, F)
        chosen = cost.topk(min(probes, len(flips)), largest=False).indices  # (B, T, P)
        changes = (self._powers[bits].float() @ flips.to(queries).t()).long().gather(2, chosen)
        table = torch.arange(codes.shape[1], device=codes.device)[:, None]
        bucket = (codes[..., None] ^ changes) + table * ((1 << self._bits) + 1)
        ends = self._ends.flatten()
        first, last = ends[bucket].flatten(1), ends[bucket + 1].flatten(1)
        return list(zip(first, last, strict=True))

    def slots(self, first: Tensor, last: Tensor) -> Tensor:
        """The slots of the buckets between these places, some of them more than once."""
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
        codes = [(self._sides(some) > 0).long() @ self._powers for some in keys.split(BLOCK)]
        return torch.cat(codes).t().to(torch.int32).contiguous()

    def _sides(self, keys: Tensor) -> Tensor:
        """On which side of every hyperplane, and how far from it, keys (N, D) lie (N, T, b)."""
        with rounded_factors(True):
            sides = (keys.float() - self._mean) @ self._planes
        return sides.view(len(keys), -1, self._bits)


def _nearest(query: Tensor, keys: Tensor, slots: Tensor, k: int) -> Tensor:
    """The k of the slots whose keys are nearest to a query (D,)."""
    near = keys.index_select(0, slots)
    if near.dtype == torch.bfloat16 and rounds_fast(keys.device):
        rounded = (near @ query.bfloat16()).float()
        close = (rounded >= rounded.topk(k).values[-1] - SLACK).nonzero()[:, 0]
        near, slots = near[close], slots[close]
    return slots[(near.float() @ query).topk(k, sorted=False).indices]


def _flips() -> Tensor:
    """Sets of at most four of the uncertain bits, as rows of zeros and ones (F, U)."""
    sets = [s for size in range(5) for s in combinations(range(UNCERTAIN), size)]
    flips = torch.zeros(len(sets), UNCERTAIN)
    for row, chosen in zip(flips, sets, strict=True):
        row[list(chosen)] = 1
    return flips

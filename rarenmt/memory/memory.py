"""The memory of *Learning to Remember Rare Events* (Kaiser, Nachum, Roy, Bengio,
ICLR 2017, arXiv 1703.03129, section 2): keys, values and ages.

The memory is life-long: it is not reset between batches. Predict first, then write.
"""

from dataclasses import dataclass, fields, replace
from enum import IntEnum

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rarenmt.config import MemoryConfig
from rarenmt.memory.neighbours import NeighbourSearch

EMPTY = -1
"""Value of an empty slot."""

AGE_NOISE = 8.0
"""r in argmax(A + r) is uniform between −8 and 8, so that replicas do not choose the same slot."""


class Continuation(IntEnum):
    """How an entry relates to the words written so far."""

    NONE = 0
    """It does not continue them."""
    NEXT_WORD = 1
    """It begins the word that follows the last one in its pair."""
    SAME_WORD = 2
    """It continues the last word, or a term that contains it."""


@dataclass(frozen=True)
class Recall:
    """The neighbours of B queries, nearest first; where there are fewer than K, EMPTY at −inf."""

    slots: Tensor
    """(B, K)"""
    values: Tensor
    """(B, K)"""
    similarity: Tensor
    """(B, K) dot products in float32, differentiable with respect to the queries; with the bonuses
    of `rarenmt.decoding.candidates`, if the entries are candidates."""
    continuation: Tensor | None = None
    """(B, K) a `Continuation` for each entry, if known."""
    blocked: Tensor | None = None
    """(B, K) entries that give no probability to their value; it stays with the model."""
    cosine: Tensor | None = None
    """(B, K) the dot products without bonuses, if there are any."""
    gate_bonus: Tensor | None = None
    """(B, K) nats added to the gate if the entry is the nearest."""
    function_words: Tensor | None = None
    """(B, F) pieces that translate function words of the source, padded with EMPTY: an entry that
    begins a word without continuing another leaves them the probability that the model gives."""
    opening_punctuation: Tensor | None = None
    """Pieces that precede a word without a space: if the model expects one of them next, entries
    that begin a word wait."""

    def select(self, rows: Tensor) -> "Recall":
        """Return the neighbours of some queries."""
        names = {field.name for field in fields(self)} - {"opening_punctuation"}
        parts = {name: part for name in names if (part := getattr(self, name)) is not None}
        return replace(self, **{name: part[rows] for name, part in parts.items()})


class Memory(nn.Module):
    """Remember which value belongs to a key, from one example.

    Shapes: B queries · N slots · D width of a key · K neighbours · V values.

    Buffers
        keys    (N, D)  unit rows
        values  (N,)    token ids, EMPTY where nothing is held; slots fill from 0 on
        ages    (N,)    writes since the slot was last used
        latest  (V,)    slot that last took each value, to find a right slot outside the neighbours

    Reading is differentiable with respect to the queries. Writing is not; it follows the
    prediction, and nothing else changes the module.
    """

    keys: Tensor
    values: Tensor
    ages: Tensor
    latest: Tensor

    def __init__(
        self,
        config: MemoryConfig,
        width: int,
        vocabulary: int,
        *,
        slots: int | None = None,
        dtype: torch.dtype = torch.float32,
        search: NeighbourSearch | None = None,
    ) -> None:
        super().__init__()
        self.config = config
        self._search = search or NeighbourSearch()
        count = config.slots if slots is None else slots
        self.register_buffer("keys", torch.zeros(count, width, dtype=dtype))
        self.register_buffer("values", torch.full((count,), EMPTY))
        self.register_buffer("ages", torch.zeros(count, dtype=torch.long))
        self.register_buffer("latest", torch.full((vocabulary,), EMPTY))
        self.size = 0
        """Slots in use, which are the first ones."""

    @property
    def capacity(self) -> int:
        """Number of slots, in use or not."""
        return self.values.shape[0]

    def recount(self) -> None:
        """Count the slots in use, after the buffers were loaded."""
        self.size = int((self.values != EMPTY).sum())

    def load_entries(
        self, keys: Tensor, values: Tensor, ages: Tensor, latest: Tensor, *, slots: int = 0
    ) -> None:
        """Replace the content by copies of these entries (N, …) and of `latest` (V,); with a
        capacity of `slots` or more."""
        size = len(values)
        capacity = max(slots, size)
        self.keys = self.keys.new_empty((capacity, keys.shape[1]))  # zeros would touch every page
        self.values = self.values.new_full((capacity,), EMPTY)
        self.ages = self.ages.new_zeros(capacity)
        for buffer, entries in ((self.keys, keys), (self.values, values), (self.ages, ages)):
            buffer[:size] = entries
        self.latest.copy_(latest)
        self.size = size

    def grow(self, slots: int) -> None:
        """Add empty slots up to a capacity of `slots`."""
        more = slots - self.capacity
        self.keys = torch.cat([self.keys, self.keys.new_zeros(more, self.keys.shape[1])])
        self.values = torch.cat([self.values, self.values.new_full((more,), EMPTY)])
        self.ages = torch.cat([self.ages, self.ages.new_zeros(more)])

    def read(self, queries: Tensor, k: int | None = None) -> Recall:
        """The k nearest slots (default: the configured neighbours) of unit queries (B, D)."""
        width = self.config.neighbours if k is None else k
        k = min(width, self.size)
        with torch.autocast(queries.device.type, enabled=False):  # exact in mixed precision too
            with torch.no_grad():
                found = self._search.search(queries.detach(), self.keys[: self.size], k)  # (B, ≥ k)
            similarity = torch.einsum("bd,bkd->bk", queries.float(), self.keys[found].float())
        similarity, order = similarity.topk(k, dim=-1)
        slots = found.gather(1, order)
        missing = (0, width - k)
        return Recall(
            F.pad(slots, missing, value=EMPTY),
            F.pad(self.values[slots], missing, value=EMPTY),
            F.pad(similarity, missing, value=-torch.inf),
        )

    def loss(self, queries: Tensor, recall: Recall, targets: Tensor) -> Tensor:
        """Hinge loss of each query (B,) between its nearest right and nearest wrong neighbour.

        loss = [ q·K[wrong] − q·K[right] + α ]₊ (section 2, "memory loss"). Without
        a right neighbour, the right slot is the one that took the value last. Without a right slot
        or without a wrong one the loss is 0.
        """
        right = recall.values == targets[:, None]  # (B, K)
        occupied = recall.values != EMPTY
        nearest_right = recall.similarity.masked_fill(~right, -torch.inf).amax(dim=-1)
        nearest_wrong = recall.similarity.masked_fill(right | ~occupied, -torch.inf).amax(dim=-1)
        latest = self.latest[targets]  # (B,)
        holds = (latest != EMPTY) & (self.values[latest.clamp(min=0)] == targets)
        outside = (queries.float() * self.keys[latest.clamp(min=0)].float()).sum(dim=-1)
        found = right.any(dim=-1)
        nearest_right = torch.where(found, nearest_right, outside)
        defined = (found | holds) & nearest_wrong.isfinite()
        gap = torch.where(defined, nearest_wrong - nearest_right + self.config.margin, 0.0)
        return F.relu(gap)

    @torch.no_grad()
    def write(
        self, queries: Tensor, values: Tensor, nearest: Recall | None, generator: torch.Generator
    ) -> Tensor:
        """Write queries (B, D) with their values (B,); return the slots (B,) they went to.

        Section 2, "memory update", for a batch read (`nearest`, one neighbour or more) before the
        write: if V[n1] = v, the key becomes the normalised sum of itself and all such queries;
        otherwise the query takes a slot, empty ones first, then argmax(A + r). Ages count write
        calls. Without `nearest` every query takes a slot.
        """
        assert len(queries) <= self.capacity, "more queries than slots"
        self.ages[: self.size] += 1
        if nearest is None:
            first = torch.full_like(values, EMPTY)
            right = torch.zeros_like(values, dtype=torch.bool)
        else:
            first, right = nearest.slots[:, 0], nearest.values[:, 0] == values
        self._reinforce(first[right], queries[right])
        taken = self._allocate(int((~right).sum()), first[right], generator)
        self.keys[taken] = queries[~right].to(self.keys.dtype)
        slots = first.clone()
        slots[~right] = taken
        self.values[slots] = values
        self.ages[slots] = 0
        self._update_latest(values, slots)
        return slots

    @torch.no_grad()
    def append(self, keys: Tensor, values: Tensor, writes: Tensor) -> Tensor:
        """Write keys (B, D) with their values (B,) to empty slots; return the slots (B,).

        Equals several calls of `write` without `nearest`, of which `writes` (B,), ascending from 0,
        gives the number of the call of each entry.
        """
        assert self.size + len(values) <= self.capacity, "more entries than empty slots"
        span = slice(self.size, self.size + len(values))
        slots = torch.arange(span.start, span.stop, device=self.values.device)
        if len(slots):
            self.ages[: self.size] += writes[-1] + 1
            self.keys[span] = keys.to(self.keys.dtype)
            self.values[span] = values
            self.ages[span] = writes[-1] - writes
            self.size = span.stop
            self._update_latest(values, slots)
        return slots

    def _reinforce(self, slots: Tensor, queries: Tensor) -> None:
        """K ← (K + Σ q) / ‖K + Σ q‖ for queries whose nearest slot has their value."""
        touched, inverse = slots.unique(return_inverse=True)
        sums = self.keys[touched].float().index_add(0, inverse, queries.float())
        self.keys[touched] = F.normalize(sums, dim=-1).to(self.keys.dtype)

    def _update_latest(self, values: Tensor, slots: Tensor) -> None:
        """latest[v] ← slot of the last query of the batch with value v."""
        order = torch.arange(len(values), device=values.device)
        last = torch.full_like(self.latest, EMPTY).scatter_reduce(0, values, order, "amax")
        present = last != EMPTY
        self.latest[present] = slots[last[present]]

    def _allocate(self, count: int, excluded: Tensor, generator: torch.Generator) -> Tensor:
        """`count` distinct slots, none of `excluded`: empty ones, then the oldest by noisy age."""
        empty = torch.arange(
            self.size, min(self.size + count, self.capacity), device=self.values.device
        )
        missing = count - len(empty)
        if missing == 0:
            self.size += count
            return empty
        noise = torch.rand(self.capacity, generator=generator, device=generator.device)
        noisy = self.ages + (2 * noise.to(self.ages.device) - 1) * AGE_NOISE
        noisy[self.size :] = -torch.inf  # `empty` is allocated already
        noisy[excluded] = -torch.inf
        self.size += len(empty)
        return torch.cat([empty, noisy.topk(missing).indices])

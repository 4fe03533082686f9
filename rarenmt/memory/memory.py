"""The memory of *Learning to Remember Rare Events* (Kaiser, Nachum, Roy, Bengio,
ICLR 2017, arXiv 1703.03129, section 2): keys, values and ages.

It is life-long, never reset between batches; predict first, then write.
"""

from dataclasses import dataclass, fields, replace
from enum import IntEnum

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rarenmt.config import MemoryConfig
from rarenmt.memory.index.exact import ExactIndex, Index

EMPTY = -1
"""Value of a slot that holds nothing yet."""

AGE_NOISE = 8.0
"""r in argmax(A + r) is uniform between −8 and 8, so that replicas do not agree on a slot."""


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

    Reading is differentiable with respect to the queries. Writing is not: it happens
    after the prediction, and is the one thing that changes the module.
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
        index: Index | None = None,
    ) -> None:
        super().__init__()
        self.config = config
        self.index = index or ExactIndex()
        count = config.slots if slots is None else slots
        self.register_buffer("keys", torch.zeros(count, width, dtype=dtype))
        self.register_buffer("values", torch.full((count,), EMPTY))
        self.register_buffer("ages", torch.zeros(count, dtype=torch.long))
        self.register_buffer("latest", torch.full((vocabulary,), EMPTY))
        self.used = 0
        """Slots that hold something; they are the first ones."""

    @property
    def slots(self) -> int:
        """Slots there are, in use or not."""
        return self.values.shape[0]

    def use(self, index: Index) -> None:
        """Find neighbours by another index from now on."""
        self.index = index
        self.restored()

    def restored(self) -> None:
        """Recount what is in use and fill the index, after the buffers were loaded."""
        self.used = int((self.values != EMPTY).sum())
        self.index.clear()
        self.index.put(torch.arange(self.used), self.keys[: self.used])

    def restore(
        self, keys: Tensor, values: Tensor, ages: Tensor, latest: Tensor, *, slots: int = 0
    ) -> None:
        """Hold a copy of these entries (N, …) and of `latest` (V,) from now on, and nothing else;
        with room for as many as `slots`."""
        used = len(values)
        room = max(slots, used)
        self.keys = self.keys.new_empty((room, keys.shape[1]))  # filling it would take its pages
        self.values = self.values.new_full((room,), EMPTY)
        self.ages = self.ages.new_zeros(room)
        for part, whole in ((self.keys, keys), (self.values, values), (self.ages, ages)):
            part[:used] = whole
        self.latest.copy_(latest)
        self.restored()

    def grow(self, slots: int) -> None:
        """Add empty slots until there are `slots`."""
        more = slots - self.slots
        self.keys = torch.cat([self.keys, self.keys.new_zeros(more, self.keys.shape[1])])
        self.values = torch.cat([self.values, self.values.new_full((more,), EMPTY)])
        self.ages = torch.cat([self.ages, self.ages.new_zeros(more)])

    def read(self, queries: Tensor, k: int | None = None) -> Recall:
        """The k nearest slots (default: the configured neighbours) of unit queries (B, D)."""
        wanted = self.config.neighbours if k is None else k
        k = min(wanted, self.used)
        with torch.autocast(queries.device.type, enabled=False):  # exact in mixed precision too
            with torch.no_grad():
                found = self.index.search(queries.detach(), self.keys[: self.used], k)  # (B, ≥ k)
            similarity = torch.einsum("bd,bkd->bk", queries.float(), self.keys[found].float())
        similarity, order = similarity.topk(k, dim=-1)
        slots = found.gather(1, order)
        missing = (0, wanted - k)
        return Recall(
            F.pad(slots, missing, value=EMPTY),
            F.pad(self.values[slots], missing, value=EMPTY),
            F.pad(similarity, missing, value=-torch.inf),
        )

    def loss(self, queries: Tensor, recall: Recall, targets: Tensor) -> Tensor:
        """Hinge between the nearest right and the nearest wrong neighbour, for each query (B,).

        loss = [ q·K[wrong] − q·K[right] + α ]₊ (section 2, "memory loss"). When no
        neighbour is right, any slot with the value serves: the one that took it last.
        Where there is no right slot at all, or no wrong one, there is nothing to learn: 0.
        """
        right = recall.values == targets[:, None]  # (B, K)
        held = recall.values != EMPTY
        nearest_right = recall.similarity.masked_fill(~right, -torch.inf).amax(dim=-1)
        nearest_wrong = recall.similarity.masked_fill(right | ~held, -torch.inf).amax(dim=-1)
        outside = self.latest[targets]  # (B,)
        holds = (outside != EMPTY) & (self.values[outside.clamp(min=0)] == targets)
        elsewhere = (queries.float() * self.keys[outside.clamp(min=0)].float()).sum(dim=-1)
        in_reach = right.any(dim=-1)
        nearest_right = torch.where(in_reach, nearest_right, elsewhere)
        learnable = (in_reach | holds) & nearest_wrong.isfinite()
        gap = torch.where(learnable, nearest_wrong - nearest_right + self.config.margin, 0.0)
        return F.relu(gap)

    @torch.no_grad()
    def write(
        self, queries: Tensor, values: Tensor, nearest: Recall | None, generator: torch.Generator
    ) -> Tensor:
        """Take in queries (B, D) with their values (B,); the slots (B,) they went to.

        Section 2, "memory update", for a batch whose reads (`nearest`, at least the one
        neighbour) all saw the memory as it was before: where V[n1] = v, the key becomes
        the normalised sum of itself and every such query; elsewhere each query takes a
        slot of its own, empty ones first, then argmax(A + r). Ages count write calls.
        Without `nearest` every query takes a slot of its own.
        """
        assert len(queries) <= self.slots, "more queries than slots"
        self.ages[: self.used] += 1
        if nearest is None:
            first = torch.full_like(values, EMPTY)
            right = torch.zeros_like(values, dtype=torch.bool)
        else:
            first, right = nearest.slots[:, 0], nearest.values[:, 0] == values
        self._reinforce(first[right], queries[right])
        taken = self._take(int((~right).sum()), first[right], generator)
        self.keys[taken] = queries[~right].to(self.keys.dtype)
        slots = first.clone()
        slots[~right] = taken
        self.values[slots] = values
        self.ages[slots] = 0
        self._note_latest(values, slots)
        self.index.put(slots, self.keys[slots])
        return slots

    @torch.no_grad()
    def append(self, keys: Tensor, values: Tensor, writes: Tensor) -> Tensor:
        """Take in keys (B, D) with their values (B,) in empty slots, which are returned (B,).

        The same as one call of `write` without `nearest` after the other, where `writes` (B,),
        rising from 0, numbers the call that each entry belongs to.
        """
        assert self.used + len(values) <= self.slots, "more entries than empty slots"
        place = slice(self.used, self.used + len(values))
        slots = torch.arange(place.start, place.stop, device=self.values.device)
        if len(slots):
            self.ages[: self.used] += writes[-1] + 1
            self.keys[place] = keys.to(self.keys.dtype)
            self.values[place] = values
            self.ages[place] = writes[-1] - writes
            self.used = place.stop
            self._note_latest(values, slots)
            self.index.put(slots, self.keys[place])
        return slots

    def _reinforce(self, slots: Tensor, queries: Tensor) -> None:
        """K ← (K + Σ q) / ‖K + Σ q‖ for the queries that found their value in a slot."""
        touched, inverse = slots.unique(return_inverse=True)
        sums = self.keys[touched].float().index_add(0, inverse, queries.float())
        self.keys[touched] = F.normalize(sums, dim=-1).to(self.keys.dtype)

    def _note_latest(self, values: Tensor, slots: Tensor) -> None:
        """latest[v] ← the slot of the last query of the batch with value v."""
        order = torch.arange(len(values), device=values.device)
        last = torch.full_like(self.latest, EMPTY).scatter_reduce(0, values, order, "amax")
        seen = last != EMPTY
        self.latest[seen] = slots[last[seen]]

    def _take(self, count: int, spared: Tensor, generator: torch.Generator) -> Tensor:
        """`count` distinct slots, none of `spared`: empty ones, then the oldest by noisy age."""
        empty = torch.arange(
            self.used, min(self.used + count, self.slots), device=self.values.device
        )
        missing = count - len(empty)
        if missing == 0:
            self.used += count
            return empty
        noise = torch.rand(self.slots, generator=generator, device=generator.device)
        noisy = self.ages + (2 * noise.to(self.ages.device) - 1) * AGE_NOISE
        noisy[self.used :] = -torch.inf  # those in `empty` are taken already
        noisy[spared] = -torch.inf
        self.used += len(empty)
        return torch.cat([empty, noisy.topk(missing).indices])

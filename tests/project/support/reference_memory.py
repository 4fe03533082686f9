"""The memory of section 2 once more: plain lists, one query at a time, nothing clever.

It shares nothing with `rarenmt.memory.memory` but the random numbers, which it is handed.
"""

import math
from dataclasses import dataclass

Vector = list[float]

NO_VALUE = -1


@dataclass
class Slot:
    """One key with its value and its age."""

    key: Vector
    value: int = NO_VALUE
    age: int = 0


@dataclass(frozen=True)
class Neighbour:
    """A slot that holds something, as a query sees it."""

    slot: int
    value: int
    similarity: float


def dot(left: Vector, right: Vector) -> float:
    return sum(a * b for a, b in zip(left, right, strict=True))


def unit(vector: Vector) -> Vector:
    length = math.sqrt(dot(vector, vector))
    return [number / length for number in vector]


class ReferenceMemory:
    """What `Memory` must do, slowly."""

    def __init__(self, slots: int, width: int) -> None:
        self.width = width
        self.slots: list[Slot] = []
        self.latest: dict[int, int] = {}
        self.grow(slots)

    def grow(self, slots: int) -> None:
        """Add empty slots until there are `slots`."""
        while len(self.slots) < slots:
            self.slots.append(Slot([0.0] * self.width))

    def read(self, query: Vector, k: int) -> list[Neighbour]:
        """The k nearest slots in use, or all of them where there are fewer."""
        neighbours = [
            Neighbour(number, slot.value, dot(query, slot.key))
            for number, slot in enumerate(self.slots)
            if slot.value != NO_VALUE
        ]
        return sorted(neighbours, key=lambda neighbour: -neighbour.similarity)[:k]

    def loss(self, query: Vector, target: int, k: int, margin: float) -> float:
        """[ q·K[wrong] − q·K[right] + α ]₊, or 0 where there is no right or no wrong slot."""
        neighbours = self.read(query, k)
        right = [n.similarity for n in neighbours if n.value == target]
        wrong = [n.similarity for n in neighbours if n.value != target]
        last = self.latest.get(target)
        if not right and last is not None and self.slots[last].value == target:
            right = [dot(query, self.slots[last].key)]
        if not right or not wrong:
            return 0.0
        return max(0.0, wrong[0] - right[0] + margin)

    def write(self, queries: list[Vector], values: list[int], noise: list[float]) -> list[int]:
        """The update for a batch, all of whose reads see the memory as it was before.

        `noise` holds r of argmax(A + r), one number for each slot.
        """
        nearest = [self.read(query, 1) for query in queries]
        right = [bool(n) and n[0].value == v for n, v in zip(nearest, values, strict=True)]
        for slot in self.slots:
            slot.age += slot.value != NO_VALUE
        kept = [n[0].slot for n, is_right in zip(nearest, right, strict=True) if is_right]
        self._reinforce(kept, [q for q, is_right in zip(queries, right, strict=True) if is_right])
        free = self._free(kept, noise)
        where = [n[0].slot if ok else free.pop(0) for n, ok in zip(nearest, right, strict=True)]
        for query, value, number, is_right in zip(queries, values, where, right, strict=True):
            key = self.slots[number].key if is_right else query
            self.slots[number] = Slot(key, value, 0)
            self.latest[value] = number
        return where

    def _reinforce(self, slots: list[int], queries: list[Vector]) -> None:
        """Add to each key all queries that found their value there, then normalise once."""
        sums = {number: self.slots[number].key for number in slots}
        for number, query in zip(slots, queries, strict=True):
            sums[number] = [a + b for a, b in zip(sums[number], query, strict=True)]
        for number, total in sums.items():
            self.slots[number].key = unit(total)

    def _free(self, spared: list[int], noise: list[float]) -> list[int]:
        """Slots in the order they are given away: empty ones, then the oldest by noisy age."""
        empty = [n for n, slot in enumerate(self.slots) if slot.value == NO_VALUE]
        taken = [n for n in range(len(self.slots)) if n not in empty and n not in spared]
        return empty + sorted(taken, key=lambda n: -(self.slots[n].age + noise[n]))

"""What was shown, in order: every call of `remember` with its pairs, and which entries they left.

The memory is a pure function of the checkpoint and of this list, so that a call can be taken back
by doing all the others again.
"""

import os
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from rarenmt.errors import DataError, SettingError
from rarenmt.text.matching import SentencePattern, TmMatch, near_match, substitute
from rarenmt.text.pairs import Pair


@dataclass(frozen=True)
class Call:
    """One call of `remember`: pairs that were shown together, so many times over."""

    pairs: list[Pair]
    passes: int = 1


class Journal:
    """The calls, the distinct pairs among what they showed, and the owners of the entries."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.pairs: list[Pair] = []
        """What is remembered: of a pair that was shown at several places, the first."""
        self.owners = torch.zeros((0, 2), dtype=torch.int32)
        """(N, 2) number of the pair, in `pairs`, and position of the entry in each slot."""
        self.links = torch.zeros((0, 2), dtype=torch.int32)
        """(N, 2) numbers of the source words that the word of the entry translates; UNALIGNED."""
        self._lines: set[tuple[str, str, str, int, str]] = set()
        self._numbers: dict[tuple[str, str], int] = {}
        self._same_source: dict[str, list[int]] = {}
        self._latest: dict[str, Pair] = {}
        self._by_pattern: dict[str, Pair] = {}

    def lines(self) -> Iterator[Pair]:
        """Every pair of every call, with repetitions."""
        for call in self.calls:
            yield from call.pairs

    def has_line(self, pair: Pair) -> bool:
        """Whether this very line was shown before, whenever that was."""
        return _place(pair) in self._lines

    def has_pair(self, pair: Pair) -> bool:
        """Whether the pair is remembered, from whatever place."""
        return (pair.source, pair.target) in self._numbers

    def conflicting(self, pair: Pair) -> list[Pair]:
        """The pairs remembered before this one that translate the same source otherwise."""
        same = self._same_source[pair.source]
        return [self.pairs[number] for number in same if number < self.pair_number(pair)]

    def exact_match(self, sentence: str) -> Pair | None:
        """What was shown last for just this sentence, whatever white space is around it."""
        return self._latest.get(sentence.strip())

    def match(self, sentence: str) -> TmMatch | None:
        """What was shown last for just this sentence or, if nothing was, for one that is worded as
        it is."""
        pair = self.exact_match(sentence)
        if pair is not None:
            return substitute(pair)
        key = SentencePattern.from_sentence(sentence).key
        return (
            near_match(self._by_pattern[key], sentence) if key and key in self._by_pattern else None
        )

    def append(self, call: Call) -> list[int]:
        """Take in a call; the numbers of the pairs that were not known before it."""
        self.calls.append(call)
        first = len(self.pairs)
        for pair in call.pairs:
            self._lines.add(_place(pair))
            self._latest[pair.source.strip()] = pair
            self._by_pattern[SentencePattern.from_sentence(pair.source).key] = pair
            if not self.has_pair(pair):
                self._numbers[pair.source, pair.target] = len(self.pairs)
                self._same_source.setdefault(pair.source, []).append(len(self.pairs))
                self.pairs.append(pair)
        return list(range(first, len(self.pairs)))

    def pair_number(self, pair: Pair) -> int:
        """The number of a pair that is remembered, from whatever place."""
        return self._numbers[pair.source, pair.target]

    def select(
        self,
        locations: Iterable[str] = (),
        *,
        files: Iterable[str] = (),
        texts: Iterable[str] = (),
        last_call: bool = False,
    ) -> list[int]:
        """Numbers of the remembered lines that any of the criteria selects, in ascending order.

        Lines are counted from 0 over all calls, as `forget` takes them. `locations` are FILE:LINE;
        `texts` match anywhere in the source or the target, upper and lower case alike. DataError
        for a location that is malformed, and for any criterion that selects nothing.
        """
        lines = list(self.lines())
        chosen: set[int] = set()
        at = _by_location(lines)
        for location in locations:
            path, number = _parse_location(location)
            problem = f"no line {number} of {path!r} is remembered"
            chosen.update(_not_empty(at.get((path, number), []), location, problem))
        for path in files:
            found = [i for i, pair in enumerate(lines) if pair.path == path]
            chosen.update(_not_empty(found, path, "no line of this file is remembered"))
        for text in texts:
            found = [i for i, pair in enumerate(lines) if _contains(pair, text.casefold())]
            chosen.update(_not_empty(found, text, "no remembered pair contains this text"))
        if last_call:
            count = len(self.calls[-1].pairs) if self.calls else 0
            found = list(range(len(lines) - count, len(lines)))
            chosen.update(_not_empty(found, "last call", "nothing is remembered"))
        return sorted(chosen)

    def without(self, chosen: Collection[int]) -> list[Call]:
        """The calls without the chosen showings, counted from 0 over all calls; one that showed
        nothing else never happened."""
        kept = []
        number = 0
        for call in self.calls:
            pairs = [p for i, p in enumerate(call.pairs, start=number) if i not in chosen]
            number += len(call.pairs)
            if pairs:
                kept.append(Call(pairs, call.passes))
        return kept

    def assign_slots(
        self, numbers: Tensor, positions: Tensor, links: Tensor, slots: Tensor
    ) -> None:
        """Note which pairs (T,) and positions (T,) the entries in slots (T,) come from, and which
        source words (T, 2) they are linked to."""
        needed = int(slots.max()) + 1 if len(slots) else 0
        if needed > len(self.owners):
            more = max(needed, 2 * len(self.owners)) - len(self.owners)
            self.owners, self.links = (
                F.pad(table, (0, 0, 0, more)) for table in (self.owners, self.links)
            )
        self.owners[slots, 0] = numbers.to(torch.int32)
        self.owners[slots, 1] = positions.to(torch.int32)
        self.links[slots] = links.to(torch.int32)

    def owner(self, slot: int) -> Pair:
        """The pair that wrote a slot."""
        return self.pairs[int(self.owners[slot, 0])]

    def position(self, slot: int) -> int:
        """Which piece of its pair's target a slot holds, from 0."""
        return int(self.owners[slot, 1])

    def slots_by_pair(self, used: int) -> list[Tensor]:
        """The slots of each pair among the first `used`, in the order of its positions."""
        owners = self.owners[:used].long()
        order = ((owners[:, 0] << 32) + owners[:, 1]).argsort()
        counts = owners[:, 0].bincount(minlength=len(self.pairs))
        return list(order.split(counts.tolist()))


def now() -> int:
    """Seconds since 1970, or what SOURCE_DATE_EPOCH says instead; SettingError if that is none."""
    fixed = os.environ.get("SOURCE_DATE_EPOCH", "")
    if not fixed:
        return int(time.time())
    if not (fixed.isascii() and fixed.isdigit() and len(fixed) < 16):
        raise SettingError(f"SOURCE_DATE_EPOCH is {fixed!r}; wanted seconds since 1970")
    return int(fixed)


def _place(pair: Pair) -> tuple[str, str, str, int, str]:
    """The same line, whenever it was remembered."""
    return pair.source, pair.target, pair.path, pair.line, pair.unit


def _by_location(lines: Sequence[Pair]) -> dict[tuple[str, int], list[int]]:
    """The numbers of the lines at each path and line number."""
    found: dict[tuple[str, int], list[int]] = {}
    for i, pair in enumerate(lines):
        found.setdefault((pair.path, pair.line), []).append(i)
    return found


def _parse_location(location: str) -> tuple[str, int]:
    """Path and line number from FILE:LINE."""
    path, colon, line = location.rpartition(":")
    if not colon or not (line.isascii() and line.isdigit()):
        raise DataError(location, None, "not a location; expected FILE:LINE")
    return path, int(line)


def _contains(pair: Pair, text: str) -> bool:
    """Whether source or target contains a case-folded text."""
    return text in pair.source.casefold() or text in pair.target.casefold()


def _not_empty(found: list[int], name: str, problem: str) -> list[int]:
    if not found:
        raise DataError(name, None, f"{problem}; `rarenmt memory show` lists all lines")
    return found

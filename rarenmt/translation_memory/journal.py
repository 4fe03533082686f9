"""The log of a memory: every call of `remember` with its pairs, and the entries that they wrote.

The memory is a pure function of the checkpoint and of this log, so a call can be undone by
repeating all the others.
"""

import os
import re
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from rarenmt.errors import DataError, SettingError
from rarenmt.text.matching import SentencePattern, TmMatch, near_match, substitute
from rarenmt.text.pairs import Pair

PLACE = re.compile("([0-9]{1,18})(?:#([0-9]{1,18}))?")
"""LINE or LINE#NUMBER."""


@dataclass(frozen=True)
class Call:
    """One call of `remember`: the pairs it wrote, and how many passes it made over them."""

    pairs: list[Pair]
    passes: int = 1


class Journal:
    """The calls, their distinct pairs, the pair behind each entry, and an index of matches."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.pairs: list[Pair] = []
        """The distinct pairs; of a pair remembered from several locations, the first."""
        self.owners = torch.zeros((0, 2), dtype=torch.int32)
        """(N, 2) number of the pair, in `pairs`, and position of the entry in each slot."""
        self.links = torch.zeros((0, 2), dtype=torch.int32)
        """(N, 2) numbers of the source words that the entry's word translates, or UNALIGNED."""
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
        """Whether this line was remembered before, at whatever time."""
        return _place(pair) in self._lines

    def has_pair(self, pair: Pair) -> bool:
        """Whether the pair is remembered, from any location."""
        return (pair.source, pair.target) in self._numbers

    def conflicting(self, pair: Pair) -> list[Pair]:
        """The earlier pairs that translate the same source differently."""
        same = self._same_source[pair.source]
        return [self.pairs[number] for number in same if number < self.pair_number(pair)]

    def exact_match(self, sentence: str) -> Pair | None:
        """The latest pair with this source, ignoring white space around it."""
        return self._latest.get(sentence.strip())

    def match(self, sentence: str) -> TmMatch | None:
        """The exact match of a sentence or, if there is none, its near match: the latest pair whose
        source differs only in numbers, typography or final punctuation."""
        pair = self.exact_match(sentence)
        if pair is not None:
            return substitute(pair)
        key = SentencePattern.from_sentence(sentence).key
        return (
            near_match(self._by_pattern[key], sentence) if key and key in self._by_pattern else None
        )

    def append(self, call: Call) -> list[int]:
        """Add a call; return the numbers of its new pairs."""
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
        """The number of a remembered pair, from any location."""
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

        Lines are counted from 0 over all calls, as `forget` takes them. `locations` are FILE:LINE,
        with #NUMBER for one of several TMX units on that line; `texts` match anywhere in the source
        or the target, upper and lower case alike. DataError for a location that is malformed, and
        for any criterion that selects nothing.
        """
        found = self.matches(locations, files=files, texts=texts, last_call=last_call)
        return sorted({number for _, numbers in found for number in numbers})

    def matches(
        self,
        locations: Iterable[str] = (),
        *,
        files: Iterable[str] = (),
        texts: Iterable[str] = (),
        last_call: bool = False,
    ) -> list[tuple[str, list[int]]]:
        """The lines of each criterion of `select`, with its name."""
        lines = list(self.lines())
        found = []
        at = _by_location(lines)
        for location in locations:
            path, line, number = _parse_location(location)
            there = [i for i in at.get((path, line), []) if number in (None, lines[i].number)]
            unit = "" if number is None else f"unit {number} on "
            problem = f"no {unit}line {line} of {path!r} is remembered"
            found.append((location, _not_empty(there, location, problem)))
        for path in files:
            there = [i for i, pair in enumerate(lines) if pair.path == path]
            problem = "no line of this file is remembered"
            found.append((f"file {path}", _not_empty(there, path, problem)))
        for text in texts:
            there = [i for i, pair in enumerate(lines) if _contains(pair, text.casefold())]
            problem = "no remembered pair contains this text"
            found.append((f"text {text!r}", _not_empty(there, text, problem)))
        if last_call:
            count = len(self.calls[-1].pairs) if self.calls else 0
            there = list(range(len(lines) - count, len(lines)))
            found.append(("last call", _not_empty(there, "last call", "nothing is remembered")))
        return found

    def without(self, chosen: Collection[int]) -> list[Call]:
        """The calls without the chosen lines, counted from 0 over all calls; a call that loses all
        its lines is dropped."""
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
        """Record the pairs (T,), positions (T,) and linked source words (T, 2) of the entries in
        slots (T,)."""
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
        """The position of a slot in the target of its pair, in pieces from 0."""
        return int(self.owners[slot, 1])

    def slots_by_pair(self, used: int) -> list[Tensor]:
        """The slots of each pair among the first `used`, ordered by position."""
        owners = self.owners[:used].long()
        order = ((owners[:, 0] << 32) + owners[:, 1]).argsort()
        counts = owners[:, 0].bincount(minlength=len(self.pairs))
        return list(order.split(counts.tolist()))


def now() -> int:
    """Seconds since 1970, or the value of SOURCE_DATE_EPOCH; SettingError if it is no number."""
    fixed = os.environ.get("SOURCE_DATE_EPOCH", "")
    if not fixed:
        return int(time.time())
    if not (fixed.isascii() and fixed.isdigit() and len(fixed) < 16):
        raise SettingError(f"SOURCE_DATE_EPOCH is {fixed!r}; expected seconds since 1970")
    return int(fixed)


def _place(pair: Pair) -> tuple[str, str, str, int, str]:
    """What identifies a line, without its time; nor its number, which older memories lack."""
    return pair.source, pair.target, pair.path, pair.line, pair.unit


def _by_location(lines: Sequence[Pair]) -> dict[tuple[str, int], list[int]]:
    """The numbers of the lines at each path and line number."""
    found: dict[tuple[str, int], list[int]] = {}
    for i, pair in enumerate(lines):
        found.setdefault((pair.path, pair.line), []).append(i)
    return found


def _parse_location(location: str) -> tuple[str, int, int | None]:
    """Path, line and number from FILE:LINE#NUMBER; no number from FILE:LINE, which means all."""
    path, colon, place = location.rpartition(":")
    found = PLACE.fullmatch(place)
    if not colon or not found:
        raise DataError(location, None, "not a location; expected FILE:LINE")
    return path, int(found[1]), int(found[2]) if found[2] else None


def _contains(pair: Pair, text: str) -> bool:
    """Whether source or target contains a case-folded text."""
    return text in pair.source.casefold() or text in pair.target.casefold()


def _not_empty(found: list[int], name: str, problem: str) -> list[int]:
    if not found:
        raise DataError(name, None, f"{problem}; `rarenmt memory show` lists all lines")
    return found

"""What the entries of a memory translate, for one that is asked as a whole: there an entry is met
before anything is known of its pair.

Shapes: N slots · B sentences · M meanings that a sentence holds · S source pieces · K slots of a
sentence.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from rarenmt.counterpart import Heard

NOWHERE = -1
"""Stands for a slot that is not there, among slots and among meanings."""


@dataclass(frozen=True)
class Meanings:
    """What the entry of each slot translates; entries that translate the same share a number."""

    numbers: Tensor
    """(N,)"""
    by_form: Mapping[str, Sequence[int]]
    """The meanings that a word stands for, by all its `forms`."""

    @classmethod
    def of(cls, translated: Iterable[frozenset[str]]) -> "Meanings":
        """`translated`: of each slot the forms of what its entry translates."""
        known: dict[frozenset[str], int] = {}
        numbers = [known.setdefault(some, len(known)) for some in translated]
        by_form: dict[str, list[int]] = defaultdict(list)
        for some, number in known.items():
            for form in some:
                by_form[form].append(number)
        return cls(torch.tensor(numbers, dtype=torch.long), by_form)

    def places(self, sentences: Sequence[Heard]) -> "Places":
        """Where these sentences hold them."""
        own = [self._held(heard) for heard in sentences]
        most, longest = (max(rows.shape[side] for _, rows in own) for side in (0, 1))
        held = torch.full((len(own), most), torch.iinfo(torch.long).max)
        pieces = torch.zeros(len(own), most, longest, dtype=torch.bool)
        for row, (numbers, where) in enumerate(own):
            held[row, : len(numbers)] = numbers
            pieces[row, : len(numbers), : where.shape[1]] = where
        return Places(self.numbers, held, pieces)

    def _held(self, heard: Heard) -> tuple[Tensor, Tensor]:
        """The meanings (≤ M,) that a sentence holds, ascending, and where (≤ M, S); at least one,
        which may be nowhere."""
        words: dict[int, set[int]] = defaultdict(set)
        for form, where in heard.where.items():
            for number in self.by_form.get(form, ()):
                words[number].update(where)
        numbers = sorted(words) or [NOWHERE]
        found = torch.zeros(len(numbers), int(heard.words[-1]) + 1, dtype=torch.bool)
        for row, number in zip(found, numbers, strict=True):
            row[list(words[number])] = True
        return torch.tensor(numbers), found[:, heard.words]


@dataclass(frozen=True)
class Places:
    """Where in each sentence of a batch stands what entries translate."""

    numbers: Tensor
    """(N,) the meaning of each slot."""
    held: Tensor
    """(B, M) the meanings that a sentence holds, ascending, padded behind with the largest
    integer."""
    pieces: Tensor
    """(B, M, S) where."""

    def to(self, device: torch.device) -> "Places":
        """The same on a device."""
        return Places(*(part.to(device) for part in (self.numbers, self.held, self.pieces)))

    def select(self, sentences: Tensor) -> "Places":
        """The same for some of the sentences."""
        return replace(self, held=self.held[sentences], pieces=self.pieces[sentences])

    def slots(self, sentence: int, pieces: Tensor) -> Tensor:
        """The slots whose entries translate some of these pieces (≤ S,) of a sentence."""
        where = self.pieces[sentence, :, : len(pieces)]
        wanted = self.held[sentence][(where & pieces).any(dim=1)]
        return torch.isin(self.numbers, wanted).nonzero()[:, 0]

    def at(self, slots: Tensor) -> Tensor:
        """(B, K, S) where in its sentence stands what the entry of each slot (B, K) translates;
        nowhere for one that is not there."""
        wanted = F.pad(self.numbers, (0, 1), value=NOWHERE)[slots]  # slot −1 is the last one
        row = torch.searchsorted(self.held, wanted).clamp(max=self.held.shape[1] - 1)
        there = (self.held.gather(1, row) == wanted) & (wanted != NOWHERE)
        places = self.pieces.gather(1, row[:, :, None].expand(-1, -1, self.pieces.shape[2]))
        return places & there[:, :, None]

"""What the entries of a memory translate, for one that is asked as a whole: there an entry is met
before anything is known of its pair.

Shapes: N slots · B sentences · M meanings that a sentence holds · S source pieces · K slots of a
sentence.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from rarenmt.counterpart import Heard

LAST = torch.iinfo(torch.long).max
"""A meaning that no entry has."""


@dataclass(frozen=True)
class Meanings:
    """What the entry of each slot translates; entries that translate the same share a number."""

    numbers: Tensor
    """(N,)"""
    forms: Sequence[frozenset[str]]
    """Of each meaning those of what has it."""
    by_form: Mapping[str, Sequence[int]]
    """The meanings by each of their forms."""

    @classmethod
    def of(cls, translated: Iterable[frozenset[str]]) -> "Meanings":
        """`translated`: of each slot the forms of what its entry translates."""
        known: dict[frozenset[str], int] = {}
        numbers = [known.setdefault(some, len(known)) for some in translated]
        by_form: dict[str, list[int]] = defaultdict(list)
        for some, number in known.items():
            for form in some:
                by_form[form].append(number)
        return cls(torch.tensor(numbers, dtype=torch.long), list(known), by_form)

    def places(self, sentences: Sequence[Heard]) -> "Places":
        """Where these sentences hold them."""
        own = [self._held(heard) for heard in sentences]
        most, longest = (max(rows.shape[side] for _, rows in own) for side in (0, 1))
        held = torch.full((len(own), most), LAST)
        pieces = torch.zeros(len(own), most, longest, dtype=torch.bool)
        for row, (numbers, where) in enumerate(own):
            held[row, : len(numbers)] = torch.tensor(numbers)
            pieces[row, : len(where), : where.shape[1]] = where
        return Places(self.numbers, held, pieces)

    def _held(self, heard: Heard) -> tuple[list[int], Tensor]:
        """The meanings (≤ M,) that a sentence holds, ascending, and where (≤ M, S); one at least,
        which may be the LAST."""
        numbers = sorted({n for form in heard.where for n in self.by_form.get(form, ())})
        return numbers or [LAST], heard.at([self.forms[number] for number in numbers] or [()])


@dataclass(frozen=True)
class Places:
    """Where in each sentence of a batch stands what entries translate."""

    numbers: Tensor
    """(N,) the meaning of each slot."""
    held: Tensor
    """(B, M) the meanings that a sentence holds, ascending, padded with LAST."""
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

    def hold(self, slots: Tensor) -> Tensor:
        """(B, K) whether its sentence holds what the entry of each slot (B, K) translates; not for
        one that is not there."""
        return self._find(slots)[1]

    def at(self, slots: Tensor) -> Tensor:
        """(B, K, S) where in its sentence that stands."""
        row, there = self._find(slots)
        places = self.pieces.gather(1, row[:, :, None].expand(-1, -1, self.pieces.shape[2]))
        return places & there[:, :, None]

    def _find(self, slots: Tensor) -> tuple[Tensor, Tensor]:
        """Which of the meanings that its sentence holds each entry has (B, K), and whether it has
        one."""
        wanted = self.numbers[slots.clamp(min=0)]
        row = torch.searchsorted(self.held, wanted).clamp(max=self.held.shape[1] - 1)
        return row, (self.held.gather(1, row) == wanted) & (slots >= 0)

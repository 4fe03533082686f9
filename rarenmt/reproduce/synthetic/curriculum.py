"""Which training strings are shown when: one life after the other, the first ones short and easy.

The memory of one life holds some of the numbers and forgets them at its end. Were it never
emptied, every string but those of the first pass would find itself there, and nothing would
teach the query to leave out the letters around a number.

The paper shows the strings as they are, in one life.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from rarenmt.reproduce.synthetic.task import DIGITS, Strings, crop

FIRST_LONGEST = DIGITS + 1
"""Symbols of the first strings."""
GOOD = 0.8
"""Share that is right from which strings and lives grow: of neighbours for numbers of this life,
or, without a memory, of letters."""
INERTIA = 0.98
"""Of the running mean of that share."""
LONGER = 0.05
"""Symbols by which strings grow with every good step."""
LARGER = 1.01
"""Factor by which the next lives grow with every good step, once strings are at their longest."""


@dataclass(frozen=True)
class Lesson:
    """The strings of a step."""

    strings: Strings
    known: Tensor
    """(N,) whether the number was shown earlier in this life."""
    first: bool
    """Whether a life begins."""


class Lessons(nn.Module):
    """Where the course of lives stands; all of it is in buffers, so that it can be resumed.

    Buffers
        life     ()  how many lives ended
        shown    ()  strings shown in this life
        numbers  ()  numbers in this life
        larger   ()  numbers in the next life
        longest  ()  symbols of a string
        right    ()  running share of right neighbours where the number was known, or letters
    """

    life: Tensor
    shown: Tensor
    numbers: Tensor
    larger: Tensor
    longest: Tensor
    right: Tensor

    def __init__(self, train: Strings, numbers: int | None, batch: int, seed: int) -> None:
        """The first life has so many numbers; with None there is one life, of whole strings."""
        super().__init__()
        self.train_strings, self.batch, self.seed = train, batch, seed
        self.every = train.numbers.unique()
        self.one = numbers is None
        count = len(self.every) if numbers is None else min(numbers, len(self.every))
        longest = train.questions.shape[1] if self.one else FIRST_LONGEST
        for name in ("life", "shown"):
            self.register_buffer(name, torch.tensor(0))
        self.register_buffer("numbers", torch.tensor(count))
        self.register_buffer("larger", torch.tensor(float(count)))
        self.register_buffer("longest", torch.tensor(float(longest)))
        self.register_buffer("right", torch.tensor(0.0))
        self._order: tuple[int, Tensor] | None = None

    def next(self, generator: torch.Generator) -> Lesson:
        """The strings of the next step, cropped to a length not above the one reached."""
        order = self._strings()
        start = int(self.shown)
        rows = order[start : start + self.batch]
        numbers = self.train_strings.numbers
        known = torch.isin(numbers[rows], numbers[order[:start]])
        self.shown += len(rows)
        if int(self.shown) >= len(order):
            self._end_life()
        strings = self.train_strings.at(rows)
        if self.one:
            return Lesson(strings, known, first=False)
        return Lesson(crop(strings, self._length(generator), generator), known, first=start == 0)

    def note(self, right: float | None) -> None:
        """Take in the share that was right in a step; where it is good, grow."""
        if right is None:
            return
        self.right.mul_(INERTIA).add_((1 - INERTIA) * right)
        if self.one or float(self.right) < GOOD:
            return
        widest = self.train_strings.questions.shape[1]
        if float(self.longest) < widest:
            self.longest.add_(LONGER).clamp_(max=widest)
        else:
            self.larger.mul_(LARGER).clamp_(max=len(self.every))

    def _length(self, generator: torch.Generator) -> int:
        """Symbols that a step's strings are cropped to, from all digits to the longest so far.
        One length for all: a network takes as long for a short string as for the longest beside
        it, and an Extended Neural GPU four times as long for twice the symbols."""
        return int(torch.randint(DIGITS, int(self.longest) + 1, (), generator=generator))

    def _strings(self) -> Tensor:
        """Rows of all strings of this life, in its order."""
        life = int(self.life)
        if self._order is None or self._order[0] != life:
            generator = torch.Generator().manual_seed(self.seed * 1_000_003 + life)
            order = torch.randperm(len(self.train_strings), generator=generator)
            drawn = torch.randperm(len(self.every), generator=generator)[: int(self.numbers)]
            inside = torch.isin(self.train_strings.numbers[order], self.every[drawn])
            self._order = life, order[inside]
        return self._order[1]

    def _end_life(self) -> None:
        self.life += 1
        self.shown.zero_()
        self.numbers.copy_(self.larger.long())

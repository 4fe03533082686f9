"""The curriculum of the synthetic task: short strings and few numbers first.

Training goes in rounds. A round has the strings of some of the numbers, each once, and the memory
is cleared at its end. If it were never cleared, every string after the first pass over the data
would retrieve itself, and the query would not learn to ignore the letters around a number.

The paper trains on whole strings and never clears the memory: one round, which repeats.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from rarenmt.reproduce.synthetic.task import DIGITS, Strings, crop

FIRST_LONGEST = DIGITS + 1
"""Symbols of the first strings."""
GOOD = 0.8
"""Share right from which strings and rounds grow: of the nearest neighbours at the digits of
known numbers or, without a memory, of the letters."""
INERTIA = 0.98
"""Of the running mean of that share."""
LONGER = 0.05
"""Symbols that strings grow by with every good step."""
LARGER = 1.01
"""Factor that rounds grow by with every good step, once strings are at their longest."""


@dataclass(frozen=True)
class Step:
    """The strings of a training step."""

    strings: Strings
    known: Tensor
    """(N,) whether the number occurred earlier in this round."""
    first: bool
    """Whether a round starts, with an empty memory."""


class Curriculum(nn.Module):
    """The state of the curriculum, in buffers, so that it is saved with the run.

    Buffers
        life     ()  rounds completed
        shown    ()  strings done in this round
        numbers  ()  numbers in this round
        larger   ()  numbers in the next round
        longest  ()  symbols of a string
        right    ()  running share right, see GOOD
    """

    life: Tensor
    shown: Tensor
    numbers: Tensor
    larger: Tensor
    longest: Tensor
    right: Tensor

    def __init__(self, train: Strings, numbers: int | None, batch: int, seed: int) -> None:
        """The first round has strings of `numbers` numbers; None: one round, of whole strings."""
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

    def next(self, generator: torch.Generator) -> Step:
        """The strings of the next step, cropped to a random length up to the longest so far."""
        order = self._strings()
        start = int(self.shown)
        rows = order[start : start + self.batch]
        numbers = self.train_strings.numbers
        known = torch.isin(numbers[rows], numbers[order[:start]])
        self.shown += len(rows)
        if int(self.shown) >= len(order):
            self._end_round()
        strings = self.train_strings.at(rows)
        if self.one:
            return Step(strings, known, first=False)
        return Step(crop(strings, self._length(generator), generator), known, first=start == 0)

    def update(self, right: float) -> None:
        """Update the running share right; from GOOD on, strings grow, and then rounds."""
        self.right.mul_(INERTIA).add_((1 - INERTIA) * right)
        if self.one or float(self.right) < GOOD:
            return
        widest = self.train_strings.questions.shape[1]
        if float(self.longest) < widest:
            self.longest.add_(LONGER).clamp_(max=widest)
        else:
            self.larger.mul_(LARGER).clamp_(max=len(self.every))

    def _length(self, generator: torch.Generator) -> int:
        """Length to crop the strings of a step to. One for all, because padding costs as much
        time as symbols do, and an Extended Neural GPU takes quadratic time."""
        return int(torch.randint(DIGITS, int(self.longest) + 1, (), generator=generator))

    def _strings(self) -> Tensor:
        """Rows of the strings of this round, in random order."""
        life = int(self.life)
        if self._order is None or self._order[0] != life:
            generator = torch.Generator().manual_seed(self.seed * 1_000_003 + life)
            order = torch.randperm(len(self.train_strings), generator=generator)
            drawn = torch.randperm(len(self.every), generator=generator)[: int(self.numbers)]
            inside = torch.isin(self.train_strings.numbers[order], self.every[drawn])
            self._order = life, order[inside]
        return self._order[1]

    def _end_round(self) -> None:
        self.life += 1
        self.shown.zero_()
        self.numbers.copy_(self.larger.long())

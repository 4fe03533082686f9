"""The synthetic task: a table of 16,000 entries, to be looked up inside strings of As and Bs.

Kaiser et al. 2017, section 4.2. S = {2, …, 16000} and f: S → S is drawn once. A string of up
to 40 symbols has one run of exactly seven digits in it, a number of S in base 4 with leading
zeros; in the right answer the digits are those of f(number), and all As and Bs stay.

Shapes: N strings · L symbols of the longest.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from rarenmt.text.tokenizer import BOS, EOS, PAD, UNK

BASE = 4
DIGITS = 7
"""4⁷ = 16,384 numbers can be written."""
SMALLEST, LARGEST = 2, 16_000
"""Of S."""
LONGEST = 40
"""Symbols."""

BLOCK = 64
"""Questions whose neighbours are searched at once."""

ZERO = 1 + max(PAD, UNK, BOS, EOS)
"""Id of the digit 0; the others follow, and then A and B."""
A = ZERO + BASE
B = A + 1
VOCABULARY = B + 1


@dataclass(frozen=True)
class Strings:
    """Questions and answers, which are equally long, padded behind."""

    questions: Tensor
    """(N, L)"""
    answers: Tensor
    """(N, L)"""
    lengths: Tensor
    """(N,)"""
    numbers: Tensor
    """(N,) the number that the digits of the question write."""

    def __len__(self) -> int:
        return len(self.lengths)

    def at(self, rows: Tensor) -> "Strings":
        """The strings at these rows, padded to the longest of them."""
        lengths = self.lengths[rows]
        width = int(lengths.max())
        questions, answers = self.questions[rows, :width], self.answers[rows, :width]
        return Strings(questions, answers, lengths, self.numbers[rows])

    def to(self, device: torch.device) -> "Strings":
        """The strings on a device."""
        tensors = (self.questions, self.answers, self.lengths, self.numbers)
        return Strings(*(tensor.to(device) for tensor in tensors))


def draw_table(largest: int, generator: torch.Generator) -> Tensor:
    """f(0), …, f(largest), each drawn uniformly from S = {2, …, largest}."""
    return torch.randint(SMALLEST, largest + 1, (largest + 1,), generator=generator)


def draw_strings(count: int, table: Tensor, longest: int, generator: torch.Generator) -> Strings:
    """Strings of a uniform number in S, of uniform length from 7 to `longest`, with the digits
    anywhere in them and every letter as likely A as B."""

    def below(ends: Tensor) -> Tensor:
        return (torch.rand(count, generator=generator) * ends).long()

    lengths = DIGITS + below(torch.full((count,), float(longest - DIGITS + 1)))
    starts = below(lengths - DIGITS + 1.0)
    numbers = torch.randint(SMALLEST, len(table), (count,), generator=generator)
    letters = torch.randint(A, B + 1, (count, longest), generator=generator)
    return write(letters, lengths, starts, numbers, table)


def write(
    letters: Tensor, lengths: Tensor, starts: Tensor, numbers: Tensor, table: Tensor
) -> Strings:
    """Strings of letters (N, L) with the digits of numbers (N,) at positions starts (N,)."""
    positions = starts[:, None] + torch.arange(DIGITS)
    behind = torch.arange(letters.shape[1]) >= lengths[:, None]
    letters = letters.masked_fill(behind, PAD)
    return Strings(
        letters.scatter(1, positions, ZERO + digits(numbers)),
        letters.scatter(1, positions, ZERO + digits(table[numbers])),
        lengths,
        numbers,
    )


def crop(strings: Strings, longest: int, generator: torch.Generator) -> Strings:
    """A random window of `longest` symbols of each string, with all its digits; a shorter string
    is not cropped. The same window of the answer is its answer."""
    count, width = strings.questions.shape

    def below(ends: Tensor) -> Tensor:
        return (torch.rand(count, generator=generator).to(ends.device) * ends).long()

    starts = ((strings.questions >= ZERO) & (strings.questions < A)).int().argmax(dim=1)
    lengths = strings.lengths.clamp(max=longest)
    first = (starts + DIGITS - lengths).clamp(min=0)
    last = torch.minimum(starts, strings.lengths - lengths)
    steps = torch.arange(int(lengths.max()), device=starts.device)
    positions = (first + below(last - first + 1.0))[:, None] + steps
    behind = steps >= lengths[:, None]

    def cut(symbols: Tensor) -> Tensor:
        return symbols.gather(1, positions.clamp(max=width - 1)).masked_fill(behind, PAD)

    return Strings(cut(strings.questions), cut(strings.answers), lengths, strings.numbers)


def digits(numbers: Tensor) -> Tensor:
    """Numbers (N,) in base 4 (N, 7), with leading zeros."""
    powers = BASE ** torch.arange(DIGITS - 1, -1, -1)
    return numbers[:, None] // powers % BASE


def ceiling(train: Strings, test: Strings) -> float:
    """Share of the test strings whose number occurs in training, an upper bound of recall."""
    return torch.isin(test.numbers, train.numbers).float().mean().item()


def right(found: Tensor, strings: Strings) -> tuple[Tensor, Tensor]:
    """Whether all symbols, and whether all letters, of answers (N, ≥ L) are right, (N,) each."""
    answers = strings.answers
    agree = (found[:, : answers.shape[1]] == answers) | (answers == PAD)
    return agree.all(dim=1), (agree | (answers < A)).all(dim=1)


def hamming_neighbours(train: Strings, test: Strings) -> Tensor:
    """The training string (N,) whose question differs in the fewest positions from each test one.

    Strings of the same length come first; among others, padding counts as a symbol. Ties go to
    the first string.
    """
    width = train.questions.shape[1]
    padded = F.pad(test.questions, (0, width - test.questions.shape[1]), value=PAD)
    seen = F.one_hot(train.questions, VOCABULARY).flatten(1).float()
    nearest = []
    for questions, lengths in zip(padded.split(BLOCK), test.lengths.split(BLOCK), strict=True):
        same = F.one_hot(questions, VOCABULARY).flatten(1).float() @ seen.t()  # (N, M)
        nearest.append((same + width * (lengths[:, None] == train.lengths)).argmax(dim=1))
    return torch.cat(nearest)

"""The algorithms of the Neural GPU: copy, reverse, duplicate, and addition of binary numbers.

Kaiser and Sutskever 2016, arXiv 1511.08228, section 3. Numbers start with their lowest digit.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from rarenmt.text.tokenizer import PAD

Algorithm = Literal["copy", "reverse", "duplicate", "add"]

ZERO = PAD + 1
ONE = ZERO + 1
PLUS = ONE + 1
SYMBOLS = PLUS + 1
"""Padding, the two digits and +."""

SHORTEST: dict[Algorithm, int] = {"copy": 1, "reverse": 1, "duplicate": 2, "add": 3}
"""Symbols of the shortest string; two digits and + are three."""


def draw(
    task: Algorithm, length: int, count: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Questions and answers (count, length), padded at the end."""

    def bits(places: int) -> Tensor:
        return torch.randint(0, 2, (count, places), generator=generator)

    match task:
        case "copy" | "reverse":
            question = ZERO + bits(length)
            answer = question if task == "copy" else question.flip(1)
        case "duplicate":
            question = ZERO + bits(length // 2)
            answer = question.repeat(1, 2)
        case "add":
            first, second = bits((length - 1) // 2), bits((length - 1) // 2)
            plus = torch.full((count, 1), PLUS)
            question = torch.cat([ZERO + first, plus, ZERO + second], dim=1)
            answer = ZERO + add(first, second)
    return _padded(question, length), _padded(answer, length)


def add(first: Tensor, second: Tensor) -> Tensor:
    """The sums (N, D + 1) of binary numbers (N, D), lowest digit first."""
    carry = torch.zeros_like(first[:, 0])
    digits = []
    for column in (first + second).unbind(1):
        digits.append((column + carry) % 2)
        carry = (column + carry) // 2
    return torch.stack([*digits, carry], dim=1)


def _padded(symbols: Tensor, length: int) -> Tensor:
    return F.pad(symbols, (0, length - symbols.shape[1]), value=PAD)

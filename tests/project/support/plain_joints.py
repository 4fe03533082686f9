"""Word boundaries of pieces without punctuation, and a small vocabulary of them."""

import torch
from torch import Tensor

from rarenmt.decoding.prefix import LastWords
from rarenmt.text.tokenizer import BOS
from rarenmt.text.words import WordBoundaries


def plain(inside: Tensor) -> WordBoundaries:
    """Where only those of the pieces (V,) that are `inside` continue words."""
    nothing = torch.zeros_like(inside)
    itself = torch.arange(len(inside))
    none = torch.empty(0, dtype=torch.long)
    return WordBoundaries(inside, nothing, nothing, none, nothing, itself, itself, space=-1)


PIECES = 20
START, INNER, LAST, OTHER = 3, 10, 11, 12
INSIDE = torch.zeros(PIECES, dtype=torch.bool)
INSIDE[[INNER, LAST]] = True
BOUNDARIES = plain(INSIDE)


def word(*pieces: int) -> int:
    return int(LastWords.from_inputs(torch.tensor([BOS, *pieces])[:, None], BOUNDARIES).word[-1])

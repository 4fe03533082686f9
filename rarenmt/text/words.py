"""How pieces join to words.

A word right behind a sign, as in (so, "so and so-so, is spelt with other pieces than behind a
space. It is the same word all the same: it begins behind the sign, has the number that it has
behind a space, and where there is one, the memory says it with a space.

Shapes: V pieces; pieces and words of any shape (…).
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property

import torch
from torch import Tensor

from rarenmt.text.tokenizer import Tokenizer

UNALIGNED = -1
"""The number of a source word for a target word that translates none."""

SPELL = 1_000_003
"""Multiplier of the rolling hash over the pieces of a word."""

HYPHENS = ("-", "/")
"""Signs that join what stands before them to what follows."""


@dataclass(frozen=True)
class WordBoundaries:
    """What each piece of a vocabulary is to a word."""

    inside: Tensor
    """(V,) whether it continues a word, where one has begun."""
    signs: Tensor
    """(V,) whether it ends with a sign, behind which letters begin a word in any case."""
    digits: Tensor
    """(V,) whether it is a digit: in 3.50 and 11:10 they go on behind the sign."""
    brackets: Tensor
    """Those that are a bracket or a quotation mark that opens."""
    opens: Tensor
    """(V,) whether it is a sign that a word follows without a space: these, or a hyphen."""
    apart: Tensor
    """(V,) what is said first, behind a space, of a word that begins with it: itself, the same
    piece with a space, or a space alone."""
    twins: Tensor
    """(V,) each piece with a capital first letter for a small one, or the reverse, as a word has
    that begins a sentence."""
    space: int
    """The piece that is a space and nothing else."""

    @classmethod
    def of(cls, tokenizer: Tokenizer) -> "WordBoundaries":
        """Those of a vocabulary."""
        return cls(
            torch.tensor(tokenizer.inside),
            torch.tensor(tokenizer.signs),
            torch.tensor(tokenizer.digits),
            torch.tensor([p for p, text in enumerate(tokenizer.texts) if _bracket(text)]).long(),
            torch.tensor([_bracket(text) or text in HYPHENS for text in tokenizer.texts]),
            torch.tensor(tokenizer.apart),
            torch.tensor(tokenizer.twins),
            tokenizer.space,
        )

    def to(self, device: torch.device) -> "WordBoundaries":
        """The same on a device."""
        tables = (field.name for field in fields(self) if field.name != "space")
        return replace(self, **{name: getattr(self, name).to(device) for name in tables})

    def begin(self, pieces: Tensor, written: Tensor) -> Tensor:
        """Whether pieces begin a word, where the word `written` stands before them."""
        return ~self.inside[pieces] | (_told(self.signs, written) & ~self.digits[pieces])

    def open(self, written: Tensor) -> Tensor:
        """Whether a word follows the word `written` without a space."""
        return _told(self.opens, written)

    def closed(self, written: Tensor) -> Tensor:
        """Whether the word `written` is a sign: it cannot be gone on with."""
        return _told(self.signs, written)

    def spell(self, written: Tensor, pieces: Tensor, begin: Tensor) -> Tensor:
        """The word begun so far, as a number, after one more piece, which may `begin` it.

        A piece that starts a word is its own number; one from inside is hashed into the number of
        what stood before it.
        """
        return torch.where(begin, self.firsts[pieces], written * SPELL + pieces)

    def alike(self, words: Tensor) -> Tensor:
        """One number for whole words of one piece that differ in a capital letter; others keep
        theirs."""
        single = (words >= 0) & (words < len(self.twins))
        return torch.where(single, words.minimum(self.twins[words.where(single, 0)]), words)

    @cached_property
    def firsts(self) -> Tensor:
        """(V,) the number of a word that begins with a piece."""
        pieces = torch.arange(len(self.apart), device=self.apart.device)
        halved = (self.apart == self.space) & (pieces != self.space)
        return torch.where(halved, self.space * SPELL + pieces, self.apart)


def _told(table: Tensor, words: Tensor) -> Tensor:
    """What a table (V,) holds of words of one piece; of others nothing."""
    single = (words >= 0) & (words < len(table))
    return table[words.where(single, 0)] & single


def _bracket(text: str) -> bool:
    """Whether a sign is a bracket or a quotation mark that opens, which is straight or bent."""
    sign = text.strip()
    if len(sign) != 1:
        return False
    kind = unicodedata.category(sign)
    return kind == "Ps" or (text != sign and (kind == "Pi" or sign in "\"'"))


def close_up(texts: Sequence[str]) -> list[str]:
    """The texts of pieces without a space behind a bracket or quotation mark that opens: a word
    that the memory knows with a space may stand there."""
    before = ["", *(text if place else " " + text for place, text in enumerate(texts))]
    return [
        text.lstrip(" ") if _bracket(sign) else text
        for sign, text in zip(before, texts, strict=False)
    ]

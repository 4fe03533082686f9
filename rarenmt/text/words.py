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

HASH_MULTIPLIER = 1_000_003
"""Multiplier of the rolling hash over the pieces of a word."""

HYPHENS = ("-", "/")
"""Signs that join what stands before them to what follows."""


@dataclass(frozen=True)
class WordBoundaries:
    """What each piece of a vocabulary is to a word."""

    continues_word: Tensor
    """(V,) whether it continues a word, where one has begun."""
    ends_with_punctuation: Tensor
    """(V,) whether it ends with a sign, behind which letters begin a word in any case."""
    is_digit: Tensor
    """(V,) whether it is a digit: in 3.50 and 11:10 they go on behind the sign."""
    opening_punctuation: Tensor
    """Those that are a bracket or a quotation mark that opens."""
    attaches_right: Tensor
    """(V,) whether it is a sign that a word follows without a space: these, or a hyphen."""
    with_space: Tensor
    """(V,) what is said first, behind a space, of a word that begins with it: itself, the same
    piece with a space, or a space alone."""
    case_twin: Tensor
    """(V,) each piece with a capital first letter for a small one, or the reverse, as a word has
    that begins a sentence."""
    space: int
    """The piece that is a space and nothing else."""

    @classmethod
    def from_tokenizer(cls, tokenizer: Tokenizer) -> "WordBoundaries":
        """Those of a vocabulary."""
        return cls(
            torch.tensor(tokenizer.continues_word),
            torch.tensor(tokenizer.ends_with_punctuation),
            torch.tensor(tokenizer.is_digit),
            torch.tensor([p for p, text in enumerate(tokenizer.texts) if _opens(text)]).long(),
            torch.tensor([_opens(text) or text in HYPHENS for text in tokenizer.texts]),
            torch.tensor(tokenizer.with_space),
            torch.tensor(tokenizer.case_twin),
            tokenizer.space,
        )

    def to(self, device: torch.device) -> "WordBoundaries":
        """The same on a device."""
        tables = (field.name for field in fields(self) if field.name != "space")
        return replace(self, **{name: getattr(self, name).to(device) for name in tables})

    def starts_word(self, pieces: Tensor, written: Tensor) -> Tensor:
        """Whether pieces begin a word, where the word `written` stands before them."""
        return ~self.continues_word[pieces] | (
            _of_single(self.ends_with_punctuation, written) & ~self.is_digit[pieces]
        )

    def is_joined(self, written: Tensor) -> Tensor:
        """Whether a word follows the word `written` without a space."""
        return _of_single(self.attaches_right, written)

    def is_punctuation(self, written: Tensor) -> Tensor:
        """Whether the word `written` is a sign: it cannot be gone on with."""
        return _of_single(self.ends_with_punctuation, written)

    def hash_word(self, written: Tensor, pieces: Tensor, begin: Tensor) -> Tensor:
        """The word begun so far, as a number, after one more piece, which may `begin` it.

        A piece that starts a word is its own number; one from inside is hashed into the number of
        what stood before it.
        """
        return torch.where(begin, self.first_piece_hash[pieces], written * HASH_MULTIPLIER + pieces)

    def fold_case(self, words: Tensor) -> Tensor:
        """One number for whole words of one piece that differ in a capital letter; others keep
        theirs."""
        single = (words >= 0) & (words < len(self.case_twin))
        return torch.where(single, words.minimum(self.case_twin[words.where(single, 0)]), words)

    @cached_property
    def first_piece_hash(self) -> Tensor:
        """(V,) the number of a word that begins with a piece."""
        pieces = torch.arange(len(self.with_space), device=self.with_space.device)
        halved = (self.with_space == self.space) & (pieces != self.space)
        return torch.where(halved, self.space * HASH_MULTIPLIER + pieces, self.with_space)


def _of_single(table: Tensor, words: Tensor) -> Tensor:
    """What a table (V,) holds of words of one piece; of others nothing."""
    single = (words >= 0) & (words < len(table))
    return table[words.where(single, 0)] & single


def _opens(text: str) -> bool:
    """Whether a sign is a bracket or a quotation mark that opens, which is straight or bent."""
    sign = text.strip()
    if len(sign) != 1:
        return False
    kind = unicodedata.category(sign)
    return kind == "Ps" or (text != sign and (kind == "Pi" or sign in "\"'"))


def attach_to_opening(texts: Sequence[str]) -> list[str]:
    """The texts of pieces without a space behind a bracket or quotation mark that opens: a word
    that the memory knows with a space may stand there."""
    before = ["", *(text if place else " " + text for place, text in enumerate(texts))]
    return [
        text.lstrip(" ") if _opens(sign) else text
        for sign, text in zip(before, texts, strict=False)
    ]

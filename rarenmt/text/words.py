"""Word boundaries between subword pieces, and a hash that identifies a word by its pieces.

A word right after punctuation, as in (so, "so and so-so, has other pieces than one after a space.
It counts as the same word: it starts after the punctuation, has the hash that it has after a space,
and is emitted with a space where one belongs.

Words consist of pieces here, as in `Tokenizer.split_words`; `rarenmt.text.splitting` has the words
of a text.

Shapes: V pieces; pieces and word hashes of any shape (…).
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property

import torch
from torch import Tensor

from rarenmt.text.tokenizer import Tokenizer

UNALIGNED = -1
"""The source word of a target word that translates none."""

HASH_MULTIPLIER = 1_000_003
"""Multiplier of the rolling hash over the pieces of a word."""

HYPHENS = ("-", "/")
"""Punctuation that joins the words on both sides of it."""


@dataclass(frozen=True)
class WordBoundaries:
    """How each piece of a vocabulary relates to words."""

    continues_word: Tensor
    """(V,) whether it continues the word before it."""
    ends_with_punctuation: Tensor
    """(V,) whether it ends with punctuation, after which letters always start a word."""
    is_digit: Tensor
    """(V,) whether it is a digit: in 3.50 and 11:10 the number continues after the punctuation."""
    opening_punctuation: Tensor
    """Ids of opening brackets and quotation marks."""
    attaches_right: Tensor
    """(V,) whether a word follows it without a space: opening punctuation or a hyphen."""
    with_space: Tensor
    """(V,) the first piece, after a space, of a word that starts with it: itself, its variant with
    a space, or the space."""
    case_twin: Tensor
    """(V,) the piece that differs only in the case of its first letter; itself if there is none."""
    space: int
    """The piece that is a single space."""

    @classmethod
    def from_tokenizer(cls, tokenizer: Tokenizer) -> "WordBoundaries":
        """The tables of a vocabulary."""
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
        """Whether pieces start a word after the word `written`."""
        return ~self.continues_word[pieces] | (
            _of_single(self.ends_with_punctuation, written) & ~self.is_digit[pieces]
        )

    def is_joined(self, written: Tensor) -> Tensor:
        """Whether the next word follows the word `written` without a space."""
        return _of_single(self.attaches_right, written)

    def is_punctuation(self, written: Tensor) -> Tensor:
        """Whether the word `written` is punctuation, which no piece continues."""
        return _of_single(self.ends_with_punctuation, written)

    def hash_word(self, written: Tensor, pieces: Tensor, begin: Tensor) -> Tensor:
        """The hash of the current word after one more piece.

        A piece that starts a word (`begin`) has a hash of its own; any other is hashed into the
        hash of the pieces before it.
        """
        return torch.where(begin, self.first_piece_hash[pieces], written * HASH_MULTIPLIER + pieces)

    def fold_case(self, words: Tensor) -> Tensor:
        """Give whole words of one piece that differ only in the case of the first letter the same
        hash; other words keep theirs."""
        single = (words >= 0) & (words < len(self.case_twin))
        return torch.where(single, words.minimum(self.case_twin[words.where(single, 0)]), words)

    @cached_property
    def first_piece_hash(self) -> Tensor:
        """(V,) the hash of a word that starts with a piece."""
        pieces = torch.arange(len(self.with_space), device=self.with_space.device)
        halved = (self.with_space == self.space) & (pieces != self.space)
        return torch.where(halved, self.space * HASH_MULTIPLIER + pieces, self.with_space)


def _of_single(table: Tensor, words: Tensor) -> Tensor:
    """The entry of a table (V,) for words of one piece; False for others."""
    single = (words >= 0) & (words < len(table))
    return table[words.where(single, 0)] & single


def _opens(text: str) -> bool:
    """Whether a piece is an opening bracket or quotation mark, straight or curved."""
    sign = text.strip()
    if len(sign) != 1:
        return False
    kind = unicodedata.category(sign)
    return kind == "Ps" or (text != sign and (kind == "Pi" or sign in "\"'"))


def attach_to_opening(texts: Sequence[str]) -> list[str]:
    """Remove the space after an opening bracket or quotation mark from the texts of pieces: a word
    from the memory may have one there."""
    before = ["", *(text if place else " " + text for place, text in enumerate(texts))]
    return [
        text.lstrip(" ") if _opens(sign) else text
        for sign, text in zip(before, texts, strict=False)
    ]

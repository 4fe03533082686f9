"""What a vocabulary cannot read, and placeholders that stand for it during a search.

A character without a piece of its own is spelt in bytes, which the model has hardly seen: it drops
them or invents text. So emoji, signs and foreign scripts are replaced with placeholders, {0}, {1},
…, which are copied as other placeables are, and put back into the translation. A sign takes along
the number and the letters beside it: *12 €*, *5 µl*, *CO₂*.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rarenmt.text.notation.numbers import find_numbers, localise
from rarenmt.text.placeables import without_placeables
from rarenmt.text.tokenizer import Tokenizer

_ROMAN = re.compile(r"[IVXLCDM]+")
_LETTERS = re.compile(r"[^\W\d_]{2,}")
_AMOUNT = r"[0-9]+(?:[.,][0-9]+)*"


class Readable:
    """Which characters a vocabulary can read."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._known = {character for text in tokenizer.texts for character in text}

    def __call__(self, character: str) -> bool:
        """Whether the model may read a character: it has a piece, or is a letter with an accent or
        punctuation of text, which the training text holds, if in bytes."""
        if character.isascii() or character in self._known or character.isspace():
            return True
        category = unicodedata.category(character)
        if category[0] == "L":
            return category != "Lm" and unicodedata.name(character, "").startswith("LATIN")
        return category in ("Pd", "Pi", "Pf", "Ps", "Pe") or character in "…¿¡"

    def has_words(self, text: str) -> bool:
        """Whether a text has anything to translate: a word of two letters that the model can read,
        other than a Roman numeral and outside placeables."""
        words = _LETTERS.findall(without_placeables(text))
        return any(any(map(self, word)) and not _ROMAN.fullmatch(word) for word in words)


@dataclass(frozen=True)
class Mask:
    """A text with placeholders, and what they stand for."""

    text: str
    originals: tuple[tuple[str, str], ...]
    """Placeholders, each with its text in the target language."""

    def restore(self, pieces: Sequence[str]) -> list[str]:
        """Pieces with the texts for the placeholders; a text stands in the piece in which its
        placeholder begins."""
        restored = list(pieces)
        for placeholder, original in self.originals:
            start = "".join(restored).find(placeholder)
            while start >= 0:
                restored = _exchange(restored, start, start + len(placeholder), original)
                start = "".join(restored).find(placeholder, start + len(original))
        return restored

    def restore_text(self, text: str) -> str:
        """The same for a whole text."""
        return self.restore([text])[0]


def mask(text: str, readable: Readable, languages: tuple[str, str]) -> Mask:
    """A text with a placeholder for each run that the model cannot read."""
    if text.isascii():
        return Mask(text, ())
    names = (name for number in range(len(text) + 1) if (name := f"{{{number}}}") not in text)
    parts, originals, done = [], [], 0
    for start, end in _unreadable(text, readable):
        name = next(names)
        before = " " if text[start - 1 : start].isalnum() else ""
        after = " " if text[end : end + 1].isalnum() else ""
        parts += [text[done:start], before + name + after]
        originals.append((before + name + after, _localised(text, start, end, languages)))
        originals.append((name, originals[-1][1]))  # the model may drop the added spaces
        done = end
    parts.append(text[done:])
    return Mask("".join(parts), tuple(dict.fromkeys(originals)))


def _unreadable(text: str, readable: Readable) -> Iterator[tuple[int, int]]:
    """Start and end of each run to mask."""
    marked = "".join(c if readable(c) else "\0" for c in text)
    foreign = [not readable(c) and c.isalpha() for c in text]
    done = 0
    for found in re.finditer("\0(?:[\0\u200c\u200d]| (?=\0))*", marked):
        if found.start() < done:
            continue
        start, end = found.span()
        if not any(foreign[start:end]) or end - start == 1:
            # A sign takes along the letters and the number that it belongs to.
            before = re.search(rf"(?:{_AMOUNT} ?|[^\W_]*)$", marked[done:start])
            after = re.match(rf"(?: ?{_AMOUNT})(?![\w])|[^\W_]*(?:\0[^\W_]*)*", marked[end:])
            start -= len(before[0]) if before else 0
            end += len(after[0]) if after else 0
            amount = re.search(rf"{_AMOUNT} $", marked[done:start])
            start -= len(amount[0]) if amount else 0
        yield start, end
        done = end


def _localised(text: str, start: int, end: int, languages: tuple[str, str]) -> str:
    """A part of a text with its numbers as the target language writes them."""
    part, done = [], start
    for number in find_numbers(text, start, end):
        localised = localise(text, number.start(), number.end(), *languages)
        same = "?" in localised
        part += [text[done : number.start()], number[0] if same else localised]
        done = number.end()
    return "".join(part) + text[done:end]


def _exchange(pieces: Sequence[str], start: int, end: int, text: str) -> list[str]:
    """Pieces with a part of their joined text exchanged."""
    result, place = [], 0
    for piece in pieces:
        first, last = max(start - place, 0), min(end - place, len(piece))
        place += len(piece)
        if first < last:
            insert = text if place - len(piece) <= start else ""
            piece = piece[:first] + insert + piece[last:]
        result.append(piece)
    return result

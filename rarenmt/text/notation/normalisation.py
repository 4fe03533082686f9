"""The form of a text that the model reads: plain spaces, composed letters, nothing invisible.

The model knows one space and one spelling of a letter. All others (Unicode's spaces, soft hyphens,
direction marks, decomposed letters, ligatures, full-width letters) would be unknown words to it.
`Normalised` keeps the original beside the plain text, so that what is not translated is returned as
it was. Tabs and line breaks stay: they separate texts.
"""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

_HYPHENS = frozenset("\u2010\u2011")
_FORMS = ("<wide>", "<narrow>", "<compat>", "<font>")
"""Kinds of compatibility characters that are other shapes of the same letters. Superscripts,
subscripts and fractions are not: x² is not x2."""


@dataclass(frozen=True)
class Normalised:
    """A text in its plain form, with the original."""

    source: str
    text: str
    starts: tuple[int, ...]
    """For each character of `text`, and its end, the position in `source` that it comes from."""

    def original(self, start: int, end: int) -> str:
        """The part of the source that a part of the text comes from."""
        return self.source[0 if start == 0 else self.starts[start] : self.starts[end]]


def normalise(source: str) -> Normalised:
    """The plain form of a text."""
    if source.isascii():
        return Normalised(source, source, tuple(range(len(source) + 1)))
    characters: list[str] = []
    starts: list[int] = []
    for start, cluster in _clusters(source):
        plain = _plain(source, start, cluster)
        characters.append(plain)
        starts += [start] * len(plain)
    return Normalised(source, "".join(characters), (*starts, len(source)))


def _clusters(text: str) -> Iterator[tuple[int, str]]:
    """Each character with the combining marks after it, and its position."""
    start = 0
    for end in range(1, len(text) + 1):
        if end == len(text) or not unicodedata.combining(text[end]):
            yield start, text[start:end]
            start = end


def _plain(source: str, start: int, cluster: str) -> str:
    """The plain form of a character with its combining marks; empty if it is invisible."""
    character = cluster[0]
    category = unicodedata.category(character)
    if category == "Zs":
        return " " + cluster[1:]
    if category == "Cf":
        return cluster if _joins(source, start) else cluster[1:]
    if character in _HYPHENS:
        return "-" + cluster[1:]
    kind, _, letters = unicodedata.decomposition(character).partition(" ")
    if (kind in ("<wide>", "<narrow>") and letters) or (kind in _FORMS and category[0] in "LN"):
        return unicodedata.normalize("NFKC", character) + cluster[1:]
    return unicodedata.normalize("NFC", cluster)


def _joins(text: str, place: int) -> bool:
    """Whether an invisible character holds together the emoji or letters on both sides, which are
    no plain ones."""
    around = text[place - 1 : place] + text[place + 1 : place + 2]
    joined = text[place] in "\u200c\u200d" or "\U000e0020" <= text[place] <= "\U000e007f"
    return joined and bool(around) and not any(c.isspace() or c < "\u0250" for c in around)

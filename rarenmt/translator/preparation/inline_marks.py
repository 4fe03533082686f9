"""Marks within a sentence: bold and other emphasis, links, tags around some of its words.

The model has hardly seen them. They are taken out before the search and put around the words of the
translation whose attention was on the words that they enclosed.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rarenmt.translator.result import group_words

_MARKED = re.compile(
    r"(?<![\w*_~])(?P<open>\*{1,3}|__?|~~)(?=[^\s*_~])(?P<text>[^*_~<>\[\]]*[^\s*_~])(?P=open)(?![\w*_~])"
    r"|(?P<tag><(?P<name>[A-Za-z]\w*)[^<>]*>)(?P<tagged>[^<>]+)(?P<end></(?P=name)>)"
    r"|(?<!\w)\[(?P<link>[^\[\]<>*]+)(?P<target>\]\([^()\s]*\))"
)
MIN_ATTENTION = 0.5
"""Share of the attention of a word from which it belongs to the marked words; that with the most
always does."""


@dataclass(frozen=True)
class InlineMark:
    """A mark around some words of a text."""

    start: int
    end: int
    """Of the words, in the text without marks."""
    opening: str
    closing: str


def take_out(text: str) -> tuple[str, list[InlineMark]]:
    """A text without marks around its words, and the marks; those without a letter inside stay."""
    parts, marks, done, length = [], [], 0, 0
    for found in _MARKED.finditer(text):
        inner = found["text"] or found["tagged"] or found["link"]
        if not any(map(str.isalpha, inner)):
            continue
        opening = found["open"] or found["tag"] or "["
        closing = found["open"] or found["end"] or found["target"]
        before = text[done : found.start()]
        length += len(before)
        marks.append(InlineMark(length, length + len(inner), opening, closing))
        length += len(inner)
        parts += [before, inner]
        done = found.end()
    return "".join(parts) + text[done:], marks


def put_back(
    pieces: Sequence[str],
    attention: Sequence[Sequence[float]],
    source: Sequence[str],
    marks: Sequence[InlineMark],
) -> list[str]:
    """The pieces of a translation with marks, from the attention (T, S) of each piece to the pieces
    of the source. Pieces without words get none."""
    result = list(pieces)
    words = [
        word
        for word in group_words(pieces)
        if any(map(str.isalnum, "".join(pieces[i] for i in word)))
    ]
    for mark in marks if words else ():
        inside = _inside(source, mark)
        shares = [
            sum(attention[i][place] for i in word for place in inside) / len(word) for word in words
        ]
        first = last = max(range(len(words)), key=shares.__getitem__)
        while first > 0 and shares[first - 1] >= MIN_ATTENTION:
            first -= 1
        while last + 1 < len(words) and shares[last + 1] >= MIN_ATTENTION:
            last += 1
        start, end = words[first][0], words[last][-1]
        text = result[start]
        space = len(text) - len(text.lstrip(" "))
        result[start] = text[:space] + mark.opening + text[space:]
        result[end] += mark.closing
    return result


def _inside(source: Sequence[str], mark: InlineMark) -> list[int]:
    """The numbers of the source pieces with a letter inside a mark."""
    found, start = [], 0
    for number, piece in enumerate(source):
        end = start + len(piece)
        if piece.strip() and start < mark.end and end > mark.start:
            found.append(number)
        start = end
    return found

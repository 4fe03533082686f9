"""Placeables: source text that a translation keeps unchanged, such as numbers, placeholders, tags,
addresses, and names that are not in the training text.

They are found in the text and returned as ranges of pieces.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from rarenmt.text.lexicon.frequency import Frequencies
from rarenmt.text.notation.numbers import find_numbers, is_afternoon, strip_separators
from rarenmt.text.splitting import word_runs

_COPIED = re.compile(
    r"(?<!\w)\w+://[^\s<>\"]*[\w/]|www\.[\w-]+\.[^\s<>\"]*[\w/]"  # addresses
    r"|(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
    r"|\{\{[^{}]*\}\}|[$%#]?\{[^{}\s]*\}|%\(\w+\)[sdif]|%\d+(?![\w$])"  # placeholders
    r"|%(?:\d+\$)?[-+#0]*\d*(?:\.\d+)?[sdifuxX@](?![^\W_])"
    r"|</?[A-Za-z][^<>]*>|&(?:#x?[0-9A-Fa-f]+|[A-Za-z]{2,8});"  # tags and entities
    r"|`[^`]+`|[A-Za-z]:\\[\w\\.-]*\w|(?<![\w/])(?:[~.]|\$[\w(){}]+)?/[\w./$+-]*[\w/]"
    r"|(?<!\w)(?:\w*[^\W_]_[^\W_]\w*|__\w+|[^\W\d_]+[0-9]\w*)"  # names with _ or digits
)
_MARKUP = re.compile(r"(?<![\w*])\*{1,3}(?=[^\s*])|(?<=[^\s*])\*{1,3}(?!\*)|~~|\]\([^()\s]*\)")
"""Stars, strokes and the target of a link in Markdown."""
_NAME = re.compile(r"(?<![\w'’-])[^\W\d_][\w-]*\w")
_BEFORE = '.!?:"“„'
"""Punctuation after which any word may be capitalised."""


@dataclass(frozen=True)
class Span:
    """Source pieces that are copied together."""

    start: int
    end: int
    number: bool
    """Whether they are a number, which another language may write with other separators."""
    required: bool
    """Whether the translation must contain them: a number of one digit may become a word, and a
    name may inflect. A copy that has begun is completed in any case."""

    def text(self, pieces: Sequence[str]) -> str:
        """Its text, from the texts of all pieces; a number without separators."""
        text = "".join(pieces[self.start : self.end]).strip()
        return strip_separators(text) if self.number else text


def find_spans(texts: Sequence[str], counts: Frequencies | None = None) -> list[Span]:
    """The spans of a source, in order, from the texts of its pieces, spaces included. Names are
    found only with the word `counts` of the training text."""
    text = "".join(texts)
    ends = list(accumulate(map(len, texts)))

    def span(found: re.Match[str], *, number: bool, required: bool) -> Span:
        start, end = found.span()
        return Span(bisect_right(ends, start), bisect_left(ends, end) + 1, number, required)

    spans, done = [], 0
    for copied in [*_COPIED.finditer(text), None]:
        gap = done, copied.start() if copied else len(text)
        spans += [
            span(found, number=True, required=_is_required(found))
            for found in find_numbers(text, *gap)
        ]
        if counts:
            spans += [
                span(found, number=False, required=False) for found in _names(text, *gap, counts)
            ]
        if copied:
            spans.append(span(copied, number=False, required=True))
            done = copied.end()
    return sorted(spans, key=lambda span: span.start)


def find_placeables(text: str, counts: Frequencies | None = None) -> set[str]:
    """The placeables of a text, numbers without separators."""
    return {span.text(text) for span in find_spans(list(text), counts)}


def without_placeables(text: str) -> str:
    """A text with a space for each placeable other than numbers and names."""
    return _COPIED.sub(" ", text)


def map_words(text: str, change: Callable[[str], str]) -> str:
    """A text with the parts between placeables changed."""
    parts, done = [], 0
    for copied in _COPIED.finditer(text):
        parts += [change(text[done : copied.start()]), copied[0]]
        done = copied.end()
    return "".join(parts) + change(text[done:])


def missing_placeables(source: str, translation: str) -> list[str]:
    """The required placeables of a source that its translation lacks."""
    return [
        source[span.start : span.end]
        for span in find_spans(list(source))
        if span.required and not contains(translation, span.text(source))
    ]


def missing_marks(source: str, translation: str) -> list[str]:
    """The marks of Markdown within a source that its translation lacks, in order."""
    found, missing = _MARKUP.findall(translation), []
    for mark in _MARKUP.findall(source):
        if mark in found:
            found.remove(mark)
        elif mark not in missing:
            missing.append(mark)
    return missing


def contains(text: str, span: str) -> bool:
    """Whether a text contains a placeable of another text, as `find_placeables` returns it."""
    return span in text or span in find_placeables(text)


def _is_required(number: re.Match[str]) -> bool:
    """Whether a number must be copied: it has several digits and is not a time p.m."""
    return len(number[0]) > 1 and not is_afternoon(number)


def _names(text: str, start: int, end: int, counts: Frequencies) -> Iterator[re.Match[str]]:
    """The words of a part of a text that are capitalised, not only at the start of a sentence, and
    not in the training text."""
    for found in _NAME.finditer(text, start, end):
        word = found[0]
        if not word[0].isupper() or all(part in counts for part in word_runs(word.casefold())):
            continue
        before = text[: found.start()].rstrip()
        if word.isupper() or (before and before[-1] not in _BEFORE):
            yield found

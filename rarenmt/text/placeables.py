"""What stands in a translation as it stands in the source: numbers, placeholders, tags, addresses,
and names that training never saw.

Found in the text, told in pieces.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from rarenmt.text.lexicon.frequency import WORD, Frequencies

_COPIED = re.compile(
    r"(?<!\w)\w+://[^\s<>\"]*[\w/]|www\.[\w-]+\.[^\s<>\"]*[\w/]"  # addresses
    r"|(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
    r"|\{\{[^{}]*\}\}|[$%#]?\{[^{}\s]*\}|%\(\w+\)[sdif]|%\d+(?![\w$])"  # placeholders
    r"|%(?:\d+\$)?[-+#0]*\d*(?:\.\d+)?[sdifuxX@](?![^\W_])"
    r"|</?[A-Za-z][^<>]*>|&(?:#x?[0-9A-Fa-f]+|[A-Za-z]{2,8});"  # tags and entities
    r"|`[^`]+`|[A-Za-z]:\\[\w\\.-]*\w|(?<![\w/])(?:[~.]|\$[\w(){}]+)?/[\w./$+-]*[\w/]"
    r"|(?<!\w)(?:\w*[^\W_]_[^\W_]\w*|__\w+|[^\W\d_]+[0-9]\w*)"  # names with _ or digits
)
_NUMBER = re.compile(r"[0-9]+(?:[.,:'/-][0-9]+)*")
_NAME = re.compile(r"(?<![\w'’-])[^\W\d_][\w-]*\w")
_AFTERNOON = re.compile(r"\s*p\.?\s?m\b", re.IGNORECASE)
"""Behind a time that another language may count from noon on."""
_BEFORE = '.!?:"“„'
"""Signs behind which any word may have a capital letter."""


@dataclass(frozen=True)
class Span:
    """Source pieces that are said together."""

    start: int
    end: int
    number: bool
    """Whether they are a number, which another language may part with other signs."""
    required: bool
    """Whether they have to be said: a number of one digit may be a word, and a name may have
    another form. What is begun is written to its end in any case."""

    def text(self, pieces: Sequence[str]) -> str:
        """What it says among the texts of all pieces, a number without the signs that part it."""
        text = "".join(pieces[self.start : self.end]).strip()
        return re.sub("[^0-9]", "", text) if self.number else text


def find_spans(texts: Sequence[str], counts: Frequencies | None = None) -> list[Span]:
    """The spans of a source whose pieces have these texts, spaces included, in their order; names
    where `counts` tell which words training saw."""
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
            for found in _NUMBER.finditer(text, *gap)
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
    """The spans of a text, numbers in one way of writing them."""
    return {span.text(text) for span in find_spans(list(text), counts)}


def missing_placeables(source: str, translation: str) -> list[str]:
    """The spans that a translation should have said as they stand in its source, and has not."""
    due = [span for span in find_spans(list(source)) if span.required]
    return [
        source[span.start : span.end]
        for span in due
        if not contains(translation, span.text(source))
    ]


def contains(text: str, span: str) -> bool:
    """Whether a text says a span of another one, which `spans_in` told."""
    return span in text or span in find_placeables(text)


def _is_required(number: re.Match[str]) -> bool:
    """Whether a number must be said: it has several digits, and is no time after noon."""
    return len(number[0]) > 1 and not _AFTERNOON.match(number.string, number.end())


def _names(text: str, start: int, end: int, counts: Frequencies) -> Iterator[re.Match[str]]:
    """The words of a part of a text that have a capital letter, not only because they begin a
    sentence, and that training did not see."""
    for found in _NAME.finditer(text, start, end):
        word = found[0]
        if not word[0].isupper() or all(part in counts for part in WORD.findall(word.casefold())):
            continue
        before = text[: found.start()].rstrip()
        if word.isupper() or (before and before[-1] not in _BEFORE):
            yield found

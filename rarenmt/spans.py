"""What stands in a translation as it stands in the source: numbers, placeholders, tags, addresses.

Found in the text, told in pieces.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

_COPIED = re.compile(
    r"\w+://[^\s<>\"]*[\w/]|www\.[\w-]+\.[^\s<>\"]*[\w/]"  # addresses
    r"|[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
    r"|\{\{[^{}]*\}\}|[$%#]?\{[^{}\s]*\}|%\(\w+\)[sdif]|%\d+(?![\w$])"  # placeholders
    r"|%(?:\d+\$)?[-+#0]*\d*(?:\.\d+)?[sdifuxX@](?![^\W_])"
    r"|</?[A-Za-z][^<>]*>|&(?:#x?[0-9A-Fa-f]+|[A-Za-z]{2,8});"  # tags and entities
    r"|`[^`]+`|[A-Za-z]:\\[\w\\.-]*\w|(?<![\w/])(?:[~.]|\$[\w(){}]+)?/[\w./$+-]*[\w/]"
    r"|\w*[^\W_]_[^\W_]\w*|__\w+|[^\W\d_]+[0-9]\w*"  # names with _ or digits
)
_NUMBER = re.compile(r"[0-9]+(?:[.,:'][0-9]+)*")
_AFTERNOON = re.compile(r"\s*p\.?\s?m\b", re.IGNORECASE)
"""Behind a time that another language may count from noon on."""


@dataclass(frozen=True)
class Span:
    """Source pieces that are said together."""

    start: int
    end: int
    number: bool
    """Whether they are a number, which another language may part with other signs."""
    due: bool
    """Whether they have to be said: a number of one digit may be a word."""


def find_spans(texts: Sequence[str]) -> list[Span]:
    """The spans of a source whose pieces have these texts, spaces included, in their order."""
    text = "".join(texts)
    ends = list(accumulate(map(len, texts)))
    found = []
    for start, end, number in _runs(text):
        due = not number or (end - start > 1 and not _AFTERNOON.match(text, end))
        found.append(Span(bisect_right(ends, start), bisect_left(ends, end) + 1, number, due))
    return found


def _runs(text: str) -> Iterator[tuple[int, int, bool]]:
    """Where something to keep begins and ends, and whether it is a number."""
    done = 0
    for copied in _COPIED.finditer(text):
        yield from ((*found.span(), True) for found in _NUMBER.finditer(text, done, copied.start()))
        yield *copied.span(), False
        done = copied.end()
    yield from ((*found.span(), True) for found in _NUMBER.finditer(text, done))

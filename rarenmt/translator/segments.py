"""Segmentation: matches and sentences of a line, and parts of a sentence that is too long."""

import re
from collections.abc import Callable, Iterator

from rarenmt.text.matching import TmMatch

SPLIT_ABOVE = 40
"""Pieces; the sentences of a longer line are translated one by one."""

CUT_ABOVE = 120
"""Pieces; a longer sentence is translated in parts."""

_GAP = re.compile(r"(?<=[.!?…])[\"'”’»)\]]*\s+")
"""White space, with closing quotes and brackets, after punctuation that may end a sentence."""
_BEGINNING = re.compile(r"[\"'“„‘«(\[¿¡]*(\d|[^\W\d_])")
_ABBREVIATED = re.compile(
    r"(?:^|[\s(\"“„])(?:\w|\d\d|(?:\w\.)+\w|Mr|Mrs|Ms|Dr|Prof|St|Mt|Sr|Jr|No|Nr|Fig|Vol|Gen|Col|Sgt"
    r"|Capt|Lt|Rev|Sen|Gov|vs|cf|Hr|Fr|Abb|Bd|Mme|Mlle|Sra|Dra)\.$"
)
"""Ends with the full stop of an abbreviation, an initial or an ordinal number."""


def segment(
    line: str, match: Callable[[str], TmMatch | None], length: Callable[[str], int]
) -> Iterator[tuple[str, TmMatch | None]]:
    """The segments of a line, each with its match in the translation memory: the whole line if it
    has one, else its sentences that have one and the texts between them. `length` counts pieces."""
    text = line.strip()
    whole = match(text)
    if whole:
        yield text, whole
        return
    done = 0
    for start, end in possible_sentences(text):
        # A word with a full stop, as *No.*, may be an abbreviation.
        tm_match = match(text[start:end]) if " " in text[start:end] else None
        if tm_match:
            yield from _unmatched(text[done:start].strip(), length)
            yield text[start:end], tm_match
            done = end
    yield from _unmatched(text[done:].strip(), length)


def no_match(sentence: str) -> None:
    """The match of a sentence when matches are off."""


def _unmatched(text: str, length: Callable[[str], int]) -> Iterator[tuple[str, None]]:
    """The segments of a text without matches: the text or, if it is long, its sentences; none if
    it is blank."""
    if length(text) > SPLIT_ABOVE:
        for start, end in split_sentences(text):
            for part in cut_sentence(text[start:end], CUT_ABOVE, length):
                yield part, None
    elif text:
        yield text, None


def possible_sentences(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of each possible sentence of a text, without the white space between them."""
    start = 0
    for gap in _GAP.finditer(text):
        yield start, gap.start() + len(gap[0].rstrip())
        start = gap.end()
    yield start, len(text)


def split_sentences(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of each certain sentence: it has at least two words, does not end with an
    abbreviation, and the next one starts with a digit or a letter that is not lower-case."""
    start = 0
    for _, end in possible_sentences(text):
        rest = text[end:].lstrip()
        several = " " in text[start:end] and " " in rest
        if not rest or (several and _begins(rest) and not _ABBREVIATED.search(text[start:end])):
            yield start, end
            start = len(text) - len(rest)


def cut_sentence(sentence: str, longest: int, length: Callable[[str], int]) -> Iterator[str]:
    """A sentence or, if it is too long, its parts of at most `longest`, cut after commas,
    semicolons and colons and, if necessary, between words. A longer word stays whole."""
    if length(sentence) <= longest:
        yield sentence
        return
    for clause in re.split(r"(?<=[,;:])\s+", sentence):
        yield from _cut_clause(clause, longest, length)


def _cut_clause(clause: str, longest: int, length: Callable[[str], int]) -> Iterator[str]:
    """Parts of at most `longest`, cut between words."""
    part: list[str] = []
    size = 0
    for word in clause.split():
        more = length(word)
        if part and size + more > longest:
            yield " ".join(part)
            part, size = [], 0
        part.append(word)
        size += more
    if part:
        yield " ".join(part)


def _begins(text: str) -> bool:
    """Whether a text may start with a sentence."""
    first = _BEGINNING.match(text)
    return first is not None and not first[1].islower()

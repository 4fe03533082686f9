"""Where the sentences of a line end, and where a sentence that is too long is cut."""

import re
from collections.abc import Callable, Iterator

_GAP = re.compile(r"(?<=[.!?…])[\"'”’»)\]]*\s+")
"""What stands behind a sign that may end a sentence."""
_BEGINNING = re.compile(r"[\"'“„‘«(\[¿¡]*(\d|[^\W\d_])")
_ABBREVIATED = re.compile(
    r"(?:^|[\s(\"“„])(?:\w|\d\d|(?:\w\.)+\w|Mr|Mrs|Ms|Dr|Prof|St|Mt|Sr|Jr|No|Nr|Fig|Vol|Gen|Col|Sgt"
    r"|Capt|Lt|Rev|Sen|Gov|vs|cf|Hr|Fr|Abb|Bd|Mme|Mlle|Sra|Dra)\.$"
)
"""Ends with the full stop of an abbreviation, of an initial or of a number that counts."""


def possible_sentences(text: str) -> Iterator[tuple[int, int]]:
    """Where each sentence of a text might begin and end, without the white space between them."""
    start = 0
    for gap in _GAP.finditer(text):
        yield start, gap.start() + len(gap[0].rstrip())
        start = gap.end()
    yield start, len(text)


def split_sentences(text: str) -> Iterator[tuple[int, int]]:
    """Where each sentence certainly does: it has two words or more, ends with no abbreviation, and
    what follows begins with a digit or a letter that is not small."""
    start = 0
    for _, end in possible_sentences(text):
        rest = text[end:].lstrip()
        several = " " in text[start:end] and " " in rest
        if not rest or (several and _begins(rest) and not _ABBREVIATED.search(text[start:end])):
            yield start, end
            start = len(text) - len(rest)


def cut_sentence(sentence: str, longest: int, length: Callable[[str], int]) -> Iterator[str]:
    """A sentence as a whole or, if it is too long, its parts of at most `longest`: cut behind
    commas, semicolons and colons, and where that is not enough between words. A longer word stays
    whole."""
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
    """Whether a text might begin with a sentence."""
    first = _BEGINNING.match(text)
    return first is not None and not first[1].islower()

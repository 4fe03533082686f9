"""Where the sentences of a line end."""

import re
from collections.abc import Iterator

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


def _begins(text: str) -> bool:
    """Whether a text might begin with a sentence."""
    first = _BEGINNING.match(text)
    return first is not None and not first[1].islower()

"""Segmentation: matches and sentences of a line, and parts of a sentence that is too long."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rarenmt.text.matching import TmMatch
from rarenmt.text.notation.normalisation import Normalised, normalise
from rarenmt.translator.preparation.casing import in_capitals, match_to_upper
from rarenmt.translator.preparation.marks import QUOTATION, localised_quotation, peel

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


@dataclass(frozen=True)
class Segment:
    """A part of a line that is translated at once, or kept."""

    text: str
    """In plain form, see `rarenmt.text.notation.normalisation`; as it is to stand if it is kept."""
    tm_match: TmMatch | None = None
    mark: bool = False
    """Whether it is kept, with the spaces that it has."""
    too_long: bool = False
    """Whether it is kept because no search can be so long."""
    upper: bool = False
    """Whether the translation must be in capitals."""

    @property
    def is_searched(self) -> bool:
        """Whether the model translates it."""
        return not (self.tm_match or self.mark or self.too_long)


@dataclass(frozen=True)
class Segmenter:
    """Cuts lines into segments."""

    match: Callable[[str], TmMatch | None]
    """The match of a text in the translation memory."""
    length: Callable[[str], int]
    """Counts pieces."""
    keeps: Callable[[str], bool]
    """Whether a text is kept as it stands: nothing in it is to be translated."""
    recase: Callable[[str], str]
    """A text in capitals or title case as it is to be searched; others as they are."""
    language: str
    """The target language."""

    def segment(self, line: str) -> list[Segment]:
        """The segments of a line, without the white space around it: the whole line if it has a
        match; else its marks, which are kept, and the texts around and between them; of these the
        sentences that have a match and the texts between them."""
        normalised = normalise(line.strip())
        return list(self._part(normalised, 0, len(normalised.text)))

    def _part(self, line: Normalised, start: int, end: int) -> Iterator[Segment]:
        """The segments of a part of a line."""
        text = line.text[start:end]
        if not text:
            return
        recased = self.recase(text)
        upper = recased != text and in_capitals(text)
        tm_match = self._match(text, recased, upper)
        if tm_match:
            yield Segment(text, tm_match)
            return
        if self.keeps(text):
            yield Segment(line.original(start, end), mark=True)
            return
        stretches = peel(line.text, start, end, self.language)
        if stretches == [(start, end, False, None)]:
            yield from self._sentences(recased, upper=upper)
            return
        for stretch in stretches:
            if not stretch.mark:
                yield from self._part(line, stretch.start, stretch.end)
            else:
                kept = stretch.replacement or line.original(stretch.start, stretch.end)
                yield Segment(kept, mark=True)

    def _match(self, text: str, recased: str, upper: bool) -> TmMatch | None:
        """The match of a text, or of the text in other case."""
        if text != text.strip(" "):  # which is peeled off first
            return None
        exact = self.match(text)
        if exact or recased == text:
            return exact
        found = self.match(recased)
        return match_to_upper(found) if found and upper else found

    def _sentences(self, text: str, *, upper: bool) -> Iterator[Segment]:
        """The segments of a text without marks around it."""
        done = 0
        for start, end, opening, closing in _candidates(text, self.language):
            # A word with a full stop, as *No.*, may be an abbreviation.
            tm_match = self.match(text[start:end]) if " " in text[start:end] else None
            if start < done or not tm_match:
                continue
            before = text[done : start - bool(opening)]
            yield from self._unmatched(before.strip(), upper=upper)
            if opening:
                space = " " if before.endswith(" ") else ""
                yield Segment(space + opening, mark=True)
            yield Segment(text[start:end], match_to_upper(tm_match) if upper else tm_match)
            if closing:
                yield Segment(closing, mark=True)
            done = end + bool(closing)
        rest = text[done:]
        if done and rest and not rest.startswith(" ") and not _has_letter(rest):
            yield Segment(rest, mark=True)
        elif done and rest.lstrip()[:1] in ("(", "["):
            space = rest[: len(rest) - len(rest.lstrip())]
            yield Segment(space, mark=True)
            yield from self._part(normalise(rest.strip()), 0, len(rest.strip()))
        else:
            yield from self._unmatched(rest.strip(), upper=upper)

    def _unmatched(self, text: str, *, upper: bool) -> Iterator[Segment]:
        """The segments of a text without matches: the text or, if it is long, its sentences; none
        if it is blank."""
        if self.length(text) > SPLIT_ABOVE:
            for start, end in split_sentences(text):
                for part in cut_sentence(text[start:end], CUT_ABOVE, self.length):
                    yield Segment(part, upper=upper, too_long=self.length(part) > CUT_ABOVE)
        elif text:
            yield Segment(text, upper=upper)


def no_match(sentence: str) -> None:
    """The match of a sentence when matches are off."""


def _has_letter(text: str) -> bool:
    return any(map(str.isalnum, text))


def _candidates(text: str, language: str) -> list[tuple[int, int, str, str]]:
    """Start and end of what may be a remembered sentence: sentences and quotations, with the
    quotation marks of a language around the latter."""
    found = [(start, end, "", "") for start, end in possible_sentences(text)]
    for quotation in QUOTATION.finditer(text):
        start, end = quotation.start() + 1, quotation.end() - 1
        marks = localised_quotation(text[start - 1], text[end], language)
        found.append((start, end, *marks))
    return sorted(found)


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

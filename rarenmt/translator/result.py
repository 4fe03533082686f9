"""A translated sentence that knows what each of its words came from."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from rarenmt.text.matching import TmMatch
from rarenmt.text.pairs import Pair
from rarenmt.text.tokenizer import in_word

MIN_ATTRIBUTION = 0.5
"""A piece came from the memory when it owes the memory at least this share of its probability."""


@dataclass(frozen=True)
class Entry:
    """An entry of the memory that spoke for a piece or a word."""

    pair: Pair
    """The remembered pair that left it."""
    span: tuple[int, int]
    """Where the piece or the word stands in the target of the pair, in characters."""
    similarity: float
    """Of the entry to the query, −1 to 1."""
    weight: float
    """Share of the probability that came from this entry, 0 to 1."""

    def to_dict(self) -> dict[str, Any]:
        """The entry as JSON: file, line and both sides of its pair, similarity and weight."""
        return {
            "file": self.pair.path,
            "line": self.pair.line,
            "source": self.pair.source,
            "target": self.pair.target,
            "similarity": round(self.similarity, 4),
            "weight": round(self.weight, 4),
        }


@dataclass(frozen=True)
class Origin:
    """What the memory had to do with a piece."""

    weight: float
    """Share of the piece's probability that came from the memory, 0 to 1."""
    entries: list[Entry]
    """The entries behind it, nearest first; at least one, and no more than a few."""

    @property
    def pair(self) -> Pair:
        """The pair of the nearest entry."""
        return self.entries[0].pair

    @property
    def similarity(self) -> float:
        """Of the nearest entry."""
        return self.entries[0].similarity

    def to_dict(self) -> dict[str, Any]:
        """Place and similarity of the nearest entry, the total weight, and all entries, as JSON."""
        entries = [entry.to_dict() for entry in self.entries]
        nearest = {name: entries[0][name] for name in ("file", "line", "similarity")}
        return {**nearest, "weight": round(self.weight, 4), "entries": entries}


@dataclass(frozen=True)
class Token:
    """One piece of a translation, and the memory behind it if there is any."""

    piece: str
    origin: Origin | None = None
    attention: Sequence[float] = ()
    """Weight of each source piece of its part, together 1; none where nothing was explained."""

    def to_dict(self) -> dict[str, Any]:
        """The piece as JSON, with `memory` if any of it came from the memory."""
        memory = {"memory": self.origin.to_dict()} if self.origin is not None else {}
        return {"piece": self.piece, **memory}


@dataclass(frozen=True)
class Word:
    """A word of a translation, or a sign that stands alone."""

    text: str
    weight: float
    """Share of the memory in it, the mean over its pieces."""
    entries: list[Entry]
    """Those of its pieces, one for each pair, weightiest first; together at most `weight`."""
    attention: list[float]
    """Weight of each source word, together 1; the mean over its pieces."""
    pair: Pair | None
    """The pair it came from, where a piece of it came from the memory."""

    @property
    def is_sign(self) -> bool:
        """Whether it is punctuation alone."""
        return not any(map(str.isalnum, self.text))


@dataclass(frozen=True)
class Part:
    """What was translated at one go: a sentence, or a part of a long one."""

    source: list[str]
    """The source pieces, an empty one for the end of the sentence last."""
    tokens: list[Token]
    tm_match: TmMatch | None = None
    """What is said, where it was not looked for but said as it was shown."""
    missing: Sequence[str] = ()
    """Numbers and the like that it should say as they stand in the source, and does not."""

    def source_words(self) -> list[str]:
        """The source in words; the last one, empty, stands for the end of the sentence."""
        return ["".join(self.source[i] for i in word).strip() for word in group_words(self.source)]

    def words(self) -> list[Word]:
        """The translation in words."""
        sources = group_words(self.source)
        words = group_words([token.piece for token in self.tokens])
        return [_word([self.tokens[i] for i in word], sources) for word in words]

    def memory_words(self) -> list[tuple[str, Pair]]:
        """The words of which a piece came from the memory, each with the pair behind it."""
        return [(word.text, word.pair) for word in self.words() if word.pair]


@dataclass(frozen=True)
class Translation:
    """A sentence in the target language."""

    text: str
    parts: list[Part]

    @property
    def tokens(self) -> list[Token]:
        """The pieces; together they are the text but for the white space around it."""
        return [token for part in self.parts for token in part.tokens]

    @property
    def missing(self) -> list[str]:
        """What the parts lack."""
        return [span for part in self.parts for span in part.missing]

    def words(self) -> list[Word]:
        """The words of all parts."""
        return [word for part in self.parts for word in part.words()]

    def memory_words(self) -> list[tuple[str, Pair]]:
        """Those of all parts that came from the memory, each with the pair behind it."""
        return [word for part in self.parts for word in part.memory_words()]

    def to_dict(self) -> dict[str, Any]:
        """The translation as JSON: `translation`, `tokens` and, if a number or the like is missing
        from it, `lacks`."""
        lacks = {"lacks": self.missing} if self.missing else {}
        tokens = [token.to_dict() for token in self.tokens]
        return {"translation": self.text, **lacks, "tokens": tokens}


def group_words(pieces: Sequence[str]) -> list[range]:
    """The places of the pieces of each word: from one space to the next; punctuation stands
    alone. A piece without text is a part of a character to come, or, as the last one, the end of
    the sentence."""
    end = len(pieces) - 1
    starts = [
        place
        for place, piece in enumerate(pieces)
        if place == 0 or not (_continues_word(piece) if piece else place < end)
    ]
    return [range(*ends) for ends in pairwise([*starts, len(pieces)])]


def _continues_word(piece: str) -> bool:
    return piece[0] in "-'’" or in_word(piece[0])


def _word(tokens: Sequence[Token], sources: Sequence[range]) -> Word:
    """A word from its pieces, looking at source words instead of pieces."""
    text = "".join(token.piece for token in tokens).strip()
    count = len(tokens)
    weight = sum(token.origin.weight for token in tokens if token.origin) / count
    looked = [token.attention for token in tokens if token.attention]
    attention = [
        sum(row[place] for row in looked for place in word) / len(looked)
        for word in sources
        if looked
    ]
    return Word(text, weight, list(_by_pair(tokens)), attention, _source_pair(text, tokens))


def _by_pair(tokens: Sequence[Token]) -> Iterator[Entry]:
    """The entries of a word's pieces, one for each pair: spans joined, weights added up."""
    found: dict[Pair, list[Entry]] = {}
    for token in tokens:
        for entry in token.origin.entries if token.origin else ():
            found.setdefault(entry.pair, []).append(entry)
    weights = {pair: sum(e.weight for e in entries) for pair, entries in found.items()}
    for pair in sorted(found, key=lambda pair: -weights[pair]):
        strongest = max(found[pair], key=lambda entry: entry.weight)
        heard = [entry for entry in found[pair] if entry.weight >= strongest.weight / 10]
        span = _join([entry.span for entry in heard])
        yield Entry(pair, span, strongest.similarity, weights[pair] / len(tokens))


def _join(spans: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """The first of the spans, with those that follow it without a gap."""
    start, end = spans[0]
    for other in spans[1:]:
        if other[0] == end:
            end = other[1]
    return start, end


def _source_pair(text: str, tokens: Sequence[Token]) -> Pair | None:
    """The pair behind a word of which a piece came from the memory."""
    spoken = [
        token.origin for token in tokens if token.origin and token.origin.weight >= MIN_ATTRIBUTION
    ]
    if not spoken or not any(map(str.isalnum, text)):
        return None
    return max(spoken, key=lambda origin: origin.weight).pair

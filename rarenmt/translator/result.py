"""The result of a translation, with the origin of each word."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from rarenmt.text.matching import TmMatch
from rarenmt.text.pairs import Pair
from rarenmt.text.tokenizer import in_word

MIN_ATTRIBUTION = 0.5
"""Share of the probability of a piece that came from the memory, from which the piece counts as
remembered."""


@dataclass(frozen=True)
class Entry:
    """A memory entry that contributed to a piece or a word."""

    pair: Pair
    """The remembered pair of the entry."""
    span: tuple[int, int]
    """Start and end of the piece or word in the target of the pair, in characters."""
    similarity: float
    """Of the entry to the query, −1 to 1."""
    weight: float
    """Share of the probability that came from this entry, 0 to 1."""

    def to_dict(self) -> dict[str, Any]:
        """The entry as JSON: file, line and both sides of its pair, similarity and weight."""
        number = {"number": self.pair.number} if self.pair.number > 1 else {}
        return {
            "file": self.pair.path,
            "line": self.pair.line,
            **number,
            "source": self.pair.source,
            "target": self.pair.target,
            "similarity": round(self.similarity, 4),
            "weight": round(self.weight, 4),
        }


@dataclass(frozen=True)
class Origin:
    """The contribution of the memory to a piece."""

    weight: float
    """Share of the piece's probability that came from the memory, 0 to 1."""
    entries: list[Entry]
    """The entries that contributed, nearest first; at least one."""

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
        names = ("file", "line", "number", "similarity")
        nearest = {name: entries[0][name] for name in names if name in entries[0]}
        return {**nearest, "weight": round(self.weight, 4), "entries": entries}


@dataclass(frozen=True)
class Token:
    """One piece of a translation, with its origin in the memory if it has one."""

    piece: str
    origin: Origin | None = None
    attention: Sequence[float] = ()
    """Weight of each source piece of its part, summing to 1; empty without an explanation."""

    def to_dict(self) -> dict[str, Any]:
        """The piece as JSON, with `memory` if any of it came from the memory."""
        memory = {"memory": self.origin.to_dict()} if self.origin is not None else {}
        return {"piece": self.piece, **memory}


@dataclass(frozen=True)
class Word:
    """A word of a translation, or a punctuation mark that stands alone."""

    text: str
    weight: float
    """Share of its probability that came from the memory, the mean over its pieces."""
    entries: list[Entry]
    """Entries of its pieces, one for each pair, by falling weight; they sum to at most `weight`."""
    attention: list[float]
    """Weight of each source word, summing to 1; the mean over its pieces."""
    pair: Pair | None
    """The pair it came from, if a piece of it came from the memory."""

    @property
    def is_sign(self) -> bool:
        """Whether it is only punctuation."""
        return not any(map(str.isalnum, self.text))


@dataclass(frozen=True)
class Part:
    """A unit of translation: a sentence, or a part of a long one."""

    source: list[str]
    """The source pieces, followed by an empty one for EOS."""
    tokens: list[Token]
    tm_match: TmMatch | None = None
    """The match in the translation memory, if the part was not searched."""
    missing: Sequence[str] = ()
    """Numbers and other placeables of the source that it lacks."""

    def source_words(self) -> list[str]:
        """The words of the source, followed by an empty one for EOS."""
        return ["".join(self.source[i] for i in word).strip() for word in group_words(self.source)]

    def words(self) -> list[Word]:
        """The words of the translation."""
        sources = group_words(self.source)
        words = group_words([token.piece for token in self.tokens])
        return [_word([self.tokens[i] for i in word], sources) for word in words]

    def memory_words(self) -> list[tuple[str, Pair]]:
        """The words with a piece from the memory, each with its pair."""
        return [(word.text, word.pair) for word in self.words() if word.pair]


@dataclass(frozen=True)
class Translation:
    """A sentence in the target language."""

    text: str
    parts: list[Part]

    @property
    def tokens(self) -> list[Token]:
        """The pieces, which join to the text without the white space around it."""
        return [token for part in self.parts for token in part.tokens]

    @property
    def missing(self) -> list[str]:
        """Placeables of the source that the parts lack."""
        return [span for part in self.parts for span in part.missing]

    def words(self) -> list[Word]:
        """The words of all parts."""
        return [word for part in self.parts for word in part.words()]

    def memory_words(self) -> list[tuple[str, Pair]]:
        """The words of all parts with a piece from the memory, each with its pair."""
        return [word for part in self.parts for word in part.memory_words()]

    def to_dict(self) -> dict[str, Any]:
        """The translation as JSON: `translation`, `tokens` and, if a number or the like is missing
        from it, `lacks`."""
        lacks = {"lacks": self.missing} if self.missing else {}
        tokens = [token.to_dict() for token in self.tokens]
        return {"translation": self.text, **lacks, "tokens": tokens}


def group_words(pieces: Sequence[str]) -> list[range]:
    """The piece positions of each displayed word: from one space to the next, with punctuation
    apart. A piece without text is part of the next character or, in the last place, EOS."""
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
    """A word from its pieces, with attention summed over the pieces of each source word."""
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
    """The entries of a word's pieces, one for each pair, with joined spans and summed weights."""
    found: dict[Pair, list[Entry]] = {}
    for token in tokens:
        for entry in token.origin.entries if token.origin else ():
            found.setdefault(entry.pair, []).append(entry)
    weights = {pair: sum(e.weight for e in entries) for pair, entries in found.items()}
    for pair in sorted(found, key=lambda pair: -weights[pair]):
        strongest = max(found[pair], key=lambda entry: entry.weight)
        strong = [entry for entry in found[pair] if entry.weight >= strongest.weight / 10]
        span = _join([entry.span for entry in strong])
        yield Entry(pair, span, strongest.similarity, weights[pair] / len(tokens))


def _join(spans: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """The first span, extended by those that follow it without a gap."""
    start, end = spans[0]
    for other in spans[1:]:
        if other[0] == end:
            end = other[1]
    return start, end


def _source_pair(text: str, tokens: Sequence[Token]) -> Pair | None:
    """The pair of a word with a piece from the memory; None without one."""
    remembered = [
        token.origin for token in tokens if token.origin and token.origin.weight >= MIN_ATTRIBUTION
    ]
    if not remembered or not any(map(str.isalnum, text)):
        return None
    return max(remembered, key=lambda origin: origin.weight).pair

"""Which words keep company with the same words, as the training text shows.

*eine Hebamme* was shown once, and the next sentence needs another article: of words that stand
behind *eine* more also stand behind *die* and *meine* than would by chance, and hardly any behind
*ein*. Nothing else is known of genders.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from rarenmt.errors import CheckpointError, DataError
from rarenmt.storage.files import replace_bytes
from rarenmt.text.lexicon.frequency import WORD
from rarenmt.text.pairs import read_pairs

LEADING = 200
"""The commonest words, of which it is known; what stands behind one of them is any other word."""

FEW = 0.3
"""Nats that are not worth a line."""

MOST = 1.0
"""Nats for any word, and for the same word again where nothing is known of it: that words have a
favourite among the leading ones says little of a new word."""


class Cooccurrence:
    """By two leading words, how many nats likelier the one stands before a word that the other
    stood before."""

    def __init__(self, nats: Mapping[tuple[str, str], float] | None = None) -> None:
        self._scores = dict(nats or {})
        self._known = {word for both in self._scores for word in both}

    def __len__(self) -> int:
        return len(self._scores)

    def score(self, shown: str, other: str) -> float:
        """How much likelier the `other` word is before what was `shown` behind a word than it is
        before any; 0 if that is not known."""
        both = (min(shown, other), max(shown, other))
        return self._scores.get(both, MOST * (shown == other and shown not in self._known))

    @classmethod
    def learn(cls, texts: Iterable[tuple[Iterable[str], float]]) -> "Cooccurrence":
        """From target sentences, each text with how often an epoch shows it, which says what the
        commonest words are: ln of how often two occurrences of a word stand behind the two leading
        words, over how often by chance, each once more than counted. Every word that occurs so
        twice or oftener counts as much as any other. Capital letters count: *Der* begins a
        sentence, and is no genitive."""
        sentences: list[list[str]] = []
        often: Counter[str] = Counter()
        for text, weight in texts:
            words = [WORD.findall(sentence) for sentence in text]
            counts = Counter(word for own in words for word in own if word.isalpha())
            often.update({word: weight * count for word, count in counts.items()})
            sentences += words
        leading = {word for word, _ in often.most_common(LEADING)}
        behind: dict[str, Counter[str]] = defaultdict(Counter)
        for own in sentences:
            for word, following in pairwise(own):
                if word in leading and following not in leading:
                    behind[following][word] += 1
        return cls(dict(_worth([counts for counts in behind.values() if counts.total() > 1])))

    def save(self, path: Path) -> None:
        """Write it as word other<TAB>nats lines, in order."""
        rows = sorted(self._scores.items())
        text = "".join(f"{word} {other}\t{nats:.2f}\n" for (word, other), nats in rows)
        replace_bytes(path, text.encode())

    @classmethod
    def load(cls, path: Path) -> "Cooccurrence":
        """Read what `save` wrote; where there is no file, nothing is known."""
        if not path.exists():
            return cls()
        try:
            return cls(dict(_read(path)))
        except DataError as error:
            raise CheckpointError(f"{error}; copy the whole checkpoint again") from None


def _draws(counts: Counter[str]) -> Iterator[tuple[tuple[str, str], float]]:
    """By two words in order, how likely one occurrence is behind each of them, of two occurrences
    that are drawn of all."""
    of_all = counts.total() * (counts.total() - 1)
    for word, count in counts.items():
        for other, others in counts.items():
            if word <= other:
                yield (word, other), count * (others - (word == other)) / of_all


def _worth(behind: Sequence[Counter[str]]) -> Iterator[tuple[tuple[str, str], float]]:
    """From the leading words that each word stands behind, the nats of any two of them, where they
    are worth a line."""
    together: dict[tuple[str, str], float] = defaultdict(float)
    alone: dict[str, float] = defaultdict(float)
    for counts in behind:
        for both, share in _draws(counts):
            together[both] += share
        for word, count in counts.items():
            alone[word] += count / counts.total()
    for word in alone:
        for other in alone:
            chance = alone[word] * alone[other] / len(behind)
            nats = math.log((together.get((word, other), 0.0) + 1) / (chance + 1))
            if word <= other and abs(nats) >= FEW:
                yield (word, other), min(nats, MOST)


def _read(path: Path) -> Iterator[tuple[tuple[str, str], float]]:
    for row in read_pairs(path):
        words = row.source.split(" ")
        try:
            nats = float(row.target)
        except ValueError:
            nats = math.nan
        if len(words) != 2 or not math.isfinite(nats):
            found = f"{row.source!r}, {row.target!r}"
            raise DataError(path, row.line, f"{found} are no two words and their nats")
        yield (min(words), max(words)), nats

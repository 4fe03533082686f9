"""Co-occurrence statistics: which determiners precede the same words in the training text.

After a remembered *eine Hebamme*, another sentence may need another article. Words that follow
*eine* also follow *die* and *meine* more often than by chance, and hardly ever *ein*. This is the
only source of grammatical gender.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from rarenmt.text.lexicon.table import load_table, save_table
from rarenmt.text.splitting import word_runs

FREQUENT_WORDS = 200
"""Number of most frequent words that have scores, from the other words that follow them."""

MIN_SCORE = 0.3
"""Absolute score, in nats, below which a pair is not stored."""

MAX_SCORE = 1.0
"""Upper bound of a score in nats; also the score of a word with itself if it has no counts."""


class Cooccurrence:
    """For two frequent words, how much likelier one is before a word that the other precedes, in
    nats."""

    def __init__(self, nats: Mapping[tuple[str, str], float] | None = None) -> None:
        self._scores = dict(nats or {})
        self._known = {word for both in self._scores for word in both}

    def __len__(self) -> int:
        return len(self._scores)

    def score(self, shown: str, other: str) -> float:
        """The score of the `other` word before a word that `shown` precedes; 0 if unknown."""
        both = (min(shown, other), max(shown, other))
        return self._scores.get(both, MAX_SCORE * (shown == other and shown not in self._known))

    @classmethod
    def learn(cls, texts: Iterable[tuple[Iterable[str], float]]) -> "Cooccurrence":
        """From target sentences, each text with its number of repetitions in an epoch, which is the
        weight of its word counts.

        The score is ln((n + 1) / (e + 1)): n is how often two occurrences of a word follow the two
        frequent words, e the number expected by chance. Every word with two or more occurrences
        has the same weight. Case matters: *Der* starts a sentence and is no genitive."""
        sentences: list[list[str]] = []
        often: Counter[str] = Counter()
        for text, weight in texts:
            words = [word_runs(sentence) for sentence in text]
            counts = Counter(word for own in words for word in own if word.isalpha())
            often.update({word: weight * count for word, count in counts.items()})
            sentences += words
        leading = {word for word, _ in often.most_common(FREQUENT_WORDS)}
        behind: dict[str, Counter[str]] = defaultdict(Counter)
        for own in sentences:
            for word, following in pairwise(own):
                if word in leading and following not in leading:
                    behind[following][word] += 1
        return cls(dict(_scores([counts for counts in behind.values() if counts.total() > 1])))

    def save(self, path: Path) -> None:
        """Write sorted lines: word, space, other word, tab, score in nats."""
        rows = self._scores.items()
        save_table(path, ((f"{word} {other}", f"{nats:.2f}") for (word, other), nats in rows))

    @classmethod
    def load(cls, path: Path) -> "Cooccurrence":
        """Read what `save` wrote; without a file, no scores."""
        return cls(dict(load_table(path, _score, "two words and a score")))


def _pair_probabilities(counts: Counter[str]) -> Iterator[tuple[tuple[str, str], float]]:
    """For any two preceding words, the probability that two occurrences of a word, drawn without
    replacement, follow one each."""
    of_all = counts.total() * (counts.total() - 1)
    for word, count in counts.items():
        for other, others in counts.items():
            if word <= other:
                yield (word, other), count * (others - (word == other)) / of_all


def _scores(behind: Sequence[Counter[str]]) -> Iterator[tuple[tuple[str, str], float]]:
    """The scores to store, from the counts of the frequent words before each word."""
    together: dict[tuple[str, str], float] = defaultdict(float)
    alone: dict[str, float] = defaultdict(float)
    for counts in behind:
        for both, share in _pair_probabilities(counts):
            together[both] += share
        for word, count in counts.items():
            alone[word] += count / counts.total()
    for word in alone:
        for other in alone:
            chance = alone[word] * alone[other] / len(behind)
            nats = math.log((together.get((word, other), 0.0) + 1) / (chance + 1))
            if word <= other and abs(nats) >= MIN_SCORE:
                yield (word, other), min(nats, MAX_SCORE)


def _score(words: str, score: str) -> tuple[tuple[str, str], float]:
    word, other = sorted(words.split(" "))
    nats = float(score)
    if not math.isfinite(nats):
        raise ValueError
    return (word, other), nats

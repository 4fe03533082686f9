"""Word frequencies of the training text, as the checkpoint stores them.

The unigram model of the vocabulary is no substitute: it takes any word of several pieces, even
*because*, to be as rare as their product.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from rarenmt.text.lexicon.table import load_table, save_table
from rarenmt.text.splitting import word_runs


class Frequencies:
    """Counts of lower-case source words."""

    def __init__(self, counts: Mapping[str, int] | None = None) -> None:
        self._counts = dict(counts or {})
        self._all = sum(self._counts.values())

    def __len__(self) -> int:
        return len(self._counts)

    def __contains__(self, word: str) -> bool:
        """Whether the training text contains a word."""
        return word in self._counts

    def information(self, word: str) -> float:
        """− ln of the relative frequency of a word (its self-information), in nats; an unseen word
        counts as seen once. 0 without counts."""
        return math.log(self._all / self._counts.get(word, 1)) if self._all else 0.0

    @classmethod
    def from_texts(cls, texts: Iterable[tuple[Iterable[str], float]]) -> "Frequencies":
        """Count the words of texts, each with its number of repetitions in an epoch."""
        counts: Counter[str] = Counter()
        for sentences, weight in texts:
            own = Counter(word for text in sentences for word in word_runs(text.casefold()))
            counts.update({word: max(1, round(weight * count)) for word, count in own.items()})
        return cls(counts)

    def save(self, path: Path) -> None:
        """Write sorted word<TAB>count lines."""
        save_table(path, ((word, str(count)) for word, count in self._counts.items()))

    @classmethod
    def load(cls, path: Path) -> "Frequencies":
        """Read what `save` wrote; without a file, no counts."""
        return cls(dict(load_table(path, _count, "a word and a whole number from 1")))


def _count(word: str, count: str) -> tuple[str, int]:
    if not count.isdecimal() or int(count) < 1:
        raise ValueError
    return word, int(count)

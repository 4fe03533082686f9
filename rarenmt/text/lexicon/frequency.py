"""How often words stand in the training text, as the checkpoint remembers it.

The vocabulary's unigram model cannot tell: a word of several pieces seems to it as rare as their
product, be it *because*.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from rarenmt.errors import CheckpointError, DataError
from rarenmt.storage.files import replace_bytes
from rarenmt.text.pairs import read_pairs

WORD = re.compile(r"\w+")


class Frequencies:
    """Occurrences of source words, in small letters; without any, nothing is known."""

    def __init__(self, counts: Mapping[str, int] | None = None) -> None:
        self._counts = dict(counts or {})
        self._all = sum(self._counts.values())

    def __len__(self) -> int:
        return len(self._counts)

    def __contains__(self, word: str) -> bool:
        """Whether a word stood there."""
        return word in self._counts

    def information(self, word: str) -> float:
        """− ln of the share of all words that are this one, in nats; of a word that never stood
        there what one tells that stood there once. 0 where nothing is known."""
        return math.log(self._all / self._counts.get(word, 1)) if self._all else 0.0

    @classmethod
    def from_texts(cls, texts: Iterable[tuple[Iterable[str], float]]) -> "Frequencies":
        """Of texts, each with how often an epoch shows it."""
        counts: Counter[str] = Counter()
        for sentences, weight in texts:
            own = Counter(word for text in sentences for word in WORD.findall(text.casefold()))
            counts.update({word: max(1, round(weight * count)) for word, count in own.items()})
        return cls(counts)

    def save(self, path: Path) -> None:
        """Write them as word<TAB>occurrences lines, in order."""
        rows = sorted(self._counts.items())
        replace_bytes(path, "".join(f"{word}\t{count}\n" for word, count in rows).encode())

    @classmethod
    def load(cls, path: Path) -> "Frequencies":
        """Read what `save` wrote; where there is no file, nothing is known."""
        if not path.exists():
            return cls()
        try:
            return cls(
                {row.source: _number(row.target, path, row.line) for row in read_pairs(path)}
            )
        except DataError as error:
            raise CheckpointError(f"{error}; copy the whole checkpoint again") from None


def _number(text: str, path: Path, line: int) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise DataError(path, line, f"{text!r} is no number of occurrences")
    return int(text)

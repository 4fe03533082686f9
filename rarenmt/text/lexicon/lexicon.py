"""The translation lexicon: which words translate which in the aligned training text.

It blocks entries of a remembered pair whose known source word is not in the sentence: without
*wrote* in the sentence, the translation of *wrote* is no candidate, however near its key.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from functools import cached_property
from pathlib import Path

from rarenmt.text.batch import Ids
from rarenmt.text.lexicon.inflection import Inflections
from rarenmt.text.lexicon.table import load_table, save_table
from rarenmt.text.tokenizer import Tokenizer
from rarenmt.text.words import UNALIGNED

MIN_LINKS = 2
"""Alignment links between two words of a lexicon entry."""
MIN_LINK_SHARE = 0.05
"""Share of all links of a target word that an entry needs."""


class Lexicon:
    """Source words by the target word that translates them, in lower case."""

    def __init__(self, translations: Iterable[tuple[str, str]] = ()) -> None:
        self._sources: dict[str, set[str]] = defaultdict(set)
        for source, target in translations:
            self._sources[target].add(source)

    def __len__(self) -> int:
        return sum(map(len, self._sources.values()))

    def pairs(self) -> Iterator[tuple[str, str]]:
        """All source words, each with a target word that translates it."""
        return ((source, target) for target, some in self._sources.items() for source in some)

    def sources(self, target: str) -> set[str]:
        """The source words that a target word translates; empty if it is unknown."""
        return self._sources.get(target, set())

    @cached_property
    def translations(self) -> Mapping[str, Set[str]]:
        """The source words that some target word translates, with those that do."""
        found: dict[str, set[str]] = defaultdict(set)
        for target, sources in self._sources.items():
            for source in sources:
                found[source].add(target)
        return dict(found)

    @cached_property
    def inflections(self) -> Inflections:
        """The inflected forms of words in both languages."""
        return Inflections(self.translations)

    @classmethod
    def learn(
        cls, pairs: Sequence[tuple[Ids, Ids]], rows: Sequence[Sequence[int]], tokenizer: Tokenizer
    ) -> "Lexicon":
        """From encoded training pairs and, for each word of each target, the number of its source
        word or UNALIGNED; see `rarenmt.training.aligner`."""
        counts: Counter[tuple[str, str]] = Counter()
        for (source, target), row in zip(pairs, rows, strict=True):
            known = tokenizer.words(source)
            counts.update(
                (known[link], word)
                for word, link in zip(tokenizer.words(target), row, strict=True)
                if link != UNALIGNED and any(map(str.isalpha, word)) and _plain(known[link], word)
            )
        totals: Counter[str] = Counter()
        for (_, word), count in counts.items():
            totals[word] += count
        return cls(
            (source, target)
            for (source, target), count in counts.items()
            if count >= max(MIN_LINKS, MIN_LINK_SHARE * totals[target])
        )

    def save(self, path: Path) -> None:
        """Write sorted source<TAB>target lines."""
        save_table(path, self.pairs())

    @classmethod
    def load(cls, path: Path) -> "Lexicon":
        """Read what `save` wrote; without a file, an empty lexicon."""
        return cls(load_table(path, lambda source, target: (source, target), "two words"))


def _plain(*words: str) -> bool:
    """Whether words fit in a line of the file: to the tokenizer, a lone space is a word."""
    return all(word.split() == [word] for word in words)

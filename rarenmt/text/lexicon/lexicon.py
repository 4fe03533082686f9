"""Which words translate which, as the alignment of the training text says.

A remembered pair is asked for what is new in it. Of the words that the training text knew, it is
only to say what the sentence asks for: *wrote* does not stand in a sentence, so its translation
in a remembered one has nothing to say there, however near its key may be.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from functools import cached_property
from pathlib import Path

from rarenmt.errors import CheckpointError, DataError
from rarenmt.storage.files import replace_bytes
from rarenmt.text.batch import Ids
from rarenmt.text.lexicon.inflection import Inflections
from rarenmt.text.pairs import read_pairs
from rarenmt.text.tokenizer import Tokenizer
from rarenmt.text.words import UNALIGNED

SEEN = 2
"""Links between two words from which one is known as a translation of the other."""
SHARE = 0.05
"""Of all links of a target word, that those with one source word must have."""


class Lexicon:
    """Source words by the target word that translates them, all in small letters."""

    def __init__(self, translations: Iterable[tuple[str, str]] = ()) -> None:
        self._sources: dict[str, set[str]] = defaultdict(set)
        for source, target in translations:
            self._sources[target].add(source)

    def __len__(self) -> int:
        return sum(map(len, self._sources.values()))

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Source words, each with a target word that translates it."""
        return ((source, target) for target, some in self._sources.items() for source in some)

    def sources(self, target: str) -> set[str]:
        """The source words that a target word translates; none where it is unknown."""
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
        """How the words of both languages end."""
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
            if count >= max(SEEN, SHARE * totals[target])
        )

    def save(self, path: Path) -> None:
        """Write it as source<TAB>target lines, in order."""
        rows = sorted(self.pairs())
        replace_bytes(path, "".join(f"{s}\t{t}\n" for s, t in rows).encode())

    @classmethod
    def load(cls, path: Path) -> "Lexicon":
        """Read what `save` wrote; where there is no file, nothing is known."""
        if not path.exists():
            return cls()
        try:
            return cls((pair.source, pair.target) for pair in read_pairs(path))
        except DataError as error:
            raise CheckpointError(f"{error}; copy the whole checkpoint again") from None


def _plain(*words: str) -> bool:
    """Whether they can stand in a line of the file: a space alone is a word to the tokenizer."""
    return all(word.split() == [word] for word in words)

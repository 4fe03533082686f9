"""Which source words a translation leaves out, judged by its words alone.

Most sentences with *yesterday* are translated with *gestern*; those without hardly ever. So a
translation that lacks it has probably lost it, whereas nothing follows from a missing *tut* for
*does*. The statistics are those of the training text: for each frequent source word the target
words that go with it, and how often a translation has none of them.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from rarenmt.text.lexicon.table import load_table, save_table

MIN_COUNT = 5
"""Sentences of the training text with a source word, below which nothing is said of it."""
MAX_SHARE = 0.14
"""Share of the sentences above which a word is grammar, as *the* and *is* are: nothing is lost."""
SAMPLE = 400
"""Sentences with a source word that are looked at."""
MIN_SHARE = 0.01
"""Share of these that a further target word must explain, and three of them at least."""
MIN_LIFT = 4.0
"""How much likelier a target word must be in them than in all translations."""
MIN_NATS = 1.2
"""Cost of a missing translation from which a word is kept."""
MAX_NATS = 5.0
"""Maximum cost."""
MIN_CLAIM = 2.0
"""How much oftener another source word of the same sentence must have a target word to claim it."""
OTHERS = 20_000
"""Sentences in which the target words are counted without the source word."""
MIN_STEM = 5
"""Letters from which a target word also counts in other forms and inside compounds."""

NOTHING: Mapping[str, Set[str]] = MappingProxyType({})

_WORD = re.compile(r"[^\W_]+?(?=n['’]t\b)|n['’]t\b|can(?=not\b)|[^\W_]+", re.IGNORECASE)
"""The words of a text. English contractions are split as in the Penn Treebank: *do n't*."""


@dataclass(frozen=True)
class Missing:
    """A source word without a translation."""

    word: str
    """As it stands in the source."""
    start: int
    """Where it begins in the source, in characters."""
    translations: Sequence[str]
    """The lower-case target words any of which would translate it."""
    nats: float
    """How much likelier it is that a translation has none of its target words if it lost the word:
    the log ratio of the shares of other translations and of its translations that have none."""


class _Pair(NamedTuple):
    """The words of a training pair."""

    sources: Set[str]
    targets: Set[str]


class Completeness:
    """The target words that go with a source word, and the cost of having none, in nats."""

    def __init__(self, entries: Mapping[str, tuple[float, Sequence[str]]] | None = None) -> None:
        self._entries = dict(entries or {})

    def __len__(self) -> int:
        return len(self._entries)

    def missing(
        self,
        source: str,
        translation: str,
        required: Mapping[str, Set[str]] = NOTHING,
        required_nats: float = 0.0,
        accepted: Mapping[str, Set[str]] = NOTHING,
    ) -> list[Missing]:
        """The words of a source whose translation is missing, in order.

        For lower-case source words, `required` has target words in place of those of the training
        text (having none costs `required_nats`), and `accepted` further ones.
        """
        targets = set(_words(translation))
        compounds = " ".join(targets)
        found = []
        for match in _WORD.finditer(source):
            word = _lower(match[0])
            nats, some = self._entries.get(word, (0.0, ()))
            if word in required:
                nats, some = required_nats, sorted(required[word])
            if some and not _is_translated([*some, *accepted.get(word, ())], targets, compounds):
                found.append(Missing(match[0], match.start(), some, nats))
        return found

    @classmethod
    def learn(
        cls, texts: Sequence[tuple[str, str]], lexicon: Mapping[str, Set[str]]
    ) -> "Completeness":
        """From training pairs, in random order, and the target words that the lexicon knows for a
        source word."""
        sides = [_Pair(set(_words(source)), set(_words(target))) for source, target in texts]
        samples = _samples(sides)
        often = Counter(word for pair in sides for word in pair.targets)
        rough = {word: _explaining(pairs, often, len(sides)) for word, pairs in samples.items()}
        found = {}
        for word, pairs in samples.items():
            own = [_Pair(pair.sources, _own(word, pair, rough)) for pair in pairs]
            found[word] = [*_explaining(own, often, len(sides)), *lexicon.get(word, ())]
        return cls(dict(_entries(found, samples, sides)))

    def save(self, path: Path) -> None:
        """Write sorted lines: word, tab, nats and target words with spaces between them."""
        rows = self._entries.items()
        save_table(path, ((word, f"{nats:.2f} {' '.join(some)}") for word, (nats, some) in rows))

    @classmethod
    def load(cls, path: Path) -> "Completeness":
        """Read what `save` wrote; without a file, no entries."""
        return cls(dict(load_table(path, _entry, "a word, and nats with target words")))


def _is_translated(words: Sequence[str], targets: Set[str], compounds: str) -> bool:
    """Whether a translation with these words, which `compounds` joins, has one of some target words
    or, if it is long, a form or compound of it."""
    if not targets.isdisjoint(words):
        return True
    stems = (word[: max(MIN_STEM, len(word) - 2)] for word in words if len(word) >= MIN_STEM)
    return any(stem in compounds for stem in stems)


def _words(text: str) -> Iterator[str]:
    return (_lower(found[0]) for found in _WORD.finditer(text))


def _lower(word: str) -> str:
    return word.replace("’", "'").lower()


def _samples(sides: Sequence[_Pair]) -> dict[str, list[_Pair]]:
    """The pairs with each source word that is neither rare, nor grammar, nor a number (copied)."""
    often = Counter(word for pair in sides for word in pair.sources)
    samples: dict[str, list[_Pair]] = {
        word: []
        for word, count in often.items()
        if MIN_COUNT <= count <= MAX_SHARE * len(sides) and not word.isdecimal()
    }
    for pair in sides:
        for word in pair.sources:
            if len(samples.get(word, ())) < SAMPLE and word in samples:
                samples[word].append(pair)
    return samples


def _explaining(sample: Sequence[_Pair], often: Mapping[str, int], total: int) -> dict[str, float]:
    """The target words that go with a source word, from a sample of its pairs, each with its share
    of them: one after the other the word in most of those that are not explained yet, if that is
    much more than by chance."""
    left, found = [pair.targets for pair in sample], {}
    while left:
        counts = Counter(word for targets in left for word in targets)
        lifts = {
            word: count * total / (often[word] * len(left))
            for word, count in counts.items()
            if count >= max(3, len(sample) * max(MIN_SHARE, often[word] / total))
        }
        likely = [word for word, lift in lifts.items() if lift >= MIN_LIFT]
        if not likely:
            break
        best = max(likely, key=lambda word: (counts[word] * math.log(lifts[word]), word))
        found[best] = sum(best in pair.targets for pair in sample) / len(sample)
        left = [targets for targets in left if best not in targets]
    return found


def _own(word: str, pair: _Pair, shares: Mapping[str, Mapping[str, float]]) -> set[str]:
    """The target words of a pair that no other of its source words has much oftener than `word`:
    *ohne* belongs to *without*, though *not* is there too."""
    own = shares[word]
    taken = {
        target
        for other in pair.sources
        if other != word and other in shares
        for target in shares[other].keys() & pair.targets
        if shares[other][target] > MIN_CLAIM * own.get(target, 0.0)
    }
    return set(pair.targets - taken)


def _entries(
    found: Mapping[str, Sequence[str]],
    samples: Mapping[str, Sequence[_Pair]],
    sides: Sequence[_Pair],
) -> Iterator[tuple[str, tuple[float, Sequence[str]]]]:
    """The entries whose cost is high enough."""
    goes_with: dict[str, list[str]] = defaultdict(list)
    for source, some in found.items():
        for target in some:
            goes_with[target].append(source)
    elsewhere: Counter[str] = Counter()
    for pair in sides[:OTHERS]:
        having = {source for target in pair.targets for source in goes_with.get(target, ())}
        elsewhere.update(having - pair.sources)
    for source, some in found.items():
        sample = samples[source]
        without = 1 + sum(pair.targets.isdisjoint(some) for pair in sample)
        others = len(sides[:OTHERS])
        expected = (1 + others - elsewhere[source]) / (1 + others)
        nats = math.log(expected * (len(sample) + 1) / without)
        if nats >= MIN_NATS:
            yield source, (min(nats, MAX_NATS), sorted(set(some)))


def _entry(word: str, value: str) -> tuple[str, tuple[float, Sequence[str]]]:
    nats, *some = value.split(" ")
    if not math.isfinite(float(nats)) or not some:
        raise ValueError
    return word, (float(nats), some)

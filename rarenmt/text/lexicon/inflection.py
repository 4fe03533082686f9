"""Inflection learnt from the lexicon, for any pair of languages.

*Tablets* is a form of *tablet*, but *party* is none of *part*: most known words that differ in a
final *s* have translations with the same beginning, few that differ in a final *y* do. A new word
inflects as known words with the same ending: *Verzichtserklärung* has a form in *-en* because
*Erklärung* has one.
"""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import cached_property, lru_cache
from itertools import islice

from rarenmt.config.inflection import INFLECTION, InflectionConfig


class Inflections:
    """The forms of source and target words."""

    def __init__(
        self, known: Mapping[str, Collection[str]], config: InflectionConfig = INFLECTION
    ) -> None:
        """`known`: the target words that translate each source word, in lower case."""
        self._known, self._config = known, config
        self.are_forms = lru_cache(maxsize=1 << 16)(self._are_forms)
        self.other_forms = lru_cache(maxsize=1 << 16)(self._other_forms)
        self._reliable = lru_cache(maxsize=None)(self._reliability)

    def _are_forms(self, word: str, other: str) -> bool:
        """Whether two lower-case source words are probably forms of one word."""
        if word == other:
            return True
        config, shared = self._config, _shared(word, other)
        known = (word in self._known) + (other in self._known)
        new = known < 2
        longest = max(len(word), len(other))
        alike = shared >= max(config.new_min_prefix, longest - config.new_max_suffix)
        if known == 0 and alike and not self._is_attested(word[shared:], other[shared:]):
            return True
        if not _alike(word, other, config.source_min_prefix, config.source_max_suffixes):
            return False
        reliability = self._reliable(word[shared:], other[shared:])
        if reliability >= config.high_reliability:
            return True
        if new and alike:
            return reliability >= config.new_min_reliability
        return reliability >= config.min_reliability and (new or self._translate_alike(word, other))

    def _other_forms(self, word: str) -> tuple[str, ...]:
        """Other forms of a target word, the likeliest first: known forms, then longer forms by
        analogy with known words of the same ending. Analogy only adds letters: *-en* for *-er*
        would turn nouns into verbs. A known word that translates something else is no form:
        *Miete*, rent, is none of *Mieter*, tenant."""
        low = word.casefold()
        changes = dict.fromkeys(_differ(low, other) for other in self._forms(low))
        neighbours = self._neighbours(low)
        counts = Counter(_differ(peer, other) for peer in neighbours for other in self._forms(peer))
        least = max(2.0, self._config.min_share * len(neighbours))
        likely = (change for change, n in counts.most_common() if n >= least and not change[0])
        changes.update(dict.fromkeys(likely))
        ended = (_changed(word, *change) for change in changes)
        forms = (other for other in ended if other and other != word and self._fits(low, other))
        return tuple(islice(forms, self._config.max_forms))

    def _fits(self, word: str, other: str) -> bool:
        """Whether two target words translate forms of one source word, or one of them is new."""
        sources, others = (self._sources.get(each.casefold(), ()) for each in (word, other))
        either = not sources or not others
        return either or any(self.are_forms(one, each) for one in sources for each in others)

    def _forms(self, word: str) -> list[str]:
        """Known target words that differ from a lower-case word only in a short suffix."""
        config = self._config
        beginning = word[: max(config.target_min_prefix, len(word) - config.target_max_suffixes)]
        found = []
        for number in range(bisect_left(self._words, beginning), len(self._words)):
            other = self._words[number]
            if not other.startswith(beginning):
                break
            shared = _shared(word, other)
            most = min(config.target_max_suffixes, shared / 2)
            if other != word and len(word) + len(other) - 2 * shared <= most:
                found.append(other)
        return found

    def _neighbours(self, word: str) -> list[str]:
        """Other known words that share the longest ending common to `min_neighbours` of them."""
        config = self._config
        endings = [
            (length, other)
            for other in self._words
            if other[-config.min_suffix :] == word[-config.min_suffix :]
            and other != word
            and (length := _shared(word[::-1], other[::-1])) >= config.min_suffix
        ]
        if len(endings) < config.min_neighbours:
            return []
        lengths = sorted((length for length, _ in endings), reverse=True)
        return [other for n, other in endings if n >= lengths[config.min_neighbours - 1]]

    @cached_property
    def _sources(self) -> Mapping[str, set[str]]:
        """The source words that each target word translates."""
        found: dict[str, set[str]] = defaultdict(set)
        for source, targets in self._known.items():
            for target in targets:
                found[target].add(source)
        return found

    @cached_property
    def _words(self) -> list[str]:
        """All target words of letters only, sorted."""
        return sorted({word for some in self._known.values() for word in some if word.isalpha()})

    def _is_attested(self, ending: str, other: str) -> bool:
        """Whether enough known words have both suffixes to say if these make forms of one word."""
        some = islice(self._with_both(ending, other), self._config.min_words)
        return len(list(some)) == self._config.min_words

    def _reliability(self, ending: str, other: str) -> float:
        """The share of the known words with both suffixes whose translations begin alike."""
        both = list(self._with_both(ending, other))
        if len(both) < self._config.min_words:
            return 0.0
        return sum(self._translate_alike(*words) for words in both) / len(both)

    def _with_both(self, ending: str, other: str) -> Iterator[tuple[str, str]]:
        for word in self._known:
            beginning = word.removesuffix(ending) if word.endswith(ending) else ""
            if (
                len(beginning) >= self._config.target_min_prefix
                and beginning + other in self._known
            ):
                yield word, beginning + other

    def _translate_alike(self, word: str, other: str) -> bool:
        return any(
            _alike(one, two, self._config.target_min_prefix, self._config.target_max_suffixes)
            for one in self._known[word]
            for two in self._known[other]
        )


class FormIndex:
    """Source words in which the forms of a word are looked up."""

    def __init__(
        self, are_forms: Callable[[str, str], bool], config: InflectionConfig = INFLECTION
    ) -> None:
        """`are_forms`: whether two lower-case words are forms of one word."""
        self._are_forms, self._prefix = are_forms, config.source_min_prefix
        self._by_prefix: dict[str, dict[str, None]] = defaultdict(dict)
        """The words in the order in which they were added, by the letters that forms share."""
        self.forms = lru_cache(maxsize=1 << 16)(self._find_forms)

    def add(self, words: Iterable[str]) -> None:
        """Add lower-case words."""
        for word in words:
            self._by_prefix[word[: self._prefix]][word] = None
        self.forms.cache_clear()

    def _find_forms(self, word: str) -> tuple[str, ...]:
        """The other forms of a lower-case word, in the order in which they were added."""
        candidates = self._by_prefix.get(word[: self._prefix], ())
        return tuple(
            other for other in candidates if other != word and self._are_forms(other, word)
        )


def _shared(word: str, other: str) -> int:
    """Length of the common prefix of two words."""
    letters = enumerate(zip(word, other, strict=False))
    shorter = min(len(word), len(other))
    return next((place for place, (one, two) in letters if one != two), shorter)


def _alike(word: str, other: str, least: int, most: int) -> bool:
    """Whether two words share a prefix of `least` letters and have remaining suffixes of at most
    `most` letters together."""
    shared = _shared(word, other)
    return shared >= least and len(word) + len(other) - 2 * shared <= most


def _differ(word: str, other: str) -> tuple[str, str]:
    """The suffixes of two words after their common prefix."""
    shared = _shared(word, other)
    return word[shared:], other[shared:]


def _changed(word: str, ending: str, other: str) -> str:
    """A word with its suffix exchanged; empty if it does not end in that."""
    beginning = word[: len(word) - len(ending)]
    return beginning + other if word[len(beginning) :].casefold() == ending else ""

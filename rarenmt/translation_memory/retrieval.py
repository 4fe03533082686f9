"""Which remembered pairs a sentence retrieves.

A word carries as much information as it is rare: − ln of its relative frequency in the training
text. A pair is retrieved when its source shares a rare word with the sentence and is the best match
of that word, or when it shares at least half of the information of the sentence and of its own
source. So are the closest fuzzy match of a long sentence, and terms that the sentence contains.
"""

import heapq
from collections import defaultdict
from collections.abc import Callable, Container, Iterable
from functools import lru_cache
from operator import eq

from rarenmt.config.retrieval import RETRIEVAL, RetrievalConfig
from rarenmt.text.lexicon.frequency import Frequencies
from rarenmt.text.matching import similarity_ratio
from rarenmt.text.splitting import word_runs, words_and_punctuation
from rarenmt.text.tokenizer import Tokenizer
from rarenmt.translation_memory.terms import Terms

NO_FREQUENCIES = Frequencies()

MAX_SUFFIX, MIN_PREFIX = 3, 5
"""Two words count as forms of one word when at most the last 3 letters of each differ and at least
the first 5 agree."""


class Retriever:
    """An inverted index over the informative source words of the remembered pairs."""

    def __init__(
        self,
        tokenizer: Tokenizer,
        known: Container[str] = frozenset(),
        frequencies: Frequencies = NO_FREQUENCIES,
        are_forms: Callable[[str, str], bool] = eq,
        config: RetrievalConfig = RETRIEVAL,
    ) -> None:
        """`known`: lower-case source words with a translation in the lexicon; `frequencies`: their
        counts in the training text; `are_forms`: whether two words are forms of one word, which
        matches inflected terms."""
        self._config = config
        self._tokenizer, self._known, self._frequencies = tokenizer, known, frequencies
        self._pairs: dict[str, list[int]] = defaultdict(list)
        self._sources: list[str] = []
        self._pair_information: list[float] = []
        self._word_information: dict[str, float] = {}
        self._terms = Terms(self._information, are_forms, self._config)

    def add(self, sources: Iterable[str]) -> None:
        """Index the sources of the next pairs."""
        for source in sources:
            words = self._informative_words(source)
            for key in {*words, *(key for word in words for key in _prefix_keys(word))}:
                self._pairs[key].append(len(self._sources))
            self._terms.add(len(self._sources), source)
            self._sources.append(source)
            self._pair_information.append(sum(words.values()))

    def find(self, sentence: str) -> list[int]:
        """Numbers of the retrieved pairs, oldest first."""
        config, words = self._config, self._informative_words(sentence)
        shared: dict[int, float] = defaultdict(float)
        with_rare_word: list[set[int]] = []
        for word, information in words.items():
            same = set(self._pairs.get(word, ()))
            # An unknown word in another form is still a match; a known one has its own translation.
            keys = () if word in self._known else _prefix_keys(word)
            inflected = {pair for key in keys for pair in self._pairs.get(key, ())}
            for pair in same | inflected:
                weight = 1.0 if pair in same else config.inflected_weight
                shared[pair] += weight * information
            if self.is_rare(word):
                with_rare_word.append(same | inflected)

        def best(pairs: Iterable[int], count: int) -> list[int]:
            return heapq.nlargest(count, pairs, key=lambda pair: (shared[pair], pair))

        total = sum(words.values())
        chosen = {
            pair
            for pair in shared
            if shared[pair] >= config.min_overlap * max(total, self._pair_information[pair])
        }
        for pairs in with_rare_word:
            chosen.update(best(pairs, config.pairs_per_rare_word))
        chosen.update(self._fuzzy_match(sentence, best(shared, config.max_pairs)))
        terms = sorted(self._terms.find(sentence))[-config.max_pairs :]
        return sorted({*terms, *best(chosen, config.max_pairs - len(terms))})

    def is_rare(self, word: str) -> bool:
        """Whether a lower-case word retrieves a pair alone."""
        return self._information(word) >= self._config.rare_information

    def is_common(self, word: str) -> bool:
        """Whether a lower-case word may precede any term, as *the* and *a* do."""
        return self._information(word) < self._config.determiner_information

    def find_terms(self, sentence: str) -> dict[int, frozenset[str]]:
        """The numbers of the pairs whose terms the sentence contains, each with its informative
        words in lower case."""
        return {number: frozenset(words) for number, words in self._terms.find(sentence).items()}

    def _fuzzy_match(self, sentence: str, pairs: Iterable[int]) -> list[int]:
        """The closest fuzzy match of a long sentence among some pairs, the newest of equals; empty
        if none reaches the threshold."""
        words = words_and_punctuation(sentence)
        if len(words) < self._config.long_sentence:
            return []
        threshold = self._config.fuzzy_retrieval_threshold
        scores = (
            (similarity_ratio(words, words_and_punctuation(self._sources[pair]), threshold), pair)
            for pair in pairs
        )
        return [pair for score, pair in sorted(scores)[-1:] if score]

    def _informative_words(self, text: str) -> dict[str, float]:
        """The informative words of a text in lower case, each with its information in nats."""
        words = sorted(set(word_runs(text.casefold())))
        least = self._config.min_information
        return {word: nats for word in words if (nats := self._information(word)) >= least}

    def _information(self, word: str) -> float:
        """Nats. The counts decide for a word of the training text; any other word is at least as
        rare as the vocabulary's unigram model estimates."""
        if word not in self._word_information:
            counted = self._frequencies.information(word)
            self._word_information[word] = (
                counted if word in self._frequencies else max(counted, self._unigram_nats(word))
            )
        return self._word_information[word]

    def _unigram_nats(self, word: str) -> float:
        """− ln p of the likeliest of three spellings: lower case, capitalised, upper case."""
        spellings = (word, word.capitalize(), word.upper())
        return min(-self._tokenizer.log_probability(spelling) for spelling in spellings)


@lru_cache(maxsize=1 << 16)
def form_keys(word: str) -> frozenset[str]:
    """Keys of a lower-case word; any two forms of one word share a key."""
    return frozenset([word, *_prefix_keys(word)])


def _prefix_keys(word: str) -> list[str]:
    """The prefixes of a word that its other forms may share, marked with an ellipsis."""
    shortest = max(MIN_PREFIX, len(word) - MAX_SUFFIX)
    return [word[:end] + "…" for end in range(shortest, len(word) + 1)]

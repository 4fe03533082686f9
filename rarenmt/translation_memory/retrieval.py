"""Which remembered pairs a sentence retrieves.

The rarer a word, the more information it carries: − ln of its relative frequency in the training
text. A pair is retrieved when its source shares a rare word with the sentence and is the best match
of that word, or when it shares at least half of the information of the sentence and of its own
source. So are the closest fuzzy match of a long sentence, and terms that the sentence contains.
"""

import heapq
from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import eq

from rarenmt.config.retrieval import RETRIEVAL, RetrievalConfig
from rarenmt.text.lexicon.frequency import Frequencies
from rarenmt.text.lexicon.inflection import FormIndex
from rarenmt.text.matching import similarity_ratio
from rarenmt.text.notation.normalisation import normalise
from rarenmt.text.splitting import word_runs, words_and_punctuation
from rarenmt.text.tokenizer import Tokenizer
from rarenmt.translation_memory.terms import Terms

NO_FREQUENCIES = Frequencies()


@dataclass(frozen=True)
class Retrieved:
    """The remembered pairs that a sentence retrieves, by number."""

    pairs: Sequence[int]
    """Oldest first."""
    terms: Mapping[int, frozenset[str]]
    """Those whose terms the sentence contains, each with its informative words there in lower
    case."""
    fuzzy_matches: frozenset[int]
    """Those that are fuzzy matches of the sentence."""
    only_novel: bool = False
    """Whether only words that the lexicon does not know as translations are taken from pairs that
    are no entries of a glossary."""


NOTHING = Retrieved((), {}, frozenset())
"""No pairs."""


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
        counts in the training text; `are_forms`: whether two words are forms of one word."""
        self._config = config
        self._tokenizer, self._known, self._frequencies = tokenizer, known, frequencies
        self._pairs: dict[str, list[int]] = defaultdict(list)
        self._words = FormIndex(are_forms)
        self._sources: list[str] = []
        self._pair_information: list[float] = []
        self._word_information: dict[str, float] = {}
        self._terms = Terms(self._information, are_forms, self._config)

    def add(self, sources: Iterable[str]) -> None:
        """Index the sources of the next pairs."""
        for source in (normalise(source).text for source in sources):
            words = self._informative_words(source)
            for word in words:
                self._pairs[word].append(len(self._sources))
            self._words.add(words)
            self._terms.add(len(self._sources), source)
            self._sources.append(source)
            self._pair_information.append(sum(words.values()))

    def find(self, sentence: str) -> Retrieved:
        """The pairs that a sentence retrieves: terms first, the newest if there are too many, then
        those that share most with it."""
        config = self._config
        terms = self._terms.find(sentence)
        newest = sorted(terms)[-config.max_pairs :]
        shared, with_rare_word = self._shared_information(sentence)
        total = sum(self._informative_words(sentence).values())
        chosen = {
            pair
            for pair, information in shared.items()
            if information >= config.min_overlap * max(total, self._pair_information[pair])
        }
        for holders in with_rare_word:
            chosen.update(_largest(shared, holders, config.pairs_per_rare_word))
        chosen.update(self._closest(sentence, _largest(shared, shared, config.max_pairs)))
        best = _largest(shared, chosen, config.max_pairs - len(newest))
        pairs = sorted({*newest, *best})
        fuzzy_matches = self._similar(sentence, pairs, config.fuzzy_match_threshold)
        return Retrieved(
            pairs,
            {number: frozenset(words) for number, words in terms.items()},
            frozenset(fuzzy_matches),
        )

    def _shared_information(self, sentence: str) -> tuple[dict[int, float], list[set[int]]]:
        """The information that each pair shares with a sentence, and for each rare word of the
        sentence the pairs that contain it. An unknown word in another form is shared too; a known
        one has its own translation."""
        shared: dict[int, float] = defaultdict(float)
        with_rare_word: list[set[int]] = []
        for word, information in self._informative_words(sentence).items():
            same = set(self._pairs.get(word, ()))
            forms = () if word in self._known else self._words.forms(word)
            inflected = {pair for form in forms for pair in self._pairs[form]}
            for pair in same | inflected:
                weight = 1.0 if pair in same else self._config.inflected_weight
                shared[pair] += weight * information
            if self.is_rare(word):
                with_rare_word.append(same | inflected)
        return shared, with_rare_word

    def is_rare(self, word: str) -> bool:
        """Whether a lower-case word retrieves a pair alone."""
        return self._information(word) >= self._config.rare_information

    def is_common(self, word: str) -> bool:
        """Whether a lower-case word may precede any term, as *the* and *a* do."""
        return self._information(word) < self._config.determiner_information

    def is_informative(self, word: str) -> bool:
        """Whether a lower-case word may retrieve a pair, with others."""
        return self._information(word) >= self._config.min_information

    def _closest(self, sentence: str, pairs: Iterable[int]) -> list[int]:
        """The closest fuzzy match of a long sentence among some pairs, the newest of equals; empty
        if none reaches the threshold."""
        if len(words_and_punctuation(sentence)) < self._config.long_sentence:
            return []
        scores = self._similar(sentence, pairs, self._config.fuzzy_retrieval_threshold)
        return sorted(scores, key=lambda pair: (scores[pair], pair))[-1:]

    def _similar(self, sentence: str, pairs: Iterable[int], threshold: float) -> dict[int, float]:
        """The similarity of those pairs whose source reaches a threshold."""
        words = words_and_punctuation(sentence)
        scores = {
            pair: similarity_ratio(words, words_and_punctuation(self._sources[pair]), threshold)
            for pair in pairs
        }
        return {pair: score for pair, score in scores.items() if score}

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


def _largest(shared: Mapping[int, float], pairs: Iterable[int], count: int) -> list[int]:
    """The pairs that share most, the newest of equals first."""
    return heapq.nlargest(count, pairs, key=lambda pair: (shared[pair], pair))

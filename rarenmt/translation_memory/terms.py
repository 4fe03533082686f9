"""Remembered terms: pairs whose whole source occurs in a sentence, as glossary entries do.

A remembered *dashboard* applies wherever *dashboard* or *dashboards* occurs, whatever the frequency
of the word and the length of the sentence.
"""

from collections.abc import Callable, Sequence
from itertools import product

from rarenmt.config.retrieval import RETRIEVAL, RetrievalConfig
from rarenmt.text.lexicon.inflection import FormIndex
from rarenmt.text.splitting import words_and_punctuation


class Terms:
    """The terms among remembered pairs, indexed by their words and punctuation."""

    def __init__(
        self,
        information: Callable[[str], float],
        are_forms: Callable[[str, str], bool],
        config: RetrievalConfig = RETRIEVAL,
    ) -> None:
        """`information`: nats of a lower-case word; `are_forms`: whether two words are forms of one
        word."""
        self._config = config
        self._information = information
        self._pairs: dict[tuple[str, ...], int] = {}
        self._inflected: dict[tuple[str, ...], int] = {}
        """Terms that also match in other forms: those that do not end with punctuation, as whole
        sentences do."""
        self._words = FormIndex(are_forms)
        """The words of these."""

    def add(self, number: int, source: str) -> None:
        """Index the source of a pair; the newest of equal terms wins. A leading determiner is
        optional: *The seal* also matches *a seal*."""
        config, words = self._config, tuple(words_and_punctuation(source))
        capitalised = source.lstrip()[:1].isupper()
        least = config.label_information if capitalised else config.term_information
        informative = any(self._is_informative(word, least) for word in words)
        if len(words) > config.max_term_words or not informative:
            return
        determiner = (
            words[0].isalpha() and self._information(words[0]) < config.determiner_information
        )
        for term in [words, words[1:]] if determiner else [words]:
            self._pairs[term] = number
            if term[-1].isalnum():
                self._inflected[term] = number
        if words[-1].isalnum():
            self._words.add(words)

    def find(self, sentence: str) -> dict[int, list[str]]:
        """The numbers of the pairs whose terms occur in a sentence, each with the informative words
        of the occurrence. Matches from left to right, the longest term first."""
        words = words_and_punctuation(sentence)
        forms = [self._forms(word) for word in words]
        found: dict[int, list[str]] = {}
        start = 0
        while start < len(words):
            for end in range(min(start + self._config.max_term_words, len(words)), start, -1):
                number = self._match(forms[start:end])
                if number is not None:
                    least = self._config.term_information
                    found[number] = [w for w in words[start:end] if self._is_informative(w, least)]
                    start = end - 1
                    break
            start += 1
        return found

    def _forms(self, word: str) -> list[str]:
        """A word, and the words of terms of which it may be another form."""
        config = self._config
        most = self._information(word) + config.inflected_term_tolerance
        others = self._words.forms(word)
        cap = config.inflected_term_cap
        return [word, *(each for each in others if most >= min(self._information(each), cap))]

    def _match(self, forms: Sequence[Sequence[str]]) -> int | None:
        """The pair whose term consists of one form of each word; the exact term comes first."""
        exact = self._pairs.get(tuple(word_forms[0] for word_forms in forms))
        if exact is not None or all(len(word_forms) == 1 for word_forms in forms):
            return exact
        inflected = (self._inflected.get(words) for words in product(*forms))
        return next((number for number in inflected if number is not None), None)

    def _is_informative(self, word: str, least: float) -> bool:
        return any(map(str.isalpha, word)) and self._information(word) >= least

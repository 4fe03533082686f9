"""Remembered terms: pairs whose whole source stands in a sentence, as the entries of a glossary do.

Who remembers *dashboard* wants it wherever a dashboard is spoken of, or two *dashboards*, however
often training saw the word and however long the sentence is.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import product

from rarenmt.text.lexicon.inflection import BEGINNING
from rarenmt.text.matching import words_and_punctuation

LONGEST = 8
"""Words and signs of a term, at most."""
TELLING = 7.0
"""Nats that one of its words tells at least: *and* is no term, nor is *good*."""
LABEL = 10.0
"""The same where it has a capital letter, and may be a label of a form: *Well*, *Back*, *City*."""
LEADING = 4.0
"""Nats that a word tells less than which may stand before a term: *the*, *a*, *to*."""

COMMONER = 2.0
"""Nats that another form of a word of a term may tell less than that: who remembers *rights* does
not speak of *right*."""
RAREST = 12.0
"""Nats from which that is so rare that it does not matter by how much."""


class Terms:
    """The terms among remembered pairs, by their words and signs."""

    def __init__(self, tells: Callable[[str], float], same: Callable[[str, str], bool]) -> None:
        """`tells`: what a word in small letters tells, in nats; `same`: whether two are forms of
        one word."""
        self._tells, self._same = tells, same
        self._forms = lru_cache(maxsize=1 << 16)(self._forms_of)
        self._pairs: dict[tuple[str, ...], int] = {}
        self._inflected: dict[tuple[str, ...], int] = {}
        """Those that may stand in other forms: no whole sentences, which end with a sign."""
        self._words: dict[str, dict[str, None]] = defaultdict(dict)
        """The words of these, in order, by their first letters, in which forms of a word agree."""

    def add(self, number: int, source: str) -> None:
        """Take in the source of a pair; the newest of equals counts. *The seal* is found in *a
        seal* too."""
        words = tuple(words_and_punctuation(source))
        least = LABEL if source.lstrip()[:1].isupper() else TELLING
        if len(words) > LONGEST or not any(self._tell(word, least) for word in words):
            return
        leading = words[0].isalpha() and self._tells(words[0]) < LEADING
        for term in [words, words[1:]] if leading else [words]:
            self._pairs[term] = number
            if term[-1].isalnum():
                self._inflected[term] = number
        if words[-1].isalnum():
            self._forms.cache_clear()
            for word in words:
                self._words[word[:BEGINNING]][word] = None

    def find(self, sentence: str) -> dict[int, list[str]]:
        """The numbers of the pairs whose terms stand in a sentence, from left to right and the
        longest first, and the words of the sentence that tell something of each."""
        words = words_and_punctuation(sentence)
        shared_forms = [self._forms(word) for word in words]
        found: dict[int, list[str]] = {}
        place = 0
        while place < len(words):
            for end in range(min(place + LONGEST, len(words)), place, -1):
                number = self._number(shared_forms[place:end])
                if number is not None:
                    found[number] = [word for word in words[place:end] if self._tell(word)]
                    place = end - 1
                    break
            place += 1
        return found

    def _forms_of(self, word: str) -> list[str]:
        """A word, and the words of terms of which it may be another form."""
        alike = self._words.get(word[:BEGINNING], ())
        told = self._tells(word) + COMMONER
        others = (each for each in alike if each != word and told >= min(self._tells(each), RAREST))
        return [word, *(each for each in others if self._same(each, word))]

    def _number(self, shared_forms: Sequence[Sequence[str]]) -> int | None:
        """The pair whose term has one of these forms for each of its words; the first ones are
        preferred."""
        exact = self._pairs.get(tuple(own[0] for own in shared_forms))
        if exact is not None or all(len(own) == 1 for own in shared_forms):
            return exact
        inflected = (self._inflected.get(words) for words in product(*shared_forms))
        return next((number for number in inflected if number is not None), None)

    def _tell(self, word: str, least: float = TELLING) -> bool:
        return any(map(str.isalpha, word)) and self._tells(word) >= least

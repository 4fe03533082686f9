"""Which remembered pairs have something to do with a sentence.

A word tells as much as it is rare: − ln of its share of the training text. A pair is relevant
when its source shares a rare word with the sentence, and more than other pairs with that word do,
or at least half of all that the sentence tells, and of all that it tells itself. So are the pair
that resembles a long sentence most, and terms that stand in the sentence as a whole.
"""

import heapq
from collections import defaultdict
from collections.abc import Callable, Container, Iterable
from functools import lru_cache
from operator import eq

from rarenmt.text.lexicon.frequency import WORD, Frequencies
from rarenmt.text.matching import similarity_ratio, words_and_punctuation
from rarenmt.text.tokenizer import Tokenizer
from rarenmt.translation_memory.terms import LEADING, Terms

NOTHING = Frequencies()

TELLING = 6.0
"""Nats; a word that tells less (the, is, and) makes no pair relevant."""
RARE = 10.75
"""Nats that a word tells which makes a pair relevant alone: 21 in a million words."""
HALF = 0.5
"""Share of what the sentence and the pair tell, each, from which the pair is relevant without a
rare word: of a long pair a short sentence easily holds half."""
EACH = 1
"""Pairs that are asked about one rare word: those that share most with the sentence, the newest of
equals. Others would distract."""
MOST = 8
"""Pairs that one sentence asks in all, those that share most."""
ALIKE = 0.7
"""Share of their words and signs that a long sentence and a pair have in common, from which the
pair is relevant."""
LONG = 10
"""Words and signs of a long sentence. In a shorter one what differs may be all that it tells: *Tom
was absent.* is not *Tom was pardoned.*"""
ENDINGS, BEGINNING = 3, 5
"""Words are taken to be forms of one word when they differ in at most so many letters at the
end, and agree in at least so many at the beginning."""
ANOTHER_FORM = 0.8
"""What another form of a word tells, as a share of what the word itself does. Of a word that the
training text knew no other form tells anything: it has a translation of its own."""


class Retriever:
    """An inverted index over the telling source words of the remembered pairs."""

    def __init__(
        self,
        tokenizer: Tokenizer,
        known: Container[str] = frozenset(),
        counts: Frequencies = NOTHING,
        same: Callable[[str, str], bool] = eq,
    ) -> None:
        """`known`: the source words, in small letters, that the training text has translated;
        `counts`: how often words stand there; `same`: whether two are forms of one word, for terms
        that stand in a sentence in another form."""
        self._tokenizer, self._known, self._counts = tokenizer, known, counts
        self._pairs: dict[str, list[int]] = defaultdict(list)
        self._sources: list[str] = []
        self._information_of_pair: list[float] = []
        self._known_information: dict[str, float] = {}
        self._terms = Terms(self._information, same)

    def add(self, sources: Iterable[str]) -> None:
        """Take in the sources of the next pairs."""
        for source in sources:
            words = self._words(source)
            for key in {*words, *(form for word in words for form in _forms(word))}:
                self._pairs[key].append(len(self._sources))
            self._terms.add(len(self._sources), source)
            self._sources.append(source)
            self._information_of_pair.append(sum(words.values()))

    def find(self, sentence: str) -> list[int]:
        """Numbers of the relevant pairs, in the order they were remembered."""
        words = self._words(sentence)
        shared: dict[int, float] = defaultdict(float)
        rare: list[set[int]] = []
        for word, told in words.items():
            same = set(self._pairs.get(word, ()))
            others = () if word in self._known else _forms(word)
            alike = {pair for form in others for pair in self._pairs.get(form, ())}
            for pair in same | alike:
                shared[pair] += told if pair in same else ANOTHER_FORM * told
            if self.is_rare(word):
                rare.append(same | alike)

        def best(pairs: Iterable[int], most: int) -> list[int]:
            return heapq.nlargest(most, pairs, key=lambda pair: (shared[pair], pair))

        told = sum(words.values())
        chosen = {
            pair
            for pair in shared
            if shared[pair] >= HALF * max(told, self._information_of_pair[pair])
        }
        chosen.update(pair for pairs in rare for pair in best(pairs, EACH))
        chosen.update(self._alike(sentence, best(shared, MOST)))
        terms = sorted(self._terms.find(sentence))[-MOST:]
        return sorted({*terms, *best(chosen, MOST - len(terms))})

    def is_rare(self, word: str) -> bool:
        """Whether a word in small letters makes a pair relevant alone."""
        return self._information(word) >= RARE

    def is_common(self, word: str) -> bool:
        """Whether a word in small letters is one that may stand before any term: *the*, *a*."""
        return self._information(word) < LEADING

    def find_terms(self, sentence: str) -> dict[int, frozenset[str]]:
        """The numbers of the pairs whose terms stand in a sentence, and the telling words of each,
        in small letters."""
        return {number: frozenset(words) for number, words in self._terms.find(sentence).items()}

    def _alike(self, sentence: str, pairs: Iterable[int]) -> list[int]:
        """The one of some pairs that resembles a long sentence most, if one does; of equals the
        newest."""
        words = words_and_punctuation(sentence)
        if len(words) < LONG:
            return []
        likenesses = (
            (similarity_ratio(words, words_and_punctuation(self._sources[pair]), ALIKE), pair)
            for pair in pairs
        )
        return [pair for likeness, pair in sorted(likenesses)[-1:] if likeness]

    def _words(self, text: str) -> dict[str, float]:
        """The telling words of a text, with what they tell."""
        words = set(WORD.findall(text.casefold()))
        return {
            word: told for word in sorted(words) if (told := self._information(word)) >= TELLING
        }

    def _information(self, word: str) -> float:
        """Nats. Of words that training never saw only the vocabulary's unigram model tells how rare
        they are; the likeliest of the spellings in small and capital letters counts."""
        if word not in self._known_information:
            counted = self._counts.information(word)
            self._known_information[word] = (
                counted if word in self._counts else max(counted, self._unlikelihood(word))
            )
        return self._known_information[word]

    def _unlikelihood(self, word: str) -> float:
        spellings = (word, word.capitalize(), word.upper())
        return min(-self._tokenizer.log_probability(spelling) for spelling in spellings)


@lru_cache(maxsize=1 << 16)
def shared_forms(word: str) -> frozenset[str]:
    """Keys of a word in small letters, of which it shares one with every form of it."""
    return frozenset([word, *_forms(word)])


def _forms(word: str) -> list[str]:
    """Keys of the beginnings of a word, of which forms of one word share one."""
    shortest = max(BEGINNING, len(word) - ENDINGS)
    return [word[:end] + "…" for end in range(shortest, len(word) + 1)]

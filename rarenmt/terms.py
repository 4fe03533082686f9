"""Remembered terms: pairs whose whole source stands in a sentence, as the entries of a glossary do.

Who remembers *dashboard* wants it wherever a dashboard is spoken of, however often training saw the
word and however long the sentence is.
"""

from collections.abc import Callable

from rarenmt.resemblance import words_and_signs

LONGEST = 8
"""Words and signs of a term, at most."""
TELLING = 7.0
"""Nats that one of its words tells at least: *and* is no term, nor is *good*."""
LABEL = 10.0
"""The same where it has a capital letter, and may be a label of a form: *Well*, *Back*, *City*."""
LEADING = 4.0
"""Nats that a word tells less than which may stand before a term: *the*, *a*, *to*."""


class Terms:
    """The terms among remembered pairs, by their words and signs."""

    def __init__(self, tells: Callable[[str], float]) -> None:
        """`tells`: what a word in small letters tells, in nats."""
        self._tells = tells
        self._pairs: dict[tuple[str, ...], int] = {}

    def add(self, number: int, source: str) -> None:
        """Take in the source of a pair; the newest of equals counts. *The seal* is found in *a
        seal* too."""
        words = tuple(words_and_signs(source))
        least = LABEL if source.lstrip()[:1].isupper() else TELLING
        if len(words) > LONGEST or not any(self._tell(word, least) for word in words):
            return
        self._pairs[words] = number
        if words[0].isalpha() and self._tells(words[0]) < LEADING:
            self._pairs[words[1:]] = number

    def find(self, sentence: str) -> dict[int, list[str]]:
        """The numbers of the pairs whose terms stand in a sentence, from left to right and the
        longest first, and the words of each that tell something."""
        words = words_and_signs(sentence)
        found: dict[int, list[str]] = {}
        place = 0
        while place < len(words):
            for end in range(min(place + LONGEST, len(words)), place, -1):
                number = self._pairs.get(tuple(words[place:end]))
                if number is not None:
                    found[number] = [word for word in words[place:end] if self._tell(word)]
                    place = end - 1
                    break
            place += 1
        return found

    def _tell(self, word: str, least: float = TELLING) -> bool:
        return any(map(str.isalpha, word)) and self._tells(word) >= least

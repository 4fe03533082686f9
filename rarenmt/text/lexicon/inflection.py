"""How the words of a language end, as the lexicon of a checkpoint shows.

*Tablets* is a form of *tablet* and *party* none of *part*: of the words that training knew, most
that differ in an *s* at the end have translations that begin alike, and few that differ in a *y*.
And a translation may end as words do that it ends like: *Verzichtserklärung* has a form in *-en*,
for *Erklärung* has one. Nothing here is about one language.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from functools import cached_property, lru_cache

BEGINNING, ENDINGS = 3, 4
"""Source words may be forms of one word when they agree in at least so many letters at the
beginning, and differ in at most so many behind that, both together: *-y* and *-ies* in four."""
TARGET_BEGINNING, TARGET_ENDINGS = 4, 3
"""The same of target words, of which there is less evidence."""
LIKELY = 0.5
"""Share of the words known to differ as two words do, whose translations begin alike, from which
these two are forms of one word."""
SURE = 0.7
"""The same where their own translations do not begin alike: *Bahnhof* and *Bahnhöfe*."""
EVIDENCE = 20
"""Words that are known to differ so, at least."""
PEERS = 5
"""Known words that end as a new one, from which those are asked how it may end."""
RHYME = 3
"""Letters at the end in which they agree with it, at least."""
OFTEN = 0.15
"""Share of them that have another ending, from which the new word may have it."""
MOST = 8
"""Other forms of a word, at most."""


class Inflections:
    """What forms the words of a source and a target language have."""

    def __init__(self, known: Mapping[str, Collection[str]]) -> None:
        """`known`: the target words that translate each source word, in small letters."""
        self._known = known
        self.are_forms = lru_cache(maxsize=1 << 16)(self._are_forms)
        self.other_forms = lru_cache(maxsize=1 << 16)(self._other_forms)
        self._reliable = lru_cache(maxsize=None)(self._reliability)

    def _are_forms(self, word: str, other: str) -> bool:
        """Whether two source words in small letters are likely forms of one word."""
        if word == other:
            return True
        if not _alike(word, other, BEGINNING, ENDINGS):
            return False
        reliability = self._reliable(*_differ(word, other))
        if reliability >= SURE:
            return True
        new = word not in self._known or other not in self._known
        return reliability >= LIKELY and (new or self._translate_alike(word, other))

    def _other_forms(self, word: str) -> tuple[str, ...]:
        """Other forms that a target word may have, the likeliest first: those that the training
        text knew, and then those that are longer, as with words which end like it; an *-en* for an
        *-er* would make verbs of nouns."""
        low = word.casefold()
        changes = dict.fromkeys(_differ(low, other) for other in self._forms(low))
        peers = self._peers(low)
        counts = Counter(_differ(peer, other) for peer in peers for other in self._forms(peer))
        least = max(2.0, OFTEN * len(peers))
        likely = (change for change, n in counts.most_common() if n >= least and not change[0])
        changes.update(dict.fromkeys(likely))
        ended = (_changed(word, *change) for change in changes)
        return tuple(other for other in ended if other and other != word)[:MOST]

    def _forms(self, word: str) -> list[str]:
        """Known target words that differ from one in small letters in a short ending alone."""
        words, beginning = self._words, word[: max(TARGET_BEGINNING, len(word) - TARGET_ENDINGS)]
        found = []
        for place in range(bisect_left(words, beginning), len(words)):
            other = words[place]
            if not other.startswith(beginning):
                break
            shared = _shared(word, other)
            if other != word and len(word) + len(other) - 2 * shared <= min(
                TARGET_ENDINGS, shared / 2
            ):
                found.append(other)
        return found

    def _peers(self, word: str) -> list[str]:
        """Other known words with its longest ending that PEERS of them have."""
        rhymes = [
            (length, other)
            for other in self._words
            if other[-RHYME:] == word[-RHYME:]
            and other != word
            and (length := _shared(word[::-1], other[::-1])) >= RHYME
        ]
        lengths = sorted((length for length, _ in rhymes), reverse=True)
        return [w for n, w in rhymes if n >= lengths[PEERS - 1]] if len(rhymes) >= PEERS else []

    @cached_property
    def _words(self) -> list[str]:
        """All target words that have letters alone, in order."""
        return sorted({word for some in self._known.values() for word in some if word.isalpha()})

    def _reliability(self, ending: str, other: str) -> float:
        """The share of the known words that have both endings whose translations begin alike."""
        both = list(self._with_both(ending, other))
        if len(both) < EVIDENCE:
            return 0.0
        return sum(self._translate_alike(*words) for words in both) / len(both)

    def _with_both(self, ending: str, other: str) -> Iterator[tuple[str, str]]:
        for word in self._known:
            beginning = word.removesuffix(ending) if word.endswith(ending) else ""
            if len(beginning) >= TARGET_BEGINNING and beginning + other in self._known:
                yield word, beginning + other

    def _translate_alike(self, word: str, other: str) -> bool:
        return any(
            _alike(one, two, TARGET_BEGINNING, TARGET_ENDINGS)
            for one in self._known[word]
            for two in self._known[other]
        )


def _shared(word: str, other: str) -> int:
    """Letters that two words agree in at the beginning."""
    letters = enumerate(zip(word, other, strict=False))
    shorter = min(len(word), len(other))
    return next((place for place, (one, two) in letters if one != two), shorter)


def _alike(word: str, other: str, least: int, most: int) -> bool:
    """Whether two words agree in at least so many letters at the beginning, and differ in at most
    so many behind."""
    shared = _shared(word, other)
    return shared >= least and len(word) + len(other) - 2 * shared <= most


def _differ(word: str, other: str) -> tuple[str, str]:
    """The endings of two words behind what they agree in."""
    shared = _shared(word, other)
    return word[shared:], other[shared:]


def _changed(word: str, ending: str, other: str) -> str:
    """A word with another ending for one that it has; nothing where it has not."""
    beginning = word[: len(word) - len(ending)]
    return beginning + other if word[len(beginning) :].casefold() == ending else ""

"""Made-up-word episodes: rare events in any number, to practise on.

Ordinary text teaches the gate that the memory is hardly ever needed. So training takes a
word pair that often stand together, replaces both words by invented ones in three
sentences, writes one sentence into the memory and asks for the other two. An invented
word can only be known from the memory.
"""

import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rarenmt.batches import Ids
from rarenmt.tokens import Tokenizer

WORD = re.compile(r"[^\W\d_]{3,}")
MOST_FREQUENT = 400
"""Sentences; a word pair in more of them is no content word."""
CLOSEST = 0.55
"""Dice coefficient from which two words are taken to translate each other."""


@dataclass(frozen=True)
class WordPair:
    """A source and a target word that stand together in these sentence pairs."""

    source: str
    target: str
    sentences: list[int]


@dataclass(frozen=True)
class Episodes:
    """Sentences to remember, and sentences to translate with what was remembered."""

    shown: list[tuple[Ids, Ids]]
    asked: list[tuple[Ids, Ids]]
    relevant: list[int]
    """For each asked sentence, the shown one that shares a word with it."""
    made_up: list[list[bool]]
    """For each piece of each asked target, whether it belongs to an invented word."""


def find_word_pairs(texts: Sequence[tuple[str, str]]) -> list[WordPair]:
    """Pairs of words by the Dice coefficient of the sentences they stand in."""
    where: dict[str, list[int]] = defaultdict(list)
    targets = [set(WORD.findall(target)) for _, target in texts]
    target_count: Counter[str] = Counter()
    for number, (source, _) in enumerate(texts):
        target_count.update(targets[number])
        for word in set(WORD.findall(source)):
            where[word].append(number)
    found = []
    for word in sorted(where):
        sentences = where[word]
        if not 3 <= len(sentences) <= MOST_FREQUENT:
            continue
        together = Counter(other for number in sentences for other in targets[number])
        dice = {
            o: 2 * n / (len(sentences) + target_count[o]) for o, n in together.items() if n >= 3
        }
        best = max(dice, key=lambda other: (dice[other], other), default=None)
        if best is not None and dice[best] >= CLOSEST:
            both = [number for number in sentences if best in targets[number]]
            found.append(WordPair(word, best, both))
    return found


class EpisodeMaker:
    """Draws episodes from a corpus."""

    def __init__(self, texts: Sequence[tuple[str, str]], tokenizer: Tokenizer) -> None:
        self.texts, self.tokenizer = texts, tokenizer
        self.word_pairs = find_word_pairs(texts)
        self._source_words = _rare_words(source for source, _ in texts)
        self._target_words = _rare_words(target for _, target in texts)

    @property
    def possible(self) -> bool:
        """Whether the corpus has word pairs to replace and spellings to make words of."""
        return bool(self.word_pairs and self._source_words and self._target_words)

    def draw(self, count: int, ordinary: int, rng: random.Random) -> Episodes:
        """`count` episodes with invented words, and ordinary ones that keep their words: there
        the memory has nothing new to say."""
        episodes = Episodes([], [], [], [])
        for word_pair in rng.sample(self.word_pairs, min(count, len(self.word_pairs))):
            self._add(episodes, word_pair, self._invent(word_pair, rng), rng)
        for word_pair in rng.sample(self.word_pairs, min(ordinary, len(self.word_pairs))):
            self._add(episodes, word_pair, None, rng)
        return episodes

    def _add(
        self,
        episodes: Episodes,
        word_pair: WordPair,
        invented: tuple[str, str] | None,
        rng: random.Random,
    ) -> None:
        """One sentence to show and two to ask, with the invented words in place of the pair."""
        shown, *asked = rng.sample(word_pair.sentences, 3)
        episodes.shown.append(self._pieces(shown, word_pair, invented)[0])
        for number in asked:
            pair, made_up = self._pieces(number, word_pair, invented)
            episodes.asked.append(pair)
            episodes.relevant.append(len(episodes.shown) - 1)
            episodes.made_up.append(made_up)

    def _pieces(
        self, number: int, word_pair: WordPair, invented: tuple[str, str] | None
    ) -> tuple[tuple[Ids, Ids], list[bool]]:
        """A sentence pair in pieces, and which pieces of its target are made up."""
        if invented is not None:
            return self._replaced(number, word_pair, invented)
        source, target = map(self.tokenizer.encode, self.texts[number])
        return (source, target), [False] * len(target)

    def _invent(self, word_pair: WordPair, rng: random.Random) -> tuple[str, str]:
        """An invented word for either language: the same, alike, or unrelated."""
        source = _cross(self._source_words, rng)
        kind = rng.random()
        if kind < 0.15:
            target = source
        elif kind < 0.4:
            target = _respell(source, rng)
        else:
            target = _cross(self._target_words, rng)
        name = rng.random() < 0.4
        return (
            source.capitalize() if name or word_pair.source[0].isupper() else source,
            target.capitalize() if name or word_pair.target[0].isupper() else target,
        )

    def _replaced(
        self, number: int, word_pair: WordPair, invented: tuple[str, str]
    ) -> tuple[tuple[Ids, Ids], list[bool]]:
        """A sentence pair in pieces with the words replaced, and the mask of its target."""
        source, target = self.texts[number]
        source = _replace(source, word_pair.source, invented[0])
        before, _, after = _replace(target, word_pair.target, "\n").partition("\n")
        after = after.replace("\n", invented[1])
        ids = self.tokenizer.encode(before + invented[1] + after)
        start, end = len(before), len(before) + len(invented[1])
        made_up, first = [], 0
        for piece in self.tokenizer.pieces(ids):
            last = first + len(piece)
            made_up.append(first < end and last > start)
            first = last
        return (self.tokenizer.encode(source), ids), made_up


def _replace(text: str, word: str, new: str) -> str:
    return re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", new, text)


def _rare_words(sentences: Iterable[str]) -> list[str]:
    """Words that stand in one or two sentences, as a stock of spellings, in lower case."""
    counts: Counter[str] = Counter()
    for sentence in sentences:
        counts.update(set(WORD.findall(sentence.lower())))
    return sorted(word for word, count in counts.items() if count <= 2 and len(word) >= 5)


def _cross(words: Sequence[str], rng: random.Random) -> str:
    """The front of one word and the end of another."""
    front, back = rng.choice(words), rng.choice(words)
    cut = rng.randint(2, max(2, min(6, len(front) - 1)))
    return front[:cut] + back[-rng.randint(2, max(2, min(6, len(back) - 1))) :]


RESPELLINGS = [
    ("v", "w"), ("c", "k"), ("y", "i"), ("sh", "sch"), ("ph", "f"), ("oo", "u"), ("ee", "ie"),
    ("ch", "tsch"), ("j", "dsch"), ("x", "ks"), ("z", "s"), ("e", "je"), ("o", "oh"), ("a", "ä"),
]  # fmt: skip
"""How a name changes on its way into German: Dostoevsky, Dostojewski."""


def _respell(word: str, rng: random.Random) -> str:
    """The word as another language would write it."""
    for old, new in rng.sample(RESPELLINGS, 6):
        word = word.replace(old, new, 1)
    return word

"""Made-up-word episodes: rare events in any number, to practise on.

Ordinary text teaches the gate that the memory is hardly ever needed. So training takes a
word pair that often stand together, replaces both words by invented ones in three
sentences, writes one sentence into the memory and asks for the other two. An invented
word can only be known from the memory. Now and then what is written is the two words alone,
as in a glossary.
"""

import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from rarenmt.text.batch import Ids
from rarenmt.text.tokenizer import Tokenizer

WORD = re.compile(r"[^\W\d_]{3,}")
MOST_FREQUENT = 400
"""Sentences; a word pair in more of them is no content word."""
CLOSEST = 0.55
"""Dice coefficient from which two words are taken to translate each other."""
COMPOUND = 0.3
"""Share of the invented words that are two in one: a long word must be spelt to its end while the
attention is drawn to the next."""
CORRECTION = 0.3
"""Share of the episodes that keep the source word: what the model says of it is no longer right."""
GLOSSARY = 0.25
"""Share of the episodes that show the two words alone."""


@dataclass(frozen=True)
class WordPair:
    """A source and a target word that stand together in these sentence pairs."""

    source: str
    target: str
    sentences: list[int]


@dataclass(frozen=True)
class Question:
    """A sentence to translate with what was shown."""

    source: Ids
    target: Ids
    source_word: list[bool]
    """For each piece of the source, whether it belongs to the word pair."""
    target_word: list[bool]
    made_up: bool
    """Whether only the memory can know the target word; an invented name that both languages
    spell alike can also be copied."""
    relevant: int
    """Number of the shown pair that has the words too."""
    absent: bool
    """Whether that pair may not be asked, so that nobody can know a made-up word."""


@dataclass(frozen=True)
class Episodes:
    """Pairs to remember, and sentences to translate with what was remembered."""

    shown: list[tuple[Ids, Ids]]
    asked: list[Question]


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

    def __init__(
        self, texts: Sequence[tuple[str, str]], tokenizer: Tokenizer, longest: int
    ) -> None:
        """Pairs with over `longest` pieces on a side are left out: when all others are padded to
        one, it fills the memory of a machine."""
        self.texts = [
            sides for sides in texts if all(len(tokenizer.encode(s)) <= longest for s in sides)
        ]
        self.tokenizer = tokenizer
        self.word_pairs = find_word_pairs(self.texts)
        self._source_words = _rare_words(source for source, _ in self.texts)
        self._target_words = _rare_words(target for _, target in self.texts)

    @property
    def possible(self) -> bool:
        """Whether the corpus has word pairs to replace and spellings to make words of."""
        return bool(self.word_pairs and self._source_words and self._target_words)

    def draw(self, count: int, ordinary: int, rng: random.Random, absent: float = 0.0) -> Episodes:
        """`count` episodes with invented words, and ordinary ones that keep their words: there
        the memory has nothing new to say. A share of the sentences may not ask their own pair.
        """
        episodes = Episodes([], [])
        for word_pair in rng.sample(self.word_pairs, min(count, len(self.word_pairs))):
            self._add(episodes, word_pair, self._invent(word_pair, rng), rng, absent)
        for word_pair in rng.sample(self.word_pairs, min(ordinary, len(self.word_pairs))):
            self._add(episodes, word_pair, (word_pair.source, word_pair.target), rng, absent)
        return episodes

    def _add(
        self,
        episodes: Episodes,
        word_pair: WordPair,
        words: tuple[str, str],
        rng: random.Random,
        absent: float,
    ) -> None:
        """A pair to show and two to ask, with these words in place of the word pair."""
        shown, *asked = rng.sample(word_pair.sentences, 3)
        relevant = len(episodes.shown)
        if rng.random() < GLOSSARY:
            alone = self.tokenizer.encode(words[0]), self.tokenizer.encode(words[1])
            episodes.shown.append(alone)
        else:
            question = self._question(shown, word_pair, words, relevant)
            episodes.shown.append((question.source, question.target))
        for number in asked:
            question = self._question(number, word_pair, words, relevant)
            episodes.asked.append(replace(question, absent=rng.random() < absent))

    def _question(
        self, number: int, word_pair: WordPair, words: tuple[str, str], relevant: int
    ) -> Question:
        source, target = self.texts[number]
        source_ids, source_word = self._spell(source, word_pair.source, words[0])
        target_ids, target_word = self._spell(target, word_pair.target, words[1])
        made_up = words != (word_pair.source, word_pair.target) and words[0] != words[1]
        return Question(source_ids, target_ids, source_word, target_word, made_up, relevant, False)

    def _invent(self, word_pair: WordPair, rng: random.Random) -> tuple[str, str]:
        """An invented word for either language: the same, alike, or unrelated; or for the target
        alone."""
        if rng.random() < CORRECTION:
            new = self._new_word(self._target_words, rng)
            return word_pair.source, new.capitalize() if word_pair.target[0].isupper() else new
        source = self._new_word(self._source_words, rng)
        kind = rng.random()
        if kind < 0.15:
            target = source
        elif kind < 0.4:
            target = _respell(source, rng)
        else:
            target = self._new_word(self._target_words, rng)
        name = rng.random() < 0.4
        return (
            source.capitalize() if name or word_pair.source[0].isupper() else source,
            target.capitalize() if name or word_pair.target[0].isupper() else target,
        )

    @staticmethod
    def _new_word(words: Sequence[str], rng: random.Random) -> str:
        """A word of the spellings of others; now and then a long one, as compounds are."""
        word = _cross(words, rng)
        return word + _cross(words, rng) if rng.random() < COMPOUND else word

    def _spell(self, text: str, word: str, new: str) -> tuple[Ids, list[bool]]:
        """The text in pieces with `new` in place of the word, and which pieces belong to it."""
        parts = re.split(rf"(?<!\w){re.escape(word)}(?!\w)", text)
        ids = self.tokenizer.encode(new.join(parts))
        inside = [False] * len(parts[0])
        for part in parts[1:]:
            inside += [True] * len(new) + [False] * len(part)
        belongs, first = [], 0
        for piece in self.tokenizer.pieces(ids):
            last = first + len(piece)
            belongs.append(any(inside[first : max(last, first + 1)]))  # a byte may be no letter yet
            first = last
        return ids, belongs


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

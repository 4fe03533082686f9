"""Episodes for episodic training, with invented words as rare events.

Ordinary text teaches the gate that the memory is hardly ever needed. An episode takes two words
that often occur together, replaces both by invented ones in three sentence pairs, remembers one
pair (the support) and translates the other two (the queries). Only the memory holds an invented
word. Some supports are the two words alone, as in a glossary.
"""

import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from rarenmt.config import PracticeConfig
from rarenmt.text.batch import Ids
from rarenmt.text.splitting import letter_runs
from rarenmt.text.tokenizer import Tokenizer

MIN_LETTERS = 3
"""Of a word that an episode may be made of."""
DEFAULT = PracticeConfig()


@dataclass(frozen=True)
class WordPair:
    """A source and a target word that occur together in these sentence pairs."""

    source: str
    target: str
    sentences: list[int]


@dataclass(frozen=True)
class EpisodeQuery:
    """A sentence pair to translate with the support pairs."""

    source: Ids
    target: Ids
    source_word: list[bool]
    """For each source piece, whether it belongs to the word pair."""
    target_word: list[bool]
    made_up: bool
    """Whether only the memory holds the target word; an invented name with the same spelling in
    both languages can also be copied."""
    pair: int
    """Number of the support pair with the same words."""
    withheld: bool
    """Whether that pair is no candidate, so that a made-up word cannot be predicted."""


@dataclass(frozen=True)
class Episodes:
    """Support pairs to remember, and queries to translate with them."""

    support: list[tuple[Ids, Ids]]
    queries: list[EpisodeQuery]


def find_word_pairs(
    texts: Sequence[tuple[str, str]], config: PracticeConfig = DEFAULT
) -> list[WordPair]:
    """Word pairs by the Dice coefficient of the sentences that contain them."""
    where: dict[str, list[int]] = defaultdict(list)
    targets = [_words(target) for _, target in texts]
    target_count: Counter[str] = Counter()
    for number, (source, _) in enumerate(texts):
        target_count.update(targets[number])
        for word in _words(source):
            where[word].append(number)
    found = []
    for word in sorted(where):
        sentences = where[word]
        if not 3 <= len(sentences) <= config.max_pair_frequency:
            continue
        together = Counter(other for number in sentences for other in targets[number])
        dice = {
            o: 2 * n / (len(sentences) + target_count[o]) for o, n in together.items() if n >= 3
        }
        best = max(dice, key=lambda other: (dice[other], other), default=None)
        if best is not None and dice[best] >= config.min_dice:
            both = [number for number in sentences if best in targets[number]]
            found.append(WordPair(word, best, both))
    return found


class EpisodeMaker:
    """Draws episodes from a corpus."""

    def __init__(
        self,
        texts: Sequence[tuple[str, str]],
        tokenizer: Tokenizer,
        longest: int,
        config: PracticeConfig = DEFAULT,
    ) -> None:
        """Leaves out pairs with over `longest` pieces on a side, which bounds the memory that a
        padded batch takes."""
        self.config = config
        self.texts = [
            sides for sides in texts if all(len(tokenizer.encode(s)) <= longest for s in sides)
        ]
        self.tokenizer = tokenizer
        self.word_pairs = find_word_pairs(self.texts, config)
        self._source_words = _rare_words(source for source, _ in self.texts)
        self._target_words = _rare_words(target for _, target in self.texts)

    @property
    def possible(self) -> bool:
        """Whether the corpus has word pairs to replace and rare words to invent others from."""
        return bool(self.word_pairs and self._source_words and self._target_words)

    def draw(
        self, count: int, ordinary: int, rng: random.Random, withheld: float = 0.0
    ) -> Episodes:
        """Draw `count` episodes with invented words, and `ordinary` ones that keep their words.

        A fraction `withheld` of the queries cannot use their own pair.
        """
        episodes = Episodes([], [])
        for word_pair in rng.sample(self.word_pairs, min(count, len(self.word_pairs))):
            self._add(episodes, word_pair, self._invent(word_pair, rng), rng, withheld)
        for word_pair in rng.sample(self.word_pairs, min(ordinary, len(self.word_pairs))):
            self._add(episodes, word_pair, (word_pair.source, word_pair.target), rng, withheld)
        return episodes

    def _add(
        self,
        episodes: Episodes,
        word_pair: WordPair,
        words: tuple[str, str],
        rng: random.Random,
        withheld: float,
    ) -> None:
        """Add a support pair and two queries, with these words in place of the word pair."""
        support, *queries = rng.sample(word_pair.sentences, 3)
        pair = len(episodes.support)
        if rng.random() < self.config.glossary_rate:
            glossary = self.tokenizer.encode(words[0]), self.tokenizer.encode(words[1])
            episodes.support.append(glossary)
        else:
            query = self._query(support, word_pair, words, pair)
            episodes.support.append((query.source, query.target))
        for number in queries:
            query = self._query(number, word_pair, words, pair)
            episodes.queries.append(replace(query, withheld=rng.random() < withheld))

    def _query(
        self, number: int, word_pair: WordPair, words: tuple[str, str], pair: int
    ) -> EpisodeQuery:
        source, target = self.texts[number]
        source_ids, source_word = self._encode(source, word_pair.source, words[0])
        target_ids, target_word = self._encode(target, word_pair.target, words[1])
        made_up = words != (word_pair.source, word_pair.target) and words[0] != words[1]
        return EpisodeQuery(source_ids, target_ids, source_word, target_word, made_up, pair, False)

    def _invent(self, word_pair: WordPair, rng: random.Random) -> tuple[str, str]:
        """An invented word per language (equal, respelt or unrelated), or for the target only."""
        if rng.random() < self.config.correction_rate:
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

    def _new_word(self, words: Sequence[str], rng: random.Random) -> str:
        """A word with the spelling of others, sometimes a compound."""
        word = _cross(words, rng)
        return word + _cross(words, rng) if rng.random() < self.config.compound_rate else word

    def _encode(self, text: str, word: str, new: str) -> tuple[Ids, list[bool]]:
        """Pieces of the text with `new` in place of the word, and whether each belongs to it."""
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


def _words(sentence: str) -> set[str]:
    return {word for word in letter_runs(sentence) if len(word) >= MIN_LETTERS}


def _rare_words(sentences: Iterable[str]) -> list[str]:
    """Words of one or two sentences, in lower case."""
    counts: Counter[str] = Counter()
    for sentence in sentences:
        counts.update(_words(sentence.lower()))
    return sorted(word for word, count in counts.items() if count <= 2 and len(word) >= 5)


def _cross(words: Sequence[str], rng: random.Random) -> str:
    """The beginning of one word and the end of another."""
    front, back = rng.choice(words), rng.choice(words)
    cut = rng.randint(2, max(2, min(6, len(front) - 1)))
    return front[:cut] + back[-rng.randint(2, max(2, min(6, len(back) - 1))) :]


RESPELLINGS = [
    ("v", "w"), ("c", "k"), ("y", "i"), ("sh", "sch"), ("ph", "f"), ("oo", "u"), ("ee", "ie"),
    ("ch", "tsch"), ("j", "dsch"), ("x", "ks"), ("z", "s"), ("e", "je"), ("o", "oh"), ("a", "ä"),
]  # fmt: skip
"""Spelling changes of names from English to German: Dostoevsky, Dostojewski."""


def _respell(word: str, rng: random.Random) -> str:
    """The word in the spelling of another language."""
    for old, new in rng.sample(RESPELLINGS, 6):
        word = word.replace(old, new, 1)
    return word

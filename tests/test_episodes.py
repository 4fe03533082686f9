"""Made-up words stand where real ones stood, on both sides, and are marked as such."""

import random
import re

import pytest

from rarenmt.episodes import EpisodeMaker, find_word_pairs
from rarenmt.tokens import Tokenizer

NOUNS = {"cat": "Katze", "lamp": "Lampe", "garden": "Garten"}
FRAMES = [
    ("I see the {}.", "Ich sehe {}."),
    ("The {} is old.", "{} ist alt."),
    ("Where is the {}?", "Wo ist {}?"),
    ("Tom likes the {} a lot.", "Tom mag {} sehr."),
]
TEXTS = [(s.format(e), t.format(g)) for e, g in NOUNS.items() for s, t in FRAMES]
TEXTS += [("Rareword", "Seltenwort"), ("Otherword", "Anderswort"), ("Singular", "Einzahl")]


@pytest.fixture(scope="module")
def maker() -> EpisodeMaker:
    tokenizer = Tokenizer.train([side for pair in TEXTS for side in pair], 310)
    return EpisodeMaker(TEXTS, tokenizer)


def test_words_that_stand_together_are_pairs() -> None:
    found = {(pair.source, pair.target) for pair in find_word_pairs(TEXTS)}

    assert set(NOUNS.items()) <= found


def test_an_episode_shows_one_sentence_and_asks_two(maker: EpisodeMaker) -> None:
    episodes = maker.draw(2, 3, random.Random(1))

    assert len(episodes.shown) == 2 + 3
    assert len(episodes.asked) == len(episodes.made_up) == 2 * (2 + 3)
    assert episodes.relevant == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]


def test_an_asked_sentence_shares_a_word_with_the_shown_one_that_is_relevant(
    maker: EpisodeMaker,
) -> None:
    decode = maker.tokenizer.decode
    for seed in range(20):
        episodes = maker.draw(1, 2, random.Random(seed))
        for (source, _), own in zip(episodes.asked, episodes.relevant, strict=True):
            words = set(re.findall(r"\w+", decode(source)))
            assert words & set(re.findall(r"\w+", decode(episodes.shown[own][0])))


def test_the_same_made_up_word_is_shown_and_asked(maker: EpisodeMaker) -> None:
    for seed in range(20):
        episodes = maker.draw(1, 0, random.Random(seed))
        shown = maker.tokenizer.decode(episodes.shown[0][1])
        for (_, target), flags in zip(episodes.asked, episodes.made_up, strict=True):
            word = maker.tokenizer.decode(
                [piece for piece, flag in zip(target, flags, strict=True) if flag]
            ).strip(" .?")
            assert word
            assert word in shown
            assert word not in NOUNS.values()


def test_ordinary_sentences_keep_their_words(maker: EpisodeMaker) -> None:
    episodes = maker.draw(1, 4, random.Random(1))

    encode = maker.tokenizer.encode
    texts = [(encode(source), encode(target)) for source, target in TEXTS]
    assert all(pair in texts for pair in [*episodes.shown[1:], *episodes.asked[2:]])
    assert not any(flag for flags in episodes.made_up[2:] for flag in flags)
    assert [len(flags) for flags in episodes.made_up] == [len(t) for _, t in episodes.asked]


def test_an_episode_follows_from_its_seed(maker: EpisodeMaker) -> None:
    assert maker.draw(3, 2, random.Random("7")) == maker.draw(3, 2, random.Random("7"))


def test_a_text_without_word_pairs_offers_no_practice(maker: EpisodeMaker) -> None:
    texts = [("one two three", "eins zwei drei"), ("four five", "vier sechs sieben")]

    assert maker.possible
    assert not EpisodeMaker(texts, maker.tokenizer).possible

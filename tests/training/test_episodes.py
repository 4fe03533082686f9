"""Made-up words stand where real ones stood, on both sides, and are marked as such."""

import random

import pytest

from rarenmt.text.tokenizer import Tokenizer
from rarenmt.training.episodes import EpisodeMaker, find_word_pairs

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
    return EpisodeMaker(TEXTS, tokenizer, 100)


def test_words_that_stand_together_are_pairs() -> None:
    found = {(pair.source, pair.target) for pair in find_word_pairs(TEXTS)}

    assert set(NOUNS.items()) <= found


def marked(pieces: list[int], flags: list[bool], maker: EpisodeMaker) -> str:
    """The word that the flags mark, without what its pieces have of its neighbours."""
    word = [piece for piece, flag in zip(pieces, flags, strict=True) if flag]
    return maker.tokenizer.decode(word).strip(" .?")


def test_an_episode_shows_one_pair_and_asks_two(maker: EpisodeMaker) -> None:
    episodes = maker.draw(2, 3, random.Random(2))

    assert len(episodes.support) == 2 + 3
    assert [query.pair for query in episodes.queries] == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert [query.made_up for query in episodes.queries] == [True] * 4 + [False] * 6


def test_both_words_of_an_asked_sentence_stand_in_what_was_shown(maker: EpisodeMaker) -> None:
    new: list[bool] = []
    for seed in range(20):
        episodes = maker.draw(1, 2, random.Random(seed))
        for query in episodes.queries:
            shown = [maker.tokenizer.decode(side) for side in episodes.support[query.pair]]
            source = marked(query.source, query.source_word, maker)
            target = marked(query.target, query.target_word, maker)
            assert source
            assert target
            assert source in shown[0]
            assert target in shown[1]
            known = any(target in text for _, text in TEXTS) or target == source
            assert known or query.made_up
            new += [not known] if query.made_up else []
    assert sum(new) > 0.9 * len(new)  # two halves may make a word that there is


def test_now_and_then_an_invented_word_is_long(maker: EpisodeMaker) -> None:
    rng = random.Random(1)
    lengths = [len(maker._new_word(maker._target_words, rng)) for _ in range(200)]

    assert 0.1 < sum(length > 12 for length in lengths) / 200 < 0.6


def test_now_and_then_the_words_are_shown_alone(maker: EpisodeMaker) -> None:
    alone = set()
    for seed in range(20):
        episodes = maker.draw(1, 0, random.Random(seed))
        query = episodes.queries[0]
        word = marked(query.target, query.target_word, maker)
        alone.add(maker.tokenizer.decode(episodes.support[0][1]) == word)
    assert alone == {True, False}


def test_ordinary_sentences_keep_their_words(maker: EpisodeMaker) -> None:
    episodes = maker.draw(1, 4, random.Random(1))

    encode = maker.tokenizer.encode
    texts = [(encode(source), encode(target)) for source, target in TEXTS]
    words = [(encode(p.source), encode(p.target)) for p in maker.word_pairs]
    assert all(pair in texts + words for pair in episodes.support[1:])
    asked = episodes.queries[2:]
    assert all((query.source, query.target) in texts for query in asked)


def test_an_episode_follows_from_its_seed(maker: EpisodeMaker) -> None:
    assert maker.draw(3, 2, random.Random("7")) == maker.draw(3, 2, random.Random("7"))


def test_a_sentence_that_is_too_long_is_never_drawn(maker: EpisodeMaker) -> None:
    tale = "Tom likes the garden a lot and " * 40
    texts = [(tale + source if "cat" in source else source, target) for source, target in TEXTS]

    careful = EpisodeMaker(texts, maker.tokenizer, 100)

    assert careful.texts == [pair for pair in texts if tale not in pair[0]]
    drawn = [careful.draw(2, 3, random.Random(seed)) for seed in range(20)]
    asked = [query for episodes in drawn for query in episodes.queries]
    assert max(len(query.source) for query in asked) < 100
    assert "cat" not in {pair.source for pair in careful.word_pairs}


def test_a_text_without_word_pairs_offers_no_practice(maker: EpisodeMaker) -> None:
    texts = [("one two three", "eins zwei drei"), ("four five", "vier sechs sieben")]

    assert maker.possible
    assert not EpisodeMaker(texts, maker.tokenizer, 100).possible

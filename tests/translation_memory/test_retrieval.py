"""A sentence retrieves the pairs that share informative words with it."""

from collections.abc import Container

import pytest

from rarenmt.config.retrieval import RETRIEVAL
from rarenmt.text.lexicon.frequency import Frequencies
from rarenmt.text.lexicon.inflection import Inflections
from rarenmt.text.tokenizer import Tokenizer
from rarenmt.translation_memory.retrieval import Retriever

INFORMATION = {"the": 2.0, "reads": 4.5, "old": 5.9, "book": 6.0, "letter": 6.5, "Tom": 3.0}
"""Nats of some words; other words have 12."""


class Information(Tokenizer):
    """A tokenizer that knows nothing but the information of words."""

    def __init__(self) -> None:
        pass

    def log_probability(self, word: str) -> float:
        return -INFORMATION.get(word, 12.0)


class Found:
    """A retriever whose answers are the numbers of pairs."""

    def __init__(self, retriever: Retriever) -> None:
        self.retriever, self.add = retriever, retriever.add

    def find(self, sentence: str) -> list[int]:
        return list(self.retriever.find(sentence).pairs)


def remembering(*sources: str, known: Container[str] = frozenset()) -> Found:
    found = Found(Retriever(Information(), known, are_forms=Inflections({}).are_forms))
    found.add(sources)
    return found


def test_one_rare_word_retrieves_a_pair() -> None:
    found = remembering("A zebra.", "The book.")

    assert found.find("Where is the zebra?") == [0]


def test_a_word_that_is_no_word_of_the_vocabulary_is_rare() -> None:
    found = Found(Retriever(Tokenizer.train(["a b c d e f"] * 40, 268)))
    found.add(["Dostoevsky", "a b"])

    assert found.find("a b Dostoevsky") == [0]


def test_what_training_saw_often_is_not_rare_however_it_is_spelt() -> None:
    counts = Frequencies({"the": 10**6, "because": 700, "okapi": 1})
    found = Found(Retriever(Information(), frequencies=counts))
    found.add(["because the", "okapi the", "zebra the"])

    assert (
        -Information().log_probability("because")
        > RETRIEVAL.rare_information
        > counts.information("because")
    )
    assert found.find("because gnu gnus gnawed") == []
    assert found.find("okapi gnu gnus gnawed") == [1]
    assert found.find("zebra gnu gnus gnawed") == [2]


def test_common_words_are_not_enough_however_many() -> None:
    assert (
        max(INFORMATION["the"], INFORMATION["reads"], INFORMATION["old"])
        < RETRIEVAL.min_information
    )

    assert remembering("The old one reads.").find("the old reads") == []


def test_half_of_the_information_of_the_sentence_retrieves_a_pair() -> None:
    total = INFORMATION["book"] + INFORMATION["letter"]
    assert (
        INFORMATION["book"]
        < RETRIEVAL.min_overlap * total
        < INFORMATION["letter"]
        < RETRIEVAL.rare_information
    )
    found = remembering("The book.", "The letter.", "A book, a letter.")

    assert found.find("The letter, the book") == [1, 2]
    assert found.find("the old book") == [0]


def test_a_long_pair_that_shares_little_is_not_retrieved() -> None:
    assert INFORMATION["letter"] < RETRIEVAL.min_overlap * (
        INFORMATION["letter"] + 12.0
    )  # of a zebra
    found = remembering("The letter.", "The old letter, the letter!", "The letter, the zebra.")

    assert found.find("the old letter") == [0, 1]


def test_a_long_sentence_retrieves_its_closest_match() -> None:
    start = "the old Tom reads the old Tom the letter"
    found = remembering(
        f"{start} zebra zebus zorros", f"{start} yak yaks yetis", "zebra zebus the letter"
    )
    long = f"{start} gnu okapi emu"
    assert len(long.split()) == RETRIEVAL.long_sentence + 2

    assert RETRIEVAL.fuzzy_retrieval_threshold < 2 * 9 / (12 + 12)
    assert found.find(long) == [1]  # the first two share as much: the newer of them
    assert found.find(f"{start} zebra gnu emu") == [0, 2]  # a rare word, and the nearest


def test_a_short_sentence_retrieves_no_fuzzy_match() -> None:
    start = "the old Tom reads the old Tom"
    found = remembering(f"{start} letter zebra")

    assert found.find(f"{start} letter gnu") == []
    assert found.find(f"{start} letter the gnu") == [0]


def test_a_word_counts_once_however_often_it_stands() -> None:
    assert remembering("book book book").find("book, book; book: letter!") == []


@pytest.mark.parametrize("sentence", ["zebra", "Zebra", "ZEBRA", "«zebra»!", "zebra-like"])
def test_neither_case_nor_punctuation_matters(sentence: str) -> None:
    assert remembering("the Zebra.").find(sentence) == [0]


@pytest.mark.parametrize("sentence", ["zebras", "zebra's", "zebra"])
@pytest.mark.parametrize("remembered", ["zebras", "zebra"])
def test_forms_of_a_word_find_each_other(remembered: str, sentence: str) -> None:
    assert remembering(remembered).find(sentence) == [0]


def test_a_known_word_matches_in_no_other_form() -> None:
    """The full stop makes sentences of them: a term matches in other forms too."""
    found = remembering("zebras.", "okapi.", known={"zebra", "okapis"})

    assert found.find("zebra") == found.find("okapis") == []
    assert found.find("zebras") == [0]  # as it stands
    found.add(["zebra."])
    assert found.find("Zebra") == [2]
    assert found.find("zebra's, zebres") == [2]  # "zebres" is new: any form of it counts


@pytest.mark.parametrize("other", ["zeb", "zebu", "zebroid", "zebralike", "lezebra"])
def test_other_words_that_look_alike_do_not(other: str) -> None:
    assert remembering("zebra").find(other) == remembering(other).find("zebra") == []


@pytest.mark.parametrize(("sentence", "expected"), [("zebra", [0]), ("zebras", [2])])
def test_the_word_itself_comes_before_its_other_forms(sentence: str, expected: list[int]) -> None:
    found = remembering("zebra", "zebras", "zebras")

    assert found.find(f"{sentence}, okapi, gnu") == expected


@pytest.mark.parametrize("word", ["Tom", "tom", "the", "The", "THE"])
def test_the_commonest_spelling_of_a_word_gives_its_information(word: str) -> None:
    assert remembering(word).find(word) == []


def test_pairs_are_retrieved_in_the_order_of_remembering() -> None:
    found = remembering("zebra", "the", "book letter")

    assert found.find("letter, zebra, book") == [0, 2]


def test_of_equal_pairs_with_a_rare_word_the_newest_is_retrieved() -> None:
    found = remembering("zebra", "a zebra", "the zebra", "okapi")

    assert found.find("zebra, lion, gnu") == [2]


def test_what_shares_most_comes_before_what_is_newest() -> None:
    found = remembering("zebra, book", "zebra.", "zebra, the")

    assert found.find("the zebra in a book, the lion, the gnu") == [0]


def test_every_remembered_word_of_a_sentence_has_its_pair() -> None:
    found = remembering("zebra.", "okapi.", "gnu.", "zebra, lion", "a gnu.")

    assert found.find("Zebra, okapi, gnu; letter, book, kudu, eland.") == [1, 3, 4]


def test_similar_pairs_are_retrieved_together() -> None:
    found = remembering("zebra, book", "zebra, book, letter", "zebra.")

    assert found.find("the zebra, the book, the gnu") == [0, 1]


def test_no_more_than_the_maximum_is_retrieved() -> None:
    words = [f"word{letter}" for letter in "abcdefghijklmnop"]
    assert len(words) > RETRIEVAL.max_pairs
    found = remembering(*words)

    assert found.find(" ".join(words)) == list(range(len(words) - RETRIEVAL.max_pairs, len(words)))


def test_a_term_in_a_sentence_is_retrieved_whatever_its_information() -> None:
    frequencies = Frequencies({"key": 1, "light": 1, "wait": 1, "the": 9997})
    found = Found(Retriever(Information(), frequencies=frequencies))
    found.add(["key", "The key is here."])

    assert found.find("Press the key and wait for the light.") == [0]
    assert found.retriever.find("Press the key and wait for the light.").terms == {0: {"key"}}
    assert found.retriever.find("Wait for the light.").terms == {}


def test_of_too_many_terms_the_newest_are_retrieved() -> None:
    words = [f"term{letter}" for letter in "abcdefghijklmnop"]
    found = remembering(*words)

    assert found.find(" ".join(reversed(words))) == list(
        range(len(words) - RETRIEVAL.max_pairs, len(words))
    )


def test_pairs_can_be_added_later() -> None:
    found = remembering("zebra")
    found.add(["okapi"])
    found.add([])
    found.add(["zebra"])

    assert found.find("zebra") == [0, 2]
    assert found.find("okapi") == [1]


@pytest.mark.parametrize("sentence", ["", "?!", "zebra"])
def test_an_empty_index_retrieves_nothing(sentence: str) -> None:
    assert remembering().find(sentence) == []


def test_retrieval_does_not_change_the_index() -> None:
    found = remembering("zebra")
    found.find("okapi")

    assert found.find("okapi") == []

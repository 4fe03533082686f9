"""Remembered terms in a sentence."""

from collections.abc import Callable
from operator import eq

import pytest

from rarenmt.translation_memory.terms import Terms

TELLS = {"rarity": 44.0, "the": 3.0, "a": 3.5, "of": 4.5, "well": 7.4, "key": 7.6, "good": 6.5}


def plural(word: str, other: str) -> bool:
    """Whether two words differ in an *s*."""
    return word.removesuffix("s") == other.removesuffix("s")


def find(
    sentence: str, *sources: str, same: Callable[[str, str], bool] = eq
) -> dict[int, list[str]]:
    """What stands in a sentence of terms that were remembered one after the other."""
    terms = Terms(lambda word: TELLS.get(word, 11.0), same)
    for number, source in enumerate(sources):
        terms.add(number, source)
    return terms.find(sentence)


@pytest.mark.parametrize(
    "sentence",
    ["Open the dashboard.", "dashboard", "Dashboard: none", "The (dashboard) is old."],
)
def test_a_term_is_found_wherever_it_stands(sentence: str) -> None:
    assert find(sentence, "dashboard") == {0: ["dashboard"]}


@pytest.mark.parametrize("sentence", ["The dashboards are old.", "Open the board.", ""])
def test_another_word_is_another_term(sentence: str) -> None:
    assert find(sentence, "dashboard") == {}


def test_a_term_is_found_in_other_forms_of_its_words() -> None:
    assert find("The dashboards are old.", "dashboard", same=plural) == {0: ["dashboards"]}
    assert find("A dashboard is old.", "dashboards", same=plural) == {0: ["dashboard"]}
    found = find("Your orders numbers, please.", "the order number", same=plural)
    assert found == {0: ["orders", "numbers"]}
    assert find("The boards are old.", "dashboard", same=plural) == {}


def test_a_much_commoner_word_is_no_form_of_a_term() -> None:
    assert find("A good door.", "goods", same=plural) == {}
    assert find("The goods are here.", "good", same=plural) == {}  # which is no term
    assert find("Well, well.", "wells", same=plural) == {}
    assert find("Two keys.", "key", same=plural) == {0: ["keys"]}
    assert find("Two rarities.", "rarity", same=lambda *_: True) == {0: ["rarities"]}


def test_its_own_form_is_preferred() -> None:
    found = find("Two dashboards.", "dashboards", "dashboard", same=plural)

    assert found == {0: ["dashboards"]}


def test_a_whole_sentence_is_found_in_its_own_form_alone() -> None:
    assert find("Read dashboards. Now!", "Read dashboard.", same=plural) == {}
    assert find("Read dashboard. Now!", "Read dashboard.", same=plural) != {}


def test_the_words_of_a_term_stand_together() -> None:
    assert find("We pay no shipping costs.", "shipping costs") == {0: ["shipping", "costs"]}
    assert find("The costs of shipping are high.", "shipping costs") == {}


def test_the_longest_term_is_found_alone() -> None:
    found = find("Your order number, please.", "order", "order number", "number")

    assert found == {1: ["order", "number"]}


def test_the_newest_of_equal_terms_is_found() -> None:
    assert find("Open the dashboard.", "dashboard", "Dashboard") == {1: ["dashboard"]}


@pytest.mark.parametrize("source", ["the seal", "a seal"])
def test_the_article_of_a_term_does_not_matter(source: str) -> None:
    assert find("We need a seal.", source) == {0: ["seal"]}


def test_a_telling_word_before_a_term_matters() -> None:
    assert find("We need a seal.", "new seal") == {}


def test_a_sentence_is_no_term() -> None:
    assert find("Tom was absent yesterday.", "Tom was absent.") == {}


def test_common_words_are_no_terms() -> None:
    assert find("The good of it", "the", "of the", "good") == {}


def test_a_common_word_with_a_capital_letter_may_be_a_label() -> None:
    assert find("Press the key.", "key") == {0: ["key"]}
    assert find("Tom is well.", "Well") == {}


def test_long_texts_are_no_terms() -> None:
    words = [f"word{number}" for number in range(9)]

    assert find(" ".join(["And", *words]), " ".join(words[:8])) != {}
    assert find(" ".join(["And", *words]), " ".join(words)) == {}

"""Which words are forms of one word, and how a new one may end."""

from collections.abc import Mapping

import pytest

from rarenmt.config.inflection import INFLECTION
from rarenmt.text.lexicon.inflection import Inflections

STEMS = [f"{a}{b}lt" for a in "bdfgk" for b in "aeiou"]
"""Twenty-five words without a meaning."""


def nouns(ending: str, other: str) -> dict[str, set[str]]:
    """Words that have both endings, and whose translations begin alike."""
    return {stem + end: {stem + "ung" + end} for stem in STEMS for end in (ending, other)}


def strangers(ending: str, other: str) -> dict[str, set[str]]:
    """Words that have both endings, and whose translations have nothing in common."""
    return {stem + end: {end + stem} for stem in STEMS for end in (ending, other)}


def same(known: Mapping[str, set[str]], word: str, other: str) -> bool:
    told = Inflections(known)
    assert told.are_forms(word, other) == told.are_forms(other, word)
    return told.are_forms(word, other)


def test_words_that_end_as_many_known_ones_do_are_forms_of_one() -> None:
    known = nouns("", "s") | strangers("e", "y")

    assert same(known, "jolt", "jolts")
    assert not same(known, "jolte", "jolty")
    assert not same(known, "jolt", "jolter")  # never seen
    assert same({}, "jolt", "jolt")
    assert not same({}, "jolt", "jolts")


def test_a_few_words_are_no_evidence() -> None:
    few = dict(list(nouns("", "s").items())[: 2 * (INFLECTION.min_words - 1)])

    assert not same(few, "jolt", "jolts")


def test_long_words_that_are_new_need_no_evidence() -> None:
    assert same({}, "tablet", "tablets")
    assert not same({}, "tablet", "tableware")


def test_of_long_words_of_which_one_is_new_the_endings_decide() -> None:
    known = strangers("", "ship") | nouns("", "s") | {"tablet": {"tablette"}}

    assert same(known, "tablet", "tablets")
    assert not same(known, "tablet", "tabletship")
    assert not same(known, "tablet", "tableten")  # never seen
    assert not same(known | {"tablets": {"zettel"}, "tablet": {"x"}}, "tablet", "tabletship")


def test_a_word_that_translates_something_else_is_no_form() -> None:
    known = nouns("", "s") | {"tenant": {"mieter"}, "tenants": {"mietern"}, "rent": {"miete"}}

    assert Inflections(known).other_forms("Mieter") == ("Mietern",)


@pytest.mark.parametrize(("word", "other"), [("ox", "oxs"), ("table", "tabulate"), ("a", "as")])
def test_words_that_hardly_begin_alike_are_two(word: str, other: str) -> None:
    assert not same(nouns("", "s") | nouns("e", "ulate"), word, other)


def test_of_doubtful_endings_the_translations_of_the_two_words_decide() -> None:
    half = nouns("", "ed")
    half |= {stem + end: {end + stem} for stem in STEMS[:10] for end in ("", "ed")}
    half |= {"restart": {"neustart"}, "restarted": {"neustarts"}}
    half |= {"seldom": {"selten"}, "seldomed": {"oft"}}

    assert same(half, "restart", "restarted")
    assert not same(half, "seldom", "seldomed")
    assert same(half, "waiver", "waivered")  # which nobody knows


def others(word: str, *known: str) -> list[str]:
    return list(Inflections({"x": set(known)}).other_forms(word))


def test_a_known_word_has_its_known_forms() -> None:
    assert others("Tablette", "tablette", "tabletten", "tabakladen") == ["Tabletten"]
    assert others("Straße", "straße", "straßen") == []  # in small letters it is *strasse*
    assert others("Straße", "strasse", "strassen") == ["Straßen"]


def test_a_new_word_ends_as_those_that_end_like_it() -> None:
    known = [stem + end for stem in STEMS for end in ("klärung", "klärungen")]

    assert others("Verzichtserklärung", *known) == ["Verzichtserklärungen"]
    assert others("VERZICHTSERKLÄRUNG", *known) == ["VERZICHTSERKLÄRUNGen"]
    assert others("Theorbe", *known) == []
    assert others("Verzichtserklärung", *known[:4]) == []  # two are too few


def test_a_new_word_does_not_get_one_ending_for_another() -> None:
    known = [stem + "vertret" + end for stem in STEMS for end in ("er", "en", "ers")]

    assert others("Interessenvertreter", *known) == ["Interessenvertreters"]
    assert set(others("Baltvertreter", *known)) == {"Baltvertreten", "Baltvertreters"}


def test_there_are_so_many_forms_at_most() -> None:
    known = ["tabletta", *("tablett" + end for end in "bcdefghijklmnop")]

    assert len(others("Tabletta", *known)) == INFLECTION.max_forms
    assert others("a") == others("") == []

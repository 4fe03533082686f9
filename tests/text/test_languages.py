"""Languages by their codes and names."""

import pytest

from rarenmt.text.languages import LANGUAGES, NAMES, SHORT, is_name, normal, primary, shortest


def test_every_language_has_a_code_of_three_letters_that_means_no_other() -> None:
    codes = [code for line in LANGUAGES.splitlines() for code in line.partition(":")[0].split()]

    assert len(set(codes)) == len(codes)
    assert {len(code) for code in NAMES} == {2}
    assert {len(code) for code in SHORT} == {3}
    assert set(SHORT.values()) == set(NAMES)
    assert all(name == name.casefold() for names in NAMES.values() for name in names)


@pytest.mark.parametrize(
    ("given", "short"),
    [
        ("eng", "en"),
        ("DEU", "de"),
        ("ger_AT", "de-AT"),
        ("en_US", "en-US"),
        ("hsb", "hsb"),
        ("", ""),
    ],
)
def test_a_code_of_three_letters_becomes_one_of_two(given: str, short: str) -> None:
    assert shortest(given) == short
    assert normal(given) == short.lower()
    assert primary(given) == short.partition("-")[0]


@pytest.mark.parametrize(
    "text", ["de", "DE", "de-AT", "de_Latn_AT", "ger", "German", "deutsch", " Deutsch "]
)
def test_a_language_has_codes_and_names(text: str) -> None:
    assert is_name(text, "deu")
    assert not is_name(text, "en")


@pytest.mark.parametrize("text", ["de facto", "de-facto", "de luxe", "", "Germany", "d", "de-"])
def test_other_words_do_not_name_a_language(text: str) -> None:
    assert not is_name(text, "de")

"""Numbers are written as the target language writes them, and nothing else is."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarenmt.text.notation.numbers import STYLES, localise


def of(sentence: str, source: str = "en", target: str = "de") -> str:
    """What becomes of the first number of a sentence."""
    found = re.search(r"[0-9]+(?:[.,:'/-][0-9]+)*", sentence)
    assert found is not None
    return localise(sentence, *found.span(), source, target)


@pytest.mark.parametrize(
    ("sentence", "number"),
    [
        ("It costs $1,250.50 a month.", "1.250,50"),
        ("The temperature is 36.6 degrees.", "36,6"),
        ("There were 12,500 people.", "12.500"),
        ("It rose by 0.125 percent.", "0,125"),
        ("between 2.5-3.5 percent", "2,5-3,5"),
        ("for 7 days", "7"),
        ("it costs EUR 1,250.50", "1.250,50"),  # groups are no version, whatever stands beside them
        ("all of them (12,500)", "12.500"),
        ("at step 1,000", "1.000"),
    ],
)
def test_amounts_are_written_as_in_the_target_language(sentence: str, number: str) -> None:
    assert of(sentence) == number


@pytest.mark.parametrize(
    ("sentence", "number"),
    [
        ("version 2.5 is out", "2.5"),
        ("see section 3.14", "3.14"),
        ("release 2.10.3", "2.10.3"),
        ("at 192.168.0.1 there is", "192.168.0.1"),
        ("on 23.11.2026 we met", "23.11.2026"),
        ("on 11/23/2026 we met", "11/23/2026"),
    ],
)
def test_versions_addresses_and_dates_stay_as_they_are(sentence: str, number: str) -> None:
    assert of(sentence) == number


@pytest.mark.parametrize(
    ("sentence", "number"),
    [
        ("I like Python 3.11", "3?11"),  # a name before it: a version, or CZK 3.11
        ("lower than 5.0", "5?0"),
        ("about 2.000 people", "2?000"),  # written by someone of another language
        ("of 1,25 percent", "1?25"),
        ("at 3.45 p.m.", "3?45"),
        ("at 3:45", "3?45"),
        ("the syntax (7.1) of", "7?1"),
    ],
)
def test_where_there_is_no_telling_the_translator_chooses(sentence: str, number: str) -> None:
    assert of(sentence) == number


def test_a_first_word_is_no_name() -> None:
    assert of("Over 3.5 percent") == "3,5"
    assert of("He left. Over 3.5 percent") == "3,5"
    assert of("He told Anna 3.5 times") == "3?5"


@pytest.mark.parametrize(
    ("source", "target", "number"),
    [
        ("de", "en", "1,250.50"),
        ("de-AT", "en-GB", "1,250.50"),
        ("de", "es", "1.250,50"),
        ("de", "fr", "1?250,50"),  # French parts groups with a space
        ("de", "xx", "1?250?50"),
        ("xx", "de", "1?250?50"),
    ],
)
def test_every_language_has_its_own_signs(source: str, target: str, number: str) -> None:
    assert of("für 1.250,50 Euro", source, target) == number


LANGUAGES = st.sampled_from([*sorted(STYLES), "xx"])


@given(
    st.text("0123456789.,:'/-a A(", max_size=12),
    st.from_regex(r"[0-9]+([.,:'/-][0-9]+){0,3}", fullmatch=True),
    st.text("0123456789., p.m)", max_size=8),
    LANGUAGES,
    LANGUAGES,
)
def test_only_signs_between_digits_change_into_such_signs(
    before: str, number: str, behind: str, source: str, target: str
) -> None:
    found = localise(before + number + behind, len(before), len(before + number), source, target)

    assert len(found) == len(number)
    for was, now in zip(number, found, strict=True):
        assert now == was or (was in ".,:'" and now in ".,?")


@given(st.integers(0, 10**9), st.integers(1, 99), LANGUAGES, LANGUAGES)
def test_a_number_comes_back_from_another_language(
    whole: int, part: int, source: str, target: str
) -> None:
    number = f"{whole:,}.{part:02}"
    there = localise(number, 0, len(number), "en", target)

    if "?" not in there:
        assert localise(there, 0, len(there), target, "en") == number

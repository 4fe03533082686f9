"""Capitals and title case."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarenmt.text.matching import TmMatch
from rarenmt.text.pairs import Pair
from rarenmt.translator.preparation.casing import (
    is_title,
    is_upper,
    match_to_upper,
    to_sentence_case,
    to_upper,
)

COMMON = {"the", "your", "on", "and", "is", "not"}


@pytest.mark.parametrize(
    "text", ["NO SMOKING", "WHERE IS IT?", "DASHBOARD", "OPEN", "EXIT!", "DO <b>NOT</b> OPEN"]
)
def test_capitals(text: str) -> None:
    assert is_upper(text, {"usb", "nato"}.__contains__)


@pytest.mark.parametrize("text", ["NATO", "USB", "A", "No SMOKING", "12", "I", "J. K."])
def test_no_capitals(text: str) -> None:
    assert not is_upper(text, {"usb", "nato"}.__contains__)


@pytest.mark.parametrize("text", ["Do Not Wash", "Bread And Butter", "Bring Your Coat!"])
def test_title_case(text: str) -> None:
    assert is_title(text, COMMON.__contains__)


@pytest.mark.parametrize("text", ["New York Times", "Peter Smith", "Not Yet", "Anna And I agree"])
def test_names_are_no_title_case(text: str) -> None:
    assert not is_title(text, COMMON.__contains__)


def test_names_and_placeables_keep_their_letters() -> None:
    text = to_sentence_case("I AND ANNA SEE `CODE` AND %S, I'M SURE", {"anna"}.__contains__)

    assert text.startswith("I and Anna see `CODE` and ")
    assert text.endswith("I'm sure")
    assert to_upper(["es", " ist {", "na", "me}", " 5"]) == ["ES", " IST {", "na", "me}", " 5"]


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_a_match_in_capitals_keeps_its_positions(text: str) -> None:
    found = match_to_upper(TmMatch(Pair("x", text), text, range(len(text))))

    assert found.text == text.upper() or "ς" in text.lower()
    assert len(found.text) == len(found.positions)

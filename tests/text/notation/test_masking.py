"""Placeholders for what a vocabulary cannot read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarenmt import Translator
from rarenmt.text.notation.masking import Readable, mask

EN_DE = ("en", "de")


@pytest.fixture(scope="module")
def readable() -> Readable:
    return Readable(Translator.load(memory="none.safetensors").tokenizer)


@pytest.mark.parametrize(
    ("text", "masked", "originals"),
    [
        ("It costs 12 €.", "It costs {0}.", {"12 €"}),
        ("It costs €1,250.50 now.", "It costs {0} now.", {"€1.250,50"}),
        ("Add 5 µl of water.", "Add {0} of water.", {"5 µl"}),
        ("H₂O and CO₂", "{0} and {1}", {"H₂O", "CO₂"}),
        ("The word שלום means peace.", "The word {0} means peace.", {"שלום"}),
        ("A 🔒 is here.", "A {0} is here.", {"🔒"}),
        ("{0} is not €.", "{0} is not {1}.", {"€"}),
        ("The naïve café – “yes” …", "The naïve café – “yes” …", set()),
    ],
)
def test_what_cannot_be_read_is_masked(
    readable: Readable, text: str, masked: str, originals: set[str]
) -> None:
    found = mask(text, readable, EN_DE)

    assert found.text == masked
    assert {original for _, original in found.originals} == originals


@pytest.mark.parametrize("text", ["😊", "---", "12 €", "a", "IV.", "שלום", "`code`", "%s", "( )"])
def test_signs_are_no_words(readable: Readable, text: str) -> None:
    assert not readable.has_words(text)


@pytest.mark.parametrize("text", ["No", "é à être", "A cat", "2 kg", "x is 3"])
def test_words_are_words(readable: Readable, text: str) -> None:
    assert readable.has_words(text)


@given(text=st.text(st.characters(exclude_categories=["Cs", "Nd"])))
def test_a_mask_is_undone(readable: Readable, text: str) -> None:
    masked = mask(text, readable, EN_DE)

    assert "".join(masked.restore(list(masked.text))) == text


@given(text=st.text(st.characters(exclude_categories=["Cs"])))
def test_nothing_unreadable_is_left(readable: Readable, text: str) -> None:
    assert all(map(readable, mask(text, readable, EN_DE).text))

"""The plain form of a text, and the way back."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarenmt.text.notation.normalisation import normalise

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@pytest.mark.parametrize(
    ("source", "plain"),
    [
        ("a\u00a0b\u202fc\u2009d\u3000e", "a b c d e"),
        ("aw\u00adning\u200b \u2060is\ufeff", "awning is"),
        ("\u200e\u202bgreen\u202c", "green"),
        ("fac\u0327ade", "façade"),
        ("of\ufb01ce", "office"),
        ("Ｔｈｅ　ｄｏｏｒ．", "The door."),
        ("rust\u2011proof", "rust-proof"),
        ("CO₂ x² ½ … ™", "CO₂ x² ½ … ™"),
        ("👩\u200d🍳 a\tb", "👩\u200d🍳 a\tb"),
    ],
)
def test_other_spellings_become_plain(source: str, plain: str) -> None:
    assert normalise(source).text == plain


@given(TEXT)
def test_the_original_comes_back(source: str) -> None:
    normalised = normalise(source)

    assert normalised.original(0, len(normalised.text)) == source
    assert len(normalised.starts) == len(normalised.text) + 1
    assert list(normalised.starts) == sorted(normalised.starts)


@given(TEXT)
def test_what_is_plain_stays(source: str) -> None:
    plain = normalise(source).text

    assert not any(unicodedata.category(c) == "Zs" and c != " " for c in plain)
    assert len(plain) or not any(c.isalnum() for c in source)


@given(st.text(st.characters(codec="ascii")))
def test_ascii_is_plain(source: str) -> None:
    assert normalise(source).text == source


@given(TEXT, st.data())
def test_parts_of_the_original_join(source: str, data: st.DataObject) -> None:
    normalised = normalise(source)
    end = len(normalised.text)
    cut = data.draw(st.integers(0, end))

    if cut > 0:
        assert normalised.original(0, cut) + normalised.original(cut, end) == source

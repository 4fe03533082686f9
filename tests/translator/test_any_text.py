"""Any text in: one line out, never empty, never U+FFFD."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rarenmt import Pair, SearchConfig, Translator

GREEDY = SearchConfig(beam=1)


@pytest.fixture(scope="module")
def shipped() -> Translator:
    translator = Translator.load(memory="none.safetensors")
    translator.memory.remember([Pair("The boat leaks.", "Das Boot leckt."), Pair("oar", "Riemen")])
    return translator


@settings(max_examples=60, deadline=None)
@given(
    text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\ufffd"), max_size=30)
)
def test_a_line_with_text_has_a_translation(shipped: Translator, text: str) -> None:
    found = shipped.translate(text, GREEDY).text

    assert bool(found.strip()) == bool(text.strip())
    assert "\ufffd" not in found
    assert "\n" not in found.strip()


@settings(max_examples=60, deadline=None)
@given(text=st.text(st.characters(categories=["S", "P", "N", "Z"]), min_size=1, max_size=20))
def test_a_line_without_letters_stays(shipped: Translator, text: str) -> None:
    assert shipped.translate(text, GREEDY).text == text.replace("\n", " ")


@pytest.mark.parametrize(
    ("text", "translation"),
    [
        ("“The boat leaks.”", "„Das Boot leckt.“"),
        ("**The boat leaks.** 🚣", "**Das Boot leckt.** 🚣"),
        ("> The\u00a0boat leaks.", "> Das Boot leckt."),
        ("THE BOAT LEAKS.", "DAS BOOT LECKT."),
        ("The Boat Leaks.", "Das Boot leckt."),
        ("oar\toar", "Riemen\tRiemen"),
        ("1. The boat leaks.\u2028<p>oar</p>", "1. Das Boot leckt.\u2028<p>Riemen</p>"),
        ("Das Boot ist nicht neu.", "Das Boot ist nicht neu."),
        ("\x1b[1m⚓\x1b[0m", "\x1b[1m⚓\x1b[0m"),
    ],
)  # fmt: skip
def test_marks_are_kept(shipped: Translator, text: str, translation: str) -> None:
    found = shipped.translate(text)

    assert found.text == translation
    assert "".join(token.piece for token in found.tokens) == translation

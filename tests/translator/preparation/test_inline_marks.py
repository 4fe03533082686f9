"""Marks within a sentence are taken out and put back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarenmt import Translator
from rarenmt.translator.preparation.inline_marks import InlineMark, put_back, take_out


@pytest.mark.parametrize(
    ("text", "plain", "marked"),
    [
        ("a **new** car", "a new car", ["new"]),
        ("the <b>very old</b> *car*", "the very old car", ["very old", "car"]),
        ("read [the manual](a_b.html?x=1) first", "read the manual first", ["the manual"]),
        ("a ~~b~~ __c d__", "a b c d", ["b", "c d"]),
        ("2 * 3 * 4, snake_case_name, a[i](1), **", "2 * 3 * 4, snake_case_name, a[i](1), **", []),
    ],
)
def test_marks_are_taken_out(text: str, plain: str, marked: list[str]) -> None:
    found, marks = take_out(text)

    assert found == plain
    assert [found[mark.start : mark.end] for mark in marks] == marked


@given(st.text("ab *_~[]()<>/", max_size=30))
def test_nothing_but_marks_is_taken_out(text: str) -> None:
    plain, marks = take_out(text)

    for mark in reversed(marks):
        inner = plain[mark.start : mark.end]
        plain = plain[: mark.start] + mark.opening + inner + mark.closing + plain[mark.end :]
    assert plain == text


def test_marks_follow_the_attention() -> None:
    source = ["the", " old", " car", ""]
    attention = [[1.0, 0, 0, 0], [0, 0, 1.0, 0], [0, 0.9, 0.1, 0], [0, 0.6, 0.4, 0], [0, 0, 0, 1.0]]
    marks = [InlineMark(4, 7, "<b>", "</b>")]

    found = put_back(["das", " Auto", " ist", " alt", "."], attention, source, marks)

    assert "".join(found) == "das Auto <b>ist alt</b>."


def test_sentences_keep_their_marks() -> None:
    translator = Translator.load(memory="none.safetensors")
    texts = ["He bought a **new** car.", "The <b>house</b> is old."]

    explained = translator.translate(texts)
    plain = translator.translate(texts, explain=False)

    assert [each.text for each in plain] == [
        "Er kaufte ein **neues** Auto.",
        "Das <b>Haus</b> ist alt.",
    ]
    assert [each.text for each in explained] == [each.text for each in plain]
    assert not any(token.attention for each in plain for token in each.tokens)

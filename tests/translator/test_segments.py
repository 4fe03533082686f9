"""Sentences end where they certainly do, and might end where a sign stands that ends them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarenmt.translator.segments import possible_sentences, split_sentences


def cut(text: str) -> list[str]:
    return [text[start:end] for start, end in split_sentences(text)]


@pytest.mark.parametrize(
    "parts",
    [
        [""],
        ["It rains."],
        ["He came in 1999.", "Then he left.", "Why did he?"],
        ["\u201cGo now!\u201d she said.", "\u201cNo, I will not.\u201d", "He stayed (so)."],
        ["1. Open the door.", "2. Close it."],
        ["\u00bfQu\u00e9 es?", "\u00a1No quiero!", "Ask Tom\u2026", "\u00c4pfel sind rund."],
        ["It costs 3.50.", "20 people bought it."],
    ],
)
def test_sentences_are_separated(parts: list[str]) -> None:
    assert cut(" ".join(parts)) == parts


@pytest.mark.parametrize(
    "text",
    [
        "Mr. Brown met Dr. No.",
        "The U.S. Army and J. R. Smith left.",
        "Am 5. Mai kam er, z.B. Tom.",
        "Yes. No.",
        "Wait... what is it? it is small.",
        "See e.g. Figure 3 of Vol. 2 and no more.",
    ],
)
def test_abbreviations_counts_single_words_and_small_letters_end_none(text: str) -> None:
    assert cut(text) == [text]


def test_where_a_sentence_might_end_is_more_often() -> None:
    text = "Mr. Brown left. so what? Yes."

    parts = [text[start:end] for start, end in possible_sentences(text)]

    assert parts == ["Mr.", "Brown left.", "so what?", "Yes."]


@given(st.text('aB1 .!?\u2026"\u201d)(', max_size=40).map(str.strip))
def test_nothing_but_white_space_stands_between_sentences(text: str) -> None:
    for split in (split_sentences, possible_sentences):
        done = 0
        for start, end in split(text):
            assert not text[done:start].strip()
            done = end
        assert not text[done:].strip()

"""Sentences resemble each other in their words and signs, and in the order of these."""

import pytest

from rarenmt.resemblance import resembles


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("The pump leaks.", "The pump leaks.", True),
        ("The pump leaks.", "the PUMP leaks.", True),
        ("The pump leaks.", "The pump drips.", True),  # 3 of 4 and 4: 6 / 8
        ("The pump leaks", "The valve drips", False),  # 2 / 6
        ("one two three", "one two four five six seven", False),  # 4 / 9
        ("one two three", "one two three four five six seven", True),  # 6 / 10, just enough
        ("one two three", "one two three four five six seven eight", False),  # 6 / 11
        ("a b c d", "d c b a", False),  # the order counts: 2 / 8
        ("Wait!", "Wait.", False),  # 2 / 4
        ("", "", True),
        ("", "The pump leaks.", False),
    ],
)
def test_two_sentences_resemble_each_other_when_six_tenths_are_the_same(
    one: str, other: str, expected: bool
) -> None:
    assert resembles(one, other) is expected

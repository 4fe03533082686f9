"""Sentences resemble each other in their words and signs, and in the order of these."""

import pytest

from rarenmt.text.matching import similarity_ratio
from rarenmt.text.splitting import words_and_punctuation


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("The pump leaks.", "The pump leaks.", 1),
        ("The pump leaks.", "the PUMP leaks.", 1),
        ("The pump leaks.", "The pump drips.", 6 / 8),
        ("The pump leaks", "The valve drips", 2 / 6),
        ("one two three", "one two three four five six seven", 6 / 10),
        ("a b c d", "d c b a", 2 / 8),  # the order counts
        ("Wait!", "Wait.", 2 / 4),
        ("", "", 1),
        ("", "The pump leaks.", 0),
    ],
)
def test_the_share_of_the_words_and_signs_that_are_the_same(
    one: str, other: str, expected: float
) -> None:
    words, others = words_and_punctuation(one), words_and_punctuation(other)

    assert similarity_ratio(words, others) == pytest.approx(expected)
    for least in (0.3, 0.6, 0.74, 0.76, 1.0):
        share = expected if expected >= least - 1e-9 else 0
        assert similarity_ratio(words, others, least) == pytest.approx(share)

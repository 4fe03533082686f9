"""Words new to a text, and words that one segment showed: how many of them come out."""

import pytest

from rarenmt.evaluation.metrics import NewWordRecall


def test_words_are_counted_by_the_segments_that_held_them() -> None:
    novelty = NewWordRecall()
    novelty.observe("Das Quokka schläft, das Quokka.")  # one segment, however often
    novelty.observe("Das Haus.")
    novelty.observe("das Haus")

    novelty.score("Das Quokka lacht", "Das Quokka weint")  # Das: two segments, no longer rare

    assert novelty.recall(1) == 100.0  # Quokka
    assert novelty.recall(0) == 0.0  # weint


def test_counts_are_clipped_and_case_counts() -> None:
    novelty = NewWordRecall()

    novelty.score("Wal Wal Wal hai", "Wal Wal Hai")

    assert novelty.recall(0) == pytest.approx(100 * 2 / 3)
    assert novelty.recall(1) is None

"""Intervals that can be checked by hand, or by the score they are of."""

import pytest

from rarenmt.evaluation.bootstrap import Interval, bleu_gain, rate, rate_gain
from rarenmt.evaluation.metrics import bleu

REFERENCES = [
    "Die Katze schläft auf dem Sofa.",
    "Der Hund frisst sein Brot im Garten.",
    "Wir fahren morgen früh in die Stadt.",
    "Ja.",
] * 10
WORSE = [text.replace("auf dem", "auf einem").replace("sein", "das") for text in REFERENCES]
WORST = [text.replace("Katze", "Kuh").replace("in die", "zur") for text in WORSE]


def test_a_share_comes_with_the_interval_of_its_sampling() -> None:
    """Of 100 tests half of which are hit, one standard deviation is 5 %."""
    half = rate([True, False] * 50)

    assert half is not None
    assert half.value == 50.0
    assert 38 <= half.low <= 42
    assert 58 <= half.high <= 62
    assert rate([True] * 9) == Interval(100.0, 100.0, 100.0)
    assert rate([]) is None


def test_hits_on_the_same_tests_are_compared_test_by_test() -> None:
    """Shares of 50 and 60 % of 100 tests overlap far; that no test was lost makes it sure."""
    before, after = [True, False] * 50, [True, False] * 40 + [True] * 20

    gained = rate_gain(before, after)

    assert gained is not None
    assert gained.value == 10.0
    assert 3 <= gained.low <= 6
    assert 14 <= gained.high <= 17
    assert rate_gain([], []) is None


@pytest.mark.parametrize(
    ("before", "after"), [(WORST, WORSE), (WORSE, REFERENCES), (REFERENCES, WORST), (WORSE, WORSE)]
)
def test_a_gain_in_bleu_is_the_difference_of_both_scores(
    before: list[str], after: list[str]
) -> None:
    gained = bleu_gain(before, after, REFERENCES)

    assert gained.value == bleu(after, REFERENCES) - bleu(before, REFERENCES)
    assert gained.low <= gained.value <= gained.high


def test_texts_without_a_match_are_smoothed_as_the_score_does() -> None:
    """Two words have no four in a row: sacrebleu's corpus score puts something in their place."""
    before, after, references = ["Ein Hund."], ["Der Hund."], ["Der Hund."]

    gained = bleu_gain(before, after, references)

    assert gained.value == bleu(after, references) - bleu(before, references)


def test_what_changes_everywhere_is_surer_than_what_changes_once() -> None:
    """Both samples have the same texts; only how the change is spread differs."""
    everywhere = bleu_gain(WORSE, REFERENCES, REFERENCES)
    once = bleu_gain([WORSE[0], *REFERENCES[1:]], REFERENCES, REFERENCES)

    assert everywhere.low > 0
    assert once.low == 0

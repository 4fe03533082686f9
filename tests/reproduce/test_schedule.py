"""The learning rate over the steps of an experiment."""

import pytest

from rarenmt.reproduce.schedule import learning_rate


def test_the_rate_rises_stays_and_falls_to_nothing() -> None:
    rates = [
        learning_rate(step, 1000, 2.0, warmup=30, decay=0.5)
        for step in (0, 14, 29, 499, 750, 999, 1000)
    ]

    assert rates == pytest.approx([2 / 30, 1.0, 2.0, 2.0, 1.0, 2 / 500, 0.0])


def test_the_rate_falls_with_the_root_of_the_steps_and_to_nothing_at_the_end() -> None:
    steps = (0, 99, 399, 949, 999)
    rates = [learning_rate(step, 1000, 2.0, constant=100, decay=0.1) for step in steps]

    assert rates == pytest.approx([2.0, 2.0, 1.0, 2.0 / 9.5**0.5 * 0.51, 2.0 / 10**0.5 * 0.01])


def test_without_a_phase_the_rate_is_constant() -> None:
    assert {learning_rate(step, 10, 0.5) for step in range(10)} == {0.5}

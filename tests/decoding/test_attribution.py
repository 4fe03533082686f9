"""What hypotheses owe to the memory."""

import torch

from rarenmt.decoding.attribution import Attribution
from rarenmt.memory.memory import EMPTY, Recall
from rarenmt.model.seq2seq import Prediction

TWO = torch.arange(2)


def prediction(shares: list[float], own: list[float], values: tuple[int, int]) -> Prediction:
    """Of two rows, whose pieces all have a probability of a half; each has one neighbour, which
    holds the value and lends that share."""
    column = torch.tensor(values)[:, None]
    recall = Recall(column, column, torch.ones(2, 1))
    log_probs = torch.full((2, 4), 0.5).log()
    return Prediction(log_probs, recall, torch.tensor(shares)[:, None], torch.tensor(own)[:, None])


def test_what_the_memory_lent_half_of_is_owed() -> None:
    step = prediction([0.25, 0.2], [-5.0, -6.0], (3, 3))

    debt = Attribution.nothing(TWO).goes_on(step, TWO, torch.tensor([3, 3]))

    assert debt.last.tolist() == [True, False]
    assert debt.belief.tolist() == [-5.0, 0.0]


def test_a_piece_that_no_neighbour_holds_is_not_owed() -> None:
    step = prediction([0.5, 0.5], [-5.0, -6.0], (3, EMPTY))

    debt = Attribution.nothing(TWO).goes_on(step, TWO, torch.tensor([2, 2]))

    assert not debt.last.any()
    assert debt.belief.tolist() == [0.0, 0.0]


def test_debts_follow_their_hypotheses_and_add_up() -> None:
    first = Attribution.nothing(TWO).goes_on(
        prediction([0.5, 0.0], [-5.0, -6.0], (3, 3)), TWO, torch.tensor([3, 3])
    )

    debt = first.goes_on(
        prediction([0.5, 0.5], [-1.0, -2.0], (1, 2)), torch.tensor([0, 0]), torch.tensor([1, 2])
    )

    assert debt.owed.tolist() == [[True, True], [True, False]]
    assert debt.belief.tolist() == [-6.0, -5.0]


def test_without_a_memory_nothing_is_owed() -> None:
    alone = Prediction(torch.zeros(2, 4), None, None)

    debt = Attribution.nothing(TWO).goes_on(alone, TWO, torch.tensor([1, 2]))

    assert debt.owed.tolist() == [[False], [False]]
    assert not debt.last.any()

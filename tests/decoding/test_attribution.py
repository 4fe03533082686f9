"""The pieces of hypotheses that came from the memory, and their base score."""

import torch

from rarenmt.decoding.attribution import Attribution
from rarenmt.memory.memory import EMPTY, Recall
from rarenmt.model.seq2seq import Prediction

TWO = torch.arange(2)


def prediction(probs: list[float], base: list[float], values: tuple[int, int]) -> Prediction:
    """Of two rows, whose pieces all have a probability of a half; each has one neighbour, which
    holds the value and gives it that probability."""
    column = torch.tensor(values)[:, None]
    recall = Recall(column, column, torch.ones(2, 1))
    log_probs = torch.full((2, 4), 0.5).log()
    return Prediction(log_probs, recall, torch.tensor(probs)[:, None], torch.tensor(base)[:, None])


def test_a_piece_with_half_of_its_probability_from_the_memory_came_from_it() -> None:
    step = prediction([0.25, 0.2], [-5.0, -6.0], (3, 3))

    attribution = Attribution.empty(TWO).advance(step, TWO, torch.tensor([3, 3]))

    assert attribution.last_from_memory.tolist() == [True, False]
    assert attribution.base_score.tolist() == [-5.0, 0.0]


def test_a_piece_that_no_neighbour_holds_did_not_come_from_the_memory() -> None:
    step = prediction([0.5, 0.5], [-5.0, -6.0], (3, EMPTY))

    attribution = Attribution.empty(TWO).advance(step, TWO, torch.tensor([2, 2]))

    assert not attribution.last_from_memory.any()
    assert attribution.base_score.tolist() == [0.0, 0.0]


def test_attribution_follows_hypotheses_and_scores_add_up() -> None:
    first = Attribution.empty(TWO).advance(
        prediction([0.5, 0.0], [-5.0, -6.0], (3, 3)), TWO, torch.tensor([3, 3])
    )

    attribution = first.advance(
        prediction([0.5, 0.5], [-1.0, -2.0], (1, 2)), torch.tensor([0, 0]), torch.tensor([1, 2])
    )

    assert attribution.from_memory.tolist() == [[True, True], [True, False]]
    assert attribution.base_score.tolist() == [-6.0, -5.0]


def test_without_a_memory_no_piece_came_from_it() -> None:
    alone = Prediction(torch.zeros(2, 4), None, None)

    attribution = Attribution.empty(TWO).advance(alone, TWO, torch.tensor([1, 2]))

    assert attribution.from_memory.tolist() == [[False], [False]]
    assert not attribution.last_from_memory.any()

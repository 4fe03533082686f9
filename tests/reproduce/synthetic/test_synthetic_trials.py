"""Who answers a trial answers by its rule, and the memory's answers are its own."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_memory import ReferenceMemory

from rarenmt.reproduce.synthetic.trials import (
    QUERIES,
    accuracy,
    from_memory,
    from_nearest,
    from_prototypes,
)


def at(*degrees: float) -> torch.Tensor:
    """Unit vectors (N, 2) in some directions."""
    angles = torch.tensor(degrees) * math.pi / 180
    return torch.stack([angles.cos(), angles.sin()], dim=1)


SHOWN = torch.stack([at(0, 60), at(80, 100)])
"""Class 0 was drawn at 0° and 60°, class 1 at 80° and 100°."""


def test_the_nearest_drawing_answers() -> None:
    asked = torch.stack([at(65, -20), at(75, 179)])

    assert from_nearest(SHOWN, asked).tolist() == [[0, 0], [1, 1]]
    lengths = torch.tensor([[1.0, 9.0], [5.0, 0.1]])[..., None]
    assert from_nearest(SHOWN * lengths, asked * lengths).tolist() == [[0, 0], [1, 1]]


def test_the_nearest_mean_answers() -> None:
    # the means are (0.75, 0.433) at 30° and (0, 0.985) at 90°
    asked = torch.stack([at(55, -20), at(65, 179)])

    assert from_prototypes(SHOWN, asked).tolist() == [[0, 0], [1, 1]]


def test_a_memory_averages_what_it_got_right_and_keeps_what_it_got_wrong() -> None:
    # round 1 writes 0° and 80°; in round 2, 60° is nearer to 80°, which is wrong: a new slot;
    # 100° is nearest to 80°, which is right: the slot turns to 90°
    asked = torch.stack([at(72, 29, 74), at(76, 91, 200)])

    # 72° and 74° lie nearer to 60° than to 90°, 76° nearer to 90°
    assert from_memory(SHOWN, asked).tolist() == [[0, 0, 0], [1, 1, 1]]
    assert from_nearest(SHOWN, asked).tolist() == [[1, 0, 1], [1, 1, 1]]


@given(st.integers(2, 6), st.integers(1, 4), st.integers(0, 10_000))
@settings(deadline=None, max_examples=40)
def test_the_answers_are_those_of_the_memory_in_plain_lists(
    ways: int, shots: int, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    shown, asked = (
        F.normalize(torch.randn(ways, count, 3, generator=generator), dim=-1)
        for count in (shots, 2)
    )
    memory = ReferenceMemory(ways * shots, 3)
    for turn in range(shots):
        memory.write(shown[:, turn].tolist(), list(range(ways)), [0.0] * (ways * shots))

    expected = [[memory.read(query, 1)[0].value for query in row] for row in asked.tolist()]

    assert from_memory(shown, asked).tolist() == expected


def test_an_accuracy_is_the_mean_of_its_trials_with_their_spread() -> None:
    features = F.normalize(
        torch.randn(9, 20, 4, generator=torch.Generator().manual_seed(1)), dim=-1
    )
    shares: list[float] = []

    def spied(shown: torch.Tensor, asked: torch.Tensor) -> torch.Tensor:
        assert (shown.shape, asked.shape) == ((5, 2, 4), (5, QUERIES, 4))
        answers = from_nearest(shown, asked)
        shares.append(100 * (answers == torch.arange(5)[:, None]).double().mean().item())
        return answers

    mean, within = accuracy(spied, features, 5, 2, 30, seed=3)

    assert mean == pytest.approx(sum(shares) / 30, abs=1e-3)
    variance = sum((share - mean) ** 2 for share in shares) / 29
    assert within == pytest.approx(1.96 * math.sqrt(variance / 30), abs=1e-3)
    assert accuracy(from_nearest, features, 5, 2, 30, seed=3) == (mean, within)


def test_nobody_is_asked_a_drawing_that_was_shown() -> None:
    numbered = torch.arange(8 * 20.0).view(8, 20, 1)

    def look(shown: torch.Tensor, asked: torch.Tensor) -> torch.Tensor:
        every = torch.cat([shown.flatten(), asked.flatten()])
        assert every.unique().numel() == every.numel()
        assert torch.equal(shown[:, 0, 0] // 20, asked[:, 0, 0] // 20)
        return torch.zeros(asked.shape[:2])

    assert accuracy(look, numbered, 5, 5, 20, seed=1)[0] == pytest.approx(20.0)

"""CGRU and the Extended Neural GPU, by hand."""

import math

import pytest
import torch

from rarenmt.reproduce.neural_gpu.cgru import Cgru, cut_sigmoid
from rarenmt.reproduce.neural_gpu.network import NeuralGpu, Sizes
from rarenmt.text.tokenizer import PAD


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(1)


def test_the_cut_sigmoid_reaches_its_ends() -> None:
    # 1.2 σ(0) − 0.1 = 0.5; σ(ln 3) = 0.75 → 0.8; from σ = 11/12 on it is 1
    found = cut_sigmoid(torch.tensor([-9.0, 0.0, math.log(3), math.log(11) + 0.01, 9.0]))

    torch.testing.assert_close(found, torch.tensor([0.0, 0.5, 0.8, 1.0, 1.0]))


def by_hand(*, tape: bool) -> Cgru:
    """One map; every kernel looks at the place itself and at its left neighbour."""
    cgru = Cgru(1, tape=tape, normalised=False, generator=generator())
    with torch.no_grad():
        for parameter in cgru.parameters():
            parameter.zero_()
        cgru.gates.bias.copy_(torch.tensor([0.0, math.log(3)]))  # u = 0.5, r = 0.8
        cgru.candidate.kernel[0, 0, 1, 0] = 1.0  # the left neighbour
        cgru.candidate.kernel[0, 0, 1, 1] = 2.0
        cgru.candidate.bias.fill_(0.1)
    return cgru


def test_a_cgru_step_is_its_equation() -> None:
    state = torch.tensor([[[[1.0, -0.5]]]])

    found = by_hand(tape=False)(state)

    # r ⊙ s = (0.8, −0.4); candidates tanh(1.6 + 0.1) and tanh(0.8 − 0.8 + 0.1)
    expected = [0.5 * 1.0 + 0.5 * math.tanh(1.7), 0.5 * -0.5 + 0.5 * math.tanh(0.1)]
    torch.testing.assert_close(found, torch.tensor([[[expected]]]))


def test_the_tape_adds_to_gates_and_candidate() -> None:
    cgru = by_hand(tape=True)
    with torch.no_grad():
        cgru.gates.kernel[0, 1, 1, 1] = 1.0  # W′: the tape opens u
        cgru.candidate.kernel[0, 1, 1, 1] = 3.0  # W
    state, tape = torch.tensor([[[[1.0, -0.5]]]]), torch.tensor([[[[math.log(3), 0.0]]]])

    found = cgru(state, tape)

    # u = 0.8 at the first place; W∗p = 3 ln 3 there, and the tape is not reset
    expected = [
        0.8 * 1.0 + 0.2 * math.tanh(1.7 + 3 * math.log(3)), 0.5 * -0.5 + 0.5 * math.tanh(0.1),
    ]  # fmt: skip
    torch.testing.assert_close(found, torch.tensor([[[expected]]]))


def test_kernels_begin_orthogonal_and_gates_open() -> None:
    cgru = Cgru(3, tape=False, normalised=False, generator=generator())

    for kernel in (*cgru.gates.kernel.split(3), cgru.candidate.kernel):
        rows = kernel.flatten(1)
        torch.testing.assert_close(rows @ rows.t(), torch.eye(3))
    assert cgru.gates.bias.tolist() == [1.0] * 6
    assert cgru.candidate.bias.tolist() == [0.0] * 3


@pytest.mark.parametrize("normalised", [False, True])
def test_reading_its_own_answers_is_reading_them_from_the_tape(normalised: bool) -> None:
    network = NeuralGpu(Sizes(5, 6, normalised), generator()).eval()
    questions = torch.tensor([[1, 2, 3, 1], [4, 4, PAD, PAD]])

    alone = network(questions, None)

    torch.testing.assert_close(network(questions, alone.argmax(dim=-1)), alone)


def test_an_answer_is_not_known_before_it_is_written() -> None:
    network = NeuralGpu(Sizes(5, 6, normalised=False), generator()).eval()
    questions = torch.tensor([[1, 2, 3, 1]])
    answers = torch.tensor([[1, 2, 3, 1]])
    other = torch.tensor([[1, 2, 4, 4]])

    first, second = network(questions, answers), network(questions, other)

    torch.testing.assert_close(first[:, :3], second[:, :3])
    assert not torch.allclose(first[:, 3], second[:, 3])


def test_a_guess_stands_where_the_next_symbol_goes() -> None:
    network = NeuralGpu(Sizes(5, 6, normalised=False), generator()).eval()
    questions, asked = torch.tensor([[1, 2, 3]]), list[tuple[int, tuple[int, ...]]]()

    def guess(k: int, column: torch.Tensor) -> torch.Tensor:
        asked.append((k, tuple(column.shape)))
        return torch.full((1, 6), 2.0 * (k == 1))

    guessed, plain = network(questions, questions, guess), network(questions, questions)

    assert asked == [(0, (1, 24)), (1, (1, 24)), (2, (1, 24))]
    torch.testing.assert_close(guessed[:, 0], plain[:, 0])
    assert not torch.allclose(guessed[:, 1], plain[:, 1])

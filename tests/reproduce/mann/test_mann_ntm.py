"""The memory of the Neural Turing Machine, with every number worked out by hand."""

import math

import pytest
import torch

from rarenmt.reproduce.mann import ntm
from rarenmt.reproduce.mann.ntm import Heads, State


def heads(
    key: list[float],
    *,
    strength: float = 1.0,
    gate: float = 0.0,
    shift: tuple[float, float, float] = (0.0, 1.0, 0.0),
    sharpness: float = 1.0,
    count: int = 1,
) -> Heads:
    """The same wish for every head."""

    def each(*numbers: float) -> torch.Tensor:
        return torch.tensor(numbers).repeat(1, count, 1)

    return Heads(each(*key), each(strength), each(gate), each(*shift), each(sharpness))


def test_weights_move_round_the_circle_of_slots() -> None:
    weights = torch.tensor([[[0.5, 0.3, 0.2, 0.0]]])

    moved = ntm.shifted(weights, torch.tensor([[[0.1, 0.2, 0.7]]]))

    # slot i gets 0.1 of the next one, 0.2 of its own, 0.7 of the one before
    expected = [0.03 + 0.1, 0.02 + 0.06 + 0.35, 0.04 + 0.21, 0.05 + 0.14]
    assert moved[0, 0].tolist() == pytest.approx(expected)


def test_content_is_found_by_its_cosine_as_sharply_as_is_asked() -> None:
    contents = torch.tensor([[[2.0, 0.0], [0.0, 5.0]]])
    state = State(contents, torch.tensor([[[0.0, 1.0]]]))

    found = ntm.address(state, heads([1.0, 0.0], strength=3.0, gate=1.0))

    assert found[0, 0, 0].item() == pytest.approx(math.exp(3) / (math.exp(3) + 1), abs=1e-3)


def test_without_content_a_head_goes_on_from_where_it_was_and_sharpens() -> None:
    state = State(torch.zeros(1, 3, 2), torch.tensor([[[0.6, 0.4, 0.0]]]))

    found = ntm.address(state, heads([1.0, 0.0], shift=(0.0, 0.0, 1.0), sharpness=2.0))

    # moved on by one: (0, .6, .4); squared: (0, .36, .16)
    assert found[0, 0].tolist() == pytest.approx([0.0, 0.36 / 0.52, 0.16 / 0.52], abs=1e-5)


def test_the_first_head_erases_and_adds_and_the_others_read_what_it_wrote() -> None:
    state = State(
        torch.tensor([[[2.0, 4.0], [6.0, 8.0]]]), torch.tensor([[[0.5, 0.5], [1.0, 0.0]]])
    )

    read, after = ntm.access(
        state, heads([1.0, 0.0], count=2), torch.tensor([[1.0, 0.0]]), torch.tensor([[10.0, 20.0]])
    )

    # half of the first number goes, half of what is added comes
    assert torch.allclose(after.contents, torch.tensor([[[6.0, 14.0], [8.0, 18.0]]]))
    assert torch.allclose(read, torch.tensor([[[6.0, 14.0]]]))


def test_what_is_asked_of_a_head_is_in_its_range() -> None:
    asked = torch.randn(3, 2, 4 + 6, generator=torch.Generator().manual_seed(0)) * 9

    found = ntm.heads_from(asked, width=4)

    assert (found.strength > 0).all()
    assert found.key.abs().max() <= 1
    assert ((found.gate >= 0) & (found.gate <= 1)).all()
    assert torch.allclose(found.shift.sum(2), torch.ones(3, 2))
    assert (found.sharpness >= 1).all()


def test_every_head_begins_at_the_first_slot_of_an_empty_memory() -> None:
    state = ntm.empty(batch=2, slots=3, width=4, heads=5)

    assert not state.contents.any()
    assert state.weights.argmax(2).tolist() == [[0] * 5] * 2
    assert state.weights.sum().item() == 10

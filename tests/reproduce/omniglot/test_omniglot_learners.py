"""The losses of the three learners on drawings whose embeddings are chosen by hand."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from rarenmt.config import MemoryConfig
from rarenmt.memory.memory import Memory
from rarenmt.reproduce.omniglot.learners import MemoryLearner, NearOnly, Settings, build

TINY = Settings(side=8, channels=2, width=2, ways=2, shots=2)


def at(*degrees: float) -> Tensor:
    """Unit vectors (N, 2) in some directions."""
    angles = torch.tensor(degrees) * math.pi / 180
    return torch.stack([angles.cos(), angles.sin()], dim=1)


ROWS = torch.stack([at(0, 30), at(60, 90)])
"""Class 0 was drawn at 0° and 30°, class 1 at 60° and 90°."""

CLASSES = torch.tensor([7, 3])


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def memory_learner(settings: Settings) -> MemoryLearner:
    learner = build("memory", settings, 10, 1)
    assert isinstance(learner, MemoryLearner)
    return learner


def test_a_cleared_memory_is_shown_every_drawing_first() -> None:
    # 0° and 60° shown: 30° lies as near to either (loss α), 90° nearer to its own by more than α.
    # 30° and 90° shown: 60° lies as near to either, 0° nearer to its own. The four queries of an
    # empty memory have no loss: 2 α / 8
    learner = memory_learner(TINY)

    losses = [learner.loss(ROWS, CLASSES, generator()).item() for _ in range(2)]

    assert losses == pytest.approx([0.025, 0.025], abs=1e-6)


def test_a_memory_that_lives_on_knows_what_it_saw_before() -> None:
    # first: 30° as near to either (α / 4); it then takes a slot, as the nearer may be the wrong
    # one, or moves 0° to 15°. Either way the second time each drawing lies on or near its own
    # key, and 60° and 30°, both held or 15° apart, are nearer than α no more
    learner = memory_learner(replace(TINY, cleared=False, slots=64))

    first, second = (learner.loss(ROWS, CLASSES, generator()).item() for _ in range(2))

    assert first == pytest.approx(0.025, abs=1e-6)
    assert second < first
    assert learner.memory.size in (2, 3)


def test_the_gradient_flows_through_the_queries_alone() -> None:
    rows = ROWS.clone().requires_grad_()

    memory_learner(TINY).loss(rows, CLASSES, generator()).backward()

    # only 30° of class 0 and 60° of class 1 have a loss; each moves from the wrong key to its own
    assert rows.grad is not None
    assert torch.equal(rows.grad[0, 0], torch.zeros(2))
    assert torch.equal(rows.grad[1, 1], torch.zeros(2))
    assert torch.allclose(rows.grad[0, 1] * 8, (at(60) - at(0))[0], atol=1e-6)
    assert torch.allclose(rows.grad[1, 0] * 8, (at(30) - at(90))[0], atol=1e-6)


def test_without_the_rule_a_right_slot_outside_the_neighbours_does_not_count() -> None:
    config = MemoryConfig(slots=4, neighbours=1, margin=0.1)
    losses = []
    for kind in (Memory, NearOnly):
        memory = kind(config, 2, 10)
        memory.write(at(0, 90), torch.tensor([1, 2]), None, generator())
        query = at(20)
        losses.append(memory.loss(query, memory.read(query), torch.tensor([2])).item())

    wrong, right = math.cos(math.pi / 9), math.cos(7 * math.pi / 18)
    assert losses == pytest.approx([wrong - right + 0.1, 0.0], abs=1e-6)


def test_prototypes_lose_by_squared_distance() -> None:
    rows = torch.tensor([[[0.0, 0.0], [1.0, 0.0]], [[0.0, 2.0], [0.0, 3.0]]])
    # squared distances of drawing 1 to drawing 0 of either class: (1, 5) and (9, 1); of drawing
    # 0 to drawing 1: (1, 9) and (5, 1)
    expected = sum(math.log1p(math.exp(1 - other)) for other in (5, 9, 9, 5)) / 4

    loss = build("prototypes", TINY, 10, 1).loss(rows, CLASSES, generator())

    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_a_classifier_without_weights_finds_all_classes_as_likely() -> None:
    learner = build("softmax", TINY, 10, 1)
    for parameter in learner.parameters():
        torch.nn.init.zeros_(parameter)

    assert learner.loss(ROWS, CLASSES, generator()).item() == pytest.approx(math.log(10))


def test_the_same_seed_builds_the_same_learner() -> None:
    one, same, other = (build("memory", TINY, 10, seed).state_dict() for seed in (1, 1, 2))

    assert all(torch.equal(one[key], same[key]) for key in one)
    assert not torch.equal(one["network.output.weight"], other["network.output.weight"])

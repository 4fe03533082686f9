"""A long life: each drawing once, each prediction among all classes shown so far."""

import pytest
import torch
import torch.nn.functional as F

from rarenmt.reproduce.omniglot import lifelong
from rarenmt.reproduce.omniglot.lifelong import Life, _history, live


def test_showings_are_counted_and_delays_are_steps_since_the_last() -> None:
    showing, delay = _history([4, 7, 4, 4, 9, 7])

    assert showing.tolist() == [1, 1, 2, 3, 1, 2]
    assert delay.tolist() == [0, 0, 2, 1, 0, 4]


def test_classes_that_lie_apart_are_known_from_the_second_showing_on() -> None:
    features = F.normalize(torch.eye(12)[:, None] + 0.01 * torch.rand(12, 20, 12), dim=-1)

    life = live(features, seed=1)

    assert torch.equal(life.right, life.showing > 1)
    assert (life.showing[:12] == 1).all()
    assert life.slots == 12  # one each: what is known is averaged in
    assert torch.equal(life.showing.bincount()[1:], torch.full((20,), 12))


def test_drawings_without_likeness_each_take_a_slot() -> None:
    features = F.normalize(
        torch.randn(30, 5, 64, generator=torch.Generator().manual_seed(1)), dim=-1
    )

    life = live(features, seed=2)

    assert life.right.float().mean() < 0.2
    assert life.slots == 150 - int(life.right.sum())


def test_a_memory_that_is_too_small_forgets_the_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    features = torch.eye(60)[:, None].expand(60, 10, 60)
    whole = live(features, seed=1)
    monkeypatch.setattr(lifelong, "SLOTS", 20)

    small = live(features, seed=1)

    later = small.showing > 1
    assert whole.right[later].all()
    soon, late = later & (small.delay < 8), later & (small.delay > 150)
    assert small.right[soon].float().mean() > 0.9
    assert small.right[late].float().mean() < 0.2
    assert small.slots == 20


def test_curves_are_means_over_showings_and_over_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    life = Life(
        showing=torch.tensor([1, 2, 2, 3, 3, 3]),
        delay=torch.tensor([0, 1, 100, 100, 110, 5]),
        right=torch.tensor([False, True, False, True, True, False]),
        slots=3,
    )
    monkeypatch.setattr(lifelong, "FEWEST", 1)

    assert list(sum(life.by_showing(), ())) == pytest.approx([2, 50, 3, 200 / 3])
    assert list(sum(life.by_delay(2, 2), ())) == pytest.approx([1, 100, 100, 0])
    assert list(sum(life.by_delay(3, 3), ())) == pytest.approx([5, 0, 11000**0.5, 100])
    monkeypatch.setattr(lifelong, "FEWEST", 2)
    assert len(life.by_delay(2, 3)) == 1

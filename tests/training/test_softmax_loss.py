"""The fused loss is torch's cross-entropy, in value and in gradient."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.testing import assert_close

from rarenmt.training import softmax_loss as module
from rarenmt.training.softmax_loss import softmax_loss

POSITIONS, WIDTH, VOCABULARY = 37, 8, 50


def torch_loss(logits: Tensor, targets: Tensor, smoothing: float) -> Tensor:
    return F.cross_entropy(logits.float(), targets, reduction="sum", label_smoothing=smoothing)


def targets() -> Tensor:
    return torch.randint(VOCABULARY, (POSITIONS,), generator=torch.Generator().manual_seed(2))


def network(scale: float = 1.0) -> list[Tensor]:
    """Features, weight and bias of the layer that makes the logits."""
    generator = torch.Generator().manual_seed(1)
    shapes = [(POSITIONS, WIDTH), (VOCABULARY, WIDTH), (VOCABULARY,)]
    return [(scale * torch.randn(shape, generator=generator)).requires_grad_() for shape in shapes]


def test_two_equally_likely_pieces_cost_one_bit() -> None:
    loss = softmax_loss(torch.tensor([[1.5, 1.5]]), torch.tensor([0]), 0.0)

    assert_close(loss, torch.tensor(math.log(2)))


def test_the_gradient_is_probability_less_target() -> None:
    logits = torch.tensor([[math.log(3), 0.0]], requires_grad=True)  # 3/4 and 1/4

    softmax_loss(logits * 1, torch.tensor([1]), 0.2).backward()

    assert_close(logits.grad, torch.tensor([[0.75 - 0.1, 0.25 - 0.9]]))


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("cells", [1, 4 * VOCABULARY, 1 << 20])
def test_fused_equals_plain(monkeypatch: pytest.MonkeyPatch, smoothing: float, cells: int) -> None:
    monkeypatch.setattr(module, "BLOCK_LOGITS", cells)
    ours, plain = network(), network()

    loss = softmax_loss(F.linear(*ours), targets(), smoothing)
    expected = torch_loss(F.linear(*plain), targets(), smoothing)
    (loss / 7).backward()
    (expected / 7).backward()

    assert_close(loss, expected)
    for mine, theirs in zip(ours, plain, strict=True):
        assert_close(mine.grad, theirs.grad)


def test_fused_equals_plain_within_bfloat16() -> None:
    ours, plain = network(), network()

    with torch.autocast("cpu", torch.bfloat16):
        loss = softmax_loss(F.linear(*ours), targets(), 0.1)
        expected = torch_loss(F.linear(*plain), targets(), 0.1)
    loss.backward()
    expected.backward()

    assert loss.dtype == torch.float32
    assert_close(loss, expected)
    for mine, theirs in zip(ours, plain, strict=True):
        assert_close(mine.grad, theirs.grad, rtol=0.02, atol=0.05)


def test_the_slope_is_the_gradient() -> None:
    features, weight, bias = network()
    direction = torch.randn(WIDTH, generator=torch.Generator().manual_seed(3))

    def loss(step: float) -> float:
        moved = F.linear(features.detach() + step * direction, weight.detach(), bias.detach())
        return softmax_loss(moved, targets(), 0.1).item()

    softmax_loss(F.linear(features, weight, bias), targets(), 0.1).backward()
    assert features.grad is not None

    slope = (loss(0.01) - loss(-0.01)) / 0.02
    assert (features.grad @ direction).sum().item() == pytest.approx(slope, rel=1e-3)


def test_certainty_and_enormous_logits_stay_finite() -> None:
    ours, plain = network(scale=100.0), network(scale=100.0)

    loss = softmax_loss(F.linear(*ours), targets(), 0.1)
    expected = torch_loss(F.linear(*plain), targets(), 0.1)
    loss.backward()
    expected.backward()

    assert_close(loss, expected)
    assert_close(ours[0].grad, plain[0].grad)


def test_no_positions_cost_nothing() -> None:
    empty = torch.empty(0, dtype=torch.long)

    assert softmax_loss(torch.empty(0, VOCABULARY), empty, 0.1) == 0

"""Cross-entropy with label smoothing (Szegedy et al. 2016, arXiv 1512.00567, section 7),
in one pass that overwrites the logits with their gradient.

Shapes: N positions · V vocabulary.
"""

from typing import Any

import torch
from torch import Tensor

BLOCK_LOGITS = 1 << 18
"""Logits per block on a CPU: as float32 they fit into its cache."""


def softmax_loss(logits: Tensor, targets: Tensor, smoothing: float) -> Tensor:
    """Sum over positions of − (1 − ε) log p[target] − ε mean log p, in float32.

    Equal to `F.cross_entropy` of the logits (N, V) in float32. Overwrites the logits, so
    they must not be read afterwards; the gradient can be computed once.
    """
    loss: Tensor = _SoftmaxLoss.apply(logits, targets, smoothing)  # type: ignore[no-untyped-call]
    return loss


class _SoftmaxLoss(torch.autograd.Function):
    """d loss / d logit = p − (1 − ε) [target] − ε / V."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, targets: Tensor, smoothing: float) -> Tensor:
        rows = BLOCK_LOGITS // logits.shape[1] if logits.device.type == "cpu" else len(logits)
        rows = max(1, rows)
        losses = [
            _turn_into_gradient(part, chosen[:, None], smoothing)
            for part, chosen in zip(logits.split(rows), targets.split(rows), strict=True)
        ]
        ctx.gradient = logits
        return torch.stack(losses).sum()

    @staticmethod
    def backward(ctx: Any, outer: Tensor) -> tuple[Tensor, None, None]:
        gradient, ctx.gradient = ctx.gradient, None
        return gradient.mul_(outer), None, None


def _turn_into_gradient(logits: Tensor, targets: Tensor, smoothing: float) -> Tensor:
    """The loss of some positions with targets (N, 1); overwrites their logits with the gradient."""
    exact = logits.float()
    right, mean = exact.gather(1, targets), exact.mean(dim=1, keepdim=True)
    peak = exact.amax(dim=1, keepdim=True)
    gradient = exact.softmax(dim=1)
    # The probability of the likeliest piece never underflows: log Σ e^x = max − log of it.
    normaliser = peak - gradient.amax(dim=1, keepdim=True).log()
    gradient -= smoothing / logits.shape[1]
    gradient.scatter_add_(1, targets, torch.full_like(right, smoothing - 1))
    logits.copy_(gradient)
    return (normaliser - (1 - smoothing) * right - smoothing * mean).sum()

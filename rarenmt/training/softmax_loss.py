"""Cross-entropy with label smoothing (Szegedy et al. 2016, arXiv 1512.00567, section 7),
in one pass that leaves the gradient where the logits stood.

Shapes: N positions · V vocabulary.
"""

from typing import Any

import torch
from torch import Tensor

CELLS = 1 << 18
"""Logits looked at together on a CPU: as float32 they fit into its cache."""


def softmax_loss(logits: Tensor, targets: Tensor, smoothing: float) -> Tensor:
    """Sum over positions of − (1 − ε) log p[target] − ε mean log p, in float32.

    Equal to `F.cross_entropy` of the logits (N, V) in float32. Overwrites the logits, so
    nobody else may read them; the gradient can be asked for once.
    """
    loss: Tensor = _SoftmaxLoss.apply(logits, targets, smoothing)  # type: ignore[no-untyped-call]
    return loss


class _SoftmaxLoss(torch.autograd.Function):
    """d loss / d logit = p − (1 − ε) [target] − ε / V."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, targets: Tensor, smoothing: float) -> Tensor:
        together = CELLS // logits.shape[1] if logits.device.type == "cpu" else len(logits)
        rows = max(1, together)
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
    """The loss of a few positions, with targets (N, 1); their logits become their gradient."""
    whole = logits.float()
    right, mean = whole.gather(1, targets), whole.mean(dim=1, keepdim=True)
    peak = whole.amax(dim=1, keepdim=True)
    gradient = whole.softmax(dim=1)
    # The likeliest piece never underflows, so the normaliser is safe to read off it.
    normaliser = peak - gradient.amax(dim=1, keepdim=True).log()
    gradient -= smoothing / logits.shape[1]
    gradient.scatter_add_(1, targets, torch.full_like(right, smoothing - 1))
    logits.copy_(gradient)
    return (normaliser - (1 - smoothing) * right - smoothing * mean).sum()

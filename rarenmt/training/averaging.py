"""Weights averaged over the last steps of a run, which translate better than the last alone.

Polyak and Juditsky 1992, "Acceleration of Stochastic Approximation by Averaging"; Marian calls its
exponential form smoothing. Each step fits the weights to its own few sentences; the mean of many
steps keeps what those have in common.
"""

from copy import deepcopy

import torch
from torch import Tensor, nn

from rarenmt.model.seq2seq import Model


class AveragedModel(nn.Module):
    """A copy of a model with averaged weights: the plain mean of the first `steps` updates, then an
    exponential moving average with rate 1 / `steps`."""

    shown: Tensor
    """Updates so far."""

    def __init__(self, model: Model, steps: int) -> None:
        super().__init__()
        self.model, self.steps = deepcopy(model), steps
        self.register_buffer("shown", torch.zeros((), dtype=torch.long))

    @torch.no_grad()
    def add(self, model: Model) -> None:
        """Update the mean with the weights after one more step."""
        self.shown += 1
        rate = 1 / min(int(self.shown), self.steps)
        torch._foreach_lerp_(list(self.model.parameters()), list(model.parameters()), rate)

"""The weights averaged over the last steps of a run, which translate better than the last alone.

Polyak and Juditsky 1992, "Acceleration of Stochastic Approximation by Averaging"; Marian calls its
exponential form smoothing. Every step moves the weights to suit its own few sentences, and the mean
of many such moves keeps what they have in common.
"""

from copy import deepcopy

import torch
from torch import Tensor, nn

from rarenmt.model.seq2seq import Model


class AveragedModel(nn.Module):
    """A copy of a model at the mean of the weights it was shown: the plain mean of the first
    `steps`, after which old ones fade by 1 / `steps` at each."""

    shown: Tensor

    def __init__(self, model: Model, steps: int) -> None:
        super().__init__()
        self.model, self.steps = deepcopy(model), steps
        self.register_buffer("shown", torch.zeros((), dtype=torch.long))

    @torch.no_grad()
    def add(self, model: Model) -> None:
        """Take the weights of one more step into the mean."""
        self.shown += 1
        share = 1 / min(int(self.shown), self.steps)
        torch._foreach_lerp_(list(self.model.parameters()), list(model.parameters()), share)

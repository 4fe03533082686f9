"""The convolutional gated recurrent unit of the Neural GPU, and its form with an output tape.

Kaiser and Bengio 2016, arXiv 1610.08613, sections 2.1 and 2.3:

    CGRU(s) = u ⊙ s + (1 − u) ⊙ tanh(U∗(r ⊙ s) + B)
    u = σ(U′∗s + B′), r = σ(U″∗s + B″)

and with a tape p every convolution has another summand, W∗p, W′∗p and W″∗p. As in the authors'
program, σ is cut off, the gates' biases start at 1, and kernels start orthogonal.

Shapes: N strings · M maps · W width of the state · L length.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

KERNEL = 3
"""Height and width of a convolution."""
CUT_OFF = 1.2
"""σ is stretched by this factor about 1/2 and clipped to [0, 1], so that gates can close."""


def cut_sigmoid(units: Tensor) -> Tensor:
    """min(1, max(0, 1.2 σ(x) − 0.1)): Kaiser and Sutskever 2016, arXiv 1511.08228, section 3."""
    return (CUT_OFF * units.sigmoid() - (CUT_OFF - 1) / 2).clamp(0, 1)


class Convolution(nn.Module):
    """U∗s + B with `groups` orthogonal kernels of `maps` output maps each; with `normalised`, each
    group has mean 0 and variance 1 at every position before B is added."""

    def __init__(
        self,
        given: int,
        maps: int,
        groups: int,
        bias: float,
        *,
        normalised: bool,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.maps, self.groups = maps, groups
        self.normalised = normalised
        self.kernel = nn.Parameter(torch.empty(groups * maps, given, KERNEL, KERNEL))
        for kernel in self.kernel.data.split(maps):
            nn.init.orthogonal_(kernel, generator=generator)
        self.bias = nn.Parameter(torch.full((groups * maps,), bias))

    def forward(self, given: Tensor) -> Tensor:
        """(N, given, W, L) → (N, groups · maps, W, L)."""
        if not self.normalised:
            return F.conv2d(given, self.kernel, self.bias, padding=KERNEL // 2)
        found = F.conv2d(given, self.kernel, padding=KERNEL // 2).permute(0, 2, 3, 1)
        grouped = found.unflatten(-1, (self.groups, self.maps))
        return (F.layer_norm(grouped, (self.maps,)).flatten(-2) + self.bias).permute(0, 3, 1, 2)


class Cgru(nn.Module):
    """CGRU of a state (N, M, W, L), with a tape of the same shape if it has one.

    U′ and U″ are one convolution to 2 M maps, u first; with a tape, the maps of s and p are
    concatenated, which sums both convolutions.
    """

    def __init__(
        self, maps: int, *, tape: bool, normalised: bool, generator: torch.Generator
    ) -> None:
        super().__init__()
        given = 2 * maps if tape else maps
        self.gates = Convolution(
            given, maps, 2, bias=1.0, normalised=normalised, generator=generator
        )
        self.candidate = Convolution(
            given, maps, 1, bias=0.0, normalised=normalised, generator=generator
        )

    def forward(self, state: Tensor, tape: Tensor | None = None, dropped: float = 0.0) -> Tensor:
        """The next state; `dropped` is the dropout rate of the candidate in training."""
        update, reset = cut_sigmoid(self.gates(_concatenate(state, tape))).chunk(2, dim=1)
        candidate = torch.tanh(self.candidate(_concatenate(reset * state, tape)))
        candidate = F.dropout(candidate, dropped, self.training)
        return update * state + (1 - update) * candidate


def _concatenate(state: Tensor, tape: Tensor | None) -> Tensor:
    return state if tape is None else torch.cat([state, tape], dim=1)

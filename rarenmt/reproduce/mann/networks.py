"""The memory-augmented network of Santoro et al. 2016, section 4.1, and its baselines.

Each maps images (B, T, S²) and the previous labels (B, T, W) to scores of labels (B, T, W).

Shapes: B episodes · T steps · S pixels a side · W inputs of a label · H units · R reads ·
D width of a slot.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from rarenmt.reproduce.mann import lrua, ntm

Name = Literal["mann", "lstm", "ntm", "feedforward"]


KEEP = 1.0
"""Added to the bias of every forget gate, or an LSTM would begin by losing half of its state at
every step; Jozefowicz et al. 2015."""


@dataclass(frozen=True)
class Sizes:
    """Sizes of a network; the defaults are the paper's."""

    pixels: int = 400
    """S² inputs of an image."""
    label: int = 5
    """W"""
    units: int = 200
    """H, of the controller, the LSTM or each layer of the feed-forward network."""
    slots: int = 128
    """N of the memory."""
    width: int = 40
    """D of the memory."""
    reads: int = 4
    """R of the memory."""


class Lstm(nn.Module):
    """The LSTM baseline."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.lstm = nn.LSTM(sizes.pixels + sizes.label, sizes.units, batch_first=True)
        self.output = nn.Linear(sizes.units, sizes.label)
        with torch.no_grad():  # the second of four gates
            self.lstm.get_parameter("bias_ih_l0")[sizes.units : 2 * sizes.units] += KEEP

    def forward(self, images: Tensor, previous: Tensor) -> Tensor:
        hidden, _ = self.lstm(torch.cat([images, previous], dim=2))
        return self.output(hidden)


class Feedforward(nn.Module):
    """The baseline without state."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(sizes.pixels + sizes.label, sizes.units),
            nn.ReLU(),
            nn.Linear(sizes.units, sizes.units),
            nn.ReLU(),
            nn.Linear(sizes.units, sizes.label),
        )

    def forward(self, images: Tensor, previous: Tensor) -> Tensor:
        return self.layers(torch.cat([images, previous], dim=2))


class Augmented(nn.Module):
    """An LSTM controller with a memory, which is empty at the start of an episode.

    The inputs of the controller are x_t, y_(t−1) and r_(t−1). Its state h_t gives the parameters of
    the memory access, and (h_t, r_t) the label.
    """

    def __init__(self, sizes: Sizes, parameters: int) -> None:
        """`parameters` is the number of parameters of a memory access."""
        super().__init__()
        self.sizes = sizes
        read = sizes.reads * sizes.width
        self.shown = nn.Linear(sizes.pixels + sizes.label, 4 * sizes.units)
        self.recurrent = nn.Linear(sizes.units + read, 4 * sizes.units, bias=False)
        self.heads = nn.Linear(sizes.units, parameters)
        self.output = nn.Linear(sizes.units + read, sizes.label)
        with torch.no_grad():
            self.shown.bias[: sizes.units] += KEEP

    def forward(self, images: Tensor, previous: Tensor) -> Tensor:
        batch, device = len(images), images.device
        cell = torch.zeros(batch, self.sizes.units, device=device)
        controller = torch.zeros(batch, self.output.in_features, device=device)  # (h, r)
        access, recurrent = self.memory(batch, device), self.recurrent.weight.t()
        steps = []
        # all steps at once, and unbound: a slice's gradient is as large as the whole
        for shown in self.shown(torch.cat([images, previous], dim=2)).unbind(1):
            hidden, cell = lstm_cell(torch.addmm(shown, controller, recurrent), cell)
            controller = torch.cat([hidden, access(self.heads(hidden)).flatten(1)], dim=1)
            steps.append(controller)
        return self.output(torch.stack(steps, dim=1))

    def memory(self, batch: int, device: torch.device) -> Callable[[Tensor], Tensor]:
        """An empty memory: parameters of an access (B, P) → r (B, R, D)."""
        raise NotImplementedError


class Mann(Augmented):
    """The memory-augmented network: the memory of `rarenmt.reproduce.mann.lrua`."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__(sizes, sizes.reads * (sizes.width + 1))

    def memory(self, batch: int, device: torch.device) -> Callable[[Tensor], Tensor]:
        sizes = self.sizes
        state = lrua.empty(batch, sizes.slots, sizes.width, sizes.reads, device)

        def access(parameters: Tensor) -> Tensor:
            nonlocal state
            keys, gate = parameters.unflatten(1, (sizes.reads, -1)).split([sizes.width, 1], dim=2)
            read, state = lrua.access(state, torch.tanh(keys), torch.sigmoid(gate))
            return read

        return access


class Ntm(Augmented):
    """A Neural Turing Machine: the memory of `rarenmt.reproduce.mann.ntm`, whose first head
    writes."""

    def __init__(self, sizes: Sizes) -> None:
        each = sizes.width + 3 + ntm.SHIFTS
        super().__init__(sizes, (sizes.reads + 1) * each + 2 * sizes.width)

    def memory(self, batch: int, device: torch.device) -> Callable[[Tensor], Tensor]:
        heads, width = self.sizes.reads + 1, self.sizes.width
        state = ntm.empty(batch, self.sizes.slots, width, heads, device)

        def access(parameters: Tensor) -> Tensor:
            nonlocal state
            erase, add, numbers = parameters.tensor_split([width, 2 * width], dim=1)
            each = ntm.heads_from(numbers.unflatten(1, (heads, -1)), width)
            read, state = ntm.access(state, each, torch.sigmoid(erase), torch.tanh(add))
            return read

        return access


def lstm_cell(gates: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
    """h and c (B, H) of an LSTM from the sums into its gates (B, 4H): forget, input, output and
    candidate, as in the paper's supplement."""
    units = cell.shape[1]
    opened, candidate = gates.split([3 * units, units], dim=1)
    forget, enter, leave = torch.sigmoid(opened).chunk(3, dim=1)
    cell = torch.addcmul(forget * cell, enter, torch.tanh(candidate))
    return leave * torch.tanh(cell), cell


def network(name: Name, sizes: Sizes) -> nn.Module:
    """An untrained network."""
    return {"mann": Mann, "lstm": Lstm, "ntm": Ntm, "feedforward": Feedforward}[name](sizes)

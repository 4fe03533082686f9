"""What a network for the synthetic task asks its memory, and what it learns meanwhile.

Shapes: N strings · L symbols of the longest · P symbols that asked the memory.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from rarenmt.memory.memory import EMPTY, Memory, Recall


@dataclass(frozen=True)
class Asked:
    """What the memory was asked, and answered; it is written afterwards."""

    queries: Tensor
    """(P, D)"""
    values: Tensor
    """(P,) the right answers"""
    recall: Recall | None
    """None where the memory was empty."""
    places: Tensor
    """(P,) where they stand in the answers (N, L), flattened"""

    def write(self, memory: Memory, generator: torch.Generator) -> None:
        """Predict, then write: the update of section 2."""
        memory.write(self.queries, self.values, self.recall, generator)

    def recalled(self, shape: torch.Size) -> Tensor:
        """The value of the nearest neighbour at each place of the answers (N, L), or EMPTY."""
        found = torch.full(shape, EMPTY, device=self.values.device)
        if self.recall is not None:
            found.view(-1)[self.places] = self.recall.values[:, 0]
        return found


@dataclass(frozen=True)
class Learned:
    """The loss of some strings, a mean over their symbols, and what happened on the way."""

    loss: Tensor
    said: Tensor
    """(N, L) the likeliest symbols by the network's own output"""
    asked: Asked | None


@dataclass(frozen=True)
class Stage:
    """What a step of training depends on beside its strings."""

    remembering: bool
    """Whether the memory is asked yet."""
    hint: float
    """Probability that the right symbol stands for what the memory recalls, where it is put on a
    tape."""
    generator: torch.Generator


def forget(memory: Memory) -> None:
    """Empty a memory: what comes is another life."""
    memory.values.fill_(EMPTY)
    memory.latest.fill_(EMPTY)
    memory.ages.zero_()
    memory.rebuild_index()

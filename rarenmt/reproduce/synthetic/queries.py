"""The memory queries of a training step of the synthetic task.

Shapes: N strings · L symbols of the longest · P symbols that query the memory.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from rarenmt.memory.memory import EMPTY, Memory
from rarenmt.training.objective import MemoryQueries


@dataclass(frozen=True)
class Output:
    """What a system computes in a training step."""

    loss: Tensor
    """A mean over the symbols."""
    predicted: Tensor
    """(N, L) the likeliest symbols without the memory"""
    queries: MemoryQueries | None = None
    """None if the memory is not queried."""
    positions: Tensor | None = None
    """(P,) of the queries in the answers (N, L), flattened"""

    def write(self, memory: Memory, generator: torch.Generator) -> None:
        """Write the queries, after the prediction (Kaiser et al. 2017, section 2)."""
        assert self.queries is not None
        queries = self.queries
        memory.write(queries.queries, queries.targets, queries.recall, generator)

    def nearest(self) -> Tensor:
        """The value of the nearest neighbour of each symbol (N, L), or EMPTY."""
        assert self.queries is not None
        assert self.positions is not None
        found = torch.full_like(self.predicted, EMPTY)
        found.view(-1)[self.positions] = self.queries.recall.values[:, 0]
        return found


@dataclass(frozen=True)
class Stage:
    """What a training step depends on besides its strings."""

    remembering: bool
    """Whether the memory is queried yet."""
    hint: float
    """Probability that the right symbol replaces the recalled one on the output tape."""
    generator: torch.Generator


def clear(memory: Memory) -> None:
    """Empty a memory."""
    memory.values.fill_(EMPTY)
    memory.latest.fill_(EMPTY)
    memory.ages.zero_()
    memory.recount()

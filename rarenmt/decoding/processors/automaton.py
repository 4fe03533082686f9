"""Sequences of pieces that are written to their end: copied spans and remembered words.

Shapes: B sentences · E edges of a sentence · N = B·R hypotheses, R per sentence · V vocabulary.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

END = -2
"""The piece of an edge that ends its sequence."""

MIN_LOG_PROB = -1e4
"""Lowest log-probability of a piece that continues a sequence, even one that is blocked."""


@dataclass(frozen=True)
class TokenAutomaton:
    """An automaton for each sentence. A state is any number that identifies a beginning."""

    states: Tensor
    """(B, E) the state that each edge leaves."""
    pieces: Tensor
    """(B, E) the piece that continues the sequence, END at its end, or another negative number for
    padding."""

    def select(self, sentences: Tensor) -> "TokenAutomaton":
        """Return the automata of some sentences."""
        return TokenAutomaton(self.states[sentences], self.pieces[sentences])

    def to(self, device: torch.device) -> "TokenAutomaton":
        """Return a copy on a device."""
        return TokenAutomaton(self.states.to(device), self.pieces.to(device))

    def ends(self, states: Tensor) -> Tensor:
        """(N,) whether some sequence ends at the states (N,)."""
        return (self._leave(states) & (self.pieces == END)[:, None]).any(dim=-1).flatten()

    def continues(self, states: Tensor) -> Tensor:
        """(N,) whether some sequence continues after the states (N,)."""
        return (self._leave(states) & (self.pieces >= 0)[:, None]).any(dim=-1).flatten()

    def keep_to(self, log_probs: Tensor, states: Tensor, rows: Tensor, penalty: float) -> None:
        """Subtract a penalty from log_probs (N, V), in place, in the `rows` (N,) that are true: for
        every piece but those that continue a sequence after the states (N,)."""
        edges = (self._leave(states) & (self.pieces >= 0)[:, None]).flatten(0, 1)
        hypotheses, edge = (edges & rows[:, None]).nonzero().unbind(1)
        per_sentence = len(log_probs) // len(self.states)
        pieces = self.pieces[hypotheses // per_sentence, edge]
        kept = log_probs[hypotheses, pieces].clamp(min=MIN_LOG_PROB)
        subtract(log_probs, rows, torch.full_like(log_probs[0], penalty))
        log_probs[hypotheses, pieces] = kept

    def _leave(self, states: Tensor) -> Tensor:
        """(B, R, E) which edges leave the states (N,)."""
        return self.states[:, None] == states.view(len(self.states), -1, 1)


def subtract(log_probs: Tensor, rows: Tensor, penalties: Tensor) -> None:
    """Subtract penalties (V,) from log_probs (N, V), in place, in the rows (N,) that are true."""
    rows = rows.nonzero()[:, 0]
    if len(rows):
        log_probs.index_add_(0, rows, penalties.to(log_probs.dtype).expand(len(rows), -1), alpha=-1)

"""Which pieces of a hypothesis came from the memory, and how the base model scores them.

The memory proposes its word after *der* and *die* alike. The base model hardly knows the word, but
knows which article goes with its pieces. Among hypotheses with the same pieces from the memory the
search therefore prefers the one whose pieces the base model finds least unlikely.

Shapes: N hypotheses · K neighbours · t pieces so far.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from rarenmt.model.seq2seq import Prediction


class Attribution(NamedTuple):
    """The pieces that came from the memory in each hypothesis so far."""

    from_memory: Tensor
    """(N, t) which pieces came from the memory."""
    base_score: Tensor
    """(N,) sum of the base model's log-probabilities of these pieces, in nats."""

    @property
    def last_from_memory(self) -> Tensor:
        """(N,) whether the last piece came from the memory."""
        return self.from_memory[:, -1] if self.from_memory.shape[1] else self.base_score.bool()

    @classmethod
    def empty(cls, like: Tensor) -> "Attribution":
        """Return the attribution of empty hypotheses, one for each row of `like`."""
        from_memory = torch.zeros((len(like), 0), dtype=torch.bool, device=like.device)
        return cls(from_memory, torch.zeros_like(like, dtype=torch.float32))

    def advance(self, prediction: Prediction, rows: Tensor, pieces: Tensor) -> "Attribution":
        """Return the attribution after the pieces (N,) that continue `rows`.

        A piece came from the memory if neighbours gave at least half of its probability.
        """
        last, score = torch.zeros_like(pieces, dtype=torch.bool), self.base_score[rows]
        if prediction.recall is not None:
            assert prediction.memory_probs is not None
            assert prediction.base_log_probs is not None
            same = prediction.recall.values[rows] == pieces[:, None]
            probs = prediction.memory_probs[rows].masked_fill(~same, 0.0).sum(dim=1)
            last = same.any(dim=1) & (probs >= 0.5 * prediction.log_probs[rows, pieces].exp())
            base = prediction.base_log_probs[rows].masked_fill(~same, -torch.inf).amax(dim=1)
            score = score + torch.where(last, base, 0.0)
        return Attribution(torch.cat([self.from_memory[rows], last[:, None]], dim=1), score)

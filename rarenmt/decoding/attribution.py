"""What hypotheses owe to the memory, and what the model thinks of it.

The memory says its word behind *der* and *die* alike. The model alone would not: it hardly knows
the word, but which of the two goes with its pieces. So of hypotheses that owe the memory the same,
the one is preferred whose debt the model finds least unlikely.

Shapes: N hypotheses · K neighbours.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from rarenmt.model.seq2seq import Prediction


class Attribution(NamedTuple):
    """What some hypotheses owe so far."""

    owed: Tensor
    """(N, t) which of the pieces so far came from the memory."""
    belief: Tensor
    """(N,) what the model alone gives these, in nats."""

    @property
    def last(self) -> Tensor:
        """(N,) whether the last piece came from the memory."""
        return self.owed[:, -1] if self.owed.shape[1] else self.belief.bool()

    @classmethod
    def nothing(cls, like: Tensor) -> "Attribution":
        """Nothing is owed yet."""
        owed = torch.zeros((len(like), 0), dtype=torch.bool, device=like.device)
        return cls(owed, torch.zeros_like(like, dtype=torch.float32))

    def goes_on(self, prediction: Prediction, rows: Tensor, pieces: Tensor) -> "Attribution":
        """After the pieces (N,) that continue some rows: they are owed where the memory lent half
        of their probability."""
        owed, belief = torch.zeros_like(pieces, dtype=torch.bool), self.belief[rows]
        if prediction.recall is not None:
            assert prediction.shares is not None
            assert prediction.own is not None
            same = prediction.recall.values[rows] == pieces[:, None]
            shares = prediction.shares[rows].masked_fill(~same, 0.0).sum(dim=1)
            owed = same.any(dim=1) & (shares >= 0.5 * prediction.log_probs[rows, pieces].exp())
            own = prediction.own[rows].masked_fill(~same, -torch.inf).amax(dim=1)
            belief = belief + torch.where(owed, own, 0.0)
        return Attribution(torch.cat([self.owed[rows], owed[:, None]], dim=1), belief)

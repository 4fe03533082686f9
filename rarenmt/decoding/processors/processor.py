"""The interface of logits processors, and the two that need nothing but the pieces so far.

The search calls each processor of its list once a step. Every constraint on the next piece is here;
remembered words also change the attention and what is retrieved.

Shapes: B open sentences · K beam · N = B·K hypotheses · t pieces so far · V vocabulary · S source
pieces.
"""

from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
from torch import Tensor

from rarenmt.model.seq2seq import Prediction
from rarenmt.text.tokenizer import BOS, EOS, PAD, UNK

MIN_LOG_PROB = -1e4
"""Lowest log-probability of EOS where no other piece is allowed."""


class Step(NamedTuple):
    """One step of the search."""

    pieces: Tensor
    """(N, t) the pieces so far."""
    attention: Tensor
    """(N, S) the attention of this step."""
    prediction: Prediction
    """The distribution of the next piece; processors change its log-probabilities in place."""


class LogitsProcessor(ABC):
    """A constraint on the next piece, with a state for each hypothesis if it needs one."""

    @abstractmethod
    def process(self, step: Step) -> None:
        """Change the log-probabilities of the next piece, in place."""

    def keep(self, sentences: Tensor) -> None:  # noqa: B027  # a constraint without a state
        """Follow the search, before `advance`: only these sentences (B',) stay in the batch."""

    def advance(self, step: Step, rows: Tensor, pieces: Tensor) -> None:  # noqa: B027
        """Follow the search: the next hypotheses continue `rows` (N',) with `pieces` (N',)."""


class LoopBlocker(LogitsProcessor):
    """Blocks the piece with which the end of a hypothesis would repeat itself over `limit` pieces.

    Periods of up to five pieces; a number of many zeros or a triple word passes.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit

    def process(self, step: Step) -> None:
        pieces = step.pieces
        if pieces.shape[1] < self._limit - 1:
            return
        tail = pieces[:, pieces.shape[1] - self._limit + 1 :]
        for period in range(1, 6):
            loops = (tail[:, period:] == tail[:, :-period]).all(dim=1)
            if bool(loops.any()):
                step.prediction.log_probs[loops, pieces[loops, -period]] = -torch.inf


class LengthLimit(LogitsProcessor):
    """Blocks special pieces, and everything but EOS at the longest length of each sentence."""

    def __init__(self, limits: Tensor, beam: int) -> None:
        self.limits, self._beam = limits, beam
        """(B,) the most pieces of a translation of each open sentence."""

    def process(self, step: Step) -> None:
        log_probs = step.prediction.log_probs
        log_probs[:, [PAD, BOS, UNK]] = -torch.inf
        full = (step.pieces.shape[1] >= self.limits).repeat_interleave(self._beam)
        rows = full.nonzero()[:, 0]
        if len(rows):
            end = log_probs[rows, EOS].clamp(min=MIN_LOG_PROB)
            log_probs[rows] = -torch.inf
            log_probs[rows, EOS] = end

    def keep(self, sentences: Tensor) -> None:
        self.limits = self.limits[sentences]

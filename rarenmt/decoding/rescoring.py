"""Rescore finished translations with other pieces at some positions.

The search recorded the decoder state before every piece. From there the base model scores the
alternative pieces and the pieces that follow them, so that no prefix is decoded twice.

Shapes: D edits · V vocabulary.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from rarenmt.decoding.beam_search import Hypothesis
from rarenmt.decoding.trace import DecoderSnapshot, SearchHistory
from rarenmt.model.seq2seq import MIN_BATCH_ROWS, Model
from rarenmt.text.batch import Ids, by_length, pad

MAX_BATCH_PIECES = 1000
"""Pieces × alternatives of one batch."""


@dataclass(frozen=True)
class Edit:
    """A part of a translation that may be replaced."""

    sentence: int
    """Number of the sentence."""
    position: int
    """First piece of the part in the translation."""
    pieces: Ids
    """The pieces of the part."""
    following: Ids
    """The pieces after it that are scored too."""


E = TypeVar("E", bound=Edit)
T = TypeVar("T")

Alternative = tuple[Ids, float]
"""Pieces for an edit, and a bonus in nats."""


class Rescorer:
    """Rescores the hypotheses of a search."""

    def __init__(
        self, model: Model, hypotheses: Sequence[Hypothesis], history: SearchHistory
    ) -> None:
        self._model, self._hypotheses, self._history = model, hypotheses, history

    def choose(
        self, edits: Sequence[E], alternatives: Callable[[E, Tensor], Sequence[Alternative]]
    ) -> list[Ids]:
        """Return the best pieces for each edit.

        `alternatives` returns the candidates for an edit, given the base model's log-probabilities
        (V,) at its position. The best has the highest score with the following pieces and its
        bonus. Without alternatives the pieces stay.
        """
        best = [(-torch.inf, edit.pieces) for edit in edits]
        if not edits:
            return []
        padded = _pad_rows(edits)
        snapshot = self._history.snapshot(
            [edit.sentence for edit in padded],
            [self._hypotheses[edit.sentence].backpointer for edit in padded],
            [edit.position for edit in padded],
        )
        log_probs = self._model.output(snapshot.top).float().log_softmax(dim=-1)
        candidates = [
            (number, pieces, bonus)
            for number, edit in enumerate(edits)
            for pieces, bonus in alternatives(edit, log_probs[number])
        ]
        texts = [(number, pieces, edits[number].following) for number, pieces, _ in candidates]
        scores = self._score(texts, snapshot, log_probs)
        for (number, pieces, bonus), score in zip(candidates, scores, strict=True):
            best[number] = max(best[number], (score + bonus, pieces), key=lambda each: each[0])
        return [pieces for _, pieces in best]

    def _score(
        self, texts: Sequence[tuple[int, Ids, Ids]], snapshot: DecoderSnapshot, log_probs: Tensor
    ) -> list[float]:
        """Return the base model's score, in nats, of pieces and those that follow them, at the
        edit of each number, where `snapshot` and `log_probs` (D, V) are."""
        scores: dict[int, float] = {}
        device = log_probs.device
        lengths = [len(pieces + following) for _, pieces, following in texts]
        for chosen in by_length(lengths, MAX_BATCH_PIECES):
            batch = [texts[each] for each in _pad_rows(chosen)]
            rows = torch.tensor([number for number, _, _ in batch], device=device)
            inputs = pad([pieces + following for _, pieces, following in batch], device)
            states, _, _ = self._model.decode(
                inputs[:-1], snapshot.state.select(rows), snapshot.attention_inputs.select(rows)
            )
            later = self._model.output(states.top).float().log_softmax(dim=-1)
            later = later.gather(2, inputs[1:, :, None])[:, :, 0]
            nats = torch.cat([log_probs[rows, inputs[0]][None], later]).t().tolist()
            for each, row in zip(chosen, nats, strict=False):
                scores[each] = sum(row[: lengths[each]])
        return [scores[each] for each in range(len(texts))]


def _pad_rows(rows: Sequence[T]) -> list[T]:
    """Repeat the last row up to MIN_BATCH_ROWS, so that a batch of any size gives the same bits."""
    return [*rows, *[rows[-1]] * (MIN_BATCH_ROWS - len(rows))]

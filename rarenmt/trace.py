"""What stands behind the pieces of a translation: where the decoder looked, and which entries of
the memory spoke.

A search notes every step as it is and follows a finished hypothesis back through them, so that
tracing costs nothing while the search goes on.

Shapes: N hypotheses of a step · C continuations chosen among theirs · S source pieces ·
K neighbours · F finished hypotheses.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from rarenmt.memory import Recall
from rarenmt.model import Prediction

VOICES = 5
"""Entries named for one piece, at most."""

AUDIBLE = 0.01
"""Share of a piece's probability from which an entry is named; the nearest always is."""


@dataclass(frozen=True)
class Voice:
    """An entry that spoke for a piece."""

    slot: int
    similarity: float
    """Of its key to the query, −1 to 1."""
    weight: float
    """Share of the piece's probability that came from it, 0 to 1."""


@dataclass(frozen=True)
class Trace:
    """What one piece came from."""

    attention: list[float]
    """Weight of each source piece, EOS last; together 1."""
    weight: float
    """Share of the piece's probability that came from the memory, 0 to 1."""
    voices: list[Voice]
    """The entries behind that share, nearest first; none where the memory said something else."""


@dataclass(frozen=True)
class Ending:
    """Where a hypothesis stood when it was finished."""

    steps: int
    """Pieces it has."""
    row: int
    """Among the hypotheses that were open after so many steps."""
    source: int
    """Pieces of its source, EOS included."""


@dataclass(frozen=True)
class _Step:
    """One step of the search."""

    rows: Tensor
    """(C,) the hypotheses that were continued"""
    pieces: Tensor
    """(C,) and with what"""
    log_probs: Tensor
    """(C,) of these pieces"""
    attention: Tensor
    """(N, S)"""
    recall: Recall | None
    shares: Tensor | None
    """(N, K)"""


class History:
    """The steps of a search."""

    def __init__(self) -> None:
        self._steps: list[_Step] = []

    def note(self, prediction: Prediction, attention: Tensor, rows: Tensor, pieces: Tensor) -> None:
        """The hypotheses in `rows` go on with `pieces`, having looked and heard so."""
        log_probs = prediction.log_probs[rows, pieces]
        step = _Step(rows, pieces, log_probs, attention, prediction.recall, prediction.shares)
        self._steps.append(step)

    def trace(self, endings: Sequence[Ending]) -> list[list[Trace]]:
        """The traces of finished hypotheses, one a piece."""
        traces: list[list[Trace]] = [[] for _ in endings]
        at = [ending.row for ending in endings]
        for number in reversed(range(len(self._steps))):
            active = [i for i, ending in enumerate(endings) if ending.steps > number]
            step = self._steps[number]
            chosen = torch.tensor([at[i] for i in active], device=step.rows.device).long()
            found = _listen(step, chosen, [endings[i].source for i in active])
            for i, row, trace in zip(active, step.rows[chosen].tolist(), found, strict=True):
                at[i] = row
                traces[i].append(trace)
        return [trace[::-1] for trace in traces]


def _listen(step: _Step, chosen: Tensor, lengths: Sequence[int]) -> list[Trace]:
    """The traces of some continuations (F,) of a step, for sources of these lengths."""
    rows = step.rows[chosen]
    looked = step.attention[rows].float().tolist()
    attention = [row[:length] for row, length in zip(looked, lengths, strict=True)]
    if step.recall is None or step.shares is None:
        return [Trace(row, 0.0, []) for row in attention]
    recall, pieces = step.recall.at(rows), step.pieces[chosen]
    lent = step.shares[rows].masked_fill(recall.values != pieces[:, None], 0.0)  # (F, K)
    together = lent.sum(dim=1)
    total = (together / step.log_probs[chosen].exp()).clamp(max=1.0)
    weights = lent * (total / together.clamp(min=1e-30))[:, None]
    cosine = recall.similarity if recall.cosine is None else recall.cosine
    heard = zip(_slots(recall, pieces), cosine.tolist(), weights.tolist(), strict=True)
    return [
        Trace(row, weight, _audible(*voices) if weight > 0 else [])
        for row, weight, voices in zip(attention, total.tolist(), heard, strict=True)
    ]


def _slots(recall: Recall, pieces: Tensor) -> list[list[int]]:
    """The slots (F, K) that hold the pieces (F,); −1 for those that hold others."""
    slots: list[list[int]] = recall.slots.where(recall.values == pieces[:, None], -1).tolist()
    return slots


def _audible(slots: list[int], similarities: list[float], weights: list[float]) -> list[Voice]:
    """The nearest of the neighbours that hold the piece, and others that count."""
    voices = [
        Voice(*voice) for voice in zip(slots, similarities, weights, strict=True) if voice[0] >= 0
    ]
    return voices[:1] + [voice for voice in voices[1:VOICES] if voice.weight >= AUDIBLE]

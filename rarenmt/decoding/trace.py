"""What stands behind the pieces of a translation: where the decoder looked, which entries of the
memory spoke, and in what state it was.

A search notes every step as it is and follows a finished hypothesis back through them, so that
tracing costs nothing while the search goes on.

Shapes: B sentences · N hypotheses of a step · C continuations chosen among theirs · S source
pieces · K neighbours · F finished hypotheses · P places in them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from rarenmt.memory.memory import Recall
from rarenmt.model.attention import AttentionInputs
from rarenmt.model.decoder import DecoderState
from rarenmt.model.seq2seq import Prediction

MAX_CONTRIBUTIONS = 5
"""Entries named for one piece, at most."""

MIN_CONTRIBUTION = 0.01
"""Share of a piece's probability from which an entry is named; the nearest always is."""


@dataclass(frozen=True)
class Contribution:
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
    voices: list[Contribution]
    """The entries behind that share, nearest first; none where the memory said something else."""


@dataclass(frozen=True)
class Backpointer:
    """Where a hypothesis stood when it was finished."""

    steps: int
    """Pieces it has."""
    row: int
    """Among the hypotheses that were open after so many steps."""
    source: int
    """Pieces of its source, EOS included."""


@dataclass(frozen=True)
class DecoderSnapshot:
    """How the decoder stood before some pieces."""

    attended: AttentionInputs
    """(P, …) what it could attend to"""
    top: Tensor
    """(P, H) what they were predicted from"""
    state: DecoderState
    """(P, …)"""


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
    top: Tensor
    """(N, H)"""
    state: DecoderState
    """(N, …) before these pieces"""


class SearchHistory:
    """The steps of a search; those that are not to be `heard` say no more than how it stood."""

    def __init__(self, *, heard: bool = True) -> None:
        self._heard = heard
        self._attended: AttentionInputs | None = None
        self._steps: list[_Step] = []

    def begin(self, attended: AttentionInputs) -> None:
        """The search looks at these sentences (B, …)."""
        self._attended = attended

    def note(
        self,
        prediction: Prediction,
        attention: Tensor,
        top: Tensor,
        state: DecoderState,
        rows: Tensor,
        pieces: Tensor,
    ) -> None:
        """The hypotheses in `rows` go on with `pieces`, having looked, heard and stood so."""
        log_probs = prediction.log_probs[rows, pieces]
        recall, shares = (prediction.recall, prediction.shares) if self._heard else (None, None)
        step = _Step(rows, pieces, log_probs, attention, recall, shares, top, state)
        self._steps.append(step)

    def trace(self, endings: Sequence[Backpointer]) -> list[list[Trace]]:
        """The traces of finished hypotheses, one a piece; none if they were not to be heard."""
        traces: list[list[Trace]] = [[] for _ in endings]
        if self._heard:
            for number, active, chosen in self._back(endings):
                found = _listen(self._steps[number], chosen, [endings[i].source for i in active])
                for i, trace in zip(active, found, strict=True):
                    traces[i].append(trace)
        return [trace[::-1] for trace in traces]

    def before(
        self, sentences: Sequence[int], endings: Sequence[Backpointer], places: Sequence[int]
    ) -> DecoderSnapshot:
        """How the decoder stood before some places (P,) in these hypotheses for these sentences."""
        assert self._attended is not None
        tops, states, order = [], [], []
        for number, active, chosen in self._back(endings):
            here = [k for k, i in enumerate(active) if places[i] == number]
            if here:
                step = self._steps[number]
                rows = step.rows[chosen[here]]
                tops.append(step.top[rows])
                states.append(step.state.select(rows))
                order += [active[k] for k in here]
        device = self._attended.keys.device
        back = torch.tensor(order, device=device).argsort()
        attended = self._attended.select(torch.tensor(sentences, device=device))
        return DecoderSnapshot(
            attended, torch.cat(tops)[back], DecoderState.join(states).select(back)
        )

    def _back(self, endings: Sequence[Backpointer]) -> Iterator[tuple[int, list[int], Tensor]]:
        """The number of every step, the last first, those of the hypotheses that took it, and where
        they are among its continuations (F,)."""
        at = [ending.row for ending in endings]
        for number in reversed(range(len(self._steps))):
            active = [i for i, ending in enumerate(endings) if ending.steps > number]
            step = self._steps[number]
            chosen = torch.tensor([at[i] for i in active], device=step.rows.device).long()
            yield number, active, chosen
            for i, row in zip(active, step.rows[chosen].tolist(), strict=True):
                at[i] = row


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


def _audible(
    slots: list[int], similarities: list[float], weights: list[float]
) -> list[Contribution]:
    """The nearest of the neighbours that hold the piece, and others that count."""
    voices = [
        Contribution(*voice)
        for voice in zip(slots, similarities, weights, strict=True)
        if voice[0] >= 0
    ]
    return voices[:1] + [
        voice for voice in voices[1:MAX_CONTRIBUTIONS] if voice.weight >= MIN_CONTRIBUTION
    ]

"""Trace a translation: the attention, the memory entries and the decoder state behind each piece.

The search records every step. A finished hypothesis is followed back through the records, so that
tracing costs nothing during the search.

Shapes: B sentences · N hypotheses of a step · C continuations chosen from them · S source pieces ·
K neighbours · F finished hypotheses · P positions in them.
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
"""Maximum number of entries that are named for one piece."""

MIN_CONTRIBUTION = 0.01
"""Share of a piece's probability from which an entry is named; the nearest always is."""


@dataclass(frozen=True)
class EntryWeight:
    """An entry that gave probability to a piece."""

    slot: int
    similarity: float
    """Cosine of its key and the query, −1 to 1."""
    weight: float
    """Share of the piece's probability that the entry gave, 0 to 1."""


@dataclass(frozen=True)
class Trace:
    """The origin of one piece."""

    attention: list[float]
    """Weight of each source piece, EOS last; they sum to 1."""
    weight: float
    """Share of the piece's probability that the memory gave, 0 to 1."""
    contributions: list[EntryWeight]
    """The entries behind that share, nearest first; none if the memory proposed other pieces."""


@dataclass(frozen=True)
class Backpointer:
    """The position of a finished hypothesis in the history of its search."""

    steps: int
    """Pieces of the hypothesis."""
    row: int
    """Its row among the hypotheses that were open after so many steps."""
    source_length: int
    """Pieces of its source, with EOS."""


@dataclass(frozen=True)
class DecoderSnapshot:
    """The decoder before some pieces."""

    attention_inputs: AttentionInputs
    """(P, …)"""
    top: Tensor
    """(P, H) the top states that predicted the pieces"""
    state: DecoderState
    """(P, …)"""


@dataclass(frozen=True)
class _Step:
    """One step of the search."""

    rows: Tensor
    """(C,) the hypotheses that were continued"""
    pieces: Tensor
    """(C,) the pieces that continue them"""
    log_probs: Tensor
    """(C,) of these pieces"""
    attention: Tensor
    """(N, S)"""
    recall: Recall | None
    memory_probs: Tensor | None
    """(N, K)"""
    top: Tensor
    """(N, H)"""
    state: DecoderState
    """(N, …) before these pieces"""


class SearchHistory:
    """The steps of a search. Without `keep_recalls` it yields decoder states, but no traces."""

    def __init__(self, *, keep_recalls: bool = True) -> None:
        self._keep_recalls = keep_recalls
        self._attention_inputs: AttentionInputs | None = None
        self._steps: list[_Step] = []

    def begin(self, attention_inputs: AttentionInputs) -> None:
        """Start the history of a search over these sentences (B, …)."""
        self._attention_inputs = attention_inputs

    def record(
        self,
        prediction: Prediction,
        attention: Tensor,
        top: Tensor,
        state: DecoderState,
        rows: Tensor,
        pieces: Tensor,
    ) -> None:
        """Record a step in which `pieces` (C,) continued the hypotheses in `rows` (C,)."""
        log_probs = prediction.log_probs[rows, pieces]
        recall, memory_probs = prediction.recall, prediction.memory_probs
        if not self._keep_recalls:
            recall = memory_probs = None
        step = _Step(rows, pieces, log_probs, attention, recall, memory_probs, top, state)
        self._steps.append(step)

    def trace(self, backpointers: Sequence[Backpointer]) -> list[list[Trace]]:
        """Return one trace per piece of each finished hypothesis; none without `keep_recalls`."""
        traces: list[list[Trace]] = [[] for _ in backpointers]
        if self._keep_recalls:
            for number, active, chosen in self._walk_back(backpointers):
                lengths = [backpointers[i].source_length for i in active]
                found = _traces(self._steps[number], chosen, lengths)
                for i, trace in zip(active, found, strict=True):
                    traces[i].append(trace)
        return [trace[::-1] for trace in traces]

    def snapshot(
        self,
        sentences: Sequence[int],
        backpointers: Sequence[Backpointer],
        positions: Sequence[int],
    ) -> DecoderSnapshot:
        """Return the decoder before some positions (P,) of these hypotheses for these sentences."""
        assert self._attention_inputs is not None
        tops, states, order = [], [], []
        for number, active, chosen in self._walk_back(backpointers):
            here = [k for k, i in enumerate(active) if positions[i] == number]
            if here:
                step = self._steps[number]
                rows = step.rows[chosen[here]]
                tops.append(step.top[rows])
                states.append(step.state.select(rows))
                order += [active[k] for k in here]
        device = self._attention_inputs.keys.device
        back = torch.tensor(order, device=device).argsort()
        attention_inputs = self._attention_inputs.select(torch.tensor(sentences, device=device))
        return DecoderSnapshot(
            attention_inputs, torch.cat(tops)[back], DecoderState.join(states).select(back)
        )

    def _walk_back(
        self, backpointers: Sequence[Backpointer]
    ) -> Iterator[tuple[int, list[int], Tensor]]:
        """Yield from the last step on: its number, the hypotheses that took it, and their rows
        among its continuations (F,)."""
        at = [each.row for each in backpointers]
        for number in reversed(range(len(self._steps))):
            active = [i for i, each in enumerate(backpointers) if each.steps > number]
            step = self._steps[number]
            chosen = torch.tensor([at[i] for i in active], device=step.rows.device).long()
            yield number, active, chosen
            for i, row in zip(active, step.rows[chosen].tolist(), strict=True):
                at[i] = row


def _traces(step: _Step, chosen: Tensor, lengths: Sequence[int]) -> list[Trace]:
    """Return the traces of some continuations (F,) of a step, for sources of these lengths."""
    rows = step.rows[chosen]
    weights = step.attention[rows].float().tolist()
    attention = [row[:length] for row, length in zip(weights, lengths, strict=True)]
    if step.recall is None or step.memory_probs is None:
        return [Trace(row, 0.0, []) for row in attention]
    recall, pieces = step.recall.select(rows), step.pieces[chosen]
    probs = step.memory_probs[rows].masked_fill(recall.values != pieces[:, None], 0.0)  # (F, K)
    together = probs.sum(dim=1)
    total = (together / step.log_probs[chosen].exp()).clamp(max=1.0)
    shares = probs * (total / together.clamp(min=1e-30))[:, None]
    cosine = recall.similarity if recall.cosine is None else recall.cosine
    entries = zip(_slots(recall, pieces), cosine.tolist(), shares.tolist(), strict=True)
    return [
        Trace(row, weight, _contributions(*each) if weight > 0 else [])
        for row, weight, each in zip(attention, total.tolist(), entries, strict=True)
    ]


def _slots(recall: Recall, pieces: Tensor) -> list[list[int]]:
    """Return the slots (F, K) that hold the pieces (F,); −1 for those that hold others."""
    slots: list[list[int]] = recall.slots.where(recall.values == pieces[:, None], -1).tolist()
    return slots


def _contributions(
    slots: list[int], similarities: list[float], weights: list[float]
) -> list[EntryWeight]:
    """Return the nearest of the neighbours that hold the piece, and others with enough weight."""
    contributions = [
        EntryWeight(*each)
        for each in zip(slots, similarities, weights, strict=True)
        if each[0] >= 0
    ]
    return contributions[:1] + [
        each for each in contributions[1:MAX_CONTRIBUTIONS] if each.weight >= MIN_CONTRIBUTION
    ]

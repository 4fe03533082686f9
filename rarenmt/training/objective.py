"""The training loss: translation at every position, memory and readout at a random few, whose
queries are written to the memory afterwards.

Predict first, then write: the memory of a step holds only entries of earlier steps.
"""

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from rarenmt.config import TrainConfig
from rarenmt.decoding.candidates import CandidateSet
from rarenmt.decoding.prefix import LastWords
from rarenmt.memory.memory import Memory, Recall
from rarenmt.model.query import DecoderStates
from rarenmt.model.seq2seq import Model
from rarenmt.text.batch import Batch
from rarenmt.text.tokenizer import PAD
from rarenmt.training.softmax_loss import softmax_loss


@dataclass(frozen=True)
class MemoryQueries:
    """Queries of one step, to be written to the memory after it."""

    queries: Tensor
    """(P, D)"""
    targets: Tensor
    """(P,)"""
    recall: Recall

    @classmethod
    def empty(cls, memory: Memory) -> "MemoryQueries":
        """The queries of a rank that has no drawn position."""
        queries = memory.keys.new_zeros((0, memory.keys.shape[1]), dtype=torch.float32)
        empty = memory.values.new_zeros((0, 1))
        return cls(queries, memory.values[:0], Recall(empty, empty, queries[:, :1]))


@dataclass(frozen=True)
class Loss:
    """Sums over tokens, so that shards of a batch can be added up."""

    translation: Tensor
    memory: Tensor
    readout: Tensor
    hits: Tensor
    """Querying positions whose first neighbour held the target."""
    queries: MemoryQueries | None
    attention: Tensor
    """Guided-alignment loss of the aligned words, or of the word pairs of an episode."""

    def sums(self) -> Tensor:
        """(5,) float32: translation, memory, readout, hits, attention."""
        losses = (self.translation, self.memory, self.readout, self.hits, self.attention)
        return torch.stack([loss.detach().float() for loss in losses]).cpu()


@dataclass(frozen=True)
class WordMask:
    """Positions of the two words of an episode in a batch of its sentences."""

    source: Tensor
    """(S, B) pieces of the source word."""
    target: Tensor
    """(T, B) pieces of the target word."""
    made_up: Tensor
    """(T, B) those of `target` that are invented, so that only the memory holds them."""
    unknown: Tensor
    """(T, B) those of `made_up` whose pair is withheld, so that they cannot be predicted."""


def compute_loss(
    model: Model,
    batch: Batch,
    memory: Memory | None,
    positions: Tensor | None,
    config: TrainConfig,
    aligned: Tensor | None = None,
) -> Loss:
    """The loss of one batch. Of its flattened target positions (T · B,) those in `positions` (P,)
    query the memory; `aligned` (B, T, S), the source pieces that each target piece translates,
    adds the guided-alignment loss."""
    states, weights = model.decode_reference(batch)
    real, targets = _real(batch)
    translation = _translation(model, states.top.flatten(0, 1)[real], targets, config.smoothing)
    zero = translation.new_zeros(())
    attention = zero if aligned is None else attention_loss(weights, aligned)
    if memory is None or positions is None or not len(positions):
        return Loss(translation, zero, zero, zero, None, attention)
    chosen, targets = states.select(positions), batch.outputs.flatten()[positions]
    equal = torch.ones(len(targets), device=targets.device)
    queries = model.query(
        chosen, freeze_shares=True
    )  # frequent words would leave the top state alone
    recall = memory.read(queries)
    loss = _memory_losses(model, chosen, queries, recall, targets, equal, memory, translation)
    return replace(loss, attention=attention)


def episode_loss(
    model: Model,
    batch: Batch,
    word: WordMask,
    memory: Memory,
    config: TrainConfig,
    candidates: CandidateSet | None = None,
) -> Loss:
    """The loss of sentences with invented words, which only the memory holds.

    Every position queries the candidates of its sentence, or the whole memory without them. The
    translation loss leaves the invented pieces out. The attention learns to attend to the source
    word while the target word is written, because the query contains the attended source.
    """
    states, weights = model.decode_reference(batch)
    real, targets = _real(batch)
    made_up = word.made_up.flatten()[real]
    top = states.top.flatten(0, 1)[real[~made_up]]
    translation = _translation(model, top, targets[~made_up], config.smoothing)
    weighted = 1.0 + (config.practice.made_up_weight - 1.0) * made_up
    weighted[word.unknown.flatten()[real]] = 0.0
    queries, recall = _read(model, states, weights, batch, real, memory, candidates)
    rows = states.select(real)
    loss = _memory_losses(model, rows, queries, recall, targets, weighted, memory, translation)
    aligned = word.target.t()[:, :, None] & word.source.t()[:, None]
    return replace(
        loss, attention=config.practice.attention_weight * attention_loss(weights, aligned)
    )


def attention_loss(weights: Tensor, aligned: Tensor) -> Tensor:
    """− Σ ln of the attention weights (B, T, S) on the source pieces aligned with a target piece
    (B, T, S); an unaligned piece adds nothing.

    Guided alignment: Chen et al. 2016, arXiv 1607.01628.
    """
    received = (weights * aligned).sum(dim=-1)  # (B, T)
    return -received.clamp(min=1e-6).log()[aligned.any(dim=-1)].sum()


def _read(
    model: Model,
    states: DecoderStates,
    weights: Tensor,
    batch: Batch,
    real: Tensor,
    memory: Memory,
    candidates: CandidateSet | None,
) -> tuple[Tensor, Recall]:
    """Queries and their neighbours at the real positions (P,) of states (T, B, …), with attention
    weights (B, T, S)."""
    if candidates is None:
        queries = model.query(states.select(real))
        return queries, memory.read(queries)
    steps, sentences = batch.outputs.shape
    queries = model.query(states.flatten()).view(steps, sentences, -1).transpose(0, 1).flatten(0, 1)
    rows = real % sentences * steps + real // sentences  # read sentence by sentence
    prefix = LastWords.from_inputs(batch.inputs, candidates.boundaries).by_sentence()
    return queries[rows], candidates.read(queries, prefix, weights.flatten(0, 1)).select(rows)


def _real(batch: Batch) -> tuple[Tensor, Tensor]:
    """Flat positions that are not padding, and their targets."""
    outputs = batch.outputs.flatten()
    real = (outputs != PAD).nonzero().squeeze(1)
    return real, outputs[real]


def _translation(model: Model, top: Tensor, targets: Tensor, smoothing: float) -> Tensor:
    return softmax_loss(model.output(top), targets, smoothing)


def _memory_losses(
    model: Model,
    states: DecoderStates,
    queries: Tensor,
    recall: Recall,
    targets: Tensor,
    weights: Tensor,
    memory: Memory,
    translation: Tensor,
) -> Loss:
    """Losses of the memory and of the readout at positions with these weights (P,)."""
    found, zero = MemoryQueries(queries.detach(), targets, recall), translation.new_zeros(())
    if memory.size == 0:
        return Loss(translation, zero, zero, zero, found, zero)
    log_probs = model.predict_with_memory(states, queries, recall, memory).log_probs
    readout = (weights * F.nll_loss(log_probs, targets, reduction="none")).sum()
    hinge = (weights.clamp(max=1.0) * memory.loss(queries, recall, targets)).sum()
    hits = (recall.values[:, 0] == targets).sum()
    return Loss(translation, hinge, readout, hits, found, zero)

"""What training minimises: the translation loss at every position, and at a random few
the loss of the memory and of its readout; afterwards those few are written down.

Predict first, then write: the memory of a step holds only what earlier steps showed.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from rarenmt.batches import Batch
from rarenmt.config import TrainConfig
from rarenmt.excerpt import Excerpt, spell_all
from rarenmt.memory import Memory, Recall
from rarenmt.model import Model
from rarenmt.query import States
from rarenmt.softmax_loss import softmax_loss
from rarenmt.tokens import PAD


@dataclass(frozen=True)
class Asked:
    """The positions of a step that queried the memory, to be written after the step."""

    queries: Tensor
    """(P, D)"""
    targets: Tensor
    """(P,)"""
    recall: Recall


@dataclass(frozen=True)
class Loss:
    """Sums over tokens, so that shards of a batch can be added up."""

    translation: Tensor
    memory: Tensor
    readout: Tensor
    hits: Tensor
    """How many of the asked positions had a right first neighbour."""
    asked: Asked | None


def compute_loss(
    model: Model,
    batch: Batch,
    memory: Memory | None,
    positions: int,
    config: TrainConfig,
    generator: torch.Generator,
) -> Loss:
    """The loss of one batch, `positions` of whose target positions query the memory."""
    states = model.unroll(batch)
    real, targets = _real(batch)
    translation = _translation(model, states.top.flatten(0, 1)[real], targets, config.smoothing)
    if memory is None or positions == 0:
        zero = translation.new_zeros(())
        return Loss(translation, zero, zero, zero, None)
    drawn = torch.randperm(len(real), generator=generator)[:positions].to(real.device)
    few, targets = states.at(real[drawn]), targets[drawn]
    weights = torch.ones(len(targets), device=targets.device)
    queries = model.query(few)
    recall = memory.read(queries)
    return _judge(model, few, queries, recall, targets, weights, memory, translation)


def episode_loss(
    model: Model,
    batch: Batch,
    made_up: Tensor,
    memory: Memory,
    config: TrainConfig,
    excerpt: Excerpt | None = None,
) -> Loss:
    """The loss of sentences whose made-up pieces (T, B) only the memory can know.

    All positions ask the memory, or the excerpt for these sentences; the translation loss
    leaves the made-up ones out.
    """
    states = model.unroll(batch)
    real, targets = _real(batch)
    invented = made_up.flatten()[real]
    known = ~invented
    top = states.top.flatten(0, 1)[real[known]]
    translation = _translation(model, top, targets[known], config.smoothing)
    weights = 1.0 + (MADE_UP_WEIGHT - 1.0) * invented
    queries, recall = _read(model, states, batch, real, memory, excerpt)
    return _judge(model, states.at(real), queries, recall, targets, weights, memory, translation)


def _read(
    model: Model,
    states: States,
    batch: Batch,
    real: Tensor,
    memory: Memory,
    excerpt: Excerpt | None,
) -> tuple[Tensor, Recall]:
    """Queries and neighbours at the real positions (P,) of states (T, B, …)."""
    if excerpt is None:
        queries = model.query(states.at(real))
        return queries, memory.read(queries)
    steps, sentences = batch.outputs.shape
    queries = model.query(states.flat()).view(steps, sentences, -1).transpose(0, 1).flatten(0, 1)
    rows = real % sentences * steps + real // sentences  # an excerpt is read sentence by sentence
    written = spell_all(batch.inputs, excerpt.inside).t().flatten()
    return queries[rows], excerpt.read(queries, written).at(rows)


MADE_UP_WEIGHT = 3.0
"""How much more a made-up piece counts in the readout's loss than another one."""


def _real(batch: Batch) -> tuple[Tensor, Tensor]:
    """The flat positions that are not padding, and their targets: no softmax over padding."""
    outputs = batch.outputs.flatten()
    real = (outputs != PAD).nonzero().squeeze(1)
    return real, outputs[real]


def _translation(model: Model, top: Tensor, targets: Tensor, smoothing: float) -> Tensor:
    return softmax_loss(model.output(top), targets, smoothing)


def _judge(
    model: Model,
    states: States,
    queries: Tensor,
    recall: Recall,
    targets: Tensor,
    weights: Tensor,
    memory: Memory,
    translation: Tensor,
) -> Loss:
    """Judge what the memory answered at some positions, weighted (P,)."""
    asked = Asked(queries.detach(), targets, recall)
    if memory.used == 0:
        zero = translation.new_zeros(())
        return Loss(translation, zero, zero, zero, asked)
    log_probs, _ = model.read_out(states, queries, recall, memory)
    readout = (weights * F.nll_loss(log_probs, targets, reduction="none")).sum()
    hinge = memory.loss(queries, recall, targets).sum()
    hits = (recall.values[:, 0] == targets).sum()
    return Loss(translation, hinge, readout, hits, asked)

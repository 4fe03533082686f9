"""What training minimises: the translation loss at every position, and at a random few
the loss of the memory and of its readout; afterwards those few are written down.

Predict first, then write: the memory of a step holds only what earlier steps showed.
"""

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from rarenmt.config import TrainConfig
from rarenmt.decoding.candidates import CandidateSet
from rarenmt.decoding.prefix import Prefix
from rarenmt.memory.memory import Memory, Recall
from rarenmt.model.query import DecoderStates
from rarenmt.model.seq2seq import Model
from rarenmt.text.batch import Batch
from rarenmt.text.tokenizer import PAD
from rarenmt.training.softmax_loss import softmax_loss


@dataclass(frozen=True)
class MemoryQueries:
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
    asked: MemoryQueries | None
    attention: Tensor
    """Of the linked words, or of the word pairs of an episode."""


@dataclass(frozen=True)
class Word:
    """Where the two words of an episode stand in its sentences."""

    source: Tensor
    """(S, B) pieces of the source word."""
    target: Tensor
    """(T, B) pieces of the target word."""
    made_up: Tensor
    """(T, B) those of them that only the memory can know."""
    unknown: Tensor
    """(T, B) those of them that the memory is not asked for, so that nobody can know them."""


def compute_loss(
    model: Model,
    batch: Batch,
    memory: Memory | None,
    places: Tensor | None,
    config: TrainConfig,
    linked: Tensor | None = None,
) -> Loss:
    """The loss of one batch, of whose target positions (T, B), flattened, those at `places` (P,)
    query the memory; where it is known which source pieces a target piece translates, `linked`
    (B, T, S), also that of the attention."""
    states, weights = model.attend(batch)
    real, targets = _real(batch)
    translation = _translation(model, states.top.flatten(0, 1)[real], targets, config.smoothing)
    zero = translation.new_zeros(())
    attention = zero if linked is None else attention_loss(weights, linked)
    if memory is None or places is None or not len(places):
        return Loss(translation, zero, zero, zero, None, attention)
    few, targets = states.at(places), batch.outputs.flatten()[places]
    counts = torch.ones(len(targets), device=targets.device)
    queries = model.query(few, held=True)  # frequent words would give it all to the top state
    recall = memory.read(queries)
    loss = _judge(model, few, queries, recall, targets, counts, memory, translation)
    return replace(loss, attention=attention)


def episode_loss(
    model: Model,
    batch: Batch,
    word: Word,
    memory: Memory,
    config: TrainConfig,
    excerpt: CandidateSet | None = None,
) -> Loss:
    """The loss of sentences with words that only the memory can know.

    All positions ask the memory, or the excerpt for these sentences; the translation loss
    leaves the made-up ones out. The attention learns to sit on the source word while the target
    word is written, for the memory is asked about what is attended.
    """
    states, weights = model.attend(batch)
    real, targets = _real(batch)
    invented = word.made_up.flatten()[real]
    known = ~invented
    top = states.top.flatten(0, 1)[real[known]]
    translation = _translation(model, top, targets[known], config.smoothing)
    counts = 1.0 + (MADE_UP_WEIGHT - 1.0) * invented
    counts[word.unknown.flatten()[real]] = 0.0
    queries, recall = _read(model, states, weights, batch, real, memory, excerpt)
    loss = _judge(model, states.at(real), queries, recall, targets, counts, memory, translation)
    linked = word.target.t()[:, :, None] & word.source.t()[:, None]
    return replace(loss, attention=ATTENTION_WEIGHT * attention_loss(weights, linked))


def attention_loss(weights: Tensor, linked: Tensor) -> Tensor:
    """− Σ ln of the attention (B, T, S) that the source pieces linked to a target piece (B, T, S)
    receive while it is written; a piece without a link adds nothing.

    Guided alignment: Chen et al. 2016, arXiv 1607.01628.
    """
    received = (weights * linked).sum(dim=-1)  # (B, T)
    return -received.clamp(min=1e-6).log()[linked.any(dim=-1)].sum()


def _read(
    model: Model,
    states: DecoderStates,
    weights: Tensor,
    batch: Batch,
    real: Tensor,
    memory: Memory,
    excerpt: CandidateSet | None,
) -> tuple[Tensor, Recall]:
    """Queries and neighbours at the real positions (P,) of states (T, B, …), where the attention
    lies as `weights` (B, T, S) have it."""
    if excerpt is None:
        queries = model.query(states.at(real))
        return queries, memory.read(queries)
    steps, sentences = batch.outputs.shape
    queries = model.query(states.flat()).view(steps, sentences, -1).transpose(0, 1).flatten(0, 1)
    rows = real % sentences * steps + real // sentences  # an excerpt is read sentence by sentence
    begun = Prefix.all(batch.inputs, excerpt.joints).by_sentence()
    return queries[rows], excerpt.read(queries, begun, weights.flatten(0, 1)).at(rows)


MADE_UP_WEIGHT = 3.0
"""How much more a made-up piece counts in the readout's loss than another one."""
ATTENTION_WEIGHT = 5.0
"""Of the attention to word pairs beside the translation loss; they are few pieces of a sentence."""


def _real(batch: Batch) -> tuple[Tensor, Tensor]:
    """The flat positions that are not padding, and their targets: no softmax over padding."""
    outputs = batch.outputs.flatten()
    real = (outputs != PAD).nonzero().squeeze(1)
    return real, outputs[real]


def _translation(model: Model, top: Tensor, targets: Tensor, smoothing: float) -> Tensor:
    return softmax_loss(model.output(top), targets, smoothing)


def _judge(
    model: Model,
    states: DecoderStates,
    queries: Tensor,
    recall: Recall,
    targets: Tensor,
    weights: Tensor,
    memory: Memory,
    translation: Tensor,
) -> Loss:
    """Judge what the memory answered at some positions, weighted (P,); 0 is not judged."""
    asked, zero = MemoryQueries(queries.detach(), targets, recall), translation.new_zeros(())
    if memory.used == 0:
        return Loss(translation, zero, zero, zero, asked, zero)
    log_probs, _, _ = model.read_out(states, queries, recall, memory)
    readout = (weights * F.nll_loss(log_probs, targets, reduction="none")).sum()
    hinge = (weights.clamp(max=1.0) * memory.loss(queries, recall, targets)).sum()
    hits = (recall.values[:, 0] == targets).sum()
    return Loss(translation, hinge, readout, hits, asked, zero)

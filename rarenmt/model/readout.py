"""Output layers with memory: the paper's readout, and a mixture as in kNN-MT.

Shapes: B positions · K neighbours · V vocabulary · H hidden · E embedding.
"""

import math
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rarenmt.config import Config
from rarenmt.memory.memory import EMPTY, Continuation, Recall
from rarenmt.model.query import DecoderStates


class Output(nn.Module):
    """From the top decoder state to logits, through the embedding of the target pieces."""

    def __init__(self, hidden: int, embedding: nn.Embedding) -> None:
        super().__init__()
        self.project = nn.Linear(hidden, embedding.embedding_dim, bias=False)
        self.bias = nn.Parameter(torch.zeros(embedding.num_embeddings))
        self.pieces = [embedding]  # in a list: shared with the model, not a second parameter

    def logits(self, features: Tensor) -> Tensor:
        """Logits (…, V) of projected features (…, E)."""
        return F.linear(features, self.pieces[0].weight, self.bias)

    def forward(self, top: Tensor) -> Tensor:
        """Logits (…, V) of top decoder states (…, H)."""
        return self.logits(self.project(top))


class Readout(Protocol):
    """Combines a recall with the decoder states into log-probabilities of the next piece."""

    def __call__(
        self, states: DecoderStates, recall: Recall, similarities: Tensor, output: Output
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return the log-probabilities (B, V), the probability that each neighbour gives to its
        value (B, K), and the base model's log-probability of that value (B, K).

        `similarities` are those of the nearest neighbour by block of the query (B, blocks).
        """
        ...


def neighbour_weights(recall: Recall, temperature: float | Tensor) -> Tensor:
    """Return softmax(t · similarity) over the neighbours (B, K); 0 for missing neighbours."""
    scaled = temperature * recall.similarity.clamp(min=-1e4)
    return torch.softmax(scaled, dim=-1) * (recall.values != EMPTY)


class PaperReadout(nn.Module):
    """A linear layer over the top state and the embedding of V[n1], scaled by its softmax weight.

    Section 3.2: "we combine the embedded memory output with the output of the final
    LSTM layer using an additional linear layer"; section 2 for the scaling.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        width = config.model.embedding
        self.temperature = config.memory.temperature
        self.scale = (
            width**0.5
        )  # a softmax weight among hundreds is small, which would slow learning
        self.combine = nn.Linear(width, width, bias=False)

    def forward(
        self, states: DecoderStates, recall: Recall, similarities: Tensor, output: Output
    ) -> tuple[Tensor, Tensor, Tensor]:
        """As `Readout`; only the first neighbour counts, and gives the probability that its value
        gains."""
        weight = neighbour_weights(recall, self.temperature)[:, :1]
        first = recall.values[:, :1].clamp(min=0)
        features = output.project(states.top)
        recalled = self.combine(self.scale * weight * output.pieces[0](first[:, 0]))
        log_probs = output.logits(features + recalled).float().log_softmax(dim=-1)
        before = output.logits(features).float().log_softmax(dim=-1)
        gained = (log_probs.gather(1, first).exp() - before.gather(1, first).exp()).clamp(min=0)
        base_log_probs = before.gather(1, recall.values.clamp(min=0))
        return log_probs, F.pad(gained, (0, recall.values.shape[1] - 1)), base_log_probs


class MixtureReadout(nn.Module):
    """p = (1 − λ) p_model + λ p_memory, with λ from a small gate.

    p_memory(v) = Σ over neighbours with value v of softmax(t · similarity) (Khandelwal
    et al. 2021, arXiv 2010.00710, equation 3). λ is computed by a perceptron from the similarity,
    unanimity and blockwise similarity of the neighbours, the confidence of the model, and a narrow
    projection of the top state, the attended source piece and the recalled piece.
    """

    VIEW, UNITS = 24, 48

    def __init__(self, config: Config) -> None:
        super().__init__()
        width = config.model.hidden + 2 * config.model.embedding
        self.log_temperature = nn.Parameter(torch.tensor(math.log(config.memory.temperature)))
        self.view = nn.Linear(width, self.VIEW)
        self.gate = nn.Sequential(
            nn.Linear(self.VIEW + 7 + len(config.memory.query), self.UNITS),
            nn.Tanh(),
            nn.Linear(self.UNITS, 1),
        )

    def forward(
        self, states: DecoderStates, recall: Recall, similarities: Tensor, output: Output
    ) -> tuple[Tensor, Tensor, Tensor]:
        """As `Readout`; each neighbour gives λ · weight. No gradient reaches the base model."""
        base = output(states.top).detach().float().log_softmax(dim=-1)
        weights = neighbour_weights(recall, self.log_temperature.exp())
        values = recall.values.clamp(min=0)
        highest = base.amax(dim=-1, keepdim=True)  # ten times as fast as `max`
        features = self._features(recall, weights, similarities, base, highest)
        recalled = output.pieces[0](values[:, 0]).detach()
        viewed = torch.cat([states.top.detach(), states.source.detach(), recalled], dim=-1)
        features = features.to(self.view.weight.dtype)
        gate = self.gate(torch.cat([self.view(viewed), features], dim=-1)).float()  # (B, 1)
        if recall.gate_bonus is not None:
            gate = gate + recall.gate_bonus[:, :1]
        found = (recall.values[:, :1] != EMPTY).float()
        share = gate.sigmoid().clamp(max=1 - 1e-6) * found  # the base model keeps a share
        if recall.opening_punctuation is not None and recall.continuation is not None:
            opens = (base[:, recall.opening_punctuation] == highest).any(dim=-1, keepdim=True)
            share = share * ~(opens & (recall.continuation[:, :1] != Continuation.SAME_WORD))
        memory_probs = share * weights
        if recall.function_words is not None:
            memory_probs = memory_probs * _share_of_others(base, recall)
        if recall.blocked is not None:
            memory_probs = memory_probs * ~recall.blocked
        if recall.function_words is not None or recall.blocked is not None:
            share = memory_probs.sum(dim=-1, keepdim=True).clamp(max=1 - 1e-6)
        base_log_probs = base.gather(1, values)
        log_probs = _mix(base, values, base_log_probs, memory_probs, torch.log1p(-share))
        return log_probs, memory_probs, base_log_probs

    def _features(
        self, recall: Recall, weights: Tensor, similarities: Tensor, base: Tensor, highest: Tensor
    ) -> Tensor:
        """Return the inputs of the gate: features of the neighbours and of the model's confidence
        (B, 7 + blocks)."""
        first = recall.values[:, :1]
        same = recall.values == first
        similarity = recall.similarity.clamp(min=-1)
        nearest = similarity[:, :1]
        rival = similarity.masked_fill(same, -1).amax(dim=-1, keepdim=True)
        unanimity = (weights * same).sum(dim=-1, keepdim=True)
        score = base.gather(1, first.clamp(min=0))
        numbers = [nearest, nearest - rival, unanimity, highest.exp(), score.clamp(min=-12) / 12]
        none = torch.zeros_like(first)
        continuation = none if recall.continuation is None else recall.continuation[:, :1]
        kinds = [continuation == k for k in (Continuation.NEXT_WORD, Continuation.SAME_WORD)]
        return torch.cat([*numbers, torch.cat(kinds, dim=-1).float(), similarities], dim=-1)


def _share_of_others(base: Tensor, recall: Recall) -> Tensor:
    """(B, K) the probability that the base model (B, V) leaves to other pieces than function words,
    for neighbours that begin a word without continuing another; 1 for the others, and for those
    that are function words themselves."""
    assert recall.function_words is not None
    assert recall.continuation is not None
    words = recall.function_words
    probs = base.gather(1, words.clamp(min=0)).exp() * (words != EMPTY)
    # Summed in float64, so that it gives the same bits in every batch.
    others = 1 - probs.double().sum(dim=1, keepdim=True).clamp(max=1.0).float()
    same = (recall.values[:, :, None] == words[:, None]).any(dim=-1)
    return torch.where((recall.continuation == Continuation.NONE) & ~same, others, 1.0)


def _mix(
    base: Tensor, values: Tensor, base_log_probs: Tensor, memory_probs: Tensor, rest: Tensor
) -> Tensor:
    """Return log (exp (base + rest) + memory), written into `base` (B, V).

    `base_log_probs` (B, K) are those of the values (B, K), `memory_probs` (B, K) are added to them,
    and `rest` (B, 1) is the logarithm of the base model's share. Only the given values change
    beside the constant, so that all others, which are most, keep their bits.
    """
    same = values[:, :, None] == values[:, None]  # (B, K, K)
    added = (same * memory_probs[:, None]).sum(dim=-1)  # (B, K), equal for equal values
    before = base_log_probs + rest
    after = torch.where(added > 0, (before.exp() + added).clamp(min=1e-30).log(), before)
    positions = torch.arange(values.shape[1], device=values.device)
    first = same.int().argmax(dim=-1) == positions  # each value changes once
    return base.add_(rest).scatter_add_(1, values, (after - before) * first)


READOUTS = {"mixture": MixtureReadout, "paper": PaperReadout}

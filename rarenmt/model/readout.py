"""How recalled tokens reach the output: the paper's readout and the mixture.

Shapes: B positions · K neighbours · V vocabulary · H hidden · E embedding.
"""

import math
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rarenmt.config import Config
from rarenmt.memory.memory import EMPTY, NEXT_WORD, SAME_WORD, Recall
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
    """Turns a recall into log-probabilities of the next piece."""

    def __call__(
        self, states: DecoderStates, recall: Recall, agreements: Tensor, output: Output
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Log-probabilities (B, V), the probability each neighbour lent its value (B, K), and the
        log-probability that the model alone gives that value (B, K)."""
        ...


def neighbour_weights(recall: Recall, temperature: float | Tensor) -> Tensor:
    """softmax(t · similarity) over the neighbours (B, K); 0 for all where there are none."""
    scaled = temperature * recall.similarity.clamp(min=-1e4)
    return torch.softmax(scaled, dim=-1) * (recall.values != EMPTY)


class PaperReadout(nn.Module):
    """The embedding of V[n1], scaled by its softmax weight, joins the top state in a linear layer.

    Section 3.2: "we combine the embedded memory output with the output of the final
    LSTM layer using an additional linear layer"; section 2 for the scaling.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        width = config.model.embedding
        self.temperature = config.memory.temperature
        self.scale = width**0.5  # a softmax weight among hundreds is small: learn no slower for it
        self.combine = nn.Linear(width, width, bias=False)

    def forward(
        self, states: DecoderStates, recall: Recall, agreements: Tensor, output: Output
    ) -> tuple[Tensor, Tensor, Tensor]:
        """As `Readout`; only the first neighbour speaks, and lends what it changed."""
        weight = neighbour_weights(recall, self.temperature)[:, :1]
        first = recall.values[:, :1].clamp(min=0)
        features = output.project(states.top)
        recalled = self.combine(self.scale * weight * output.pieces[0](first[:, 0]))
        log_probs = output.logits(features + recalled).float().log_softmax(dim=-1)
        before = output.logits(features).float().log_softmax(dim=-1)
        gained = (log_probs.gather(1, first).exp() - before.gather(1, first).exp()).clamp(min=0)
        own = before.gather(1, recall.values.clamp(min=0))
        return log_probs, F.pad(gained, (0, recall.values.shape[1] - 1)), own


TRUST = 2.0
"""Nats that the gate gains where the nearest entry goes on in a pair that resembles the sentence:
practice, which knows no such pairs, trusts it too little."""


class MixtureReadout(nn.Module):
    """p = (1 − λ) p_model + λ p_memory, with λ from a small gate.

    p_memory(v) = Σ over neighbours with value v of softmax(t · similarity) (Khandelwal
    et al. 2021, arXiv 2010.00710, equation 3); λ from a perceptron that sees how near,
    how unanimous and in which blocks alike the neighbours are, how sure the model is,
    and a narrow view of the top state, the attended source piece and the recalled piece.
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
        self, states: DecoderStates, recall: Recall, agreements: Tensor, output: Output
    ) -> tuple[Tensor, Tensor, Tensor]:
        """As `Readout`, each neighbour lending λ · weight. The translation model learns nothing."""
        model = output(states.top).detach().float().log_softmax(dim=-1)
        weights = neighbour_weights(recall, self.log_temperature.exp())
        values = recall.values.clamp(min=0)
        surest = model.amax(dim=-1, keepdim=True)  # in a tenth of the time that `max` takes
        features = self._features(recall, weights, agreements, model, surest)
        recalled = output.pieces[0](values[:, 0]).detach()
        seen = torch.cat([states.top.detach(), states.source.detach(), recalled], dim=-1)
        features = features.to(self.view.weight.dtype)
        gate = self.gate(torch.cat([self.view(seen), features], dim=-1)).float()  # (B, 1)
        if recall.close is not None:
            gate = gate + TRUST * recall.close[:, :1]
        held = (recall.values[:, :1] != EMPTY).float()
        share = gate.sigmoid().clamp(max=1 - 1e-6) * held  # the model is never ruled out
        if recall.awaited is not None and recall.thread is not None:
            waits = (model[:, recall.awaited] == surest).any(dim=-1, keepdim=True)
            share = share * ~(waits & (recall.thread[:, :1] != SAME_WORD))
        shares = share * weights
        if recall.mute is not None:
            shares = shares * ~recall.mute
            share = shares.sum(dim=-1, keepdim=True).clamp(max=1 - 1e-6)
        own = model.gather(1, values)
        return _mix(model, values, own, shares, torch.log1p(-share)), shares, own

    def _features(
        self, recall: Recall, weights: Tensor, agreements: Tensor, model: Tensor, surest: Tensor
    ) -> Tensor:
        """What the gate sees of the neighbours and of the model's certainty (B, 7 + blocks)."""
        first = recall.values[:, :1]
        same = recall.values == first
        similarity = recall.similarity.clamp(min=-1)
        nearest = similarity[:, :1]
        rival = similarity.masked_fill(same, -1).amax(dim=-1, keepdim=True)
        unanimity = (weights * same).sum(dim=-1, keepdim=True)
        believed = model.gather(1, first.clamp(min=0))
        numbers = [nearest, nearest - rival, unanimity, surest.exp(), believed.clamp(min=-12) / 12]
        thread = torch.zeros_like(first) if recall.thread is None else recall.thread[:, :1]
        goes_on = torch.cat([thread == NEXT_WORD, thread == SAME_WORD], dim=-1).float()
        return torch.cat([*numbers, goes_on, agreements], dim=-1)


def _mix(model: Tensor, values: Tensor, own: Tensor, shares: Tensor, rest: Tensor) -> Tensor:
    """log (exp (model + rest) + what is lent), in the place of model (B, V), which gave values
    (B, K) their `own`; shares (B, K) are lent to them, and rest (B, 1) is the logarithm of what is
    left for the model.

    Only what is lent to is touched: all else, which is most, stays as it is to the last bit.
    """
    same = values[:, :, None] == values[:, None]  # (B, K, K)
    lent = (same * shares[:, None]).sum(dim=-1)  # (B, K), equal where the values are
    before = own + rest
    after = torch.where(lent > 0, (before.exp() + lent).clamp(min=1e-30).log(), before)
    places = torch.arange(values.shape[1], device=values.device)
    first = same.int().argmax(dim=-1) == places  # each value is changed once
    return model.add_(rest).scatter_add_(1, values, (after - before) * first)


READOUTS = {"mixture": MixtureReadout, "paper": PaperReadout}

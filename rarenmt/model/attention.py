"""Additive attention with keys projected once per sentence (Bahdanau et al. 2015,
arXiv 1409.0473, appendix A.1.2; GNMT, equation 4). Returns the context and the attended
source embedding.

Shapes: T target steps · S source pieces · B sentences · H hidden · E embedding · A attention.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from rarenmt.config import ModelConfig


@dataclass(frozen=True)
class AttentionInputs:
    """Keys, values and mask of the attention, batch first."""

    keys: Tensor
    """Projected encoder states (B, S, A)."""
    contents: Tensor
    """Encoder states and source embeddings side by side (B, S, H + E)."""
    bias: Tensor
    """0 for a piece and −inf for padding (B, 1, S)."""

    def select(self, rows: Tensor) -> "AttentionInputs":
        """Return the inputs of some sentences."""
        return AttentionInputs(self.keys[rows], self.contents[rows], self.bias[rows])

    def suppress(self, pieces: Tensor, penalty: float) -> "AttentionInputs":
        """Return inputs with the energy of some pieces (B, S) lowered by a penalty in nats."""
        return replace(self, bias=self.bias - penalty * pieces[:, None].float())


class Attention(nn.Module):
    """weight(t, s) = softmax over s of v · tanh(W state_t + U encoded_s).

    Computed as 2 v · σ(2 (W state_t + U encoded_s)), which differs by Σ v only, a constant that
    the softmax ignores: σ takes a fifth of the time of tanh on a CPU.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.query = nn.Linear(config.hidden, config.attention, bias=False)
        self.key = nn.Linear(config.hidden, config.attention)
        self.energy = nn.Linear(config.attention, 1, bias=False)

    def prepare(self, encoded: Tensor, embedded: Tensor, mask: Tensor) -> AttentionInputs:
        """Return the inputs for states (S, B, H), embeddings (S, B, E) and mask (S, B)."""
        contents = torch.cat([encoded, embedded.to(encoded.dtype)], dim=-1).transpose(0, 1)
        bias = torch.zeros(mask.shape, device=mask.device).masked_fill(~mask, -torch.inf)
        keys = self.key(encoded).transpose(0, 1)
        return AttentionInputs(keys.contiguous(), contents.contiguous(), bias.t()[:, None])

    def forward(self, states: Tensor, inputs: AttentionInputs) -> tuple[Tensor, Tensor]:
        """Return the output (T, B, H + E) and weights (B, T, S) for decoder states (T, B, H)."""
        queries = 2 * self.query(states).transpose(0, 1)[:, :, None]  # (B, T, 1, A)
        units = queries.add(inputs.keys[:, None], alpha=2).sigmoid_()  # (B, T, S, A)
        energies = 2 * self.energy(units).squeeze(-1)  # (B, T, S)
        # In float64: padding changes the order of the sum, and with it the last bit.
        energies = energies.double() + inputs.bias
        weights = torch.softmax(energies, dim=-1).float()
        output = torch.bmm(weights.to(inputs.contents.dtype), inputs.contents)
        return output.transpose(0, 1), weights

"""GNMT encoder (Wu et al. 2016, arXiv 1609.08144, section 3.2): one bidirectional
LSTM layer under unidirectional ones with residual connections.

Shapes: S source pieces · B sentences · E embedding · H hidden.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rarenmt.batches import Source
from rarenmt.config import ModelConfig


def reverse_within(states: Tensor, lengths: Tensor) -> Tensor:
    """Reverse each sentence of states (S, B, D) within its own length; padding stays behind.

    So the backward layer starts at the last piece and never sees padding, whatever
    the other sentences of the batch are.
    """
    steps = torch.arange(states.shape[0], device=states.device)[:, None]
    index = torch.where(steps < lengths, lengths - 1 - steps, steps)  # (S, B)
    return states.gather(0, index[:, :, None].expand_as(states))


class Encoder(nn.Module):
    """Embedded source pieces to one state for each piece."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        half = config.hidden // 2
        self.dropout = config.dropout
        self.forwards = nn.LSTM(config.embedding, half)
        self.backwards = nn.LSTM(config.embedding, half)
        self.uppers = nn.ModuleList(
            nn.LSTM(config.hidden, config.hidden) for _ in range(config.encoder_layers - 1)
        )

    def forward(self, embedded: Tensor, source: Source) -> Tensor:
        """States (S, B, H) for embedded pieces (S, B, E)."""
        ahead, _ = self.forwards(embedded)
        back, _ = self.backwards(reverse_within(embedded, source.lengths))
        states = torch.cat([ahead, reverse_within(back, source.lengths)], dim=-1)
        for layer in self.uppers:
            states = F.dropout(states, self.dropout, self.training)
            states = states + layer(states)[0]
        return states

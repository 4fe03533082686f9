"""GNMT encoder (Wu et al. 2016, arXiv 1609.08144, section 3.2): a bidirectional LSTM layer
below further layers with residual connections, the first of which may be bidirectional too
(Chen et al. 2018, arXiv 1804.09849, section 4.1).

Shapes: S source pieces · B sentences · E embedding · H hidden.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rarenmt.config import ModelConfig
from rarenmt.text.batch import Source


def reverse_within(states: Tensor, lengths: Tensor) -> Tensor:
    """Reverse each sentence of states (S, B, D) within its own length; padding stays at the end.

    The backward layer thus starts at the last piece and sees no padding, whatever the batch.
    """
    steps = torch.arange(states.shape[0], device=states.device)[:, None]
    index = torch.where(steps < lengths, lengths - 1 - steps, steps)  # (S, B)
    return states.gather(0, index[:, :, None].expand_as(states))


class Bidirectional(nn.Module):
    """Two LSTMs of half the width, one in each direction, side by side."""

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.forwards = nn.LSTM(inputs, hidden // 2)
        self.backwards = nn.LSTM(inputs, hidden // 2)

    def forward(self, inputs: Tensor, lengths: Tensor) -> Tensor:
        """Return states (S, B, H) for inputs (S, B, D) of sentences of these lengths (B,)."""
        return bidirectional_states(self.forwards, self.backwards, inputs, lengths)


def bidirectional_states(
    forwards: nn.LSTM, backwards: nn.LSTM, inputs: Tensor, lengths: Tensor
) -> Tensor:
    """Concatenate the states of a forward and a backward LSTM."""
    ahead, _ = forwards(inputs)
    back, _ = backwards(reverse_within(inputs, lengths))
    return torch.cat([ahead, reverse_within(back, lengths)], dim=-1)


class Encoder(nn.Module):
    """Maps embedded source pieces to one state per piece."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        half = config.hidden // 2
        self.dropout = config.dropout
        self.forwards = nn.LSTM(config.embedding, half)
        self.backwards = nn.LSTM(config.embedding, half)
        self.uppers = nn.ModuleList(
            Bidirectional(config.hidden, config.hidden)
            if depth < config.bidirectional_layers
            else nn.LSTM(config.hidden, config.hidden)
            for depth in range(1, config.encoder_layers)
        )

    def forward(self, embedded: Tensor, source: Source) -> Tensor:
        """Return states (S, B, H) for embedded pieces (S, B, E)."""
        states = bidirectional_states(self.forwards, self.backwards, embedded, source.lengths)
        for layer in self.uppers:
            states = F.dropout(states, self.dropout, self.training)
            if isinstance(layer, Bidirectional):
                states = states + layer(states, source.lengths)
            else:
                states = states + layer(states)[0]
        return states

"""GNMT decoder (Wu et al. 2016, section 3): the bottom LSTM layer drives the attention,
whose output feeds every layer above; no input feeding, so a training pass is one call a layer.

Shapes: T target steps · N sentences or hypotheses · H hidden · E embedding · L layers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rarenmt.config import ModelConfig
from rarenmt.model.attention import Attention, AttentionInputs
from rarenmt.model.query import DecoderStates

LayerState = tuple[Tensor, Tensor]
"""Hidden and cell state of one layer, each (1, N, H)."""


@dataclass(frozen=True)
class DecoderState:
    """The state of every layer between two steps."""

    layers: list[LayerState]

    @classmethod
    def join(cls, states: Sequence["DecoderState"]) -> "DecoderState":
        """The states of some hypotheses and of others as one."""
        layers = (zip(*own, strict=True) for own in zip(*(s.layers for s in states), strict=True))
        return cls([(torch.cat(hidden, dim=1), torch.cat(cell, dim=1)) for hidden, cell in layers])

    def select(self, rows: Tensor) -> "DecoderState":
        """The states of some of the hypotheses, in a new order."""
        return DecoderState(
            [
                (hidden.index_select(1, rows), cell.index_select(1, rows))
                for hidden, cell in self.layers
            ]
        )


class Decoder(nn.Module):
    """Embedded target pieces to states; the same code for a whole sequence and for one step."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.hidden, self.dropout = config.hidden, config.dropout
        self.attention = Attention(config)
        self.bridge = nn.Linear(config.hidden, 2 * config.hidden)
        self.bottom = nn.LSTM(config.embedding, config.hidden)
        above = 2 * config.hidden + config.embedding
        self.uppers = nn.ModuleList(
            nn.LSTM(above, config.hidden) for _ in range(config.decoder_layers - 1)
        )
        self.lexical = (
            nn.Linear(config.embedding, config.hidden, bias=False) if config.lexical else None
        )

    def start(self, encoded: Tensor, mask: Tensor) -> DecoderState:
        """The bottom layer starts from the mean encoder state (S, N, H), the others from 0."""
        weights = mask.to(encoded.dtype)[:, :, None]
        mean = (encoded * weights).sum(dim=0) / weights.sum(dim=0)
        hidden, cell = torch.tanh(self.bridge(mean))[None].chunk(2, dim=-1)
        zero = torch.zeros_like(hidden)
        return DecoderState(
            [(hidden.contiguous(), cell.contiguous())] + [(zero, zero)] * len(self.uppers)
        )

    def forward(
        self, embedded: Tensor, state: DecoderState, attended: AttentionInputs
    ) -> tuple[DecoderStates, Tensor, DecoderState]:
        """States (T, N, …), attention weights (N, T, S) and the state after pieces (T, N, E)."""
        bottom, after = _run(self.bottom, embedded, state.layers[0])
        layers = [after]
        bottom = F.dropout(bottom, self.dropout, self.training)
        output, weights = self.attention(bottom, attended)
        top = bottom
        for depth, layer in enumerate(self.uppers, start=1):
            states, after = _run(
                cast(nn.LSTM, layer), torch.cat([top, output], dim=-1), state.layers[depth]
            )
            layers.append(after)
            top = F.dropout(states if depth == 1 else top + states, self.dropout, self.training)
        context, source = output.split([self.hidden, output.shape[-1] - self.hidden], dim=-1)
        if self.lexical is not None:  # the output is linear in the top state, so this is a path
            top = top + self.lexical(torch.tanh(source))  # from source word to target word
        return DecoderStates(context, source, bottom, top), weights, DecoderState(layers)


def _run(layer: nn.LSTM, inputs: Tensor, state: LayerState) -> tuple[Tensor, LayerState]:
    """The outputs of an LSTM layer and its state after them.

    One step alone is a cell: an LSTM call packs its weights first, and for a few rows that
    is most of the work.
    """
    if len(inputs) > 1 or torch.is_grad_enabled():
        outputs, after = layer(inputs, state)
        return outputs, after
    before = (state[0][0], state[1][0])
    hidden, cell = torch.lstm_cell(inputs[0], before, *layer.all_weights[0])
    return hidden[None], (hidden[None], cell[None])

"""GNMT decoder (Wu et al. 2016, section 3): the bottom LSTM layer drives the attention,
whose output feeds every layer above; without input feeding, so that a training pass is one call per
layer.

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
        """Concatenate the states of several sets of hypotheses."""
        layers = (zip(*each, strict=True) for each in zip(*(s.layers for s in states), strict=True))
        return cls([(torch.cat(hidden, dim=1), torch.cat(cell, dim=1)) for hidden, cell in layers])

    def select(self, rows: Tensor) -> "DecoderState":
        """Return the states of some hypotheses, in this order."""
        return DecoderState(
            [
                (hidden.index_select(1, rows), cell.index_select(1, rows))
                for hidden, cell in self.layers
            ]
        )


class Decoder(nn.Module):
    """Maps embedded target pieces to states; the same code for a sequence and for one step."""

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
        """Return the initial state: the bottom layer from the mean encoder state (S, N, H), the
        others 0."""
        weights = mask.to(encoded.dtype)[:, :, None]
        mean = (encoded * weights).sum(dim=0) / weights.sum(dim=0)
        hidden, cell = torch.tanh(self.bridge(mean))[None].chunk(2, dim=-1)
        zero = torch.zeros_like(hidden)
        return DecoderState(
            [(hidden.contiguous(), cell.contiguous())] + [(zero, zero)] * len(self.uppers)
        )

    def forward(
        self, embedded: Tensor, state: DecoderState, attention_inputs: AttentionInputs
    ) -> tuple[DecoderStates, Tensor, DecoderState]:
        """Return states (T, N, …), attention weights (N, T, S) and the state after pieces
        (T, N, E)."""
        bottom, after = _run(self.bottom, embedded, state.layers[0])
        layers = [after]
        bottom = F.dropout(bottom, self.dropout, self.training)
        output, weights = self.attention(bottom, attention_inputs)
        top = bottom
        for depth, layer in enumerate(self.uppers, start=1):
            states, after = _run(
                cast(nn.LSTM, layer), torch.cat([top, output], dim=-1), state.layers[depth]
            )
            layers.append(after)
            top = F.dropout(states if depth == 1 else top + states, self.dropout, self.training)
        context, source = output.split([self.hidden, output.shape[-1] - self.hidden], dim=-1)
        if self.lexical is not None:  # the output is linear in the top state, so this connects
            top = top + self.lexical(torch.tanh(source))  # the source word to the target word
        return DecoderStates(context, source, bottom, top), weights, DecoderState(layers)


def _run(layer: nn.LSTM, inputs: Tensor, state: LayerState) -> tuple[Tensor, LayerState]:
    """Return the outputs of an LSTM layer and its state after them.

    A single step uses a cell: an LSTM call packs its weights first, which for a few rows takes most
    of the time.
    """
    if len(inputs) > 1 or torch.is_grad_enabled():
        outputs, after = layer(inputs, state)
        return outputs, after
    before = (state[0][0], state[1][0])
    hidden, cell = torch.lstm_cell(inputs[0], before, *layer.all_weights[0])
    return hidden[None], (hidden[None], cell[None])

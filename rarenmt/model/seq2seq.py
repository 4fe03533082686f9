"""Encoder, decoder, query and readout as one network. The memory is not part of it but an
argument: the network learns by gradients, the memory from one example.

Shapes: S source pieces · T target steps · N sentences or hypotheses · V vocabulary.
"""

from dataclasses import dataclass, replace
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rarenmt.config import Config
from rarenmt.memory.memory import Memory, Recall
from rarenmt.memory.neighbours import NeighbourSearch
from rarenmt.model.attention import AttentionInputs
from rarenmt.model.decoder import Decoder, DecoderState
from rarenmt.model.encoder import Encoder
from rarenmt.model.query import DecoderStates, Query
from rarenmt.model.readout import READOUTS, Output, Readout
from rarenmt.text.batch import Batch, Source
from rarenmt.text.tokenizer import PAD

MIN_BATCH_ROWS = 8
"""Rows below which matrix kernels add up in another order. Translation keeps to at least so
many, so that a sentence gives the same bits alone and in any batch."""

INITIAL_READOUT_SCALE = 0.2
"""Initial scale of the paper's readout. With a larger one, a wrong neighbour outweighs the model;
training changes it little. See docs/lab-notes/one-shot.md."""


@dataclass(frozen=True)
class Prediction:
    """The distribution of the next piece."""

    log_probs: Tensor
    """(N, V)"""
    recall: Recall | None = None
    """The neighbours of the query, or None without a memory."""
    memory_probs: Tensor | None = None
    """(N, K) probability that each neighbour gives to its value; the rest is the base model's."""
    base_log_probs: Tensor | None = None
    """(N, K) the base model's log-probability of the value of each neighbour."""


class Model(nn.Module):
    """A GNMT-style translator that can query a memory."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        sizes = config.model
        # Not drawn yet: on the "meta" device that would load torch's compiler, a second or two.
        pieces = torch.zeros(sizes.vocabulary, sizes.embedding)
        self.embedding = nn.Embedding.from_pretrained(pieces, freeze=False, padding_idx=PAD)
        self.encoder = Encoder(sizes)
        self.decoder = Decoder(sizes)
        self.output = Output(sizes.hidden, self.embedding)
        self.query = Query(sizes, config.memory)
        self.readout = READOUTS[config.memory.readout](config)

    @torch.no_grad()
    def initialise(self, generator: torch.Generator) -> None:
        """Initialise all weights: uniform, embeddings normal, forget gates open; the paper's
        readout adds the recalled embedding at INITIAL_READOUT_SCALE."""
        for name, parameter in self.named_parameters():
            if name == "embedding.weight":
                nn.init.normal_(parameter, std=0.05, generator=generator)
                nn.init.zeros_(parameter[PAD])
            elif name == "readout.combine.weight":
                nn.init.eye_(parameter).mul_(INITIAL_READOUT_SCALE)
            elif parameter.dim() == 2:
                nn.init.xavier_uniform_(parameter, generator=generator)
            elif ".bias_ih" in name:
                nn.init.zeros_(parameter)
                nn.init.ones_(parameter.chunk(4)[1])  # input, forget, cell, output
            elif "bias" in name:
                nn.init.zeros_(parameter)

    def new_memory(
        self,
        slots: int | None = None,
        dtype: torch.dtype = torch.float32,
        search: NeighbourSearch | None = None,
    ) -> Memory:
        """An empty memory for the queries of this model, on its device."""
        memory = Memory(
            self.config.memory, self.query.width, self.config.model.vocabulary,
            slots=slots, dtype=dtype, search=search,
        )  # fmt: skip
        return memory.to(self.embedding.weight.device)

    def encode(self, source: Source) -> tuple[AttentionInputs, DecoderState]:
        """Return the inputs of the attention and the initial decoder state."""
        embedded = self._embed(source.ids)
        encoded = self.encoder(embedded, source)
        attention_inputs = self.decoder.attention.prepare(encoded, embedded, source.mask)
        return attention_inputs, self.decoder.start(encoded, source.mask)

    @torch.inference_mode()
    def query_keys(self, batch: Batch) -> Tensor:
        """Return the query, which is also the key, at every target position (T, N, D)."""
        return self.query(self.reference_states(batch))

    def query_with_attention(
        self, source: Source, states: DecoderStates, weights: Tensor
    ) -> Tensor:
        """Return the queries (T, N, D) of decoder states (T, N, …) with other attention weights
        (N, T, S)."""
        embedded = self._embed(source.ids).transpose(0, 1)
        attended = torch.bmm(weights.to(embedded.dtype), embedded).transpose(0, 1)
        return self.query(replace(states, source=attended))

    def reference_states(self, batch: Batch) -> DecoderStates:
        """Return the decoder states (T, N, …) with teacher forcing."""
        return self.decode_reference(batch)[0]

    def decode_reference(self, batch: Batch) -> tuple[DecoderStates, Tensor]:
        """Return the decoder states (T, N, …) and attention weights (N, T, S) with teacher
        forcing."""
        attention_inputs, state = self.encode(batch.source)
        states, weights, _ = self.decode(batch.inputs, state, attention_inputs)
        return states, weights

    def decode(
        self, pieces: Tensor, state: DecoderState, attention_inputs: AttentionInputs
    ) -> tuple[DecoderStates, Tensor, DecoderState]:
        """Return states (T, N, …), attention weights (N, T, S) and the state after pieces
        (T, N)."""
        decoded: tuple[DecoderStates, Tensor, DecoderState]
        decoded = self.decoder(self._embed(pieces), state, attention_inputs)
        return decoded

    def step(
        self, pieces: Tensor, state: DecoderState, attention_inputs: AttentionInputs
    ) -> tuple[DecoderStates, Tensor, DecoderState]:
        """Return states (N, …), attention weights (N, S) and the next state after pieces (N,)."""
        states, weights, state = self.decode(pieces[None], state, attention_inputs)
        return states.flatten(), weights[:, 0], state

    def predict(self, states: DecoderStates, memory: Memory | None = None) -> Prediction:
        """Return the distribution of the piece after states (N, …), with all of a memory."""
        if memory is None or memory.size == 0:
            return Prediction(self.output(states.top).float().log_softmax(dim=-1))
        queries = self.query(states)
        return self.predict_with_memory(states, queries, memory.read(queries), memory)

    def predict_with_memory(
        self, states: DecoderStates, queries: Tensor, recall: Recall, memory: Memory
    ) -> Prediction:
        """Return the distribution of the piece after states (N, …), given their queries (N, D) and
        the neighbours of these in the memory; see `Readout`."""
        nearest = memory.keys.index_select(0, recall.slots[:, 0].clamp(min=0))
        similarities = self.query.block_similarities(queries, nearest)
        readout = cast(Readout, self.readout)
        log_probs, probs, base = readout(states, recall, similarities, self.output)
        return Prediction(log_probs, recall, probs, base)

    def _embed(self, pieces: Tensor) -> Tensor:
        embedded = self.embedding(pieces)
        return F.dropout(embedded, self.config.model.dropout, self.training)

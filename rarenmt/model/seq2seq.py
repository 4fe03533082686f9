"""Encoder, decoder, query and readout as one network. The memory stands beside it and is
handed in: the network learns slowly, the memory at once.

Shapes: S source pieces · T target steps · N sentences or hypotheses · V vocabulary.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rarenmt.config import Config
from rarenmt.memory.index.exact import Index
from rarenmt.memory.memory import Memory, Recall
from rarenmt.model.attention import AttentionInputs
from rarenmt.model.decoder import Decoder, DecoderState
from rarenmt.model.encoder import Encoder
from rarenmt.model.query import DecoderStates, Query
from rarenmt.model.readout import READOUTS, Output, Readout
from rarenmt.text.batch import Batch, Source
from rarenmt.text.tokenizer import PAD

MIN_BATCH_ROWS = 8
"""Rows below which matrix kernels add up in another order. Translation keeps to at least so
many, so that a sentence on its own gives the same bits as the same sentence in company."""

INITIAL_READOUT_SCALE = 0.2
"""Share of what the paper's memory recalls that passes at first. Louder, and a wrong neighbour
drowns the model; training moves it little. See docs/one-shot.md."""


@dataclass(frozen=True)
class Prediction:
    """The distribution of the next piece."""

    log_probs: Tensor
    """(N, V)"""
    recall: Recall | None
    """The neighbours of the query, or None without a memory."""
    memory_probs: Tensor | None
    """(N, K) probability that each neighbour gives to its value; the rest is the base model's."""
    base_log_probs: Tensor | None = None
    """(N, K) the base model's log-probability of the value of each neighbour."""


class Model(nn.Module):
    """A GNMT-style translator that can put questions to a memory."""

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
        """Draw all weights: small and uniform, embeddings normal, forget gates open; of what
        the paper's memory recalls a fifth passes."""
        for name, parameter in self.named_parameters():
            if name == "embedding.weight":
                nn.init.normal_(parameter, std=0.05, generator=generator)
                nn.init.zeros_(parameter[PAD])
            elif name == "readout.combine.weight":
                nn.init.eye_(parameter).mul_(
                    INITIAL_READOUT_SCALE
                )  # a recalled piece speaks from the start
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
        index: Index | None = None,
    ) -> Memory:
        """An empty memory for the queries of this model, on its device."""
        memory = Memory(
            self.config.memory, self.query.width, self.config.model.vocabulary,
            slots=slots, dtype=dtype, index=index,
        )  # fmt: skip
        return memory.to(self.embedding.weight.device)

    def encode(self, source: Source) -> tuple[AttentionInputs, DecoderState]:
        """What the decoder attends to and where it starts."""
        embedded = self._embed(source.ids)
        encoded = self.encoder(embedded, source)
        attended = self.decoder.attention.prepare(encoded, embedded, source.mask)
        return attended, self.decoder.start(encoded, source.mask)

    @torch.inference_mode()
    def keys(self, batch: Batch) -> Tensor:
        """What the memory is asked, and told, at every target position (T, N, D)."""
        return self.query(self.unroll(batch))

    @torch.inference_mode()
    def aligned_keys(
        self, batch: Batch, weigh: Callable[[Tensor], Tensor]
    ) -> tuple[Tensor, Tensor]:
        """The same where the source words are attended to as `weigh` has it, which is given the
        attention weights (N, T, S); and the new weights."""
        states, weights = self.attend(batch)
        weights = weigh(weights)
        embedded = self._embed(batch.source.ids).transpose(0, 1)
        source = torch.bmm(weights.to(embedded.dtype), embedded).transpose(0, 1)
        return self.query(replace(states, source=source)), weights

    def unroll(self, batch: Batch) -> DecoderStates:
        """States (T, N, …) of the decoder fed with the reference."""
        return self.attend(batch)[0]

    def attend(self, batch: Batch) -> tuple[DecoderStates, Tensor]:
        """The same, and the attention weights (N, T, S)."""
        attended, state = self.encode(batch.source)
        states, weights, _ = self.follow(batch.inputs, state, attended)
        return states, weights

    def follow(
        self, pieces: Tensor, state: DecoderState, attended: AttentionInputs
    ) -> tuple[DecoderStates, Tensor, DecoderState]:
        """States (T, N, …), attention weights (N, T, S) and the state after pieces (T, N)."""
        states: tuple[DecoderStates, Tensor, DecoderState]
        states = self.decoder(self._embed(pieces), state, attended)
        return states

    def step(
        self, pieces: Tensor, state: DecoderState, attended: AttentionInputs
    ) -> tuple[DecoderStates, Tensor, DecoderState]:
        """States (N, …), attention weights (N, S) and the next state after pieces (N,)."""
        states, weights, state = self.follow(pieces[None], state, attended)
        return states.flat(), weights[:, 0], state

    def predict(
        self,
        states: DecoderStates,
        memory: Memory | None,
        ask: Callable[[Tensor], Recall] | None = None,
    ) -> Prediction:
        """Log-probabilities of the piece that follows states (N, …), with the memory's word.

        The whole memory is read or, where it is said how to `ask`, an excerpt.
        """
        if memory is None or memory.size == 0:
            return Prediction(self.output(states.top).float().log_softmax(dim=-1), None, None)
        queries = self.query(states)
        recall = memory.read(queries) if ask is None else ask(queries)
        log_probs, shares, own = self.read_out(states, queries, recall, memory)
        return Prediction(log_probs, recall, shares, own)

    def read_out(
        self,
        states: DecoderStates,
        queries: Tensor,
        recall: Recall,
        memory: Memory,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Log-probabilities (N, V), the neighbours' shares (N, K), and what the model alone gives
        their values (N, K), after a recall. See `Readout`."""
        nearest = memory.keys.index_select(0, recall.slots[:, 0].clamp(min=0))
        agreements = self.query.agreements(queries, nearest)
        return cast(Readout, self.readout)(states, recall, agreements, self.output)

    def _embed(self, pieces: Tensor) -> Tensor:
        embedded = self.embedding(pieces)
        return F.dropout(embedded, self.config.model.dropout, self.training)

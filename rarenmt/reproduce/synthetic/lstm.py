"""The translator of this program, symbols for words, alone or with its memory.

Kaiser et al. 2017, section 4.2: "2 layers of 256 LSTM cells" and the attention of Bahdanau et
al. 2015; with memory, the attention's context is the query, one for each symbol of the answer,
and the recalled symbol joins the output (section 3.2). Only the guided attention is new here.

Shapes: N strings · L symbols of the longest · P symbols that are not padding.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rarenmt.config import Config
from rarenmt.memory.memory import Memory
from rarenmt.memory.neighbours import NeighbourSearch
from rarenmt.model.seq2seq import Model
from rarenmt.reproduce.synthetic.queries import Output, Stage
from rarenmt.reproduce.synthetic.task import Strings
from rarenmt.text.batch import Batch, Source
from rarenmt.text.tokenizer import BOS, PAD
from rarenmt.training.objective import MemoryQueries, attention_loss

MEMORY_WEIGHT = 1.0
"""Of the memory loss beside the symbols' loss."""


class Lstm(nn.Module):
    """LSTM with attention, and a memory beside it if it `remembers`."""

    memory: Memory | None

    def __init__(
        self, config: Config, *, remembers: bool, guidance: float, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.model = Model(config)
        self.model.initialise(generator)
        nn.init.normal_(self.model.embedding.weight, generator=generator)
        self.guidance = guidance
        """Weight of the loss of attention to the same position; 0 trains without it."""
        self.memory = None
        if remembers:
            self.memory = self.model.new_memory(search=NeighbourSearch(coarse=True))

    def learn(self, strings: Strings, stage: Stage) -> Output:
        """The loss of symbols and memory, and the guidance."""
        with torch.autocast(strings.lengths.device.type, torch.bfloat16):
            return self._learn(strings, _batch(strings), stage)

    def _learn(self, strings: Strings, batch: Batch, stage: Stage) -> Output:
        states, weights = self.model.decode_reference(batch)
        answers = batch.outputs.flatten()
        real = (answers != PAD).nonzero()[:, 0]
        states, targets = states.select(real), answers[real]
        positions, scores = _by_rows(real, strings), self.model.output(states.top).float()
        symbols = F.cross_entropy(scores, targets)
        predicted = torch.full_like(strings.answers, PAD)
        predicted.view(-1)[positions] = scores.detach().argmax(dim=-1)
        loss = symbols + self.guidance * _guidance(weights, strings) / len(real)
        if self.memory is None or not stage.remembering:
            return Output(loss, predicted)
        queries = self.model.query(states)
        recall = self.memory.read(queries)
        if self.memory.size:
            prediction = self.model.predict_with_memory(states, queries, recall, self.memory)
            together = F.nll_loss(prediction.log_probs, targets)
            if self.model.config.memory.readout == "paper":
                loss = loss - symbols  # the paper has one output, which includes the memory
            hinge = self.memory.loss(queries, recall, targets).mean()
            loss = loss + together + MEMORY_WEIGHT * hinge
        found = MemoryQueries(queries.detach(), targets, recall)
        return Output(loss, predicted, found, positions)

    @torch.inference_mode()
    def answer(self, strings: Strings) -> Tensor:
        """Answers (N, L) symbol by symbol, each after the network's own symbols before it."""
        batch = _batch(strings)
        attended, state = self.model.encode(batch.source)
        written = [batch.inputs[0]]
        for _ in range(len(batch.inputs)):
            states, _, state = self.model.step(written[-1], state, attended)
            written.append(self.model.predict(states, self.memory).log_probs.argmax(dim=-1))
        return torch.stack(written[1:], dim=1)

    @torch.inference_mode()
    def show(self, strings: Strings, generator: torch.Generator) -> None:
        """Write strings with their answers into the memory; no weight changes."""
        assert self.memory is not None
        batch = _batch(strings)
        answers = batch.outputs.flatten()
        real = (answers != PAD).nonzero()[:, 0]
        with torch.autocast(real.device.type, torch.bfloat16):
            queries = self.model.query(self.model.reference_states(batch).select(real))
        nearest = self.memory.read(queries, 1) if self.memory.size else None
        self.memory.write(queries, answers[real], nearest, generator)


def _batch(strings: Strings) -> Batch:
    """The decoder is fed the answer, one symbol late; the answer is as long as the question, so
    nothing needs to end it."""
    outputs = strings.answers.t().contiguous()
    start = torch.full_like(outputs[:1], BOS)
    source = Source(strings.questions.t().contiguous(), strings.lengths)
    return Batch(source, torch.cat([start, outputs[:-1]]), outputs)


def _by_rows(positions: Tensor, strings: Strings) -> Tensor:
    """Positions in (L, N), flattened → the same positions in (N, L), flattened."""
    count, width = strings.answers.shape
    return positions % count * width + positions // count


def _guidance(weights: Tensor, strings: Strings) -> Tensor:
    """The loss of the attention (N, L, L), which should be at the position being written."""
    here = torch.eye(weights.shape[1], dtype=torch.bool, device=weights.device)
    return attention_loss(weights, here & (strings.answers != PAD)[:, :, None])

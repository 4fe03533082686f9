"""The Extended Neural GPU with memory, for the synthetic task.

Kaiser et al. 2017, section 3.2: at every step of the decoder, the state at the next position
queries the memory. The embedding of the recalled symbol, scaled by its softmax component, is put
on the output tape there and passes both CGRUs before the answer is read. Then the right symbol
replaces it.

Shapes: N strings · L symbols of the longest · M maps · D width of a key.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rarenmt.config import MemoryConfig
from rarenmt.memory.memory import Memory, Recall
from rarenmt.memory.neighbours import NeighbourSearch
from rarenmt.model.readout import neighbour_weights
from rarenmt.reproduce.neural_gpu.network import WIDTH, NeuralGpu, Sizes
from rarenmt.reproduce.synthetic.queries import Output, Stage
from rarenmt.reproduce.synthetic.task import Strings
from rarenmt.text.tokenizer import PAD
from rarenmt.training.objective import MemoryQueries

MEMORY_WEIGHT = 0.5
"""Of the memory loss, a mean over symbols, beside the symbols' loss; the authors' program."""


class RecallingGpu(nn.Module):
    """Extended Neural GPU, and a memory beside it if there is a configuration for one."""

    memory: Memory | None

    def __init__(
        self, sizes: Sizes, memory: MemoryConfig | None, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.network = NeuralGpu(sizes, generator)
        self.memory = None
        if memory is not None:
            search = NeighbourSearch(coarse=True)
            self.memory = Memory(memory, memory.block, sizes.symbols, search=search)
            self.query = nn.Linear(sizes.maps * WIDTH, memory.block, bias=False)
            nn.init.xavier_uniform_(self.query.weight, generator=generator)

    def learn(self, strings: Strings, stage: Stage) -> Output:
        """The loss of symbols and memory; with probability `hint` the right symbol's embedding
        replaces the recalled one."""
        queries: list[Tensor] = []
        recalls: list[Recall] = []
        memory = self.memory if stage.remembering else None

        def guess(k: int, column: Tensor) -> Tensor:
            assert memory is not None
            queries.append(self._query(column))
            recalls.append(memory.read(queries[-1]))
            gold = self.network.tape(strings.answers[:, k])
            hinted = torch.rand(len(gold), generator=stage.generator) < stage.hint
            recalled = self._recalled(memory, recalls[-1])
            return torch.where(hinted.to(gold.device)[:, None], gold, recalled)

        logits = self.network(strings.questions, strings.answers, memory and guess)
        predicted = logits.detach().argmax(dim=-1)
        answers = strings.answers.flatten()
        positions = (answers != PAD).nonzero()[:, 0]
        targets = answers[positions]
        loss = F.cross_entropy(logits.flatten(0, 1).float()[positions], targets)
        if memory is None:
            return Output(loss, predicted)
        chosen = _by_rows(queries)[positions]
        recall = Recall(
            _by_rows([recall.slots for recall in recalls]),
            _by_rows([recall.values for recall in recalls]),
            _by_rows([recall.similarity for recall in recalls]),
        ).select(positions)
        if memory.size:
            loss = loss + MEMORY_WEIGHT * memory.loss(chosen, recall, targets).mean()
        return Output(loss, predicted, MemoryQueries(chosen.detach(), targets, recall), positions)

    @torch.inference_mode()
    def answer(self, strings: Strings) -> Tensor:
        """Answers (N, L) symbol by symbol, each after the network's own symbols before it."""
        memory = self.memory

        def guess(k: int, column: Tensor) -> Tensor:
            assert memory is not None
            return self._recalled(memory, memory.read(self._query(column)))

        logits: Tensor = self.network(strings.questions, None, memory and guess)
        return logits.argmax(dim=-1)

    @torch.inference_mode()
    def show(self, strings: Strings, generator: torch.Generator) -> None:
        """Write strings with their answers into the memory; no weight changes."""
        assert self.memory is not None
        stage = Stage(remembering=True, hint=0.0, generator=generator)
        self.learn(strings, stage).write(self.memory, generator)

    def _query(self, column: Tensor) -> Tensor:
        """Queries (N, D) of the state's columns (N, M · W)."""
        return F.normalize(self.query(column).float(), dim=-1)

    def _recalled(self, memory: Memory, recall: Recall) -> Tensor:
        """The embedding of the recalled symbol, scaled (N, M); zeros from an empty memory."""
        if not memory.size:
            return self.network.tape.weight.new_zeros(len(recall.values), self.network.sizes.maps)
        weight = neighbour_weights(recall, memory.config.temperature)[:, :1]
        return weight * self.network.tape(recall.values[:, 0].clamp(min=0))


def _by_rows(parts: list[Tensor]) -> Tensor:
    """L tensors (N, K) → (N · L, K)."""
    return torch.stack(parts, dim=1).flatten(0, 1)

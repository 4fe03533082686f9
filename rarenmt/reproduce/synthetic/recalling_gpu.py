"""The Extended Neural GPU with memory, for the synthetic task.

Kaiser et al. 2017, section 3.2: at every step of the decoder the memory is asked with the state
at the place about to be written; the embedding of what it recalls, scaled by its softmax
component, is put on the output tape there, and so passes both CGRUs before the answer is read
off. The right symbol replaces it after that.

Shapes: N strings · L symbols of the longest · M maps · D width of a key.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rarenmt.config import MemoryConfig
from rarenmt.memory.index.exact import ExactIndex
from rarenmt.memory.memory import Memory, Recall
from rarenmt.model.readout import neighbour_weights
from rarenmt.reproduce.neural_gpu.network import WIDTH, NeuralGpu, Sizes
from rarenmt.reproduce.synthetic.queries import Asked, Learned, Stage
from rarenmt.reproduce.synthetic.task import Strings
from rarenmt.text.tokenizer import PAD

MEMORY_WEIGHT = 0.5
"""Of the memory loss, a mean over symbols, beside the symbols' loss; the authors' program."""


@dataclass(frozen=True)
class _Step:
    """What the memory was asked about one symbol of each string."""

    queries: Tensor
    """(N, D)"""
    recall: Recall | None


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
            self.memory = Memory(memory, memory.block, sizes.symbols, index=ExactIndex(coarse=True))
            self.query = nn.Linear(sizes.maps * WIDTH, memory.block, bias=False)
            nn.init.xavier_uniform_(self.query.weight, generator=generator)

    def learn(self, strings: Strings, stage: Stage) -> Learned:
        """The loss of symbols and memory; with probability `hint` the right symbol's embedding
        stands for the recalled one."""
        steps: list[_Step] = []
        memory = self.memory if stage.remembering else None

        def guess(k: int, column: Tensor) -> Tensor:
            assert memory is not None, "only a memory is asked"
            steps.append(self._ask(memory, column))
            gold = self.network.tape(strings.answers[:, k])
            hinted = torch.rand(len(gold), generator=stage.generator) < stage.hint
            return torch.where(hinted.to(gold.device)[:, None], gold, self._told(steps[-1], gold))

        logits = self.network(strings.questions, strings.answers, memory and guess)
        said = logits.detach().argmax(dim=-1)
        answers = strings.answers.flatten()
        places = (answers != PAD).nonzero()[:, 0]
        targets = answers[places]
        loss = F.cross_entropy(logits.flatten(0, 1).float()[places], targets)
        if memory is None:
            return Learned(loss, said, None)
        queries = torch.stack([step.queries for step in steps], dim=1).flatten(0, 1)[places]
        if steps[0].recall is None:
            return Learned(loss, said, Asked(queries.detach(), targets, None, places))
        recall = _beside([step.recall for step in steps if step.recall is not None]).select(places)
        loss = loss + MEMORY_WEIGHT * memory.loss(queries, recall, targets).mean()
        return Learned(loss, said, Asked(queries.detach(), targets, recall, places))

    @torch.inference_mode()
    def answer(self, strings: Strings) -> Tensor:
        """Answers (N, L) symbol by symbol, each after the network's own symbols before it."""
        memory = self.memory

        def guess(k: int, column: Tensor) -> Tensor:
            assert memory is not None, "only a memory is asked"
            return self._told(self._ask(memory, column), column.new_zeros(len(column), 1))

        logits: Tensor = self.network(strings.questions, None, memory and guess)
        return logits.argmax(dim=-1)

    @torch.inference_mode()
    def show(self, strings: Strings, generator: torch.Generator) -> None:
        """Write strings with their answers into the memory; no weight changes."""
        assert self.memory is not None, "there is a memory to show something to"
        asked = self.learn(strings, Stage(remembering=True, hint=0.0, generator=generator)).asked
        assert asked is not None, "what remembers asks"
        asked.write(self.memory, generator)

    def _ask(self, memory: Memory, column: Tensor) -> _Step:
        """The query of the state's columns (N, M · W), and its answer."""
        queries = F.normalize(self.query(column).float(), dim=-1)
        return _Step(queries, memory.read(queries) if memory.size else None)

    def _told(self, step: _Step, like: Tensor) -> Tensor:
        """The embedding of the recalled symbol, scaled (N, M); zeros from an empty memory."""
        if step.recall is None or self.memory is None:
            return like.new_zeros(len(like), self.network.sizes.maps)
        weight = neighbour_weights(step.recall, self.memory.config.temperature)[:, :1]
        return weight * self.network.tape(step.recall.values[:, 0].clamp(min=0))


def _beside(recalls: list[Recall]) -> Recall:
    """Recalls of L symbols of N strings, in rows (N · L, K)."""

    def rows(parts: list[Tensor]) -> Tensor:
        return torch.stack(parts, dim=1).flatten(0, 1)

    return Recall(
        rows([recall.slots for recall in recalls]),
        rows([recall.values for recall in recalls]),
        rows([recall.similarity for recall in recalls]),
    )

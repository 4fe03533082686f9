"""The Extended Neural GPU: active memory with an output tape.

Kaiser and Bengio 2016, arXiv 1610.08613, section 2.3: the first row of the state is the question.
CGRUs are applied once for each of its symbols, and then, for each symbol of the answer, CGRUs
with another input, the tape p, which has the symbols before it:

    d_{k+1} = CGRUᵈ_l(… CGRUᵈ_1(d_k, p_k) …, p_k)
    logits_k = O d_{k+1}[0, k], p_{k+1}[0, k] = E′[o_k]

Shapes: N strings · L symbols · M maps · W width of the state · V vocabulary.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rarenmt.reproduce.neural_gpu.cgru import Cgru
from rarenmt.text.tokenizer import PAD

WIDTH = 4
"""Of the state."""
LAYERS = 2
"""CGRUs applied in sequence at each step."""


@dataclass(frozen=True)
class Sizes:
    """Of an Extended Neural GPU."""

    symbols: int
    maps: int
    normalised: bool = True
    """Whether each convolution has layer normalisation over its maps."""
    dropout: float = 0.1
    """Units of a candidate are dropped with probability 3 · dropout / √L, as in the authors'
    program."""


Guess = Callable[[int, Tensor], Tensor]
"""The tape (N, M) at symbol k before that symbol is predicted, from the state's column
(N, M · W) there."""


class NeuralGpu(nn.Module):
    """Extended Neural GPU. Question and answer are padded to the same length."""

    def __init__(self, sizes: Sizes, generator: torch.Generator) -> None:
        super().__init__()
        self.sizes = sizes
        self.question = nn.Embedding(sizes.symbols, sizes.maps, padding_idx=PAD)
        self.tape = nn.Embedding(sizes.symbols, sizes.maps, padding_idx=PAD)
        self.output = nn.Linear(sizes.maps, sizes.symbols)
        self.encoder, self.decoder = (
            nn.ModuleList(
                Cgru(sizes.maps, tape=tape, normalised=sizes.normalised, generator=generator)
                for _ in range(LAYERS)
            )
            for tape in (False, True)
        )
        for embedding in (self.question, self.tape):
            nn.init.uniform_(embedding.weight, -(3**0.5), 3**0.5, generator=generator)
            nn.init.zeros_(embedding.weight.data[PAD])
        nn.init.xavier_uniform_(self.output.weight, generator=generator)
        nn.init.zeros_(self.output.bias)

    def encode(self, questions: Tensor) -> Tensor:
        """The state s_n (N, M, W, L) after as many rounds as questions (N, L) have symbols."""
        first = self.question(questions).transpose(1, 2)
        state = _first_row(first).contiguous(memory_format=torch.channels_last)
        for _ in range(questions.shape[1]):
            for cgru in self.encoder:
                state = cgru(state, None, self._dropped(questions))
        return state

    def forward(
        self, questions: Tensor, answers: Tensor | None, guess: Guess | None = None
    ) -> Tensor:
        """Logits (N, L, V). The tape has the answers (N, L), or without them the likeliest
        symbols, and `guess` at the position of the next symbol."""
        state, length = self.encode(questions), questions.shape[1]
        positions = torch.arange(length, device=questions.device)
        written = self.tape.weight.new_zeros(*questions.shape, self.sizes.maps)
        given = None if answers is None else self.tape(answers)
        logits = []
        for k in range(length):
            before = written if given is None else given * (positions < k)[:, None]
            if guess is not None:
                guessed = guess(k, state[..., k].flatten(1))
                before = before + guessed[:, None] * (positions == k)[:, None]
            tape = _first_row(before.transpose(1, 2)).contiguous(memory_format=torch.channels_last)
            for cgru in self.decoder:
                state = cgru(state, tape, self._dropped(questions))
            logits.append(self.output(state[:, :, 0, k]))
            if given is None:
                symbols = self.tape(logits[-1].argmax(dim=-1))
                written = torch.where((positions == k)[:, None], symbols[:, None], written)
        return torch.stack(logits, dim=1)

    def _dropped(self, questions: Tensor) -> float:
        return min(0.9, 3 * self.sizes.dropout / questions.shape[1] ** 0.5)


def _first_row(cells: Tensor) -> Tensor:
    """Cells (N, M, L) in the first of W rows (N, M, W, L), the others 0."""
    return F.pad(cells[:, :, None], (0, 0, 0, WIDTH - 1))

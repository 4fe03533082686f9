"""From sentences to the entries of the memory that they may ask."""

from collections.abc import Sequence

import torch
from torch import Tensor

from rarenmt.excerpt import Excerpt, Threads
from rarenmt.journal import Journal
from rarenmt.memory import EMPTY, Memory
from rarenmt.relevance import Relevance
from rarenmt.tokens import BOS, Tokenizer


class Finder:
    """What is known about a memory as it stands; after the memory changed, make a new one."""

    def __init__(self, memory: Memory, journal: Journal, tokenizer: Tokenizer) -> None:
        self._memory = memory
        self._relevance = Relevance(tokenizer)
        self._relevance.add(pair.source for pair in journal.pairs)
        self._slots = journal.slots(memory.used)
        self._threads = _threads(memory, journal, torch.tensor(tokenizer.inside))

    def excerpt(self, sentences: Sequence[str]) -> Excerpt | None:
        """What each sentence may ask; None when nothing remembered is relevant to any."""
        chosen = [
            torch.cat([_NONE, *(self._slots[pair] for pair in self._relevance.find(sentence))])
            for sentence in sentences
        ]
        if not any(map(len, chosen)):
            return None
        return Excerpt.of(self._memory, self._threads, chosen)


_NONE = torch.empty(0, dtype=torch.long)


def _threads(memory: Memory, journal: Journal, inside: Tensor) -> Threads:
    """The piece before every entry: that of the same pair, one position earlier."""
    values = memory.values[: memory.used].cpu()
    before = torch.full_like(values, EMPTY)
    order = torch.cat([_NONE, *journal.slots(memory.used)])
    position = journal.owners[: memory.used, 1].long()[order]
    pair = journal.owners[: memory.used, 0].long()[order]
    joined = (pair[1:] == pair[:-1]) & (position[1:] == position[:-1] + 1)
    before[order[1:][joined]] = values[order[:-1][joined]]
    before[order[position == 0]] = BOS
    return Threads(before, inside[values])

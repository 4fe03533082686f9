"""A memory that is asked as a whole, with the threads of its entries.

Of the NEAREST entries of a query those speak that may, as in an excerpt: none from inside a word
that was not begun.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from rarenmt.joints import Joints
from rarenmt.memory import Memory, Recall
from rarenmt.speech import HEARD, Candidates, Speech
from rarenmt.spelling import Begun, Threads

NEAREST = 64
"""Entries of a query that may speak."""


@dataclass(frozen=True)
class Whole:
    """All entries of a memory; what an excerpt is to one that asks relevant pairs alone."""

    memory: Memory
    threads: Threads

    due = None

    @classmethod
    def of(cls, memory: Memory, threads: Threads) -> "Whole":
        """A memory, and the threads of its entries."""
        return cls(memory, threads.to(memory.values.device))

    @property
    def joints(self) -> Joints:
        """How the pieces join to words."""
        return self.threads.joints

    def select(self, sentences: Tensor) -> "Whole":
        """Every sentence asks the same."""
        return self

    def read(self, queries: Tensor, begun: Begun, attention: Tensor) -> Recall:
        """The neighbours of queries (N, D) where so much is written (N,); what they translate in a
        sentence is not known, so it does not matter where the attention lies."""
        recall = self.memory.read(queries, NEAREST)
        speech = Speech.of(self.memory, self.threads, recall.slots)  # each row has its own entries
        bonus, thread = speech.goes_on(Begun(*(part[:, None] for part in begun)))
        cosine = recall.similarity
        candidates = Candidates(
            torch.arange(cosine.numel(), device=cosine.device).view_as(cosine),
            cosine + bonus[:, 0],
            cosine,
            thread[:, 0],
            torch.zeros_like(cosine, dtype=torch.bool),
        )
        return speech.recall(candidates, begun, min(self.memory.config.neighbours, HEARD))

    def end_words(self, log_probs: Tensor, begun: Begun, owed: Tensor) -> None:
        """Nothing: which entries a word might go on with is not looked up."""

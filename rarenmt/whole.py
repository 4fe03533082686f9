"""A memory that is asked as a whole, with the threads of its entries.

Of the NEAREST entries of a query those speak that may, as in an excerpt: none from inside a word
that was not begun, and none that translates what its sentence does not hold. Entries that
translate a rare word of it are asked as an excerpt, wherever their keys lie.

Shapes: B sentences · R rows a sentence · N = B·R rows · S source pieces · K neighbours.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from rarenmt.due import Due
from rarenmt.excerpt import Excerpt
from rarenmt.joints import Joints
from rarenmt.meanings import Places
from rarenmt.memory import EMPTY, Memory, Recall
from rarenmt.speech import Candidates, Speech, first
from rarenmt.spelling import Begun, Threads

NEAREST = 64
"""Entries of a query that may speak, beside those of rare words."""


@dataclass(frozen=True)
class Whole:
    """All entries of a memory; what an excerpt is to one that asks relevant pairs alone."""

    memory: Memory
    threads: Threads
    places: Places
    """Where in the sentences stands what they translate."""
    rare: Excerpt
    """The entries that translate due words."""

    @classmethod
    def of(cls, memory: Memory, threads: Threads, places: Places, due: Sequence[Tensor]) -> "Whole":
        """A memory, the threads of its entries, their places in some sentences, and the numbers
        (≤ S,) of the `due` words of those."""
        pieces = [numbers > 0 for numbers in due]
        slots = [places.slots(row, some) for row, some in enumerate(pieces)]
        where = [
            places.select(torch.tensor([row])).at(own[None])[0, :, : len(some)] & some
            for row, (own, some) in enumerate(zip(slots, pieces, strict=True))
        ]
        device = memory.values.device
        rare = Excerpt.of(memory, threads, slots, where, due)
        return cls(memory, threads.to(device), places.to(device), rare)

    @property
    def joints(self) -> Joints:
        """How the pieces join to words."""
        return self.threads.joints

    @property
    def due(self) -> Due | None:
        """The rare words of the sentences that entries translate."""
        return self.rare.due

    def select(self, sentences: Tensor) -> "Whole":
        """The same for some of the sentences."""
        return replace(self, places=self.places.select(sentences), rare=self.rare.select(sentences))

    def end_words(self, log_probs: Tensor, begun: Begun, owed: Tensor) -> None:
        """Let remembered words end that translate rare ones; see `Speech.end_words`."""
        self.rare.end_words(log_probs, begun, owed)

    def read(
        self, queries: Tensor, begun: Begun, attention: Tensor, untold: Tensor | None = None
    ) -> Recall:
        """The neighbours of queries (N, D), R for each sentence in turn, where so much is written
        (N,), the attention (N, S) lies so, and so much is `untold` (N, S); see `Excerpt.read`."""
        rare = self.rare.read(queries, begun, attention, untold)
        return _together(rare, self._nearest(queries, begun, rare.slots.shape[1]))

    def _nearest(self, queries: Tensor, begun: Begun, neighbours: int) -> Recall:
        """So many of the NEAREST that are of no rare word."""
        recall = self.memory.read(queries, NEAREST)
        sentences = len(self.rare.speech.slots)
        rare = self.rare.speech.slots.repeat_interleave(len(queries) // sentences, dim=0)
        twice = (recall.slots[:, :, None] == rare[:, None]).any(dim=-1)
        slots = recall.slots.masked_fill(twice, EMPTY)
        speech = Speech.of(self.memory, self.threads, slots)  # each row has its own entries
        bonus, thread = speech.goes_on(Begun(*(part[:, None] for part in begun)))
        mute = ~self.places.hold(slots.view(sentences, -1)).view_as(slots)
        cosine = recall.similarity
        candidates = Candidates(
            torch.arange(cosine.numel(), device=cosine.device).view_as(cosine),
            (cosine + bonus[:, 0]).masked_fill(mute & speech.inside, -torch.inf),
            cosine,
            thread[:, 0],
            mute,
        )
        return speech.recall(candidates, begun, neighbours)


def _together(some: Recall, others: Recall) -> Recall:
    """The nearest of both, as many as there are of some; of equals their own."""
    names = ("slots", "values", "similarity", "thread", "mute", "cosine", "close")
    both = {n: torch.cat([getattr(some, n), getattr(others, n)], dim=1) for n in names}
    order = first(both["similarity"], some.slots.shape[1])
    return replace(some, **{name: part.gather(1, order) for name, part in both.items()})

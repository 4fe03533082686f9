"""Training pairs in token ids, drawn in an order that depends only on seed and epoch, and target
positions drawn from a batch."""

import random
from collections.abc import Sequence

import torch
from torch import Tensor

from rarenmt.text.batch import Ids, by_length

POOL = 1000
"""Batches whose pairs are drawn together and then sorted by length."""


def draw_positions(
    lengths: Sequence[int], count: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Draw `count` random target positions of sentences of these lengths; return the number of the
    sentence and the position in it, (count,) each, in the order drawn."""
    sizes = torch.tensor(lengths)
    drawn = torch.randperm(int(sizes.sum()), generator=generator)[:count]
    sentences = torch.repeat_interleave(sizes)[drawn]
    return sentences, drawn - (sizes.cumsum(0) - sizes)[sentences]


def positions_in(drawn: tuple[Tensor, Tensor], numbers: range, count: int) -> tuple[Tensor, Tensor]:
    """Select the drawn positions of `count` sentences that lie in the sentences of these numbers;
    return their flat positions in the batch (T, B) of those, and their indices in `drawn`."""
    sentences, steps = drawn
    columns = torch.full((count,), -1)
    columns[list(numbers)] = torch.arange(len(numbers))
    column = columns[sentences]
    order = (column >= 0).nonzero()[:, 0]
    return steps[order] * len(numbers) + column[order], order


def concatenate(
    pairs: Sequence[tuple[Ids, Ids]], count: int, longest: int, rng: random.Random
) -> list[tuple[Ids, Ids]]:
    """Return up to `count` longer pairs, each a concatenation of two to four of `pairs`, with at
    most `longest` pieces per side; short sentences alone do not teach long ones.

    Kondo et al. 2021, "Sentence Concatenation Approach to Data Augmentation for Neural Machine
    Translation" (arXiv 2104.08478).
    """
    found = []
    for _ in range(count):
        parts = rng.choices(pairs, k=rng.randint(2, 4))
        source = [piece for part, _ in parts for piece in part]
        target = [piece for _, part in parts for piece in part]
        if max(len(source), len(target)) <= longest:
            found.append((source, target))
    return found


class Corpus:
    """Encoded training pairs, drawn in an order that depends only on seed and epoch.

    Each corpus of `parts` has a sampling weight: with 2 its pairs occur twice per epoch, with 0.5
    a random half of them occurs.
    """

    def __init__(self, parts: Sequence[tuple[Sequence[tuple[Ids, Ids]], float]]) -> None:
        self.pairs = [pair for pairs, _ in parts for pair in pairs]
        self._weights = torch.cat([torch.full((len(pairs),), weight) for pairs, weight in parts])

    def epoch(self, number: int, seed: int, budget: int) -> list[list[int]]:
        """The batches of one epoch, each a list of positions in `pairs`."""
        generator = torch.Generator().manual_seed(seed * 1_000_003 + number)
        repeats = self._weights.floor()
        extra = torch.rand(len(self.pairs), generator=generator) < self._weights - repeats
        drawn = torch.repeat_interleave((repeats + extra).long())
        drawn = drawn[torch.randperm(len(drawn), generator=generator)]
        batches: list[list[int]] = []
        lengths = torch.tensor([len(target) + 1 for _, target in self.pairs])
        pool = max(1, int(POOL * budget / lengths.float().mean()))
        for chunk in drawn.split(pool):
            positions = chunk.tolist()
            keys = [len(self.pairs[p][1]) * 1000 + len(self.pairs[p][0]) for p in positions]
            ordered = [positions[i] for i in sorted(range(len(keys)), key=keys.__getitem__)]
            sizes = [len(self.pairs[p][1]) + 1 for p in ordered]
            batches += [[ordered[i] for i in cut] for cut in by_length(sizes, budget)]
        shuffled = torch.randperm(len(batches), generator=generator).tolist()
        return [batches[i] for i in shuffled]

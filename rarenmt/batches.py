"""Sentence pairs as padded tensors, in batches of similar length.

Shapes: S source pieces · T target pieces · B sentences. Time comes first, as the
LSTM calls want it.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from rarenmt.tokens import BOS, EOS, PAD

Ids = list[int]

POOL = 100
"""Batches that are drawn at random and then sorted by length among themselves."""


@dataclass(frozen=True)
class Source:
    """Padded source sentences: ids (S, B), each ending in EOS, and lengths (B,)."""

    ids: Tensor
    lengths: Tensor

    @property
    def mask(self) -> Tensor:
        """True where there is a piece, not padding (S, B)."""
        steps = torch.arange(self.ids.shape[0], device=self.ids.device)
        return steps[:, None] < self.lengths


@dataclass(frozen=True)
class Batch:
    """Source sentences, the decoder's input (BOS + target) and output (target + EOS), (T, B)."""

    source: Source
    inputs: Tensor
    outputs: Tensor

    @property
    def tokens(self) -> int:
        """Target tokens, EOS included and padding not."""
        return int((self.outputs != PAD).sum())


def pad(rows: Sequence[Ids], device: torch.device) -> Tensor:
    """Rows of ids as one tensor (longest, rows), filled up with PAD."""
    tensor = torch.full((max(map(len, rows)), len(rows)), PAD)
    for column, row in enumerate(rows):
        tensor[: len(row), column] = torch.tensor(row)
    return tensor.to(device)


def source_batch(sources: Sequence[Ids], device: torch.device) -> Source:
    """Source sentences, given without EOS."""
    lengths = torch.tensor([len(source) + 1 for source in sources], device=device)
    return Source(pad([[*source, EOS] for source in sources], device), lengths)


def pair_batch(pairs: Sequence[tuple[Ids, Ids]], device: torch.device) -> Batch:
    """Sentence pairs, given without BOS and EOS."""
    return Batch(
        source_batch([source for source, _ in pairs], device),
        pad([[BOS, *target] for _, target in pairs], device),
        pad([[*target, EOS] for _, target in pairs], device),
    )


def draw_positions(
    lengths: Sequence[int], count: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """`count` random target positions of sentences of these lengths, in the order drawn: the number
    of the sentence and the position in it, (count,) each."""
    sizes = torch.tensor(lengths)
    drawn = torch.randperm(int(sizes.sum()), generator=generator)[:count]
    sentences = torch.repeat_interleave(sizes)[drawn]
    return sentences, drawn - (sizes.cumsum(0) - sizes)[sentences]


def places_in(drawn: tuple[Tensor, Tensor], numbers: range, count: int) -> tuple[Tensor, Tensor]:
    """Of the drawn positions of `count` sentences those in the sentences of these numbers: where
    they stand in their batch (T, B), flattened, and which of the drawn they are."""
    sentences, steps = drawn
    columns = torch.full((count,), -1)
    columns[list(numbers)] = torch.arange(len(numbers))
    column = columns[sentences]
    order = (column >= 0).nonzero()[:, 0]
    return steps[order] * len(numbers) + column[order], order


def by_length(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Positions sorted by length, cut where longest × count would pass the budget."""
    chunk: list[int] = []
    for position in sorted(range(len(lengths)), key=lengths.__getitem__):
        if chunk and lengths[position] * (len(chunk) + 1) > budget:
            yield chunk
            chunk = []
        chunk.append(position)
    if chunk:
        yield chunk


def joined(
    pairs: Sequence[tuple[Ids, Ids]], count: int, longest: int, rng: random.Random
) -> list[tuple[Ids, Ids]]:
    """`count` longer pairs, each two to four of `pairs` one after the other, up to `longest`
    pieces a side; short sentences alone do not teach how to keep going.

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

    Each corpus of `parts` comes with a sampling weight: 2 shows its pairs twice
    an epoch, 0.5 a random half of them.
    """

    def __init__(self, parts: Sequence[tuple[Sequence[tuple[Ids, Ids]], float]]) -> None:
        self.pairs = [pair for pairs, _ in parts for pair in pairs]
        self._weights = torch.cat([torch.full((len(pairs),), weight) for pairs, weight in parts])

    def epoch(self, number: int, seed: int, budget: int) -> list[list[int]]:
        """The batches of one epoch, each a list of positions in `pairs`."""
        generator = torch.Generator().manual_seed(seed * 1_000_003 + number)
        whole = self._weights.floor()
        chance = torch.rand(len(self.pairs), generator=generator) < self._weights - whole
        drawn = torch.repeat_interleave((whole + chance).long())
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

"""Sentence pairs as padded tensors, in batches of similar length.

Shapes: S source pieces · T target pieces · B sentences. Time comes first, as the
LSTM calls want it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from rarenmt.text.tokenizer import BOS, EOS, PAD

Ids = list[int]


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

"""What a sentence pair leaves in a memory: a key and a value for each piece of its target.

The keys are what the decoder would ask at each position while it writes the target, EOS included.
They do not depend on the company in which they are computed.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from rarenmt.batches import by_length, pair_batch
from rarenmt.model import STEADY, Model
from rarenmt.text import Pair
from rarenmt.tokens import Tokenizer

BUDGET = 4000
"""Pieces times sentences of one batch."""


class Entries(NamedTuple):
    """Of P pairs with T pieces together, one after the other."""

    keys: Tensor
    """(T, D)"""
    values: Tensor
    """(T,)"""
    lengths: Tensor
    """(P,) pieces of each pair."""

    def split(self) -> list[tuple[Tensor, Tensor]]:
        """The keys and values of each pair."""
        lengths = self.lengths.tolist()
        return list(zip(self.keys.split(lengths), self.values.split(lengths), strict=True))


def encode_pairs(
    model: Model,
    tokenizer: Tokenizer,
    pairs: Sequence[Pair],
    dtype: torch.dtype,
    progress: Callable[[int], None],
) -> Entries:
    """The entries of pairs, keys in `dtype`; `progress` is told how many more pairs are done."""
    device = model.embedding.weight.device
    encoded = [
        (tokenizer.encode(pair.source.strip()), tokenizer.encode(pair.target.strip()))
        for pair in pairs
    ]
    lengths = torch.tensor([len(target) + 1 for _, target in encoded], dtype=torch.long)
    starts = (lengths.cumsum(0) - lengths).tolist()
    keys = torch.empty((int(lengths.sum()), model.query.width), dtype=dtype, device=device)
    values = torch.empty(len(keys), dtype=torch.long, device=device)
    longest = [max(len(source), len(target)) + 1 for source, target in encoded]
    for chosen in by_length(longest, BUDGET):
        company = [encoded[i] for i in chosen] + [encoded[chosen[0]]] * (STEADY - len(chosen))
        batch = pair_batch(company, device)
        queries = model.keys(batch)  # (T, B, D)
        for column, i in enumerate(chosen):
            length = len(encoded[i][1]) + 1
            place = slice(starts[i], starts[i] + length)
            keys[place] = queries[:length, column].to(dtype)
            values[place] = batch.outputs[:length, column]
        progress(len(chosen))
    return Entries(keys, values, lengths)

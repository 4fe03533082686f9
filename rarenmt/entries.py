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
    """Of one pair, in the order of the T pieces of its target."""

    keys: Tensor
    """(T, D)"""
    values: Tensor
    """(T,)"""


def encode_pairs(
    model: Model,
    tokenizer: Tokenizer,
    pairs: Sequence[Pair],
    dtype: torch.dtype,
    progress: Callable[[int], None],
) -> list[Entries]:
    """The entries of each pair, keys in `dtype`; `progress` is told how many more are done."""
    device = model.embedding.weight.device
    encoded = [
        (tokenizer.encode(pair.source.strip()), tokenizer.encode(pair.target.strip()))
        for pair in pairs
    ]
    entries = [Entries(torch.empty(0), torch.empty(0))] * len(pairs)
    lengths = [max(len(source), len(target)) + 1 for source, target in encoded]
    for chosen in by_length(lengths, BUDGET):
        company = [encoded[i] for i in chosen] + [encoded[chosen[0]]] * (STEADY - len(chosen))
        batch = pair_batch(company, device)
        queries = model.keys(batch)  # (T, B, D)
        for column, i in enumerate(chosen):
            length = len(encoded[i][1]) + 1
            keys, values = queries[:length, column], batch.outputs[:length, column]
            entries[i] = Entries(keys.to(dtype, copy=True), values.clone())  # not their padding
        progress(len(chosen))
    return entries

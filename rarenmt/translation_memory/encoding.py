"""What a sentence pair leaves in a memory: a key and a value for each piece of its target.

The keys are what the decoder would ask at each position while it writes the target, EOS included,
if it attended to the word that it is about to translate. They do not depend on the company in
which they are computed.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from rarenmt.model.seq2seq import MIN_BATCH_ROWS, Model
from rarenmt.text.batch import Ids, by_length, pair_batch
from rarenmt.translation_memory.word_alignment import WordAligner, align, reweight_attention

BUDGET = 4000
"""Pieces times sentences of one batch."""


class Entries(NamedTuple):
    """Of P pairs with T pieces together, one after the other."""

    keys: Tensor
    """(T, D)"""
    values: Tensor
    """(T,)"""
    links: Tensor
    """(T, 2) numbers of the one or two source words that the word of a piece translates;
    UNALIGNED for EOS."""
    lengths: Tensor
    """(P,) pieces of each pair."""

    def split(self) -> list[tuple[Tensor, Tensor, Tensor]]:
        """The keys, values and links of each pair."""
        parts = (self.keys, self.values, self.links)
        return list(zip(*(part.split(self.lengths.tolist()) for part in parts), strict=True))


def encode_pairs(
    model: Model,
    counterparts: WordAligner,
    encoded: Sequence[tuple[Ids, Ids]],
    dtype: torch.dtype,
    progress: Callable[[int], None] = lambda pairs: None,
) -> Entries:
    """The entries of encoded pairs, keys in `dtype`; `progress` is told how many more pairs are
    done."""
    device = model.embedding.weight.device
    lengths = torch.tensor([len(target) + 1 for _, target in encoded], dtype=torch.long)
    starts = (lengths.cumsum(0) - lengths).tolist()
    keys = torch.empty((int(lengths.sum()), model.query.width), dtype=dtype, device=device)
    values = torch.empty(len(keys), dtype=torch.long, device=device)
    links = torch.empty((len(keys), 2), dtype=torch.long)
    longest = [max(len(source), len(target)) + 1 for source, target in encoded]
    for chosen in by_length(longest, BUDGET):
        company = [encoded[i] for i in chosen] + [encoded[chosen[0]]] * (
            MIN_BATCH_ROWS - len(chosen)
        )
        batch = pair_batch(company, device)
        likely = [counterparts.prior(*encoded[i]) for i in chosen]
        likely += likely[:1] * (len(company) - len(likely))
        queries, weights = model.aligned_keys(batch, partial(reweight_attention, likely=likely))
        for column, i in enumerate(chosen):
            length = len(encoded[i][1]) + 1
            place = slice(starts[i], starts[i] + length)
            keys[place] = queries[:length, column].to(dtype)
            values[place] = batch.outputs[:length, column]
            links[place] = align(weights[column], likely[column])
        progress(len(chosen))
    return Entries(keys, values, links, lengths)

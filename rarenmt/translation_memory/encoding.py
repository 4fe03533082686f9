"""From sentence pairs to memory entries: a key and a value for each target piece.

The key of an entry is the query of the decoder at that position, EOS included, with attention
reweighted towards the source word that the piece translates. Keys do not depend on the other pairs
of the batch.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from rarenmt.model.seq2seq import MIN_BATCH_ROWS, Model
from rarenmt.text.batch import Ids, by_length, pair_batch
from rarenmt.translation_memory.word_alignment import WordAligner, align, reweight_attention

BATCH_PIECES = 4000
"""Pieces times sentences of one batch."""


class Entries(NamedTuple):
    """The entries of P pairs with T pieces in all, concatenated."""

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
    aligner: WordAligner,
    encoded: Sequence[tuple[Ids, Ids]],
    dtype: torch.dtype,
    progress: Callable[[int], None] = lambda pairs: None,
) -> Entries:
    """The entries of encoded pairs, with keys in `dtype`; `progress` receives the number of pairs
    of each finished batch."""
    device = model.embedding.weight.device
    lengths = torch.tensor([len(target) + 1 for _, target in encoded], dtype=torch.long)
    starts = (lengths.cumsum(0) - lengths).tolist()
    keys = torch.empty((int(lengths.sum()), model.query.width), dtype=dtype, device=device)
    values = torch.empty(len(keys), dtype=torch.long, device=device)
    links = torch.empty((len(keys), 2), dtype=torch.long)
    longest = [max(len(source), len(target)) + 1 for source, target in encoded]
    for chosen in by_length(longest, BATCH_PIECES):
        padding = max(0, MIN_BATCH_ROWS - len(chosen))  # the same bits in every batch
        batch = pair_batch([encoded[i] for i in [*chosen, *chosen[:1] * padding]], device)
        priors = [aligner.prior(*encoded[i]) for i in chosen]
        with torch.inference_mode():
            states, weights = model.decode_reference(batch)
            weights = reweight_attention(weights, priors + priors[:1] * padding)
            queries = model.query_with_attention(batch.source, states, weights)
        for column, i in enumerate(chosen):
            length = len(encoded[i][1]) + 1
            rows = slice(starts[i], starts[i] + length)
            keys[rows] = queries[:length, column].to(dtype)
            values[rows] = batch.outputs[:length, column]
            links[rows] = align(weights[column], priors[column])
        progress(len(chosen))
    return Entries(keys, values, links, lengths)

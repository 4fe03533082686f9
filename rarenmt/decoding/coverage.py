"""The rare words of a sentence that something remembered translates, until their translation is
written: none is to be passed over, and none to be looked at again.

Shapes: B sentences · S source pieces · W due words of a sentence · M entries of a sentence · D
words that translate due ones · R rows a sentence.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from rarenmt.decoding.prefix import Prefix
from rarenmt.memory.memory import EMPTY

SEEN = 0.5
"""Attention that a source word has got in all, from which a word that is written translates it."""


@dataclass(frozen=True)
class ConstraintCoverage:
    """The due words of the sentences of a batch."""

    pieces: Tensor
    """(B, S, W) 1 where a piece belongs to a due word, in float64."""
    words: Tensor
    """(B, D) the words that translate some of them, as `WordBoundaries.hash_word` numbers them;
    EMPTY where a sentence has fewer."""
    translated: Tensor
    """(B, D, W) 1 where a word translates a due one, in float64."""

    @classmethod
    def of(cls, numbers: Sequence[Tensor], words: Tensor, places: Tensor) -> "ConstraintCoverage":
        """Each sentence's pieces have the `numbers` (≤ S,) of their due words, from 1 on, or 0; the
        words (B, M) of its entries translate what stands at their `places` (B, M, S)."""
        due = pad_sequence(list(numbers), batch_first=True).to(words.device)
        pieces = F.one_hot(due)[:, :, 1:].double()
        translated = torch.bmm(places.double(), pieces).clamp(max=1.0)  # (B, M, W)
        some = translated.any(dim=2)
        most = max(1, int(some.sum(dim=1).max()))
        order = some.byte().sort(dim=1, descending=True, stable=True).indices[:, :most]
        return cls(
            pieces,
            words.masked_fill(~some, EMPTY).gather(1, order),
            translated.gather(1, order[:, :, None].expand(-1, -1, pieces.shape[2])),
        )

    def select(self, sentences: Tensor) -> "ConstraintCoverage":
        """The same for some of the sentences."""
        return ConstraintCoverage(
            self.pieces[sentences], self.words[sentences], self.translated[sentences]
        )

    def seen(self, coverage: Tensor) -> Tensor:
        """(B·R, W) the attention that each due word has got of a coverage (B·R, S), in float64; 1
        for words that there are not."""
        seen = torch.bmm(self._by_sentence(coverage), self.pieces)
        there = self.pieces.any(dim=1, keepdim=True)
        return seen.where(there, 1.0).flatten(0, 1)

    def said(self, begun: Prefix, coverage: Tensor) -> Tensor | None:
        """(B·R, S) the pieces of due words that the words just written (B·R,) translate, where they
        have got half of an attention of a coverage (B·R, S); None where there are none."""
        same = self.words[:, None] == begun.word.view(len(self.words), -1, 1)  # (B, R, D)
        if not bool(same.any()):
            return None
        here = torch.bmm(same.double(), self.translated) > 0
        seen = torch.bmm(self._by_sentence(coverage), self.pieces) >= SEEN
        pieces = torch.bmm((here & seen).double(), self.pieces.transpose(1, 2))
        return pieces.flatten(0, 1) > 0

    def _by_sentence(self, coverage: Tensor) -> Tensor:
        return coverage.double().view(len(self.pieces), -1, coverage.shape[1])

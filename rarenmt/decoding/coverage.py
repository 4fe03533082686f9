"""Coverage of lexical constraints: the rare source words that a remembered pair translates.

The search penalises a hypothesis that passes a constrained word over, and lowers the attention to
one whose translation is written.

Shapes: B sentences · R hypotheses per sentence · S source pieces · W constrained words of a
sentence · M entries of a sentence · D target words that translate constrained words.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from rarenmt.decoding.prefix import Prefix
from rarenmt.memory.memory import EMPTY


@dataclass(frozen=True)
class ConstraintCoverage:
    """The constrained words of the sentences of a batch."""

    source_words: Tensor
    """(B, S, W) 1 where a piece belongs to a constrained word, in float64."""
    target_words: Tensor
    """(B, D) hashes of the words that translate some of them; padded with EMPTY."""
    links: Tensor
    """(B, D, W) 1 where a target word translates a constrained word, in float64."""

    @classmethod
    def from_entries(
        cls, numbers: Sequence[Tensor], words: Tensor, source_positions: Tensor
    ) -> "ConstraintCoverage":
        """Build from the entries of each sentence.

        Args:
            numbers: (≤ S,) for each sentence, the number of the constrained word that each piece
                belongs to, from 1 on; 0 for other pieces.
            words: (B, M) hash of the word of each entry.
            source_positions: (B, M, S) the source pieces that this word translates.
        """
        constrained = pad_sequence(list(numbers), batch_first=True).to(words.device)
        source_words = F.one_hot(constrained)[:, :, 1:].double()
        links = torch.bmm(source_positions.double(), source_words).clamp(max=1.0)  # (B, M, W)
        linked = links.any(dim=2)
        width = max(1, int(linked.sum(dim=1).max()))
        order = linked.byte().sort(dim=1, descending=True, stable=True).indices[:, :width]
        return cls(
            source_words,
            words.masked_fill(~linked, EMPTY).gather(1, order),
            links.gather(1, order[:, :, None].expand(-1, -1, source_words.shape[2])),
        )

    def select(self, sentences: Tensor) -> "ConstraintCoverage":
        """Return the coverage of some sentences."""
        return ConstraintCoverage(
            self.source_words[sentences], self.target_words[sentences], self.links[sentences]
        )

    def attended(self, coverage: Tensor) -> Tensor:
        """Return the attention (B·R, W) that each constrained word has received, in float64, from
        that of the source pieces (B·R, S); 1 for padding."""
        attended = torch.bmm(self._by_sentence(coverage), self.source_words)
        exists = self.source_words.any(dim=1, keepdim=True)
        return attended.where(exists, 1.0).flatten(0, 1)

    def translated(self, prefix: Prefix, coverage: Tensor, min_attention: float) -> Tensor | None:
        """Return the source pieces (B·R, S) of the constrained words that the last written words
        (B·R,) translate, or None if there are none.

        A constrained word counts only if it has received `min_attention` of the coverage (B·R, S).
        """
        same = self.target_words[:, None] == prefix.word.view(len(self.target_words), -1, 1)
        if not bool(same.any()):  # (B, R, D)
            return None
        written = torch.bmm(same.double(), self.links) > 0
        attended = torch.bmm(self._by_sentence(coverage), self.source_words) >= min_attention
        pieces = torch.bmm((written & attended).double(), self.source_words.transpose(1, 2))
        return pieces.flatten(0, 1) > 0

    def _by_sentence(self, coverage: Tensor) -> Tensor:
        return coverage.double().view(len(self.source_words), -1, coverage.shape[1])

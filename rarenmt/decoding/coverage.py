"""Coverage of lexical constraints: the rare source words that a remembered pair translates.

A search follows how much attention each source piece has received and which constrained words are
translated. It lowers the attention to a word whose translation is written, lets no entry begin the
translation of a word that was not attended to, and penalises a hypothesis that skips a constrained
word.

Shapes: B sentences · N = B·R hypotheses, R per sentence · S source pieces · W constrained words
of a sentence · M entries of a sentence · D target words that translate constrained words.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from rarenmt.decoding.prefix import LastWords
from rarenmt.memory.memory import EMPTY
from rarenmt.model.attention import AttentionInputs

MIN_ATTENTION = 1e-3
"""Attention to a constrained word below which its penalty grows no more."""


@dataclass(frozen=True)
class ConstrainedWords:
    """The constrained words of the sentences of a batch, and what translates them."""

    source_words: Tensor
    """(B, S, W) 1 where a piece belongs to a constrained word, in float64."""
    target_words: Tensor
    """(B, D) hashes of the words that translate some of them; padded with EMPTY."""
    links: Tensor
    """(B, D, W) 1 where a target word translates a constrained word, in float64."""

    @classmethod
    def from_entries(
        cls, numbers: Sequence[Tensor], words: Tensor, source_positions: Tensor
    ) -> "ConstrainedWords":
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

    def select(self, sentences: Tensor) -> "ConstrainedWords":
        """Return the constrained words of some sentences."""
        return ConstrainedWords(
            self.source_words[sentences], self.target_words[sentences], self.links[sentences]
        )

    def attended(self, attention: Tensor) -> Tensor:
        """Return the attention (B, R, W) to each constrained word, in float64, from that to the
        source pieces (N, S)."""
        by_sentence = attention.double().view(len(self.source_words), -1, attention.shape[1])
        return torch.bmm(by_sentence, self.source_words)

    def translated(self, prefix: LastWords, attention: Tensor, min_attention: float) -> Tensor:
        """Return the source pieces (N, S) of the constrained words that the last written words (N,)
        translate.

        A constrained word counts only if it has received `min_attention` of the attention (N, S).
        """
        same = self.target_words[:, None] == prefix.word.view(len(self.target_words), -1, 1)
        if not bool(same.any()):  # (B, R, D)
            return torch.zeros_like(attention, dtype=torch.bool)
        written = torch.bmm(same.double(), self.links) > 0
        written &= self.attended(attention) >= min_attention
        pieces = torch.bmm(written.double(), self.source_words.transpose(1, 2))
        return pieces.flatten(0, 1) > 0


@dataclass(frozen=True)
class Coverage:
    """What the hypotheses of a search have covered of their sources."""

    words: ConstrainedWords | None
    """The constrained words of each sentence, if any."""
    attention: Tensor
    """(N, S) the attention that each source piece has received."""
    translated: Tensor
    """(N, S) the source pieces of constrained words whose translation is written."""

    @classmethod
    def empty(cls, words: ConstrainedWords | None, mask: Tensor) -> "Coverage":
        """Return the coverage of empty hypotheses for source pieces (N, S)."""
        return cls(words, torch.zeros_like(mask, dtype=torch.float32), torch.zeros_like(mask))

    def attend(self, attention: Tensor) -> "Coverage":
        """Return the coverage with the attention (N, S) of one more step."""
        return replace(self, attention=self.attention + attention)

    def advance(self, rows: Tensor, prefix: LastWords, min_attention: float) -> "Coverage":
        """Return the coverage of hypotheses that continue `rows`, after their prefix (N',); see
        `ConstrainedWords.translated`."""
        attention, translated = self.attention[rows], self.translated[rows]
        if self.words is not None:
            translated = translated | self.words.translated(prefix, attention, min_attention)
        return replace(self, attention=attention, translated=translated)

    def keep(self, sentences: Tensor) -> "Coverage":
        """Return the coverage with the constrained words of some sentences; `advance` follows."""
        return replace(self, words=self.words and self.words.select(sentences))

    def suppress(self, inputs: AttentionInputs, penalty: float) -> AttentionInputs:
        """Return attention inputs with less attention to words whose translation is written."""
        return inputs.suppress(self.translated, penalty) if self.translated.any() else inputs

    @property
    def untranslated_attention(self) -> Tensor:
        """(N, S) the attention so far to source pieces whose translation is not written, as far as
        that is known."""
        return self.attention.masked_fill(self.translated, 0.0)

    def penalty(self, rows: Tensor, weight: float) -> Tensor:
        """Return what the score of hypotheses (F,) gains for constrained words: β Σ log min(a, 1)
        over the attention a that each received (Wu et al. 2016, equation 14), with β = `weight`;
        (F,), at most 0. Summed in float64, so that it gives the same bits in every batch."""
        if self.words is None:
            return torch.zeros_like(rows, dtype=torch.float32)
        exists = self.words.source_words.any(dim=1, keepdim=True)
        attended = self.words.attended(self.attention).where(exists, 1.0).flatten(0, 1)[rows]
        logs = attended.clamp(MIN_ATTENTION, 1.0).log()
        return (torch.full_like(logs, weight) * logs).sum(dim=-1).float()

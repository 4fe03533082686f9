"""BLEU and loss of a model on held-out pairs, without a memory."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from rarenmt.config import SearchConfig, TrainConfig
from rarenmt.decoding.beam_search import search
from rarenmt.evaluation import metrics
from rarenmt.model.seq2seq import Model
from rarenmt.text.batch import Ids, by_length, pair_batch, source_batch
from rarenmt.text.pairs import Pair
from rarenmt.text.tokenizer import Tokenizer
from rarenmt.training.data import encode
from rarenmt.training.objective import compute_loss

BATCH_TOKENS = 2000
"""Source pieces per batch of translations, padding included."""


@dataclass(frozen=True)
class ValidationSet:
    """Held-out pairs: references for BLEU, and pieces for the loss."""

    pairs: Sequence[tuple[Ids, Ids]]
    references: Sequence[str]

    @classmethod
    def from_pairs(cls, pairs: Sequence[Pair], tokenizer: Tokenizer) -> "ValidationSet":
        """Encode pairs."""
        return cls(encode(pairs, tokenizer), [pair.target for pair in pairs])

    def bleu(self, model: Model, tokenizer: Tokenizer) -> float:
        """BLEU of greedy translations."""
        found = self.translations(model)
        return metrics.bleu([tokenizer.decode(pieces) for pieces in found], self.references)

    @torch.inference_mode()
    def loss(self, model: Model, batch_tokens: int) -> float:
        """Nats per target token, without label smoothing."""
        total, tokens = 0.0, 0
        plain = TrainConfig(smoothing=0.0)
        lengths = [len(target) + 1 for _, target in self.pairs]
        for positions in by_length(lengths, batch_tokens):
            batch = pair_batch([self.pairs[p] for p in positions], model.embedding.weight.device)
            loss = compute_loss(model, batch, None, None, plain)
            total, tokens = total + float(loss.translation), tokens + batch.tokens
        return total / tokens

    def translations(self, model: Model) -> list[list[int]]:
        """Greedy translations as pieces, in the order of the pairs."""
        sources = [source for source, _ in self.pairs]
        translations: list[list[int]] = [[] for _ in sources]
        config = SearchConfig(beam=1)
        for positions in by_length([len(source) + 1 for source in sources], BATCH_TOKENS):
            batch = source_batch([sources[p] for p in positions], model.embedding.weight.device)
            for position, found in zip(positions, search(model, batch, None, config), strict=True):
                translations[position] = found[0].pieces
        return translations

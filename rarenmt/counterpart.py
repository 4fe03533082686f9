"""Which source word each word of a remembered pair translates.

While it translates, the attention does not know yet which word it is about to write, and in a pair
that is shown it may lie elsewhere when the new word comes. But there both sides are known: what the
lexicon knows and what both sides spell alike belongs together; of the rest, words that are new
translate those that nothing else accounts for, new ones first, and known words known ones.

Shapes: B pairs · T target pieces with EOS · S source pieces with EOS · W source words · V target
words.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from rarenmt.align import NONE
from rarenmt.batches import Ids
from rarenmt.lexicon import Lexicon
from rarenmt.tokens import Tokenizer

ELSEWHERE_KNOWN = 0.1
"""What attention counts that a word of the lexicon gives to words it is not known to translate."""
ELSEWHERE_NEW = 0.01
"""The same of a word that is new, to words that others account for."""
TINY = 1e-9
"""Attention to a likely word that gets none at all."""
SECOND = 0.3
"""Share of the attention with which the second source word is a counterpart too."""


@dataclass(frozen=True)
class _Likely:
    """Of one pair."""

    links: Tensor
    """(V, W) whether a target word may translate a source word; each may one at least."""
    known: Tensor
    """(V,) whether the lexicon has a target word."""
    guessed: Tensor
    """(V,) whether it has, but nothing that it is known to translate is there."""


class Counterparts:
    """Tells it of pairs in one pair of languages."""

    def __init__(self, tokenizer: Tokenizer, lexicon: Lexicon) -> None:
        self._tokenizer, self._lexicon = tokenizer, lexicon

    def weigh(self, weights: Tensor, pairs: Sequence[tuple[Ids, Ids]]) -> Tensor:
        """The attention (B, T, S) of encoded pairs, as it would be if it knew the target."""
        weighed = weights.clone()
        for own, (source, target) in zip(weighed, pairs, strict=True):
            if source and target:
                likely = self._likely(source, target)
                elsewhere = torch.where(likely.known, ELSEWHERE_KNOWN, ELSEWHERE_NEW)
                elsewhere[likely.guessed] = 1.0
                counts = torch.where(likely.links, 1.0, elsewhere[:, None])
                counts = counts[self._numbers(target)][:, self._numbers(source)]
                own[: len(target), : len(source)] *= counts.to(own)
        return weighed / weighed.sum(dim=2, keepdim=True)

    def links(self, weights: Tensor, source: Ids, target: Ids) -> Tensor:
        """(len(target) + 1, 2) for each piece the numbers of the source words that its word likely
        translates and attends to most, by weights (T, S) of one pair: one, twice, if only one
        matters; NONE for EOS."""
        if not source or not target:
            return torch.full((len(target) + 1, 2), NONE)
        words, pieces = self._numbers(source), self._numbers(target)
        own = weights[: len(target), : len(source)].cpu()
        by_word = F.one_hot(pieces).to(own).t() @ own @ F.one_hot(words).to(own)  # (V, W)
        by_word = (by_word + TINY) * self._likely(source, target).links
        shares = by_word / by_word.sum(dim=1, keepdim=True)
        first, second = _largest_two(shares)
        matters = shares.gather(1, second[:, None])[:, 0] >= SECOND
        linked = torch.stack([first, torch.where(matters, second, first)], dim=1)
        return F.pad(linked[pieces], (0, 0, 0, 1), value=NONE)

    def _likely(self, source: Ids, target: Ids) -> "_Likely":
        """What the words themselves tell of their links."""
        heard, said = self._tokenizer.words(source), self._tokenizer.words(target)
        sources = [self._lexicon.sources(word) for word in said]
        known = torch.tensor([bool(some) for some in sources])
        familiar = torch.tensor([word in self._lexicon.known for word in heard])
        linked = torch.tensor(
            [
                [other == word or other in some for other in heard]
                for word, some in zip(said, sources, strict=True)
            ]
        )
        unlinked = _lettered(said) & ~linked.any(dim=1)
        left = _lettered(heard) & ~linked.any(dim=0)
        for_known = left & familiar if bool((left & familiar).any()) else familiar
        likely = linked | (unlinked[:, None] & torch.where(known[:, None], for_known, left))
        likely |= ~likely.any(dim=1, keepdim=True)
        return _Likely(likely, known, known & unlinked)

    def _numbers(self, ids: Ids) -> Tensor:
        """(len(ids),) to which word each piece belongs."""
        words = self._tokenizer.by_word(ids)
        return torch.tensor([number for number, word in enumerate(words) for _ in word])


def _largest_two(shares: Tensor) -> tuple[Tensor, Tensor]:
    """Places (V,) of the largest and the next largest in each row (V, W); the same if W is 1."""
    order = shares.sort(dim=1, descending=True, stable=True).indices
    return order[:, 0], order[:, min(1, shares.shape[1] - 1)]


def _lettered(words: Iterable[str]) -> Tensor:
    """Which words have a letter."""
    return torch.tensor([any(map(str.isalpha, word)) for word in words])

"""Which source word each word of a remembered pair translates.

While it translates, the attention does not know yet which word it is about to write, and in a pair
that is shown it may lie elsewhere when the new word comes. But there both sides are known: what the
lexicon knows and what both sides spell alike belongs together; of the rest, words that are new
translate those that nothing else accounts for, and known words known ones.

Shapes: B pairs · T target pieces with EOS · S source pieces with EOS · W source words · V target
words · N entries.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from rarenmt.text.batch import Ids
from rarenmt.text.lexicon.lexicon import Lexicon
from rarenmt.text.tokenizer import Tokenizer
from rarenmt.text.words import UNALIGNED
from rarenmt.translation_memory.retrieval import shared_forms

ELSEWHERE_KNOWN = 0.1
"""What attention counts that a word of the lexicon gives to words it is not known to translate."""
ELSEWHERE_NEW = 0.01
"""The same of a word that is new, to words that others account for."""
TINY = 1e-9
"""Attention to a likely word that gets none at all."""
SECOND = 0.3
"""Share of the attention with which the second source word is a counterpart too."""


@dataclass(frozen=True)
class AlignmentPrior:
    """What the words of a pair tell of their links before any attention is asked."""

    links: Tensor
    """(V, W) whether a target word may translate a source word; each may one at least."""
    known: Tensor
    """(V,) whether the lexicon has a target word."""
    guessed: Tensor
    """(V,) whether it has, but nothing that it is known to translate is there."""
    words: Tensor
    """(S − 1,) to which source word each source piece belongs."""
    pieces: Tensor
    """(T − 1,) the same of the target."""

    @property
    def is_empty(self) -> bool:
        """Whether a side has no words."""
        return not len(self.words) or not len(self.pieces)

    def attention_factors(self) -> Tensor:
        """(T − 1, S − 1) how much attention counts there."""
        elsewhere = torch.where(self.known, ELSEWHERE_KNOWN, ELSEWHERE_NEW)
        elsewhere = elsewhere.masked_fill(self.guessed, 1.0)
        return torch.where(self.links, 1.0, elsewhere[:, None])[self.pieces][:, self.words]


class WordAligner:
    """Tells it of pairs in one pair of languages."""

    def __init__(self, tokenizer: Tokenizer, lexicon: Lexicon) -> None:
        self._tokenizer, self._lexicon = tokenizer, lexicon

    def prior(self, source: Ids, target: Ids) -> AlignmentPrior:
        """What the words of an encoded pair tell."""
        words, pieces = self._tokenizer.split_words(source), self._tokenizer.split_words(target)
        heard, said = (
            [self._tokenizer.word_text(tuple(word)) for word in side] for side in (words, pieces)
        )
        sources = [self._lexicon.sources(word) for word in said]
        known = _true(bool(some) for some in sources)
        familiar = _true(word in self._lexicon.translations for word in heard)
        linked = _true(
            other == word or other in some
            for word, some in zip(said, sources, strict=True)
            for other in heard
        ).view(len(said), len(heard))
        unlinked = _lettered(said) & ~linked.any(dim=1)
        left = _lettered(heard) & ~linked.any(dim=0)
        for_known = left & familiar if bool((left & familiar).any()) else familiar
        links = linked | (unlinked[:, None] & torch.where(known[:, None], for_known, left))
        links |= ~links.any(dim=1, keepdim=True)
        return AlignmentPrior(links, known, known & unlinked, _numbers(words), _numbers(pieces))

    def source_words(self, sentence: Ids) -> "SourceWords":
        """What is heard in an encoded sentence: its words, and forms of those that are new."""
        words = self._tokenizer.split_words(sentence)
        where: dict[str, list[int]] = defaultdict(list)
        for number, word in enumerate(words):
            text = self._tokenizer.word_text(tuple(word))
            for form in [text] if text in self._lexicon.translations else shared_forms(text):
                where[form].append(number)
        return SourceWords(where, F.pad(_numbers(words), (0, 1), value=len(words)))

    def translated_forms(
        self, source: Ids, target: Ids, positions: Tensor, links: Tensor
    ) -> list[frozenset[str]]:
        """The forms of what the words of N entries translate, which are at these positions (N,)
        of the target of an encoded pair and have these `links` (N, 2): what they translate in the
        pair, in any form, and what the lexicon knows them to."""
        words = self._tokenizer.split_words(target)
        known = [self._lexicon.sources(self._tokenizer.word_text(tuple(word))) for word in words]
        told = [known[number] for number in _numbers(words).tolist()]
        told.append(set())  # EOS
        places = positions.clamp(max=len(told) - 1).tolist()
        return [
            frozenset(told[place]).union(*map(shared_forms, linked))
            for linked, place in zip(self.linked_words(source, links), places, strict=True)
        ]

    def linked_words(self, source: Ids, links: Tensor) -> list[set[str]]:
        """The source words that N entries of a pair are linked to (N, 2), in small letters."""
        words = self._tokenizer.words(source)
        numbers: list[list[int]] = links.tolist()
        return [{words[number] for number in own if 0 <= number < len(words)} for own in numbers]


@dataclass(frozen=True)
class SourceWords:
    """The words of a sentence."""

    numbers_by_form: Mapping[str, Sequence[int]]
    """Numbers of its words by all their `forms`."""
    words: Tensor
    """(S,) the number of the word that each piece belongs to; that of EOS is theirs plus one."""

    def positions(self, translated: Sequence[Iterable[str]]) -> Tensor:
        """(N, S) where in the sentence stands what entries translate; one that has no place there
        is mute in that sentence."""
        found = torch.zeros(len(translated), int(self.words[-1]) + 1, dtype=torch.bool)
        there = [
            (row, number)
            for row, some in enumerate(translated)
            for form in some
            for number in self.numbers_by_form.get(form, ())
        ]
        if there:
            found[torch.tensor(there).unbind(1)] = True
        return found[:, self.words]


def reweight_attention(weights: Tensor, likely: Sequence[AlignmentPrior]) -> Tensor:
    """The attention (B, T, S) of some pairs, as it would be if it knew their targets. Added up in
    float64, so that it gives the same bits in whatever company."""
    weighed = weights.clone()
    for own, pair in zip(weighed, likely, strict=True):
        if not pair.is_empty:
            own[: len(pair.pieces), : len(pair.words)] *= pair.attention_factors().to(own)
    return (weighed / weighed.sum(dim=2, keepdim=True, dtype=torch.float64)).to(weights)


def align(weights: Tensor, likely: AlignmentPrior) -> Tensor:
    """(target pieces + 1, 2) for each piece the numbers of the source words that its word likely
    translates and attends to most, by weights (T, S) of one pair: one, twice, if only one
    matters; UNALIGNED for EOS."""
    words, pieces = likely.words, likely.pieces
    if likely.is_empty:
        return torch.full((len(pieces) + 1, 2), UNALIGNED)
    own = weights[: len(pieces), : len(words)].cpu()
    by_word = F.one_hot(pieces).to(own).t() @ own @ F.one_hot(words).to(own)  # (V, W)
    by_word = (by_word + TINY) * likely.links
    shares = by_word / by_word.sum(dim=1, keepdim=True)
    first, second = _largest_two(shares)
    matters = shares.gather(1, second[:, None])[:, 0] >= SECOND
    linked = torch.stack([first, torch.where(matters, second, first)], dim=1)
    return F.pad(linked[pieces], (0, 0, 0, 1), value=UNALIGNED)


def _largest_two(shares: Tensor) -> tuple[Tensor, Tensor]:
    """Places (V,) of the largest and the next largest in each row (V, W); the same if W is 1."""
    order = shares.sort(dim=1, descending=True, stable=True).indices
    return order[:, 0], order[:, min(1, shares.shape[1] - 1)]


def _numbers(words: Sequence[Ids]) -> Tensor:
    """For every piece of some words, the number of the word that it belongs to."""
    return torch.tensor([number for number, word in enumerate(words) for _ in word]).long()


def _lettered(words: Iterable[str]) -> Tensor:
    """Which words have a letter."""
    return _true(any(map(str.isalpha, word)) for word in words)


def _true(facts: Iterable[bool]) -> Tensor:
    return torch.tensor(list(facts), dtype=torch.bool)

"""Which source word each word of a remembered pair translates.

During translation, attention lags: it does not yet see the word that comes next. In a remembered
pair both sides are known. Words that the lexicon links, and words spelt alike, belong together; of
the rest, new words translate source words that nothing else accounts for, and known words
translate known ones.

The constants stay in this module: training and every stored key depend on them.

Shapes: B pairs · T target pieces with EOS · S source pieces with EOS · W source words · V target
words · N entries.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor

from rarenmt.text.batch import Ids
from rarenmt.text.lexicon.lexicon import Lexicon
from rarenmt.text.tokenizer import Tokenizer
from rarenmt.text.words import UNALIGNED

UNLINKED_KNOWN = 0.1
"""Factor on the attention of a known word to source words that it is not known to translate."""
UNLINKED_NEW = 0.01
"""Factor on the attention of a new word to source words that other words account for."""
MIN_ATTENTION = 1e-9
"""Lower bound of the attention to a linked word."""
SECOND_LINK = 0.3
"""Share of the attention from which the second source word is linked too."""

APOSTROPHES = ("'", "’")
"""What stands between a word and the ending of its possessive."""


@dataclass(frozen=True)
class AlignmentPrior:
    """The possible word links of a pair, from its words alone."""

    links: Tensor
    """(V, W) whether a target word may translate a source word; each may translate at least one."""
    known: Tensor
    """(V,) whether the lexicon contains a target word."""
    guessed: Tensor
    """(V,) whether the word is in the lexicon, but none of its translations is in the source."""
    words: Tensor
    """(S − 1,) the source word of each source piece."""
    pieces: Tensor
    """(T − 1,) the target word of each target piece."""

    @property
    def is_empty(self) -> bool:
        """Whether a side has no words."""
        return not len(self.words) or not len(self.pieces)

    def attention_factors(self) -> Tensor:
        """(T − 1, S − 1) factors on the attention of each piece."""
        unlinked = torch.where(self.known, UNLINKED_KNOWN, UNLINKED_NEW)
        unlinked = unlinked.masked_fill(self.guessed, 1.0)
        return torch.where(self.links, 1.0, unlinked[:, None])[self.pieces][:, self.words]


class WordAligner:
    """Aligns the words of sentence pairs with a lexicon."""

    def __init__(self, tokenizer: Tokenizer, lexicon: Lexicon) -> None:
        self._tokenizer, self._lexicon = tokenizer, lexicon

    def prior(self, source: Ids, target: Ids) -> AlignmentPrior:
        """The possible word links of an encoded pair."""
        source_pieces = self._tokenizer.split_words(source)
        target_pieces = self._tokenizer.split_words(target)
        sources, targets = (
            [self._tokenizer.word_text(tuple(word)) for word in side]
            for side in (source_pieces, target_pieces)
        )
        translations = [self._lexicon.sources(word) for word in targets]
        known = _bools(bool(words) for words in translations)
        known_sources = _bools(word in self._lexicon.translations for word in sources)
        linked = _bools(
            source_word == target_word or source_word in words
            for target_word, words in zip(targets, translations, strict=True)
            for source_word in sources
        ).view(len(targets), len(sources))
        unlinked = _has_letters(targets) & ~linked.any(dim=1)
        free = _has_letters(sources) & ~linked.any(dim=0)
        free_known = free & known_sources
        for_known = free_known if bool(free_known.any()) else known_sources
        links = linked | (unlinked[:, None] & torch.where(known[:, None], for_known, free))
        links |= ~links.any(dim=1, keepdim=True)
        return AlignmentPrior(
            links,
            known,
            known & unlinked,
            _word_numbers(source_pieces),
            _word_numbers(target_pieces),
        )

    def source_words(self, sentence: Ids) -> "SourceWords":
        """The words of an encoded sentence."""
        words = self._tokenizer.split_words(sentence)
        texts = self._tokenizer.words(sentence)
        numbers: dict[str, list[int]] = defaultdict(list)
        for number, text in enumerate(texts):
            numbers[text].append(number)
        unknown = [word for word in numbers if word not in self._lexicon.translations]
        are_forms = self._lexicon.inflections.are_forms
        pieces = F.pad(_word_numbers(words), (0, 1), value=len(words))
        return SourceWords(numbers, frozenset(possessives(texts)), pieces, unknown, are_forms)

    def translated_words(
        self, source: Ids, target: Ids, positions: Tensor, links: Tensor
    ) -> list[frozenset[str]]:
        """What N entries of an encoded pair translate, from their target positions (N,) and `links`
        (N, 2): the linked source words, and the lexicon's sources of the target word."""
        words = self._tokenizer.split_words(target)
        known = [self._lexicon.sources(self._tokenizer.word_text(tuple(word))) for word in words]
        of_piece = [known[number] for number in _word_numbers(words).tolist()]
        of_piece.append(set())  # EOS
        places = positions.clamp(max=len(of_piece) - 1).tolist()
        return [
            frozenset(of_piece[place] | linked)
            for linked, place in zip(self.linked_words(source, links), places, strict=True)
        ]

    def linked_words(self, source: Ids, links: Tensor) -> list[set[str]]:
        """The lower-case source words that N entries of a pair are linked to, from `links`
        (N, 2)."""
        words = self._tokenizer.words(source)
        numbers: list[list[int]] = links.tolist()
        return [{words[n] for n in entry if 0 <= n < len(words)} for entry in numbers]


@dataclass(frozen=True)
class SourceWords:
    """The words of a sentence."""

    numbers: Mapping[str, Sequence[int]]
    """The numbers of its words, in lower case."""
    possessives: frozenset[str]
    """See `possessives`."""
    pieces: Tensor
    """(S,) the number of the word of each piece; for EOS, the number of words."""
    unknown: Sequence[str]
    """Words without a translation in the lexicon, which match in other forms too."""
    are_forms: Callable[[str, str], bool]

    def positions(self, translated: Sequence[Iterable[str]]) -> Tensor:
        """(N, S) the source pieces that each entry translates, from the words that it `translated`;
        an entry with none is blocked in this sentence."""
        found = torch.zeros(len(translated), int(self.pieces[-1]) + 1, dtype=torch.bool)
        positions = [
            (entry, number)
            for entry, words in enumerate(translated)
            for form in self.forms(words)
            for number in self.numbers[form]
        ]
        if positions:
            found[torch.tensor(positions).unbind(1)] = True
        return found[:, self.pieces]

    def forms(self, words: Iterable[str]) -> Iterator[str]:
        """The words of the sentence that are one of some words or an unknown form of it."""
        for word in words:
            if word in self.numbers:
                yield word
            for other in self.unknown:
                if other != word and self.are_forms(word, other):
                    yield other


def possessives(words: Sequence[str]) -> Iterator[str]:
    """Yield the words that an apostrophe follows: the possessive is another form of a word."""
    for word, following in pairwise(words):
        if following in APOSTROPHES:
            yield word


def reweight_attention(weights: Tensor, priors: Sequence[AlignmentPrior]) -> Tensor:
    """Attention (B, T, S) of some pairs, multiplied by the factors of their priors and normalised.
    Sums in float64, so that the result has the same bits in every batch."""
    weighed = weights.clone()
    for row, prior in zip(weighed, priors, strict=True):
        if not prior.is_empty:
            row[: len(prior.pieces), : len(prior.words)] *= prior.attention_factors().to(row)
    return (weighed / weighed.sum(dim=2, keepdim=True, dtype=torch.float64)).to(weights)


def align(weights: Tensor, prior: AlignmentPrior) -> Tensor:
    """(T, 2) for each target piece the numbers of the two source words that its word may translate
    and attends to most, from the attention (T, S) of one pair; one number twice if the second gets
    too little; UNALIGNED for EOS."""
    words, pieces = prior.words, prior.pieces
    if prior.is_empty:
        return torch.full((len(pieces) + 1, 2), UNALIGNED)
    attention = weights[: len(pieces), : len(words)].cpu()
    target_words, source_words = F.one_hot(pieces).to(attention), F.one_hot(words).to(attention)
    by_word = target_words.t() @ attention @ source_words  # (V, W)
    by_word = (by_word + MIN_ATTENTION) * prior.links
    shares = by_word / by_word.sum(dim=1, keepdim=True)
    first, second = _top_two(shares)
    is_linked = shares.gather(1, second[:, None])[:, 0] >= SECOND_LINK
    linked = torch.stack([first, torch.where(is_linked, second, first)], dim=1)
    return F.pad(linked[pieces], (0, 0, 0, 1), value=UNALIGNED)


def _top_two(shares: Tensor) -> tuple[Tensor, Tensor]:
    """Columns (V,) of the largest and second largest of each row (V, W); equal if W is 1."""
    order = shares.sort(dim=1, descending=True, stable=True).indices
    return order[:, 0], order[:, min(1, shares.shape[1] - 1)]


def _word_numbers(words: Sequence[Ids]) -> Tensor:
    """The number of the word of each piece."""
    return torch.tensor([number for number, word in enumerate(words) for _ in word]).long()


def _has_letters(words: Iterable[str]) -> Tensor:
    """Which words contain a letter."""
    return _bools(any(map(str.isalpha, word)) for word in words)


def _bools(values: Iterable[bool]) -> Tensor:
    return torch.tensor(list(values), dtype=torch.bool)

"""Which source word a target word translates: word alignment of the training text.

The model is that of fast_align (Dyer, Chahuneau and Smith 2013, "A Simple, Fast, and Effective
Reparameterization of IBM Model 2"), in both directions at once, which are trained to agree (Liang,
Taskar and Klein 2006, "Alignment by Agreement"): a word pair counts as often as both believe it.

Shapes: W words of one side of the text · L possible links, all source × target words of a pair ·
U word pairs that occur.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from rarenmt.text.batch import Batch, Ids
from rarenmt.text.tokenizer import Tokenizer
from rarenmt.text.words import UNALIGNED, WordBoundaries

ALONE, ROUNDS = 3, 8
"""Rounds of expectation maximisation: the first ones, each direction by itself and wherever a word
stands (IBM Model 1), and all."""
TENSION = 4.0
"""(λ) How much a link near the diagonal is preferred: fast_align's own start."""
NOTHING = 0.08
"""(p₀) Probability that a word translates none: fast_align's."""
CONCENTRATION = 0.01
"""(α) Of the prior on what a word translates to, which keeps rare words from taking all."""
ALIKE = 1.0
"""Times that a word is believed to have been seen beside itself: names, numbers and signs."""
CERTAIN = 0.2
"""What both directions must give a link together, that it is one."""
SOURCE, TARGET = 0, 1
BLOCK = 1 << 20
"""Possible links looked at together: some 100 MB."""


class Alignments:
    """The links of the pairs of a corpus, as training asks for them."""

    def __init__(self, pairs: Sequence[tuple[Ids, Ids]], tokenizer: Tokenizer) -> None:
        self.rows = align(pairs, tokenizer)
        """For each target word of each pair the number of its source word, or UNALIGNED."""
        self._joints = WordBoundaries.from_tokenizer(tokenizer)

    def between(self, batch: Batch, numbers: Sequence[int]) -> Tensor:
        """Whether a target piece belongs to the translation of the word of a source piece
        (B, T, S), for a batch of the pairs with these numbers."""
        joints = self._joints.to(batch.outputs.device)
        rows = torch.full((len(numbers), len(batch.outputs)), UNALIGNED)
        for column, number in enumerate(numbers):
            rows[column, : len(self.rows[number])] = torch.tensor(self.rows[number])
        own = word_numbers(batch.source.ids, joints).t()
        linked = rows.to(own.device).gather(1, word_numbers(batch.outputs, joints).t())
        return linked[:, :, None] == own[:, None]


def align(pairs: Sequence[tuple[Ids, Ids]], tokenizer: Tokenizer) -> list[list[int]]:
    """For each word of each target, the number of its source word in the sentence, or UNALIGNED.

    A word is a piece that starts one and those that continue it.
    """
    words = _Words(tokenizer)
    sources, targets = (words.of(side) for side in zip(*pairs, strict=True))
    table = _Table(sources, targets, words.count)
    beliefs = table.learn()
    return [row for block in table.blocks for row in block.likeliest(beliefs)]


def word_numbers(pieces: Tensor, joints: WordBoundaries) -> Tensor:
    """To which word of its sentence, from 0 on, each of the pieces (T, B) belongs."""
    starts = torch.ones_like(pieces, dtype=torch.bool)
    starts[1:] = joints.starts_word(pieces[1:], pieces[:-1])
    return starts.long().cumsum(dim=0) - 1


@dataclass(frozen=True)
class _Side:
    """The words of one side of a text, by their numbers."""

    words: Tensor
    """(W,) one sentence after the other."""
    lengths: Tensor
    """Of each sentence."""

    def split(self, sentences: Sequence[int]) -> "Iterator[_Side]":
        """So many sentences each."""
        lengths = self.lengths.split(list(sentences))
        words = self.words.split([int(part.sum()) for part in lengths])
        return map(_Side, words, lengths)


class _Words:
    """Numbers for words, whatever their case."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._texts: dict[str, int] = {}

    def of(self, sentences: Iterable[Ids]) -> _Side:
        found, lengths = array("q"), array("q")
        for ids in sentences:
            words = self._tokenizer.words(ids)
            numbers = [self._texts.setdefault(word, len(self._texts)) for word in words]
            found.extend(numbers)
            lengths.append(len(numbers))
        return _Side(torch.tensor(found), torch.tensor(lengths))

    @property
    def count(self) -> int:
        return len(self._texts)


@dataclass(frozen=True)
class _Alignments:
    """All possible links of some pairs, pair after pair and target word after target word."""

    kind: Tensor
    """(L,) the word pair: a row of the table."""
    places: tuple[Tensor, Tensor]
    """(L,) each, source and target word by their places among the words of these pairs."""
    number: Tensor
    """(L,) of the source word in its sentence."""
    near: Tensor
    """(L,) e^(−λ |i/m − j/n|)"""
    words: tuple[Tensor, Tensor]
    """(W,) each, source and target words."""


@dataclass(frozen=True)
class _Belief:
    """What one direction holds, in which each word of `side` looks for one of the other."""

    side: int
    told: Tensor | None
    """(U,) how much a word tells of the other; None before anything was learnt."""
    nothing: Tensor
    """(V,) how likely a word is to translate none."""
    anywhere: bool
    """Whether a word may stand anywhere."""

    def of(self, links: _Alignments) -> Tensor:
        """The links (L,) as shares of all that a word of `side` might be linked to."""
        place, count = links.places[self.side], len(links.words[self.side])
        prior = torch.ones_like(links.near) if self.anywhere else links.near
        scores = links.near if self.told is None else prior * self.told[links.kind]
        near = torch.bincount(place, prior, count)
        sums = (1 - NOTHING) * torch.bincount(place, scores, count) / near
        sums += NOTHING * self.nothing[links.words[self.side]]
        return (1 - NOTHING) * scores / (near * sums)[place]


Beliefs = tuple[_Belief, _Belief]
"""Of both directions."""


class _Block:
    """Some pairs, whose possible links are few enough to be looked at together."""

    def __init__(self, source: _Side, target: _Side, size: int) -> None:
        self._sides, self._size = (source, target), size
        self._kind = torch.empty(0, dtype=torch.int32)

    def word_pairs(self) -> Tensor:
        """(L,) for each link its words as one number: source · V + target."""
        source, target = (
            side.words[place] for side, place in zip(self._sides, self._places()[0], strict=True)
        )
        return source * self._size + target

    def know(self, table: Tensor) -> None:
        """Note which row of the sorted word pairs (U,) each link is of."""
        self._kind = torch.searchsorted(table, self.word_pairs()).int()

    def links(self) -> _Alignments:
        """Made anew each time, for a text has more of them than memory has room for."""
        places, number, near = self._places()
        return _Alignments(
            self._kind.long(), places, number, near, (self._sides[0].words, self._sides[1].words)
        )

    def likeliest(self, beliefs: Beliefs) -> list[list[int]]:
        """Of each target word the number of the source word that it is linked to, or UNALIGNED."""
        links = self.links()
        agreed = beliefs[SOURCE].of(links) * beliefs[TARGET].of(links)
        chosen = torch.full_like(links.words[TARGET], UNALIGNED)
        sure = (agreed >= CERTAIN).nonzero()[:, 0]
        sure = sure[agreed[sure].argsort(stable=True)]  # of several the last one stays
        chosen[links.places[TARGET][sure]] = links.number[sure]
        return [row.tolist() for row in chosen.split(self._sides[TARGET].lengths.tolist())]

    def _places(self) -> tuple[tuple[Tensor, Tensor], Tensor, Tensor]:
        """Of each link (L,): the places of its words, the number of the source word in its
        sentence, and how near the diagonal it is."""
        m, n = (side.lengths for side in self._sides)
        of = torch.repeat_interleave(m * n)
        begin = [lengths.cumsum(0) - lengths for lengths in (m, n, m * n)]
        within = torch.arange(len(of)) - begin[2][of]
        i, j = within % m[of], within // m[of]
        near = (-TENSION * ((i + 0.5) / m[of] - (j + 0.5) / n[of]).abs()).exp()
        return (begin[0][of] + i, begin[1][of] + j), i, near


class _Table:
    """The word pairs of a text, of V words."""

    def __init__(self, source: _Side, target: _Side, size: int) -> None:
        before = (source.lengths * target.lengths).cumsum(0)
        sentences = (before // BLOCK).unique_consecutive(return_counts=True)[1].tolist()
        sides = zip(source.split(sentences), target.split(sentences), strict=True)
        self.blocks = [_Block(*both, size) for both in sides]
        self._size = size
        joint = torch.empty(0, dtype=torch.long)
        for each in self.blocks:
            joint = torch.unique(torch.cat([joint, each.word_pairs().unique()]))
        for each in self.blocks:
            each.know(joint)
        self._words = (joint // size, joint % size)

    def learn(self) -> Beliefs:
        """What the directions hold in the end."""
        nothing = torch.ones(self._size)
        beliefs = (
            _Belief(SOURCE, None, nothing, anywhere=True),  # but begun near the diagonal
            _Belief(TARGET, None, nothing, anywhere=True),
        )
        for number in range(ROUNDS):
            beliefs = self._learn(beliefs, alone=number < ALONE)
        return beliefs

    def _learn(self, beliefs: Beliefs, *, alone: bool) -> Beliefs:
        """One round; unless each direction learns alone, only of what both believe."""
        counts = [torch.zeros(len(self._words[side])) for side in (SOURCE, TARGET)]
        left = [torch.zeros(self._size) for _ in (SOURCE, TARGET)]
        for block in self.blocks:
            links = block.links()
            heeded = [belief.of(links) for belief in beliefs]
            if not alone:
                heeded = [heeded[SOURCE] * heeded[TARGET]] * 2
            for side in (SOURCE, TARGET):
                counts[side].index_add_(0, links.kind, heeded[side])
                taken = torch.bincount(links.places[side], heeded[side], len(links.words[side]))
                left[side].index_add_(0, links.words[side], (1 - taken).clamp(min=0))
        source, target = (
            _Belief(side, self._told(side, counts[side]), _shares(left[side]), anywhere=alone)
            for side in (SOURCE, TARGET)
        )
        return source, target

    def _told(self, side: int, counts: Tensor) -> Tensor:
        """(U,) how much the other word of each pair tells, after expected counts."""
        given = self._words[1 - side]
        counts = counts + CONCENTRATION + ALIKE * (self._words[0] == self._words[1])
        totals = torch.bincount(given, counts, self._size)
        return (torch.digamma(counts) - torch.digamma(totals)[given]).exp()


def _shares(left: Tensor) -> Tensor:
    return (left + CONCENTRATION) / (left + CONCENTRATION).sum()

"""Which source word a target word translates: word alignment of the training text.

The model is that of fast_align (Dyer, Chahuneau and Smith 2013, "A Simple, Fast, and Effective
Reparameterization of IBM Model 2"), in both directions at once, which are trained to agree (Liang,
Taskar and Klein 2006, "Alignment by Agreement"): a word pair counts as often as both believe it.

Shapes: W words of one side of the text · L possible links, all source × target words of a pair ·
U word pairs that occur.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from rarenmt.batches import Batch, Ids
from rarenmt.tokens import Tokenizer

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
NONE = -1
"""Where a target word has no link."""


class Links:
    """The links of the pairs of a corpus, as training asks for them."""

    def __init__(self, pairs: Sequence[tuple[Ids, Ids]], tokenizer: Tokenizer) -> None:
        self.rows = align(pairs, tokenizer)
        """For each target word of each pair the number of its source word, or NONE."""
        self._inside = torch.tensor(tokenizer.inside)

    def between(self, batch: Batch, numbers: Sequence[int]) -> Tensor:
        """Whether a target piece belongs to the translation of the word of a source piece
        (B, T, S), for a batch of the pairs with these numbers."""
        inside = self._inside.to(batch.outputs.device)
        rows = torch.full((len(numbers), len(batch.outputs)), NONE)
        for column, number in enumerate(numbers):
            rows[column, : len(self.rows[number])] = torch.tensor(self.rows[number])
        own = word_numbers(batch.source.ids, inside).t()
        linked = rows.to(own.device).gather(1, word_numbers(batch.outputs, inside).t())
        return linked[:, :, None] == own[:, None]


def align(pairs: Sequence[tuple[Ids, Ids]], tokenizer: Tokenizer) -> list[list[int]]:
    """For each word of each target, the number of its source word in the sentence, or NONE.

    A word is a piece that starts one and those that continue it.
    """
    words = _Words(tokenizer)
    sources = [words.numbers(source) for source, _ in pairs]
    targets = [words.numbers(target) for _, target in pairs]
    table = _Table.between(sources, targets, words.count)
    best = table.likeliest(table.learn())
    return [part.tolist() for part in best.split([len(target) for target in targets])]


def word_numbers(pieces: Tensor, inside: Tensor) -> Tensor:
    """To which word of its sentence, from 0 on, each of the pieces (T, B) belongs."""
    starts = ~inside[pieces]
    starts[0] = True
    return starts.long().cumsum(dim=0) - 1


class _Words:
    """Numbers for words, whatever their case."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._known: dict[tuple[int, ...], int] = {}
        self._texts: dict[str, int] = {}

    def numbers(self, ids: Ids) -> list[int]:
        return [self._number(tuple(word)) for word in self._tokenizer.by_word(ids)]

    @property
    def count(self) -> int:
        return len(self._texts)

    def _number(self, pieces: tuple[int, ...]) -> int:
        if pieces not in self._known:
            text = self._tokenizer.decode(list(pieces)).strip().casefold()
            self._known[pieces] = self._texts.setdefault(text, len(self._texts))
        return self._known[pieces]


@dataclass(frozen=True)
class _Table:
    """All possible links of a text, pair after pair and target word after target word."""

    kind: Tensor
    """(L,) the word pair: a row of `words`."""
    words: Tensor
    """(U, 2) source and target word."""
    places: Tensor
    """(L, 2) source and target word by their places among the words of all pairs."""
    number: Tensor
    """(L,) of the source word in its sentence."""
    near: Tensor
    """(L,) e^(−λ |i/m − j/n|)"""
    sides: tuple[Tensor, Tensor]
    """(W,) all source words and all target words."""
    size: int
    """How many words there are (V)."""

    @classmethod
    def between(
        cls, sources: Sequence[list[int]], targets: Sequence[list[int]], size: int
    ) -> "_Table":
        """Of words that are numbered up to `size`."""
        sides = tuple(torch.tensor([w for s in side for w in s]) for side in (sources, targets))
        m, n = (torch.tensor([len(s) for s in side]) for side in (sources, targets))
        of = torch.repeat_interleave(m * n)
        begin = [lengths.cumsum(0) - lengths for lengths in (m, n, m * n)]
        within = torch.arange(len(of)) - begin[2][of]
        i, j = within % m[of], within // m[of]
        near = (-TENSION * ((i + 0.5) / m[of] - (j + 0.5) / n[of]).abs()).exp()
        places = torch.stack([begin[0][of] + i, begin[1][of] + j], dim=1)
        del of, within, j
        joint, kind = torch.unique(
            sides[0][places[:, 0]] * size + sides[1][places[:, 1]], return_inverse=True
        )
        words = torch.stack([joint // size, joint % size], dim=1)
        return cls(kind, words, places, i, near, (sides[0], sides[1]), size)

    def learn(self) -> Tensor:
        """What both directions believe of each link together (L,)."""
        anywhere = replace(self, near=torch.ones_like(self.near))  # but begun near the diagonal
        nothing = self.near.new_ones(self.size)
        beliefs = [anywhere._shares(side, self.near, nothing) for side in (SOURCE, TARGET)]
        for number in range(ROUNDS):
            alone = number < ALONE
            agreed = beliefs[SOURCE] * beliefs[TARGET]
            table = anywhere if alone else self
            heeded = beliefs if alone else [agreed, agreed]
            beliefs = [table._believe(side, heeded[side]) for side in (SOURCE, TARGET)]
        return beliefs[SOURCE] * beliefs[TARGET]

    def likeliest(self, beliefs: Tensor) -> Tensor:
        """Of each target word (W,) the number of the source word that it is linked to, or NONE."""
        chosen = torch.full_like(self.sides[TARGET], NONE)
        sure = (beliefs >= CERTAIN).nonzero()[:, 0]
        sure = sure[beliefs[sure].argsort(stable=True)]  # of several the last one stays
        chosen[self.places[sure, TARGET]] = self.number[sure]
        return chosen

    def _believe(self, side: int, heeded: Tensor) -> Tensor:
        """One round of a direction in which each word of `side` looks for one of the other."""
        given = self.words[:, 1 - side]
        counts = torch.bincount(self.kind, heeded, len(self.words))
        counts += CONCENTRATION + ALIKE * (self.words[:, 0] == self.words[:, 1])
        totals = torch.bincount(given, counts, self.size)
        told = (torch.digamma(counts) - torch.digamma(totals)[given]).exp()
        taken = torch.bincount(self.places[:, side], heeded, len(self.sides[side]))
        left = torch.bincount(self.sides[side], (1 - taken).clamp(min=0), self.size) + CONCENTRATION
        return self._shares(side, self.near * told[self.kind], left / left.sum())

    def _shares(self, side: int, scores: Tensor, nothing: Tensor) -> Tensor:
        """Scores of links (L,) as shares of all that a word of `side` might be linked to,
        `nothing` (V,) included."""
        place, count = self.places[:, side], len(self.sides[side])
        near = torch.bincount(place, self.near, count)
        sums = (1 - NOTHING) * torch.bincount(place, scores, count) / near
        sums += NOTHING * nothing[self.sides[side]]
        return (1 - NOTHING) * scores / (near * sums)[place]

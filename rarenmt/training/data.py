"""Training data: texts read from files, encoded, and drawn in an order that depends only on seed
and epoch; target positions drawn from a batch; and what the text says of single words."""

import random
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from rarenmt.config import TrainConfig
from rarenmt.errors import DataError
from rarenmt.model.checkpoint import Checkpoint, load_tokenizer
from rarenmt.text.batch import Ids, by_length
from rarenmt.text.corpus.reader import read_corpus
from rarenmt.text.lexicon.completeness import Completeness
from rarenmt.text.lexicon.cooccurrence import Cooccurrence
from rarenmt.text.lexicon.frequency import Frequencies
from rarenmt.text.lexicon.lexicon import Lexicon
from rarenmt.text.pairs import Pair
from rarenmt.text.tokenizer import Tokenizer
from rarenmt.training.aligner import Alignments

Texts = Sequence[tuple[Sequence[Pair], float]]
"""The pairs of each corpus, with its sampling weight."""

COMPLETENESS_PAIRS = 300_000
"""Pairs from which `Completeness` is learnt: enough for a few thousand words."""

POOL = 1000
"""Batches whose pairs are drawn together and then sorted by length."""


def read_texts(
    corpora: Sequence[tuple[str, float]], languages: tuple[str, str], log: Callable[[str], None]
) -> Texts:
    """Read corpora, given with their sampling weights; DataError for one that cannot be used."""
    return [(list(read_corpus(name, languages, log)), weight) for name, weight in corpora]


def load_or_learn_tokenizer(
    path: Path | None, texts: Texts, pieces: int, log: Callable[[str], None]
) -> Tokenizer:
    """The vocabulary in a file or folder or, without one, a joint vocabulary of this size learned
    from both sides of the texts."""
    if path is not None:
        return load_tokenizer(path)
    log(f"learning a vocabulary of {pieces:,} pieces")
    sides = (side for pairs, _ in texts for p in pairs for side in (p.source, p.target))
    return Tokenizer.train(sides, pieces)


def learn_word_tables(
    corpus: "Corpus",
    texts: Texts,
    tokenizer: Tokenizer,
    alignments: Alignments | None,
    start: Checkpoint | None,
) -> tuple[Lexicon, Frequencies, Cooccurrence, Completeness]:
    """Word translations from the alignments, and word frequencies, co-occurrences and completeness
    from the texts; those three of the checkpoint that training starts from are kept, and so is its
    lexicon if there are no alignments."""
    if alignments is not None:
        lexicon = Lexicon.learn(corpus.pairs, alignments.rows, tokenizer)
    else:
        lexicon = start.lexicon if start is not None else Lexicon()
    if start is not None and len(start.frequencies):
        frequencies = start.frequencies
    else:
        sources = (([pair.source for pair in pairs], weight) for pairs, weight in texts)
        frequencies = Frequencies.from_texts(sources)
    if start is not None and len(start.cooccurrence):
        cooccurrence = start.cooccurrence
    else:
        targets = (([pair.target for pair in pairs], weight) for pairs, weight in texts)
        cooccurrence = Cooccurrence.learn(targets)
    if start is not None and len(start.completeness):
        completeness = start.completeness
    else:
        completeness = Completeness.learn(sample_pairs(texts), lexicon.translations)
    return lexicon, frequencies, cooccurrence, completeness


def sample_pairs(texts: Texts, count: int = COMPLETENESS_PAIRS) -> list[tuple[str, str]]:
    """At most `count` different pairs in random order, drawn with the weights of their texts."""
    drawn = random.Random(0)
    pairs = [(pair.source, pair.target) for some, _ in texts for pair in some]
    weights = [weight for some, weight in texts for _ in some]
    keys = [drawn.random() ** (1 / max(weight, 1e-9)) for weight in weights]
    order = sorted(range(len(pairs)), key=keys.__getitem__, reverse=True)[:count]
    return [pairs[place] for place in order]


def encode(pairs: Sequence[Pair], tokenizer: Tokenizer) -> list[tuple[Ids, Ids]]:
    """Both sides of each pair in token ids."""
    return [(tokenizer.encode(pair.source), tokenizer.encode(pair.target)) for pair in pairs]


def draw_positions(
    lengths: Sequence[int], count: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Draw `count` random target positions of sentences of these lengths; return the number of the
    sentence and the position in it, (count,) each, in the order drawn."""
    sizes = torch.tensor(lengths)
    drawn = torch.randperm(int(sizes.sum()), generator=generator)[:count]
    sentences = torch.repeat_interleave(sizes)[drawn]
    return sentences, drawn - (sizes.cumsum(0) - sizes)[sentences]


def positions_in(drawn: tuple[Tensor, Tensor], numbers: range, count: int) -> tuple[Tensor, Tensor]:
    """Select the drawn positions of `count` sentences that lie in the sentences of these numbers;
    return their flat positions in the batch (T, B) of those, and their indices in `drawn`."""
    sentences, steps = drawn
    columns = torch.full((count,), -1)
    columns[list(numbers)] = torch.arange(len(numbers))
    column = columns[sentences]
    order = (column >= 0).nonzero()[:, 0]
    return steps[order] * len(numbers) + column[order], order


def concatenate(
    pairs: Sequence[tuple[Ids, Ids]], count: int, longest: int, rng: random.Random
) -> list[tuple[Ids, Ids]]:
    """Return up to `count` longer pairs, each a concatenation of two to four of `pairs`, with at
    most `longest` pieces per side; short sentences alone do not teach long ones.

    Kondo et al. 2021, "Sentence Concatenation Approach to Data Augmentation for Neural Machine
    Translation" (arXiv 2104.08478).
    """
    found = []
    for _ in range(count):
        parts = rng.choices(pairs, k=rng.randint(2, 4))
        source = [piece for part, _ in parts for piece in part]
        target = [piece for _, part in parts for piece in part]
        if max(len(source), len(target)) <= longest:
            found.append((source, target))
    return found


class Corpus:
    """Encoded training pairs, drawn in an order that depends only on seed and epoch.

    Each corpus of `parts` has a sampling weight: with 2 its pairs occur twice per epoch, with 0.5
    a random half of them occurs.
    """

    def __init__(self, parts: Sequence[tuple[Sequence[tuple[Ids, Ids]], float]]) -> None:
        self.pairs = [pair for pairs, _ in parts for pair in pairs]
        self._weights = torch.cat([torch.full((len(pairs),), weight) for pairs, weight in parts])

    @classmethod
    def from_texts(
        cls, texts: Texts, tokenizer: Tokenizer, config: TrainConfig, concatenated: float = 0.0
    ) -> "Corpus":
        """Encode texts, without the pairs over `config.maximum_length`; `concatenated` is the
        number of longer pairs to add per pair. DataError for a text without a usable pair."""
        longest = config.maximum_length
        parts = [(_short(encode(p, tokenizer), longest, p[0].path), weight) for p, weight in texts]
        if concatenated:
            pairs = [pair for part, _ in parts for pair in part]
            count, rng = round(concatenated * len(pairs)), random.Random(config.seed)
            parts.append((concatenate(pairs, count, longest, rng), 1.0))
        return cls(parts)

    def epoch(self, number: int, seed: int, budget: int) -> list[list[int]]:
        """The batches of one epoch, each a list of positions in `pairs`."""
        generator = torch.Generator().manual_seed(seed * 1_000_003 + number)
        repeats = self._weights.floor()
        extra = torch.rand(len(self.pairs), generator=generator) < self._weights - repeats
        drawn = torch.repeat_interleave((repeats + extra).long())
        drawn = drawn[torch.randperm(len(drawn), generator=generator)]
        batches: list[list[int]] = []
        lengths = torch.tensor([len(target) + 1 for _, target in self.pairs])
        pool = max(1, int(POOL * budget / lengths.float().mean()))
        for chunk in drawn.split(pool):
            positions = chunk.tolist()
            keys = [len(self.pairs[p][1]) * 1000 + len(self.pairs[p][0]) for p in positions]
            ordered = [positions[i] for i in sorted(range(len(keys)), key=keys.__getitem__)]
            sizes = [len(self.pairs[p][1]) + 1 for p in ordered]
            batches += [[ordered[i] for i in cut] for cut in by_length(sizes, budget)]
        shuffled = torch.randperm(len(batches), generator=generator).tolist()
        return [batches[i] for i in shuffled]


def _short(pairs: list[tuple[Ids, Ids]], longest: int, path: str) -> list[tuple[Ids, Ids]]:
    """The pairs with no side over `longest` pieces."""
    kept = [pair for pair in pairs if max(map(len, pair)) <= longest]
    if not kept:
        raise DataError(path, None, f"every pair is over {longest} pieces")
    return kept

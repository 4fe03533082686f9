"""The corpora of a training run: from the arguments to pieces."""

import random
from collections.abc import Sequence
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING

from rarenmt.config import TrainConfig
from rarenmt.errors import DataError, SettingError

from . import console

if TYPE_CHECKING:
    from rarenmt.model.checkpoint import Checkpoint
    from rarenmt.text.batch import Ids
    from rarenmt.text.lexicon.cooccurrence import Cooccurrence
    from rarenmt.text.lexicon.frequency import Frequencies
    from rarenmt.text.lexicon.lexicon import Lexicon
    from rarenmt.text.pairs import Pair
    from rarenmt.text.tokenizer import Tokenizer
    from rarenmt.training.aligner import Alignments
    from rarenmt.training.data import Corpus


def parse_corpus(argument: str) -> tuple[str, float]:
    """A corpus and its sampling weight, from FILE or FILE@WEIGHT."""
    name, at, weight = argument.rpartition("@")
    if not at or Path(argument).exists():
        return argument, 1.0
    try:
        value = float(weight)
    except ValueError:
        return argument, 1.0
    if not 0 < value < 1000:
        raise SettingError(f"{argument}: the sampling weight must be between 0 and 1000")
    return name, value


def learn_or_load(texts: "Sequence[tuple[list[Pair], float]]", wanted: str) -> "Tokenizer":
    """A vocabulary of so many pieces, learnt from the texts, or the one in a file."""
    from rarenmt.model.checkpoint import load_tokenizer
    from rarenmt.text.tokenizer import Tokenizer

    if not wanted.isdecimal():
        if not Path(wanted).exists():
            raise SettingError(
                f"--vocabulary {wanted}: wanted a number of pieces, or a vocabulary.model"
            )
        return load_tokenizer(Path(wanted))
    console.remark(f"learning a vocabulary of {int(wanted):,} pieces")
    sides = (side for pairs, _ in texts for p in pairs for side in (p.source, p.target))
    return Tokenizer.train(sides, int(wanted))


def make_corpus(
    tokenizer: "Tokenizer",
    texts: "Sequence[tuple[list[Pair], float]]",
    join: float,
    settings: TrainConfig,
) -> "Corpus":
    """The pairs to train on, in pieces, with longer ones made of them."""
    from rarenmt.training.data import Corpus, concatenate

    parts = [
        (_short(encode(tokenizer, pairs), settings.maximum_length, pairs[0].path), weight)
        for pairs, weight in texts
    ]
    if join:
        everything = [pair for pairs, _ in parts for pair in pairs]
        count, rng = round(join * len(everything)), random.Random(settings.seed)
        parts.append((concatenate(everything, count, settings.maximum_length, rng), 1.0))
    return Corpus(parts)


def learn_words(
    corpus: "Corpus",
    texts: "Sequence[tuple[list[Pair], float]]",
    tokenizer: "Tokenizer",
    links: "Alignments | None",
    known: "Checkpoint | None",
) -> "tuple[Lexicon, Frequencies, Cooccurrence]":
    """Which words translate which, from the links, and how often and before what they stand in the
    texts; what there is no telling of, as the checkpoint before knew it."""
    from rarenmt.text.lexicon.cooccurrence import Cooccurrence
    from rarenmt.text.lexicon.frequency import Frequencies
    from rarenmt.text.lexicon.lexicon import Lexicon

    if links is not None:
        lexicon = Lexicon.learn(corpus.pairs, links.rows, tokenizer)
    else:
        lexicon = known.lexicon if known is not None else Lexicon()
    if known is not None and len(known.counts):
        counts = known.counts
    else:
        counts = Frequencies.from_texts(
            (map(attrgetter("source"), pairs), weight) for pairs, weight in texts
        )
    if known is not None and len(known.company):
        company = known.company
    else:
        targets = ((map(attrgetter("target"), pairs), weight) for pairs, weight in texts)
        company = Cooccurrence.learn(targets)
    return lexicon, counts, company


def save_words(
    folder: Path, lexicon: "Lexicon", counts: "Frequencies", company: "Cooccurrence"
) -> None:
    """Put them into a checkpoint."""
    from rarenmt.model.checkpoint import COMPANY, LEXICON, WORDS

    if len(lexicon):
        lexicon.save(folder / LEXICON)
    counts.save(folder / WORDS)
    if len(company):
        company.save(folder / COMPANY)


def encode(tokenizer: "Tokenizer", pairs: "list[Pair]") -> "list[tuple[Ids, Ids]]":
    """Pairs as pieces."""
    return [(tokenizer.encode(pair.source), tokenizer.encode(pair.target)) for pair in pairs]


def _short(pairs: "list[tuple[Ids, Ids]]", longest: int, path: str) -> "list[tuple[Ids, Ids]]":
    """Those of the pairs that have no side over `longest` pieces."""
    kept = [pair for pair in pairs if max(map(len, pair)) <= longest]
    if not kept:
        raise DataError(path, None, f"every pair is over {longest} pieces")
    return kept

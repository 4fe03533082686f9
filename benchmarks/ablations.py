"""Ablations: one-shot recall with one part of retrieval or decoding changed in each row.

Nothing is retrained: the weights are those of the checkpoint, which was trained without the change.
Prints one row of a Markdown table for each change, as soon as it is measured.
"""

import argparse
import math
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from rarenmt.config import SearchConfig
from rarenmt.config.decoding import CandidateConfig, ConstraintConfig
from rarenmt.config.retrieval import RETRIEVAL, RetrievalConfig
from rarenmt.decoding import candidates
from rarenmt.evaluation.bootstrap import Interval
from rarenmt.evaluation.oneshot import OneShot, Suite, answer, figures, read_suite
from rarenmt.model.checkpoint import Checkpoint, load_checkpoint
from rarenmt.model.readout import MixtureReadout
from rarenmt.text.lexicon.frequency import Frequencies
from rarenmt.text.lexicon.inflection import Inflections
from rarenmt.text.splitting import word_runs
from rarenmt.text.tokenizer import Tokenizer
from rarenmt.translation_memory import encoding, lookup, retrieval, word_alignment
from rarenmt.translation_memory.word_alignment import SourceWords
from rarenmt.translator.translator import Translator

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Row:
    """One change."""

    name: str
    change: Callable[[Checkpoint], None] = lambda checkpoint: None
    constants: tuple[tuple[Any, str, Any], ...] = ()
    """Modules or classes, the names of their attributes, and the values of this row."""
    retrieval: RetrievalConfig = RETRIEVAL
    search: SearchConfig = field(default_factory=SearchConfig)
    memory: bool = True

    def measure(self, folder: Path, suite: Suite) -> OneShot:
        kept = [(module, name, getattr(module, name)) for module, name, _ in self.constants]
        for module, name, value in self.constants:
            setattr(module, name, value)
        try:
            checkpoint = load_checkpoint(folder, CPU)
            self.change(checkpoint)
            translator = Translator(checkpoint, retrieval=self.retrieval)
            if self.memory:
                translator.memory.remember(suite.context)
            answers = answer(translator, suite, self.search, memory=self.memory)
            return figures(self.name, suite, answers)
        finally:
            for module, name, value in kept:
                setattr(module, name, value)


def without_blocks(*blocks: str) -> Callable[[Checkpoint], None]:
    """A query without some of its blocks."""

    def change(checkpoint: Checkpoint) -> None:
        query = checkpoint.model.query
        with torch.no_grad():
            for number, block in enumerate(query.blocks):
                if block in blocks:
                    query.shares[number] = -torch.inf

    return change


def scaled_temperature(factor: float) -> Callable[[Checkpoint], None]:
    """The inverse temperature of the softmax over the neighbours, times a factor."""

    def change(checkpoint: Checkpoint) -> None:
        readout = checkpoint.model.readout
        assert isinstance(readout, MixtureReadout)
        with torch.no_grad():
            readout.log_temperature.add_(math.log(factor))

    return change


class Gate(nn.Module):
    """A gate that is not learned."""

    def __init__(self, logit: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.logit = logit

    def forward(self, features: Tensor) -> Tensor:
        nearest = features[:, MixtureReadout.VIEW :][:, :1]
        return self.logit(nearest)


def gate(logit: Callable[[Tensor], Tensor]) -> Callable[[Checkpoint], None]:
    """A gate that depends only on the similarity of the nearest neighbour."""

    def change(checkpoint: Checkpoint) -> None:
        readout = checkpoint.model.readout
        assert isinstance(readout, MixtureReadout)
        readout.gate = Gate(logit)  # type: ignore[assignment]

    return change


def constant_gate(share: float) -> Callable[[Checkpoint], None]:
    """A gate that gives the memory the same share at every position."""
    return gate(lambda nearest: torch.full_like(nearest, math.log(share / (1 - share))))


def ignore_word_starts(checkpoint: Checkpoint) -> None:
    """No piece counts as one inside a word, so an entry may begin at any piece."""
    checkpoint.tokenizer.continues_word = [False] * len(checkpoint.tokenizer.continues_word)


def ignore_punctuation(checkpoint: Checkpoint) -> None:
    """No piece counts as punctuation, so a word continues after a bracket or a hyphen."""
    checkpoint.tokenizer.ends_with_punctuation = [False] * len(
        checkpoint.tokenizer.ends_with_punctuation
    )


def distinguish_case(checkpoint: Checkpoint) -> None:
    """A piece and the same piece with a capital letter are two values."""
    checkpoint.tokenizer.case_twin = list(range(len(checkpoint.tokenizer)))


class BM25:
    """Retrieves the best eight pairs by BM25 over all source words (k1 1.2, b 0.75), in place of
    `Retriever`."""

    MOST = 8

    def __init__(
        self,
        tokenizer: Tokenizer,
        known: Container[str],
        counts: Frequencies,
        same: Callable[[str, str], bool],
        config: RetrievalConfig,
    ) -> None:
        other = retrieval.Retriever(tokenizer, known, counts, same, config)
        self.is_rare, self.find_terms = other.is_rare, other.find_terms
        self._documents: list[Counter[str]] = []
        self._holders: dict[str, list[int]] = defaultdict(list)

    def add(self, sources: Iterable[str]) -> None:
        for source in sources:
            words = Counter(word_runs(source.casefold()))
            for word in words:
                self._holders[word].append(len(self._documents))
            self._documents.append(words)

    def find(self, sentence: str) -> list[int]:
        count = len(self._documents)
        mean = sum(d.total() for d in self._documents) / max(1, count)
        scores: dict[int, float] = defaultdict(float)
        for word in set(word_runs(sentence.casefold())):
            holders = self._holders.get(word, [])
            idf = math.log(1 + (count - len(holders) + 0.5) / (len(holders) + 0.5))
            for number in holders:
                document = self._documents[number]
                often = document[word]
                length = 0.25 + 0.75 * document.total() / mean
                scores[number] += idf * often * 2.2 / (often + 1.2 * length)
        best = sorted(((score, n) for n, score in scores.items()), reverse=True)[: self.MOST]
        return sorted(number for _, number in best)


aligned_positions = SourceWords.positions


def all_positions(self: SourceWords, translated: Sequence[Iterable[str]]) -> Tensor:
    """The positions of the words that an entry translates, or else the end of the sentence, so that
    no entry is blocked."""
    positions = aligned_positions(self, translated)
    positions[:, -1] = ~positions.any(dim=1)
    return positions


def ignore_attention(similarity: Tensor, attention: Tensor) -> Tensor:
    """The similarity, whatever the attention."""
    return similarity


def keep_attention(weights: Tensor, priors: object) -> Tensor:
    """The attention of the model, without a prior from the target."""
    return weights


def no_forms(self: Inflections, word: str) -> tuple[str, ...]:
    """No other form of any word."""
    return ()


def same_word(self: Inflections, word: str, other: str) -> bool:
    """Whether two words are equal, so that no word is a form of another."""
    return word == other


def empty_lexicon(checkpoint: Checkpoint) -> None:
    """No lexicon, as if the training text had not been aligned."""
    checkpoint.lexicon.__init__()  # type: ignore[misc]


def empty_cooccurrence(checkpoint: Checkpoint) -> None:
    """No statistics of which words precede the same words."""
    checkpoint.cooccurrence.__init__()  # type: ignore[misc]


def with_candidates(**changes: Any) -> SearchConfig:
    """A search with other settings of the candidates."""
    return SearchConfig(candidates=CandidateConfig(**changes))


def with_constraints(**changes: Any) -> SearchConfig:
    """A search with other settings of the constraints."""
    return SearchConfig(constraints=ConstraintConfig(**changes))


ROWS = [
    Row("no memory", memory=False),
    Row("default"),
    Row("pairs by BM25", constants=((lookup, "Retriever", BM25),)),
    Row("pairs by rare words only", retrieval=replace(RETRIEVAL, min_overlap=math.inf)),
    Row("pairs by overlap only", retrieval=replace(RETRIEVAL, rare_information=math.inf)),
    Row(
        "no other forms in retrieval",
        constants=(
            (retrieval, "_prefix_keys", lambda word: []),
            (word_alignment, "form_keys", lambda word: {word}),
        ),
    ),
    Row("no other forms of terms", constants=((Inflections, "_are_forms", same_word),)),
    Row(
        "no inflection bonus",
        constants=((Inflections, "_other_forms", no_forms),),
    ),
    Row("8 pairs with each rare word", retrieval=replace(RETRIEVAL, pairs_per_rare_word=8)),
    Row(
        "8 pairs with each rare word, greedy",
        retrieval=replace(RETRIEVAL, pairs_per_rare_word=8),
        search=SearchConfig(beam=1),
    ),
    Row("at most 2 pairs", retrieval=replace(RETRIEVAL, max_pairs=2)),
    Row("at most 32 pairs", retrieval=replace(RETRIEVAL, max_pairs=32)),
    Row("no continuation bonus", search=with_candidates(bigram_bonus=0.0, trigram_bonus=0.0)),
    Row("continuation bonus of one word only", search=with_candidates(trigram_bonus=0.0)),
    Row(
        "no fuzzy-match bonus",
        search=with_candidates(fuzzy_bonus=0.0, fuzzy_gate_bonus=0.0),
    ),
    Row("no minimum attention", search=with_candidates(min_attention=0.0)),
    Row("entries compete inside words too", ignore_word_starts),
    Row("no penalty for incomplete words", search=with_constraints(incomplete_word_penalty=0.0)),
    Row(
        "similarity ignores attention",
        constants=((candidates, "_raise_similarity", ignore_attention),),
    ),
    Row("no alignment of pairs", constants=((SourceWords, "positions", all_positions),)),
    Row(
        "keys: attention without the target",
        constants=((encoding, "reweight_attention", keep_attention),),
    ),
    Row(
        "keys: attention without the target, and no alignment of pairs",
        constants=(
            (SourceWords, "positions", all_positions),
            (encoding, "reweight_attention", keep_attention),
        ),
    ),
    Row("no lexicon", empty_lexicon),
    Row("words continue after punctuation", ignore_punctuation),
    Row("case-sensitive pieces", distinguish_case),
    Row("no base score", search=with_constraints(base_score_weight=0.0)),
    Row("no co-occurrence statistics", empty_cooccurrence),
    Row("no revision before remembered words", search=with_constraints(alternatives=0)),
    Row("no coverage of remembered words", search=with_constraints(constraint_weight=0.0)),
    Row("no attention suppression", search=with_candidates(attention_suppression=0.0)),
    Row(
        "no coverage, no attention suppression",
        search=replace(
            with_candidates(attention_suppression=0.0),
            constraints=ConstraintConfig(constraint_weight=0.0),
        ),
    ),
    Row("query: source only", without_blocks("bottom", "top")),
    Row("query: no source", without_blocks("source")),
    Row("query: no bottom", without_blocks("bottom")),
    Row("query: no top", without_blocks("top")),
    Row("gate: always 0.3", constant_gate(0.3)),
    Row("gate: always 0.6", constant_gate(0.6)),
    Row("gate: by similarity", gate(lambda nearest: 20 * (nearest - 0.8))),
    Row("4 neighbours", search=with_candidates(max_neighbours=4)),
    Row("16 neighbours", search=with_candidates(max_neighbours=16)),
    Row("half the inverse temperature", scaled_temperature(0.5)),
    Row("double the inverse temperature", scaled_temperature(2.0)),
    Row("greedy", search=SearchConfig(beam=1)),
    Row("beam 10", search=SearchConfig(beam=10)),
    Row("no memory, greedy", search=SearchConfig(beam=1), memory=False),
]


def percentage(share: Interval | None) -> str:
    """A figure with its interval."""
    return "" if share is None else f"{share.value:.1f} ({share.low:.0f}–{share.high:.0f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("suite", type=Path, help="one-shot suite (JSON)")
    parser.add_argument("--model", type=Path, required=True, help="checkpoint folder")
    parser.add_argument("--rows", nargs="*", help="names of rows; default: all", default=[])
    arguments = parser.parse_args()
    suite = read_suite(arguments.suite)
    known = {row.name: row for row in ROWS}
    if unknown := set(arguments.rows) - set(known):
        parser.error(f"unknown rows {sorted(unknown)}; choose from {sorted(known)}")
    rows = [known[name] for name in arguments.rows] or ROWS
    print("| change | recall | copied | translated | R1 | BLEU of those | general BLEU | CPU-s |")
    print("|---|---|---|---|---|---|---|---|")
    for row in rows:
        begun = time.process_time()
        r = row.measure(arguments.model, suite)
        cells = [r.condition, percentage(r.recall), percentage(r.copied), percentage(r.translated)]
        cells += [f"{r.r1:.1f}" if r.r1 is not None else "", f"{r.bleu:.1f}"]
        cells += [f"{r.general_bleu:.1f}", f"{time.process_time() - begun:.0f}"]
        print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()

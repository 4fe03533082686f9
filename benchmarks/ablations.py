"""Ablations: one-shot recall with one part of retrieval or decoding changed in each row.

Nothing is retrained: the weights are those of the checkpoint, which was trained without the change.
Prints one row of a Markdown table for each change, as soon as it is measured.
"""

import argparse
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from operator import eq
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from rarenmt.config import SearchConfig
from rarenmt.config.decoding import CandidateConfig, ConstraintConfig
from rarenmt.config.retrieval import RETRIEVAL, RetrievalConfig
from rarenmt.evaluation.bootstrap import Interval
from rarenmt.evaluation.oneshot import OneShot, Suite, answer, figures, read_suite
from rarenmt.model.checkpoint import Checkpoint, load_checkpoint
from rarenmt.model.readout import MixtureReadout
from rarenmt.translator.translator import Translator

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Row:
    """One change."""

    name: str
    change: Callable[[Checkpoint], None] = lambda checkpoint: None
    retrieval: RetrievalConfig = RETRIEVAL
    search: SearchConfig = field(default_factory=SearchConfig)
    memory: bool = True

    def measure(self, folder: Path, suite: Suite) -> OneShot:
        checkpoint = load_checkpoint(folder, CPU)
        self.change(checkpoint)
        translator = Translator(checkpoint, retrieval=self.retrieval)
        if self.memory:
            translator.memory.remember(suite.context)
        return figures(self.name, suite, answer(translator, suite, self.search, memory=self.memory))


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


def exact_source_words(checkpoint: Checkpoint) -> None:
    """No source word is a form of another."""
    checkpoint.lexicon.inflections.are_forms = eq  # type: ignore[assignment]


def exact_target_words(checkpoint: Checkpoint) -> None:
    """No target word has another form."""
    checkpoint.lexicon.inflections.other_forms = lambda word: ()  # type: ignore[assignment]


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
    Row("pairs by rare words only", retrieval=replace(RETRIEVAL, min_overlap=math.inf)),
    Row("pairs by overlap only", retrieval=replace(RETRIEVAL, rare_information=math.inf)),
    Row("no forms of source words", exact_source_words),
    Row("no forms of target words", exact_target_words),
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

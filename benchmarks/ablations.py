"""What each part of the look-up is worth: one-shot recall with one thing changed a row.

Nothing is trained here: weights are those of the checkpoint, trained for its own way of asking.
Prints a row of a Markdown table for each change, as it is measured.
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
from rarenmt.decoding.attribution import Attribution
from rarenmt.evaluation.bootstrap import Interval
from rarenmt.evaluation.oneshot import OneShot, Suite, answer, figures, read_suite
from rarenmt.model.checkpoint import Checkpoint, load_checkpoint
from rarenmt.model.readout import MixtureReadout
from rarenmt.text.lexicon.frequency import Frequencies, word_runs
from rarenmt.text.lexicon.inflection import Inflections
from rarenmt.text.tokenizer import Tokenizer
from rarenmt.translation_memory import encoding as entries
from rarenmt.translation_memory import lookup as finder
from rarenmt.translation_memory import retrieval as relevance
from rarenmt.translation_memory import word_alignment as counterpart
from rarenmt.translation_memory.word_alignment import SourceWords
from rarenmt.translator.translator import Translator

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Row:
    """One thing that is not as the checkpoint would have it."""

    name: str
    change: Callable[[Checkpoint], None] = lambda checkpoint: None
    constants: tuple[tuple[Any, str, Any], ...] = ()
    """Modules, their constants and what these become for this row."""
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
    """A query that lacks some of its blocks."""

    def change(checkpoint: Checkpoint) -> None:
        query = checkpoint.model.query
        with torch.no_grad():
            for number, block in enumerate(query.blocks):
                if block in blocks:
                    query.shares[number] = -torch.inf

    return change


def hotter(factor: float) -> Callable[[Checkpoint], None]:
    """Another inverse temperature of the softmax over the neighbours."""

    def change(checkpoint: Checkpoint) -> None:
        readout = checkpoint.model.readout
        assert isinstance(readout, MixtureReadout)
        with torch.no_grad():
            readout.log_temperature.add_(math.log(factor))

    return change


class Gate(nn.Module):
    """A gate that is set by hand instead of learnt."""

    def __init__(self, logit: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.logit = logit

    def forward(self, features: Tensor) -> Tensor:
        nearest = features[:, MixtureReadout.VIEW :][:, :1]
        return self.logit(nearest)


def gate(logit: Callable[[Tensor], Tensor]) -> Callable[[Checkpoint], None]:
    """A gate that sees the similarity of the nearest neighbour, and nothing else."""

    def change(checkpoint: Checkpoint) -> None:
        readout = checkpoint.model.readout
        assert isinstance(readout, MixtureReadout)
        readout.gate = Gate(logit)  # type: ignore[assignment]

    return change


def fixed(share: float) -> Callable[[Checkpoint], None]:
    """The same share for the memory at every position."""
    return gate(lambda nearest: torch.full_like(nearest, math.log(share / (1 - share))))


def any_piece(checkpoint: Checkpoint) -> None:
    """No piece counts as one from inside a word: entries may speak anywhere."""
    checkpoint.tokenizer.continues_word = [False] * len(checkpoint.tokenizer.continues_word)


def no_signs(checkpoint: Checkpoint) -> None:
    """No piece counts as a sign: a word goes on behind a bracket or a hyphen."""
    checkpoint.tokenizer.ends_with_punctuation = [False] * len(
        checkpoint.tokenizer.ends_with_punctuation
    )


def capitals(checkpoint: Checkpoint) -> None:
    """Words that differ in a capital letter are other words."""
    checkpoint.tokenizer.case_twin = list(range(len(checkpoint.tokenizer)))


class BM25:
    """The best eight pairs by BM25 over all source words (k1 1.2, b 0.75), in the place of
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
        other = relevance.Retriever(tokenizer, known, counts, same, config)
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
        usual = sum(d.total() for d in self._documents) / max(1, count)
        scores: dict[int, float] = defaultdict(float)
        for word in set(word_runs(sentence.casefold())):
            holders = self._holders.get(word, [])
            idf = math.log(1 + (count - len(holders) + 0.5) / (len(holders) + 0.5))
            for number in holders:
                document = self._documents[number]
                often = document[word]
                length = 0.25 + 0.75 * document.total() / usual
                scores[number] += idf * often * 2.2 / (often + 1.2 * length)
        best = sorted(((score, n) for n, score in scores.items()), reverse=True)[: self.MOST]
        return sorted(number for _, number in best)


def none_from_memory(attribution: Attribution) -> Tensor:
    """As if no piece came from the memory."""
    return torch.zeros_like(attribution.base_score, dtype=torch.bool)


places_at = SourceWords.positions


def all_heard(self: SourceWords, translated: Sequence[Iterable[str]]) -> Tensor:
    """As if every word of a pair translated something in the sentence: its end, if nothing else."""
    places = places_at(self, translated)
    places[:, -1] = ~places.any(dim=1)
    return places


def as_near(similarity: Tensor, share: Tensor) -> Tensor:
    """As if the attention did not matter."""
    return similarity


def as_it_was(weights: Tensor, priors: object) -> Tensor:
    """As if the target were not known when a pair is shown."""
    return weights


def no_other(self: Inflections, word: str) -> tuple[str, ...]:
    """As if words had no other forms."""
    return ()


def equal(self: Inflections, word: str, other: str) -> bool:
    """As if no word were another form of one."""
    return word == other


def unknown_words(checkpoint: Checkpoint) -> None:
    """As if the training text had not been aligned."""
    checkpoint.lexicon.__init__()  # type: ignore[misc]


def unknown_company(checkpoint: Checkpoint) -> None:
    """As if nothing were known of which words stand before the same words."""
    checkpoint.cooccurrence.__init__()  # type: ignore[misc]


def competing(**changes: Any) -> SearchConfig:
    """A search whose candidates compete in another way."""
    return SearchConfig(candidates=CandidateConfig(**changes))


def constrained(**changes: Any) -> SearchConfig:
    """A search under other constraints."""
    return SearchConfig(constraints=ConstraintConfig(**changes))


ROWS = [
    Row("no memory", memory=False),
    Row("default"),
    Row("pairs by BM25", constants=((finder, "Retriever", BM25),)),
    Row("only a rare word makes relevant", retrieval=replace(RETRIEVAL, min_overlap=math.inf)),
    Row("only half of the sentence", retrieval=replace(RETRIEVAL, rare_information=math.inf)),
    Row(
        "other forms do not count",
        constants=(
            (relevance, "_prefix_keys", lambda word: []),
            (counterpart, "form_keys", lambda word: {word}),
        ),
    ),
    Row("terms stand in their own form alone", constants=((Inflections, "_are_forms", equal),)),
    Row(
        "words in another form keep their ending",
        constants=((Inflections, "_other_forms", no_other),),
    ),
    Row("8 pairs with each rare word", retrieval=replace(RETRIEVAL, pairs_per_rare_word=8)),
    Row(
        "8 pairs with each rare word, greedy",
        retrieval=replace(RETRIEVAL, pairs_per_rare_word=8),
        search=SearchConfig(beam=1),
    ),
    Row("at most 2 pairs", retrieval=replace(RETRIEVAL, max_pairs=2)),
    Row("at most 32 pairs", retrieval=replace(RETRIEVAL, max_pairs=32)),
    Row("no thread", search=competing(bigram_bonus=0.0, trigram_bonus=0.0)),
    Row("a thread of one word", search=competing(trigram_bonus=0.0)),
    Row(
        "pairs that resemble it are no nearer and trusted no more",
        search=competing(fuzzy_bonus=0.0, fuzzy_gate_bonus=0.0),
    ),
    Row("words do not wait for attention", search=competing(min_attention=0.0)),
    Row("entries speak inside words too", any_piece),
    Row("words do not end", search=constrained(word_end_penalty=0.0)),
    Row(
        "a word of one piece may be left",
        constants=((Attribution, "last_from_memory", property(none_from_memory)),),
    ),
    Row("attention brings nothing nearer", constants=((candidates, "_raise_similarity", as_near),)),
    Row("every word of a pair speaks", constants=((SourceWords, "positions", all_heard),)),
    Row("keys: attention as it was", constants=((entries, "reweight_attention", as_it_was),)),
    Row(
        "keys as they were, every word speaks",
        constants=(
            (SourceWords, "positions", all_heard),
            (entries, "reweight_attention", as_it_was),
        ),
    ),
    Row("no lexicon", unknown_words),
    Row("a word behind a sign is another word", no_signs),
    Row("the first word of a pair keeps its capital letter", capitals),
    Row("the model has no say in what goes with a word", search=constrained(base_score_weight=0.0)),
    Row("nothing is known of what keeps company", unknown_company),
    Row("what stands before a remembered word stays", search=constrained(alternatives=0)),
    Row("remembered words may be passed over", search=constrained(constraint_weight=0.0)),
    Row("what is said is looked at again", search=competing(attention_suppression=0.0)),
    Row(
        "both of the last",
        search=replace(
            competing(attention_suppression=0.0),
            constraints=ConstraintConfig(constraint_weight=0.0),
        ),
    ),
    Row("query: source", without_blocks("bottom", "top")),
    Row("query: no source", without_blocks("source")),
    Row("query: no bottom", without_blocks("bottom")),
    Row("query: no top", without_blocks("top")),
    Row("gate: always 0.3", fixed(0.3)),
    Row("gate: always 0.6", fixed(0.6)),
    Row("gate: by similarity", gate(lambda nearest: 20 * (nearest - 0.8))),
    Row("4 neighbours", search=competing(max_neighbours=4)),
    Row("16 neighbours", search=competing(max_neighbours=16)),
    Row("temperature, half", hotter(0.5)),
    Row("temperature, double", hotter(2.0)),
    Row("greedy", search=SearchConfig(beam=1)),
    Row("beam 10", search=SearchConfig(beam=10)),
    Row("no memory, greedy", search=SearchConfig(beam=1), memory=False),
]


def show(share: Interval | None) -> str:
    return "" if share is None else f"{share.value:.1f} ({share.low:.0f}–{share.high:.0f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("suite", type=Path, help="one-shot suite (JSON)")
    parser.add_argument("--model", type=Path, required=True, help="checkpoint folder")
    parser.add_argument("--rows", nargs="*", help="names; default: all", default=[])
    arguments = parser.parse_args()
    suite = read_suite(arguments.suite)
    known = {row.name: row for row in ROWS}
    if unknown := set(arguments.rows) - set(known):
        parser.error(f"unknown rows {sorted(unknown)}; known are {sorted(known)}")
    rows = [known[name] for name in arguments.rows] or ROWS
    print("| changed | recall | copied | translated | R1 | BLEU of those | general BLEU | CPU-s |")
    print("|---|---|---|---|---|---|---|---|")
    for row in rows:
        begun = time.process_time()
        r = row.measure(arguments.model, suite)
        cells = [r.condition, show(r.recall), show(r.copied), show(r.translated)]
        cells += [f"{r.r1:.1f}" if r.r1 is not None else "", f"{r.bleu:.1f}"]
        cells += [f"{r.general_bleu:.1f}", f"{time.process_time() - begun:.0f}"]
        print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()

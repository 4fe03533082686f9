"""Counts the misses of a one-shot suite by cause.

A miss is a test whose translation lacks its word. The decoder is forced to write the reference up
to the word; attention, neighbours and gate are inspected at its first piece, and the first cause
that holds is counted. `--show` prints every miss.
"""

import argparse
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import torch

from rarenmt.config import SearchConfig
from rarenmt.decoding.prefix import LastWords
from rarenmt.evaluation.oneshot import Question, read_suite
from rarenmt.model.checkpoint import load_checkpoint
from rarenmt.text.batch import pair_batch
from rarenmt.text.pairs import Pair
from rarenmt.text.splitting import LETTER_RUN, letter_runs
from rarenmt.text.tokenizer import Tokenizer
from rarenmt.translator.translator import Translator

CAUSES = {
    "retrieval": "the pair with the word was not retrieved",
    "form": "another form of the word, or one that is cut short or continued",
    "attention": "attention is on another source word than in the remembered pair",
    "neighbour": "another entry is nearer",
    "gate": "the gate gives the memory less than half",
    "search": "none of these: the search does not reach the word",
}


@dataclass(frozen=True)
class Inspection:
    """The state of the decoder at the first piece of a word."""

    attended: str
    """The source word with the most attention, in lower case."""
    nearest: bool
    """Whether the value of the nearest entry is the right piece."""
    share: float
    """Probability that the memory adds to the right piece."""


def first_piece(tokenizer: Tokenizer, target: str, word: str) -> int | None:
    """Number of the first piece of a word; None if the target does not contain it."""
    found = re.search(rf"(?<!\w){re.escape(word)}(?!\w)", target)
    if found is None:
        return None
    last = 0
    for number, piece in enumerate(tokenizer.pieces(tokenizer.encode(target))):
        last += len(piece)
        if last > found.start():
            return number
    return None


def word_at(tokenizer: Tokenizer, source: str, piece: int) -> str:
    """The word that a piece belongs to, in lower case."""
    pieces = tokenizer.pieces(tokenizer.encode(source))
    end = len("".join(pieces[: piece + 1]))
    words = [m.group() for m in LETTER_RUN.finditer(source) if m.start() < end <= m.end()]
    return words[0].casefold() if words else ""


class Inspector:
    """Inspects a translator that remembers the context of a suite."""

    def __init__(self, translator: Translator) -> None:
        self.translator, self.tokenizer = translator, translator.tokenizer
        self.finder = translator.memory.candidate_finder

    @torch.inference_mode()
    def inspect(self, source: str, target: str, word: str) -> Inspection | None:
        """Inspect the first piece of a word; None if the target does not contain it."""
        source_ids, target_ids = self.tokenizer.encode(source), self.tokenizer.encode(target)
        first = first_piece(self.tokenizer, target, word)
        candidates = self.finder.candidates([source], [self.finder.retrieve(source)])
        if first is None or candidates is None:
            return None
        model, batch = self.translator.model, pair_batch([(source_ids, target_ids)], self.device)
        states, weights = model.decode_reference(batch)
        queries = model.query(states.flatten())
        prefix = LastWords.from_inputs(batch.inputs, candidates.boundaries).by_sentence()
        attention, coverage = weights.flatten(0, 1), weights.cumsum(dim=1).flatten(0, 1)
        recall = candidates.read(queries, prefix, attention, untranslated_attention=coverage)
        memory = self.translator.memory.entries
        shares = model.predict_with_memory(states.flatten(), queries, recall, memory).memory_probs
        assert shares is not None
        right = recall.values[first] == target_ids[first]
        return Inspection(
            word_at(self.tokenizer, source, int(weights[0, first].argmax())),
            bool(right[0]),
            float(shares[first][right].sum()),
        )

    @property
    def device(self) -> torch.device:
        return self.translator.device

    def cause(self, test: Question, shown: Pair, found: str) -> str:
        """The cause for which `found` lacks the word of a test."""
        retrieved = self.translator.retrieve(test.source)
        if not any(
            (pair.source, pair.target) == (shown.source, shown.target) for pair in retrieved
        ):
            return "retrieval"
        if any(word[:4].casefold() == test.word[:4].casefold() for word in letter_runs(found)):
            return "form"
        there = self.inspect(shown.source, shown.target, test.word)
        here = self.inspect(test.source, test.target, test.word)
        if here is None or there is None:
            return "search"
        if here.attended[:4] != there.attended[:4]:
            return "attention"
        if not here.nearest:
            return "neighbour"
        return "gate" if here.share < 0.5 else "search"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("suite", type=Path, help="one-shot suite (JSON)")
    parser.add_argument("--model", type=Path, required=True, help="checkpoint folder")
    parser.add_argument("--beam", type=int, default=5)
    parser.add_argument("--show", action="store_true", help="print every miss")
    arguments = parser.parse_args()
    suite = read_suite(arguments.suite)
    translator = Translator(load_checkpoint(arguments.model, torch.device("cpu")))
    translator.memory.remember(suite.context)
    inspector, config = (
        Inspector(translator),
        SearchConfig(beam=arguments.beam, exact_matches=False),
    )
    sources = [test.source for test in suite.tests]
    found = [t.text for t in translator.translate(sources, config, explain=False)]
    causes: Counter[str] = Counter()
    for test, text in zip(suite.tests, found, strict=True):
        if test.word in letter_runs(text):
            continue
        shown = suite.context[test.context]
        cause = inspector.cause(test, shown, text)
        causes[cause] += 1
        if arguments.show:
            print(f"{cause}: {test.word} ({test.source_word})\n  {test.source}\n  {text}")
            print(f"  {test.target}\n  shown: {shown.source} | {shown.target}")
    print(f"{causes.total()} of {len(suite.tests)} words were missed:")
    for cause, sentence in CAUSES.items():
        print(f"{causes[cause]:5}  {sentence}")


if __name__ == "__main__":
    main()

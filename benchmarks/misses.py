"""Why a word that was shown once did not come out: each miss of a one-shot suite by cause.

The decoder is made to write the reference up to the word, and looked at where the word should
begin; the first cause that holds is counted. `--show` prints the misses one by one.
"""

import argparse
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import torch

from rarenmt.config import SearchConfig
from rarenmt.decoding.prefix import Prefix
from rarenmt.evaluation.metrics import WORD
from rarenmt.evaluation.oneshot import Question, read_suite
from rarenmt.model.checkpoint import load_checkpoint
from rarenmt.text.batch import pair_batch
from rarenmt.text.pairs import Pair
from rarenmt.text.tokenizer import Tokenizer
from rarenmt.translator.translator import Translator

CAUSES = {
    "asked": "the pair that shows the word was not asked",
    "form": "another form of the word, cut short or run on",
    "attention": "attention is on another word than when the pair was remembered",
    "neighbour": "another entry is nearer",
    "gate": "the gate trusts the model",
    "search": "all is well where the word begins, but the search never gets there",
}


@dataclass(frozen=True)
class Look:
    """What is seen where the word should begin."""

    attended: str
    """The source word that gets most attention, in lower case."""
    nearest: bool
    """Whether the nearest entry holds the right piece."""
    share: float
    """What the memory lends to the right piece."""


def word_begins(tokenizer: Tokenizer, target: str, word: str) -> int | None:
    """Number of the piece that the word begins with; None where it does not stand there."""
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
    words = [m.group() for m in WORD.finditer(source) if m.start() < end <= m.end()]
    return words[0].casefold() if words else ""


class Doctor:
    """Looks at a translator that remembers a suite's context."""

    def __init__(self, translator: Translator) -> None:
        self.translator, self.tokenizer = translator, translator.tokenizer
        self.finder = translator.memory.candidate_finder

    @torch.inference_mode()
    def look(self, source: str, target: str, word: str) -> Look | None:
        """At the first piece of the word; None where the target does not hold it."""
        source_ids, target_ids = self.tokenizer.encode(source), self.tokenizer.encode(target)
        begins = word_begins(self.tokenizer, target, word)
        excerpt = self.finder.candidates([source])
        if begins is None or excerpt is None:
            return None
        model, batch = self.translator.model, pair_batch([(source_ids, target_ids)], self.device)
        states, weights = model.decode_reference(batch)
        queries = model.query(states.flatten())
        prefix = Prefix.from_inputs(batch.inputs, excerpt.boundaries).by_sentence()
        attention, coverage = weights.flatten(0, 1), weights.cumsum(dim=1).flatten(0, 1)
        recall = excerpt.read(queries, prefix, attention, untranslated_attention=coverage)
        memory = self.translator.memory.entries
        shares = model.predict_with_memory(states.flatten(), queries, recall, memory).memory_probs
        assert shares is not None
        right = recall.values[begins] == target_ids[begins]
        return Look(
            word_at(self.tokenizer, source, int(weights[0, begins].argmax())),
            bool(right[0]),
            float(shares[begins][right].sum()),
        )

    @property
    def device(self) -> torch.device:
        return self.translator.device

    def cause(self, test: Question, shown: Pair, found: str) -> str:
        """Why `found` lacks the word of a test."""
        asked = self.translator.retrieve(test.source)
        if not any((pair.source, pair.target) == (shown.source, shown.target) for pair in asked):
            return "asked"
        if any(word[:4].casefold() == test.word[:4].casefold() for word in WORD.findall(found)):
            return "form"
        there = self.look(shown.source, shown.target, test.word)
        here = self.look(test.source, test.target, test.word)
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
    doctor, config = Doctor(translator), SearchConfig(beam=arguments.beam, repeat=False)
    sources = [test.source for test in suite.tests]
    found = [t.text for t in translator.translate(sources, config, explain=False)]
    causes: Counter[str] = Counter()
    for test, text in zip(suite.tests, found, strict=True):
        if test.word in WORD.findall(text):
            continue
        shown = suite.context[test.context]
        cause = doctor.cause(test, shown, text)
        causes[cause] += 1
        if arguments.show:
            print(f"{cause}: {test.word} ({test.source_word})\n  {test.source}\n  {text}")
            print(f"  {test.target}\n  shown: {shown.source} | {shown.target}")
    print(f"{causes.total()} of {len(suite.tests)} words did not come out:")
    for cause, sentence in CAUSES.items():
        print(f"{causes[cause]:5}  {sentence}")


if __name__ == "__main__":
    main()

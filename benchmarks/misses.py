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

from rarenmt.batches import pair_batch
from rarenmt.checkpoint import load_checkpoint
from rarenmt.config import SearchConfig
from rarenmt.excerpt import spell_all
from rarenmt.finder import Finder
from rarenmt.novelty import WORD
from rarenmt.oneshot import Question, read_suite
from rarenmt.text import Pair
from rarenmt.tokens import Tokenizer
from rarenmt.translator import Translator

CAUSES = {
    "asked": "the pair that shows the word was not asked",
    "form": "another form of the word, cut short or run on",
    "shown": "attention was elsewhere when the pair was remembered",
    "attention": "attention is elsewhere",
    "neighbour": "another entry is nearer",
    "gate": "the gate trusts the model",
    "search": "all is well where the word begins, but the search never gets there",
}


@dataclass(frozen=True)
class Look:
    """What is seen where the word should begin."""

    attention: float
    """On the pieces of the source word."""
    nearest: bool
    """Whether the nearest entry holds the right piece."""
    share: float
    """What the memory lends to the right piece."""


def marked(tokenizer: Tokenizer, text: str, word: str) -> tuple[list[int], list[bool]]:
    """The pieces of a text, and which of them belong to a word, whatever its case."""
    spans = [m.span() for m in re.finditer(rf"(?<!\w){re.escape(word)}(?!\w)", text, re.I)]
    ids, flags, first = tokenizer.encode(text), [], 0
    for piece in tokenizer.pieces(ids):
        last = first + len(piece)
        flags.append(any(first < end and max(last, first + 1) > start for start, end in spans))
        first = last
    return ids, flags


class Doctor:
    """Looks at a translator that remembers a suite's context."""

    def __init__(self, translator: Translator) -> None:
        self.translator, self.tokenizer = translator, translator.tokenizer
        self.finder = Finder(translator.memory, translator.journal, translator.tokenizer)

    @torch.inference_mode()
    def look(self, source: str, target: str, words: tuple[str, str]) -> Look | None:
        """At the first piece of the target word; None where the text does not hold both words."""
        source_ids, source_word = marked(self.tokenizer, source, words[0])
        target_ids, target_word = marked(self.tokenizer, target, words[1])
        excerpt = self.finder.excerpt([source])
        if not any(source_word) or not any(target_word) or excerpt is None:
            return None
        model, batch = self.translator.model, pair_batch([(source_ids, target_ids)], self.device)
        states, weights = model.attend(batch)
        queries = model.query(states.flat())
        recall = excerpt.read(queries, spell_all(batch.inputs, excerpt.inside).flatten())
        _, shares = model.read_out(states.flat(), queries, recall, self.translator.memory)
        begins = target_word.index(True)
        right = recall.values[begins] == target_ids[begins]
        return Look(
            float(weights[0, begins, : len(source_word)][torch.tensor(source_word)].sum()),
            bool(right[0]),
            float(shares[begins][right].sum()),
        )

    @property
    def device(self) -> torch.device:
        return self.translator.device

    def cause(self, test: Question, shown: Pair, found: str) -> str:
        """Why `found` lacks the word of a test."""
        words = (test.source_word, test.word)
        if shown not in self.translator.relevant(test.source):
            return "asked"
        if any(word[:4].casefold() == test.word[:4].casefold() for word in WORD.findall(found)):
            return "form"
        there = self.look(shown.source, shown.target, words)
        if there is None or there.attention < 0.5:
            return "shown"
        here = self.look(test.source, test.target, words)
        if here is None or here.attention < 0.5:
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
    translator.remember(suite.context)
    doctor, config = Doctor(translator), SearchConfig(beam=arguments.beam)
    found = [t.text for t in translator.translate([t.source for t in suite.tests], config)]
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

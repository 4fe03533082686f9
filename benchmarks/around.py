"""What stands around remembered words: words that a translation says twice, which are those of five
letters or more that stand in it more often than in its reference, and the word before one that came
out, as the reference has it; without memory, and with it, where one thing or another is left out.

Prints a row of a Markdown table for each.
"""

import argparse
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import torch

from rarenmt.config import SearchConfig
from rarenmt.config.decoding import CandidateConfig
from rarenmt.evaluation.metrics import WORD
from rarenmt.evaluation.oneshot import Answers, Suite, answer, figures, read_suite
from rarenmt.model.checkpoint import load_checkpoint
from rarenmt.text.lexicon.cooccurrence import Cooccurrence
from rarenmt.translator.translator import Translator

LONG = re.compile(r"\w{5,}")


def repeated(translation: str, reference: str) -> int:
    """How many words the translation says once more than the reference needs."""
    said, needed = Counter(LONG.findall(translation)), Counter(LONG.findall(reference))
    return sum(count - max(1, needed[word]) for word, count in said.items() if count > needed[word])


def before(text: str, word: str) -> str | None:
    """The word before another one, in small letters; None where there is none."""
    words = WORD.findall(text)
    place = words.index(word) if word in words else 0
    return words[place - 1].casefold() if place else None


def row(suite: Suite, answers: Answers, name: str) -> str:
    """A row of the table."""
    counts, leads = [], []
    for text, test in zip(answers.tests, suite.tests, strict=True):
        counts.append(repeated(text, test.target))
        ours, theirs = before(text, test.word), before(test.target, test.word)
        if ours is not None and theirs is not None:
            leads.append(ours == theirs)
    found = figures(name, suite, answers)
    recall = "" if found.recall is None else f"{found.recall.value:.1f}"
    twice = f"{sum(counts)} | {sum(count > 0 for count in counts)} of {len(counts)}"
    led = f"{sum(leads)} of {len(leads)} ({100 * sum(leads) / max(1, len(leads)):.1f} %)"
    return f"| {name} | {twice} | {led} | {recall} | {found.bleu:.1f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("suite", type=Path, help="one-shot suite (JSON)")
    parser.add_argument("--model", type=Path, required=True, help="checkpoint folder")
    parser.add_argument("--beam", type=int, default=5)
    arguments = parser.parse_args()
    suite, config = read_suite(arguments.suite), SearchConfig(beam=arguments.beam)
    at_once = replace(config, candidates=CandidateConfig(min_attention=0.0))
    whole = load_checkpoint(arguments.model, torch.device("cpu"))
    unknown = replace(whole, cooccurrence=Cooccurrence())
    print("| | said once more | sentences | word before as in the reference | recall | BLEU |")
    print("|---|---|---|---|---|---|")
    for name, checkpoint, search, memory in [
        ("no memory", whole, config, False),
        ("words do not wait", whole, at_once, True),
        ("nothing is known of what keeps company", unknown, config, True),
        ("default", whole, config, True),
    ]:
        translator = Translator(checkpoint)
        translator.remember(suite.context)
        print(row(suite, answer(translator, suite, search, memory=memory), name), flush=True)


if __name__ == "__main__":
    main()

"""Words that a translation says twice: those of five letters or more that stand in it more often
than in its reference, without memory, with it, and with it where a word does not wait until the
decoder has looked at what it translates.

Prints a row of a Markdown table for each.
"""

import argparse
import re
from collections import Counter
from pathlib import Path

import torch

from rarenmt import excerpt
from rarenmt.checkpoint import load_checkpoint
from rarenmt.config import SearchConfig
from rarenmt.oneshot import answer, figures, read_suite
from rarenmt.translator import Translator

WORD = re.compile(r"\w{5,}")


def repeated(translation: str, reference: str) -> int:
    """How many words the translation says once more than the reference needs."""
    said, needed = Counter(WORD.findall(translation)), Counter(WORD.findall(reference))
    return sum(count - max(1, needed[word]) for word, count in said.items() if count > needed[word])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("suite", type=Path, help="one-shot suite (JSON)")
    parser.add_argument("--model", type=Path, required=True, help="checkpoint folder")
    parser.add_argument("--beam", type=int, default=5)
    arguments = parser.parse_args()
    suite, config = read_suite(arguments.suite), SearchConfig(beam=arguments.beam)
    translator = Translator(load_checkpoint(arguments.model, torch.device("cpu")))
    translator.remember(suite.context)
    print("| | words said once more | sentences with one | recall | BLEU of those |")
    print("|---|---|---|---|---|")
    for name, memory, looked in [
        ("no memory", False, excerpt.LOOKED),
        ("words do not wait", True, 0.0),
        ("default", True, excerpt.LOOKED),
    ]:
        excerpt.LOOKED = looked
        answers = answer(translator, suite, config, memory=memory)
        pairs = zip(answers.tests, suite.tests, strict=True)
        counts = [repeated(text, test.target) for text, test in pairs]
        found = figures(name, suite, answers)
        recall = "" if found.recall is None else f"{found.recall.value:.1f}"
        some = sum(count > 0 for count in counts)
        print(f"| {name} | {sum(counts)} | {some} of {len(counts)} | {recall} | {found.bleu:.1f} |")


if __name__ == "__main__":
    main()

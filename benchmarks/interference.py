"""Measures the interference of unrelated pairs: BLEU and time of a general test set with 1, 100,
10,000 and 100,000 pairs of other text remembered.

Prints one row of a Markdown table for each number of pairs.
"""

import argparse
import time
from dataclasses import replace
from itertools import islice
from pathlib import Path

import torch

from rarenmt.config import SearchConfig
from rarenmt.evaluation.bootstrap import bleu_gain
from rarenmt.evaluation.metrics import bleu
from rarenmt.model.checkpoint import load_checkpoint
from rarenmt.text.corpus.reader import read_corpus
from rarenmt.translator.translator import Translator

COUNTS = [0, 1, 100, 10_000, 100_000]
LIMIT = 1 << 23
"""Maximum number of slots, so that no entry is evicted."""


def load(folder: Path) -> Translator:
    checkpoint = load_checkpoint(folder, torch.device("cpu"))
    model = checkpoint.model
    model.config = replace(model.config, memory=replace(model.config.memory, limit=LIMIT))
    return Translator(checkpoint)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("test", help="general pairs to translate")
    parser.add_argument("--remember", nargs="+", required=True, help="corpora of other text")
    parser.add_argument("--model", type=Path, required=True, help="checkpoint folder")
    parser.add_argument("--lines", type=int, default=500, help="lines of the test set")
    parser.add_argument("--beam", type=int, default=5)
    parser.add_argument("--most", type=int, default=COUNTS[-1], help="maximum pairs to remember")
    arguments = parser.parse_args()
    translator, config = load(arguments.model), SearchConfig(beam=arguments.beam)
    languages = translator.model.config.languages
    test = list(islice(read_corpus(arguments.test, languages), arguments.lines))
    stock = (pair for name in arguments.remember for pair in read_corpus(name, languages))
    print(
        "| pairs | entries | sentences with a retrieved pair | changed | BLEU | "
        "difference to no memory | CPU-s: remember, translate |"
    )
    print("|---|---|---|---|---|---|---|")
    first: list[str] = []
    done = 0
    for count in [count for count in COUNTS if count <= arguments.most]:
        begun = time.process_time()
        translator.memory.remember(list(islice(stock, count - done)))
        done, remembered = count, time.process_time()
        retrieving = sum(bool(translator.retrieve(pair.source)) for pair in test)
        begun_to_translate = time.process_time()
        translations = translator.translate([p.source for p in test], config, explain=False)
        found = [translation.text for translation in translations]
        ended = time.process_time()
        first = first or found
        changed = sum(a != b for a, b in zip(first, found, strict=True))
        references = [pair.target for pair in test]
        gain = bleu_gain(first, found, references)
        print(
            f"| {count:,} | {translator.memory.entries.size:,} | {retrieving} of {len(test)} | "
            f"{changed} | {bleu(found, references):.2f} | "
            f"{gain.value:+.2f} ({gain.low:+.2f} to {gain.high:+.2f}) | "
            f"{remembered - begun:.0f}, {ended - begun_to_translate:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()

"""Learn one vocabulary for both directions from a drawn text, each corpus by its weight.

    python benchmarks/recipes/vocabulary.py OUT/corpora.txt 12000 vocabulary.model

The signs below are pieces of their own, however rare they are in the text.
"""

import argparse
import random
from pathlib import Path

from rarenmt.storage.files import replace_bytes
from rarenmt.text.tokenizer import Tokenizer

SIGNS = "€£$¥¢§µ×÷±°²³½¼¾©®™…–—„“”‚‘’«»‹›•→←↑↓✓✗★≤≥≠≈∞ÄÖÜäöüßẞéèêáàâçñœæøåÉ"
"""Signs that a translator meets and that hardly stand in its text."""

LINES = 800_000
"""Pairs to learn from."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split(",")[0])
    parser.add_argument("corpora", type=Path, help="one FILE@WEIGHT a line")
    parser.add_argument("size", type=int)
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    rng = random.Random(1)
    lines = []
    for corpus in options.corpora.read_text("utf-8").split():
        name, _, weight = corpus.partition("@")
        found = Path(name).read_text("utf-8").splitlines()
        lines += rng.choices(found, k=round(float(weight or 1) * len(found)))
    sides = (
        side for line in rng.sample(lines, min(LINES, len(lines))) for side in line.split("\t")
    )
    tokenizer = Tokenizer.train(sides, options.size, characters=SIGNS)
    replace_bytes(options.out, tokenizer.model)


if __name__ == "__main__":
    main()

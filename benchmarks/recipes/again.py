"""The text that the paper's configuration is trained on: 1,500 pairs to come again, and others.

    python benchmarks/recipes/again.py DATA/tatoeba.tsv@4 DATA/manuals.tsv -o OUT
    sh benchmarks/recipes/paper.sh OUT CHECKPOINT --from checkpoints/en-de

Drawn from corpora by their weights, without doubles or long pairs, and written as again.tsv and
once.tsv, beside which dev.tsv is wanted.
"""

import argparse
import random
from collections.abc import Iterator
from pathlib import Path

from rarenmt.text.pairs import read_pairs

AGAIN, ONCE = 1500, 27423
LONGEST = 40
"""Words of either side."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("corpora", nargs="+", help="TSV file, @ and its weight")
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder to write to")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    keyed: list[tuple[float, str]] = []
    for corpus in options.corpora:
        name, _, weight = corpus.partition("@")
        keyed += [(rng.random() ** (1 / float(weight or 1)), line) for line in short_pairs(name)]
    keyed.sort(reverse=True)  # the largest of u^(1/w): a weighted sample without replacement
    lines = list(dict.fromkeys(line for _, line in keyed))[: AGAIN + ONCE]
    rng.shuffle(lines)
    options.out.mkdir(parents=True, exist_ok=True)
    for part, some in (("again.tsv", lines[:AGAIN]), ("once.tsv", lines[AGAIN:])):
        (options.out / part).write_text("".join(line + "\n" for line in some), "utf-8")


def short_pairs(name: str) -> Iterator[str]:
    """The pairs of a corpus as lines, long ones left out."""
    for pair in read_pairs(Path(name)):
        if max(len(pair.source.split()), len(pair.target.split())) <= LONGEST:
            yield f"{pair.source}\t{pair.target}"


if __name__ == "__main__":
    main()

"""Write the co-occurrence table (company.tsv) of a checkpoint from before there was one.

    python benchmarks/recipes/checkpoints/company.py CHECKPOINT DATA/tatoeba.tsv@4 DATA/manuals.tsv

The corpora are its training text, with weights as `rarenmt train` takes them.
"""

import argparse
from pathlib import Path

from rarenmt.model.checkpoint import COOCCURRENCE
from rarenmt.text.lexicon.cooccurrence import Cooccurrence
from rarenmt.text.pairs import read_pairs


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("corpora", nargs="+", help="TSV file, @ and its weight")
    options = parser.parse_args()
    texts = []
    for corpus in options.corpora:
        name, _, weight = corpus.partition("@")
        texts.append(((pair.target for pair in read_pairs(Path(name))), float(weight or 1)))
    Cooccurrence.learn(texts).save(options.checkpoint / COOCCURRENCE)


if __name__ == "__main__":
    main()

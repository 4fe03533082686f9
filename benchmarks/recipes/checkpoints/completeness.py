"""Write the completeness table (completeness.tsv) of a checkpoint from before there was one.

    python benchmarks/recipes/checkpoints/completeness.py CHECKPOINT DATA/tatoeba.tsv@4 DATA/a.tsv

The corpora are its training text, with weights as `rarenmt train` takes them; `--reverse` exchanges
their columns.
"""

import argparse
from pathlib import Path

from rarenmt.model.checkpoint import COMPLETENESS, LEXICON
from rarenmt.text.lexicon.completeness import Completeness
from rarenmt.text.lexicon.lexicon import Lexicon
from rarenmt.text.pairs import Pair, read_pairs
from rarenmt.training.data import sample_pairs


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("corpora", nargs="+", help="TSV file, @ and its weight")
    parser.add_argument("--reverse", action="store_true")
    options = parser.parse_args()
    texts = []
    for corpus in options.corpora:
        name, _, weight = corpus.partition("@")
        pairs = list(read_pairs(Path(name)))
        if options.reverse:
            pairs = [Pair(pair.target, pair.source) for pair in pairs]
        texts.append((pairs, float(weight or 1)))
    translations = Lexicon.load(options.checkpoint / LEXICON).translations
    table = Completeness.learn(sample_pairs(texts), translations)
    table.save(options.checkpoint / COMPLETENESS)
    print(f"{len(table):,} words")


if __name__ == "__main__":
    main()

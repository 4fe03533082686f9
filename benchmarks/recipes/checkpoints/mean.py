"""Write the mean of several checkpoints of one training lineage as a checkpoint.

    python benchmarks/recipes/checkpoints/mean.py OUT CHECKPOINT CHECKPOINT --bias 0.75

A checkpoint named twice counts twice. The lexicon is the union of all; word frequencies and
co-occurrences are those of the first. `--bias` is added to the last bias of the gate; above 0, the
memory gets more weight.
"""

import argparse
from pathlib import Path

import torch

from rarenmt.model.checkpoint import COOCCURRENCE, LEXICON, WORDS, load_average, save_checkpoint
from rarenmt.model.readout import MixtureReadout
from rarenmt.text.lexicon.lexicon import Lexicon


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("out", type=Path, help="checkpoint folder to write")
    parser.add_argument("checkpoints", type=Path, nargs="+")
    parser.add_argument("--bias", type=float, default=0.0)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    mean = load_average(options.checkpoints, torch.device("cpu"))
    readout = mean.model.readout
    if options.bias and isinstance(readout, MixtureReadout):
        with torch.no_grad():
            readout.get_parameter("gate.2.bias").add_(options.bias)
    save_checkpoint(options.out, mean.model, mean.tokenizer)
    known = [Lexicon.load(folder / LEXICON) for folder in dict.fromkeys(options.checkpoints)]
    Lexicon(pair for lexicon in known for pair in lexicon.pairs()).save(options.out / LEXICON)
    mean.frequencies.save(options.out / WORDS)
    if len(mean.cooccurrence):
        mean.cooccurrence.save(options.out / COOCCURRENCE)


if __name__ == "__main__":
    main()

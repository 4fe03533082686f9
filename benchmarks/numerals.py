"""How many numbers with signs between their digits are written as in the reference: 1,250.50 as
1.250,50.

Takes pairs whose source has such a number whose digits the target has too. Prints the rows of a
Markdown table.
"""

import argparse
import re
from collections.abc import Sequence
from pathlib import Path

import torch

from rarenmt.config import SearchConfig
from rarenmt.evaluation.metrics import bleu
from rarenmt.model.checkpoint import load_checkpoint
from rarenmt.text.corpus import read_corpus
from rarenmt.text.pairs import Pair
from rarenmt.translator.translator import Translator


def numbers(text: str) -> list[str]:
    return re.findall("[0-9]+(?:[.,:'/-][0-9]+)*", text)


def wanted(pair: Pair) -> list[str]:
    """The numbers of a pair's source that are parted by points or commas, as its target writes
    them; those whose digits it does not have are left out."""
    references = {re.sub("[^0-9]", "", number): number for number in numbers(pair.target)}
    parted = (number for number in numbers(pair.source) if re.search("[.,]", number))
    return [references[key] for each in parted if (key := re.sub("[^0-9]", "", each)) in references]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pairs", nargs="+", help="corpora")
    parser.add_argument("--model", type=Path, required=True, help="checkpoint folder")
    parser.add_argument("--count", type=int, default=200, help="pairs of each corpus, at most")
    parser.add_argument("--longest", type=int, default=25, help="words of a source, at most")
    parser.add_argument("--beam", type=int, default=5)
    arguments = parser.parse_args()
    translator = Translator(load_checkpoint(arguments.model, torch.device("cpu")))
    print("| corpus | numbers | written so by the decoder, BLEU | written so, BLEU |")
    print("|---|---|---|---|")
    for corpus in arguments.pairs:
        pairs = [
            pair
            for pair in read_corpus(corpus, translator.model.config.languages)
            if wanted(pair) and len(pair.source.split()) <= arguments.longest
        ][: arguments.count]
        rows = [
            _measure(translator, pairs, SearchConfig(beam=arguments.beam, verbatim=verbatim))
            for verbatim in (False, True)
        ]
        count = sum(len(wanted(pair)) for pair in pairs)
        print(f"| {Path(corpus).name} | {count} | {rows[0]} | {rows[1]} |", flush=True)


def _measure(translator: Translator, pairs: Sequence[Pair], config: SearchConfig) -> str:
    """How many numbers are written as in the reference, and the BLEU of the sentences."""
    sources = [pair.source for pair in pairs]
    found = [each.text for each in translator.translate(sources, config, explain=False)]
    written = sum(
        number in numbers(text)
        for pair, text in zip(pairs, found, strict=True)
        for number in wanted(pair)
    )
    return f"{written}, {bleu(found, [pair.target for pair in pairs]):.1f}"


if __name__ == "__main__":
    main()

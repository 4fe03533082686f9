"""How many sentences keep what stands in a translation as in the source: their numbers of several
digits, and their placeholders, tags, addresses, paths and names with digits in them.

Takes pairs whose two sides have the same ones. Prints the rows of a Markdown table.
"""

import argparse
import random
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import torch

from rarenmt.config import SearchConfig
from rarenmt.evaluation.metrics import bleu
from rarenmt.model.checkpoint import load_checkpoint
from rarenmt.text.corpus import read_corpus
from rarenmt.text.pairs import Pair
from rarenmt.text.placeables import find_spans
from rarenmt.translator.translator import Translator


def due(text: str) -> tuple[Counter[str], Counter[str]]:
    """The numbers of a text that have to be said, in digits alone, and what else has to be."""
    spans = [span for span in find_spans(list(text)) if span.required]
    numbers = [digits(text[span.start : span.end]) for span in spans if span.number]
    others = [text[span.start : span.end] for span in spans if not span.number]
    return Counter(numbers), Counter(others)


def digits(number: str) -> str:
    """1.250 and 1,250 are one number."""
    return re.sub(r"\D", "", number)


def keeps(source: str, translation: str) -> bool:
    """Whether a translation has all of them."""
    numbers, others = due(source)
    found = Counter(digits(number) for number in re.findall(r"\d[\d.,:'/-]*", translation))
    return numbers <= found and all(translation.count(each) >= n for each, n in others.items())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pairs", nargs="+", help="corpora")
    parser.add_argument("--model", type=Path, required=True, help="checkpoint folder")
    parser.add_argument("--memory", type=Path, help="memory file; none is asked without it")
    parser.add_argument("--count", type=int, default=400, help="pairs of each corpus, at most")
    parser.add_argument("--longest", type=int, default=30, help="words of a source, at most")
    parser.add_argument("--beam", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    translator = Translator(load_checkpoint(arguments.model, torch.device("cpu")), arguments.memory)
    print("| corpus | sentences | kept by the decoder, BLEU | kept, BLEU |\n|---|---|---|---|")
    for corpus in arguments.pairs:
        pairs = [
            pair
            for pair in read_corpus(corpus, translator.model.config.languages)
            if any(due(pair.source)) and due(pair.source) == due(pair.target)
            if len(pair.source.split()) <= arguments.longest
        ]
        random.Random(arguments.seed).shuffle(pairs)
        some = pairs[: arguments.count]
        rows = [
            _measure(translator, some, SearchConfig(beam=arguments.beam, verbatim=verbatim))
            for verbatim in (False, True)
        ]
        print(f"| {Path(corpus).name} | {len(some)} | {rows[0]} | {rows[1]} |", flush=True)


def _measure(translator: Translator, pairs: Sequence[Pair], config: SearchConfig) -> str:
    """How many translations keep everything, and their BLEU."""
    sources, references = [pair.source for pair in pairs], [pair.target for pair in pairs]
    found = [each.text for each in translator.translate(sources, config, explain=False)]
    kept = sum(keeps(source, text) for source, text in zip(sources, found, strict=True))
    return f"{kept}, {bleu(found, references):.1f}"


if __name__ == "__main__":
    main()

"""What a remembered sentence is worth for one that resembles it: pairs of sentences of a corpus
that differ in one word, of which the one is remembered and the other translated.

Prints the rows of a Markdown table: without memory, with the other sentences remembered, and what
the remembered translations would be worth as they are.
"""

import argparse
import random
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import torch

from rarenmt.config import SearchConfig
from rarenmt.evaluation.metrics import bleu
from rarenmt.model.checkpoint import load_checkpoint
from rarenmt.text.corpus import read_corpus
from rarenmt.text.lexicon.frequency import word_runs
from rarenmt.text.pairs import Pair
from rarenmt.translator.translator import Translator

Couple = tuple[Pair, Pair]
"""What is remembered, and what is translated."""


def couples(pairs: Sequence[Pair], fewest: int, seed: int) -> list[Couple]:
    """Pairs whose sources have the same number of words, at least so many, and differ in one of
    them; each pair is in one couple."""
    alike: dict[tuple[str, ...], list[Pair]] = defaultdict(list)
    for pair in pairs:
        words = word_runs(pair.source.casefold())
        for place in range(len(words) if len(words) >= fewest else 0):
            alike[*words[:place], "", *words[place + 1 :]].append(pair)
    chance = random.Random(seed)
    keys = sorted(alike)
    chance.shuffle(keys)
    taken: set[str] = set()
    found = []
    for key in keys:
        free = {p.source.casefold(): p for p in alike[key] if p.source.casefold() not in taken}
        if len(free) >= 2:
            one, other = chance.sample(sorted(free), 2)
            taken |= {one, other}
            found.append((free[one], free[other]))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pairs", help="corpus")
    parser.add_argument("--model", type=Path, required=True, help="checkpoint folder")
    parser.add_argument("--fewest", type=int, default=4, help="words of a sentence")
    parser.add_argument("--beam", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    translator = Translator(load_checkpoint(arguments.model, torch.device("cpu")))
    pairs = list(read_corpus(arguments.pairs, translator.model.config.languages))
    chosen = couples(pairs, arguments.fewest, arguments.seed)
    sources, references = [p.source for _, p in chosen], [p.target for _, p in chosen]
    config = SearchConfig(beam=arguments.beam)
    print(f"| {len(chosen)} sentences | BLEU | as the reference | ask the one they resemble |")
    print("|---|---|---|---|")

    def report(condition: str, found: Sequence[str]) -> None:
        right = sum(a == b for a, b in zip(found, references, strict=True))
        asking = sum(
            one.line in [pair.line for pair in translator.retrieve(other.source)]
            for one, other in chosen
        )
        print(f"| {condition} | {bleu(found, references):.1f} | {right} | {asking} |", flush=True)

    report("no memory", [t.text for t in translator.translate(sources, config, memory=False)])
    report("translations of those they resemble, as they are", [p.target for p, _ in chosen])
    translator.remember([pair for pair, _ in chosen])
    report("those remembered", [t.text for t in translator.translate(sources, config)])


if __name__ == "__main__":
    main()

"""How much longer translation takes with a large memory than without: of real entries.

    rarenmt remember pairs.tsv --memory pairs.safetensors
    taskset -c 1 python benchmarks/decoding_memory.py test.tsv --memories pairs.safetensors \\
        --model checkpoints/en-de

The same sentences are translated in turn without a memory, with the pairs that are relevant to
each, and with the whole memory by every index; CPU time, the median of the ratios of rounds, each
of which is one translation without and one with. What comes
once for a memory, to find its pairs or to fill an index, is timed apart.
"""

import argparse
import random
import statistics
import time
from dataclasses import replace
from pathlib import Path

import torch
from report import report

from rarenmt.checkpoint import load_checkpoint
from rarenmt.choice import choose_index
from rarenmt.config import IndexName, Lookup, SearchConfig
from rarenmt.text import read_pairs
from rarenmt.translator import Translator

ASKED: dict[str, tuple[Lookup, IndexName]] = {
    "relevant": ("relevant", "exact"),
    "exact": ("whole", "exact"),
    "lsh": ("whole", "lsh"),
    "faiss": ("whole", "faiss"),
}


def main() -> None:
    options = parse()
    torch.set_num_threads(1)
    pairs = random.Random(0).sample(list(read_pairs(options.pairs)), options.sentences)
    sentences = [pair.source for pair in pairs]
    config = SearchConfig(beam=options.beam, repeat=False)
    for memory in options.memories:
        translator = load(options, memory)
        print_ratios(translator, sentences, config, options)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("pairs", type=Path, help="TSV file whose sources are translated")
    parser.add_argument("--memories", type=Path, nargs="+", required=True)
    parser.add_argument("--model", type=Path, required=True, help="checkpoint folder")
    parser.add_argument("--kinds", nargs="+", choices=ASKED, default=list(ASKED))
    parser.add_argument("--sentences", type=int, default=64)
    parser.add_argument("--beam", type=int, default=5)
    parser.add_argument("--precision", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


def load(options: argparse.Namespace, memory: Path) -> Translator:
    checkpoint = load_checkpoint(options.model, torch.device("cpu"))
    checkpoint.model.to(getattr(torch, options.precision))
    return Translator(checkpoint, memory)


def print_ratios(
    translator: Translator, sentences: list[str], config: SearchConfig, options: argparse.Namespace
) -> None:
    """One line for each way of asking the translator's memory."""
    memory = translator.memory
    once: dict[str, float] = {}
    taken: dict[str, list[tuple[float, float]]] = {kind: [] for kind in options.kinds}
    for kind in options.kinds:  # one kind after the other: an index may be as large as the keys
        ask(translator, kind)
        once[kind] = spent(translator, sentences[:1], config) - spent(
            translator, sentences[:1], config
        )
        for _ in range(options.rounds):
            bare = spent(translator, sentences, config, memory=False)
            taken[kind].append((bare, spent(translator, sentences, config)))
    for kind in options.kinds:
        ratio = statistics.median(asked / bare for bare, asked in taken[kind])
        figures = {
            "entries": memory.used,
            "asked": kind,
            "beam": config.beam,
            "precision": options.precision,
            "cpu_seconds_without": [round(bare, 2) for bare, _ in taken[kind]],
            "cpu_seconds_with": [round(asked, 2) for _, asked in taken[kind]],
            "times_as_long_as_without": round(ratio, 2),
            "cpu_seconds_once": round(max(0.0, once[kind]), 2),
        }
        said = f"{ratio:.2f} × as long as without, {max(0.0, once[kind]):.1f} s once"
        report(f"decoding, {memory.used:,} entries, {kind}", figures, said)


def ask(translator: Translator, kind: str) -> None:
    """Have the translator ask its memory in another way."""
    lookup, name = ASKED[kind]
    memory = translator.memory
    memory.config = replace(memory.config, lookup=lookup)
    memory.use(choose_index(name, memory.used, translator.device))


def spent(
    translator: Translator, sentences: list[str], config: SearchConfig, *, memory: bool = True
) -> float:
    """CPU-seconds that a translation takes."""
    begin = time.process_time()
    translator.translate(sentences, config, memory=memory, explain=False)
    return time.process_time() - begin


if __name__ == "__main__":
    main()

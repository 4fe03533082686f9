"""CPU time, wall time and peak memory of the commands with 1,000, 100,000 and 1,000,000 entries.

    python benchmarks/speed/memory_sizes.py --model checkpoints/en-de

Pairs are drawn from a few words, and keys at random, which costs the commands as much as real ones.
Every figure is one run of the installed command as a process, including imports and checkpoint: CPU
seconds (user and system), wall-clock seconds, and peak memory.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from report import report

from rarenmt.model.checkpoint import Checkpoint, load_checkpoint
from rarenmt.text.pairs import Pair
from rarenmt.translation_memory.encoding import Entries
from rarenmt.translation_memory.journal import Call
from rarenmt.translation_memory.store import TranslationMemory

SIZES = [1_000, 100_000, 1_000_000]
LINKED = 4
"""Number of source words that the words of a pair are linked to."""
PIECES = 20
"""Pieces of a target, EOS included."""
NOUNS = ["harbour", "lantern", "meadow", "violin", "anchor", "barrel", "candle", "dragon"]
VERBS = ["finds", "paints", "mends", "carries", "hides", "sells", "counts", "follows"]
RARENMT = Path(sys.executable).with_name("rarenmt")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    checkpoint = load_checkpoint(arguments.model, torch.device("cpu"))
    for size in arguments.sizes:
        with tempfile.TemporaryDirectory() as folder:
            measure(checkpoint, arguments.model, size, Path(folder), arguments.threads)


def measure(checkpoint: Checkpoint, model: Path, size: int, folder: Path, threads: int) -> None:
    """Print the figures of one size."""
    path = folder / "memory.safetensors"
    fill(checkpoint, size, path)
    write_pairs(folder / "one.tsv", 1, "one")
    write_pairs(folder / "thousand.tsv", 1000, "thousand")
    fill(checkpoint, 1000, folder / "other.safetensors", "other")
    place = f"pairs.tsv:{size // PIECES // 2}"
    steps: list[tuple[str, Sequence[str]]] = [
        ("translate one sentence", ["translate", "The harbour is far away."]),
        ("remember 1 pair", ["remember", "one.tsv"]),
        ("remember 1,000 pairs", ["remember", "thousand.tsv"]),
        ("forget one line in the middle", ["forget", place]),
        ("forget the last call", ["forget", "--last"]),
        ("merge 1,000 entries", ["memory", "merge", path.name, "other.safetensors", "-o", "m"]),
        ("show", ["memory", "show"]),
        ("export as TSV", ["memory", "export", "-o", "pairs.tsv"]),
        ("export as TMX", ["memory", "export", "-o", "pairs.tmx"]),
    ]
    for name, command in steps:
        whole = [*command, *memory_options(command, model, path)]
        cpu, clock, peak = timed(whole, folder, threads)
        report(
            name,
            {
                "entries": size,
                "pairs": size // PIECES,
                "file_mb": round(path.stat().st_size / 1e6, 1),
                "command_threads": threads,
                "cpu_s": round(cpu, 2),
                "clock_s": round(clock, 2),
                "peak_gb": round(peak, 2),
            },
            f"{size:,} entries: {cpu:.1f} CPU-s, {clock:.1f} s, {peak:.2f} GB",
        )


def memory_options(command: Sequence[str], model: Path, path: Path) -> list[str]:
    chosen = ["--model", str(model.resolve())]
    return chosen if "merge" in command else [*chosen, "--memory", str(path)]


def fill(checkpoint: Checkpoint, size: int, path: Path, name: str = "pairs") -> None:
    """Write a memory with `size` entries."""
    memory = TranslationMemory(checkpoint, path)
    generator = torch.Generator().manual_seed(0)
    width, vocabulary = memory.entries.keys.shape[1], len(memory.entries.latest)

    def drawn(pairs: Sequence[Pair]) -> Entries:
        count = len(pairs) * PIECES
        keys = torch.empty(count, width, dtype=torch.bfloat16)
        for part in keys.split(1 << 14):
            part.copy_(F.normalize(torch.randn(part.shape, generator=generator), dim=-1))
        values = torch.randint(vocabulary, (count,), generator=generator)
        links = torch.arange(PIECES).repeat(len(pairs))[:, None].expand(-1, 2) % LINKED
        return Entries(keys, values, links, torch.full((len(pairs),), PIECES))

    pairs = [
        Pair(source, target, f"{name}.tsv", line, time=0)
        for line, (source, target) in enumerate(sentences(size // PIECES, name), start=1)
    ]
    memory._write([Call(pairs)], drawn)
    memory.save()


def sentences(count: int, name: str) -> list[tuple[str, str]]:
    """Different pairs as short as those of everyday life."""
    rng = random.Random(0)
    drawn = []
    for number in range(count):
        words = f"the {rng.choice(NOUNS)} {rng.choice(VERBS)} the {rng.choice(NOUNS)}"
        drawn.append((f"{name} {number}: {words}.", f"{name} {number}: {words}."))
    return drawn


def write_pairs(path: Path, count: int, name: str) -> None:
    path.write_text("".join(f"{s}\t{t}\n" for s, t in sentences(count, name)), "utf-8")


LAUNCHER = """
import os, subprocess, sys, time
begin = time.perf_counter()
run = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, used = os.wait4(run.pid, 0)
print(used.ru_utime + used.ru_stime, time.perf_counter() - begin, used.ru_maxrss / 1e6)
os._exit(status != 0)
"""
"""A small process to start the command from: a child counts the peak of its parent as its own."""


def timed(command: Sequence[str], folder: Path, threads: int) -> tuple[float, float, float]:
    """CPU seconds, seconds on the clock and the peak in gigabytes of one run of rarenmt."""
    environment = os.environ | {"OMP_NUM_THREADS": str(threads), "PYTHONUNBUFFERED": "1"}
    done = subprocess.run(
        [sys.executable, "-c", LAUNCHER, RARENMT, *command],
        cwd=folder, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    cpu, clock, peak = map(float, done.stdout.split())
    return cpu, clock, peak


if __name__ == "__main__":
    main()

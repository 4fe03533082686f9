"""What each index finds of the nearest entries of a real memory, and what it costs.

    rarenmt remember pairs.tsv --memory pairs.safetensors
    taskset -c 1 python benchmarks/index_recall.py pairs.safetensors other.tsv \\
        --model checkpoints/en-de --entries 10000 100000 1000000

Keys are the first entries of the memory, queries what the checkpoint asks while it reads other
pairs. Times are CPU-milliseconds, the median of several searches; a slot counts as found when
one at least as near was. Prints a Markdown table, row by row.
"""

import argparse
import random
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from rarenmt.evaluation.environment import Environment
from rarenmt.memory.index.exact import ExactIndex, Index
from rarenmt.memory.index.faiss import FaissIndex
from rarenmt.memory.index.lsh import LshIndex
from rarenmt.model.checkpoint import Checkpoint, load_checkpoint
from rarenmt.storage.tensors import load_tensors
from rarenmt.text.batch import by_length, pair_batch
from rarenmt.text.pairs import read_pairs

K = 16
BATCHES = {1: 10, 64: 3, 320: 1}
"""Queries asked at once, and how often."""

ADDED, TURNS = 1000, 5
"""Entries added at once, and how often."""

KINDS: dict[str, Callable[[], Index]] = {
    "exact, float32 products": lambda: ExactIndex(two_stage=False),
    "exact": ExactIndex,
    "lsh, 8 probes": lambda: LshIndex(probes=8),
    "lsh": LshIndex,
    "lsh, 128 probes": lambda: LshIndex(probes=128),
    "faiss, 64 probes": lambda: FaissIndex(probes=64),
    "faiss": FaissIndex,
    "faiss, 256 probes": lambda: FaissIndex(probes=256),
}


def main() -> None:
    options = parse()
    torch.set_num_threads(options.threads)
    keys = load_tensors(options.memory)[0]["keys"]
    queries = real_queries(load_checkpoint(options.model, torch.device("cpu")), options.pairs)
    print(Environment.now())
    print(f"{len(keys):,} keys of {keys.shape[1]} in {keys.dtype}, {len(queries)} queries, k {K}")
    print("| index | entries | recall@1 | recall@10 | 1 query | 64 | 320 | build s | add 1,000 |")
    print("|---|---|---|---|---|---|---|---|---|")
    reference = KINDS["exact, float32 products"]()
    for count in options.entries:
        known = keys[:count]
        if len(known) < count:
            raise SystemExit(f"{options.memory} holds only {len(keys):,} entries")
        nearest = similarities(queries, known, reference.search(queries, known, K))
        for kind in options.kinds:
            print(f"| {kind} | {count:,} | {measured(kind, known, queries, nearest)} |", flush=True)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("memory", type=Path, help="a memory that `rarenmt remember` made")
    parser.add_argument("pairs", type=Path, help="other pairs, a TSV file, that ask")
    parser.add_argument("--model", type=Path, required=True, help="checkpoint folder")
    parser.add_argument("--entries", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


def real_queries(checkpoint: Checkpoint, path: Path) -> Tensor:
    """What is asked at positions of the pairs, drawn at random."""
    encode = checkpoint.tokenizer.encode
    pairs = list(read_pairs(path))
    drawn = random.Random(0).sample(pairs, min(len(pairs), max(BATCHES)))
    ids = [(encode(pair.source), encode(pair.target)) for pair in drawn]
    asked = []
    for chosen in by_length([max(map(len, pair)) + 1 for pair in ids], 4000):
        keys = checkpoint.model.query_keys(
            pair_batch([ids[i] for i in chosen], torch.device("cpu"))
        )
        asked += [keys[: len(ids[i][1]) + 1, column] for column, i in enumerate(chosen)]
    together = torch.cat(asked)
    order = torch.randperm(len(together), generator=torch.Generator().manual_seed(0))
    return together[order[: max(BATCHES)]]


def measured(kind: str, keys: Tensor, queries: Tensor, nearest: Tensor) -> str:
    """The cells of a row."""
    build, add, index = grown(KINDS[kind](), keys, queries)
    found = similarities(queries, keys, index.search(queries, keys, K))
    times = [asking(index, keys, queries, size) for size in BATCHES]
    near = found >= nearest - 1e-6
    recalls = [near[:, 0], found[:, :10] >= nearest[:, 9:10] - 1e-6]
    cells = [f"{recall.float().mean():.3f}" for recall in recalls]
    cells += [f"{milliseconds:.3g}" for milliseconds in times]
    return " | ".join([*cells, f"{build:.1f}", f"{add * 1000:.0f} ms"])


def grown(index: Index, keys: Tensor, queries: Tensor) -> tuple[float, float, Index]:
    """CPU-seconds to build the index, those to add 1,000 entries to it, and the index."""
    first = len(keys) - ADDED * TURNS
    index.update(torch.arange(first), keys[:first])
    build = spent(lambda: index.search(queries[:1], keys[:first], K))
    asked = statistics.median(
        spent(lambda: index.search(queries[:1], keys[:first], K)) for _ in range(5)
    )
    added = 0.0
    for end in range(first + ADDED, len(keys) + 1, ADDED):
        known, slots = keys[:end], torch.arange(end - ADDED, end)
        begin = time.process_time()
        index.update(slots, known[slots])
        index.search(queries[:1], known, K)
        added += time.process_time() - begin
    return max(0.0, build - asked), max(0.0, added / TURNS - asked), index


def asking(index: Index, keys: Tensor, queries: Tensor, size: int) -> float:
    """CPU-milliseconds of a search for so many queries."""
    taken = []
    for turn in range(BATCHES[size]):
        start = turn * size % len(queries)
        begin = time.process_time()
        index.search(queries[start : start + size], keys, K)
        taken.append(time.process_time() - begin)
    return 1000 * statistics.median(taken)


def similarities(queries: Tensor, keys: Tensor, slots: Tensor) -> Tensor:
    """Of each query to the keys in its slots (B, K), the largest first."""
    near = torch.stack(
        [keys[row].float() @ query for row, query in zip(slots, queries, strict=True)]
    )
    return near.sort(dim=1, descending=True).values


def spent(task: Callable[[], object]) -> float:
    """CPU-seconds that a task takes."""
    begin = time.process_time()
    task()
    return time.process_time() - begin


if __name__ == "__main__":
    main()

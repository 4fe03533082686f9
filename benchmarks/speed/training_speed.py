"""Target tokens per CPU-second of a training step, on the data and with the sizes of the peers.

    python benchmarks/speed/training_speed.py --peers PEERS > training.jsonl

The configurations are timed in turn, round after round, so that other load on the machine affects
all of them equally; compare only lines of one run. Figures are medians of the rounds, in CPU time
of one thread.
"""

import argparse
import dataclasses
import time
from dataclasses import dataclass
from pathlib import Path

import multi30k
import torch
import torch.nn.functional as F
from report import report_speed

from rarenmt.config import Config, MemoryConfig, ModelConfig, TrainConfig
from rarenmt.memory.memory import Memory
from rarenmt.model.seq2seq import Model
from rarenmt.training.data import Corpus
from rarenmt.training.trainer import Trainer
from rarenmt.training.validation import ValidationSet

SIZES = ModelConfig()
WARM_UP = 2
"""Steps of a round that are not timed, as with the peers."""


@dataclass(frozen=True)
class Kind:
    """A configuration to time."""

    bf16: bool
    positions: int
    """Target positions that query the memory; 0 trains without one."""
    slots: int

    @property
    def name(self) -> str:
        memory = f"{self.positions} positions query {self.slots} slots" if self.positions else "off"
        return f"training {'bf16' if self.bf16 else 'fp32'}, memory {memory}"


def main() -> None:
    options = parse()
    torch.set_num_threads(options.threads)
    data = multi30k.Multi30k(options.peers)
    pairs = data.pairs("train")
    batches = multi30k.training_batches(pairs, options.steps)
    runs = {kind: prepare(kind, Corpus([(pairs, 1.0)]), data) for kind in kinds(options)}
    speeds: dict[Kind, list[float]] = {kind: [] for kind in runs}
    for _ in range(options.rounds):
        for kind, run in runs.items():
            speeds[kind].append(measure(run, batches))
    for kind, measured in speeds.items():
        baseline = speeds[Kind(kind.bf16, 0, 0)]
        report_speed(kind.name, dataclasses.asdict(kind), measured, baseline, "tokens")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    multi30k.add_option(parser)
    parser.add_argument(
        "--precisions", nargs="+", choices=["fp32", "bf16"], default=["fp32", "bf16"]
    )
    parser.add_argument(
        "--positions",
        type=int,
        nargs="*",
        default=[80, 256],
        help="target positions per step that query the memory",
    )
    parser.add_argument("--slots", type=int, nargs="*", default=[8192, 65536])
    parser.add_argument(
        "--steps", type=int, default=12, help="steps per round, two of them to warm up"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


def kinds(options: argparse.Namespace) -> list[Kind]:
    memories = [(0, 0)] + [(p, s) for p in options.positions for s in options.slots]
    return [Kind(name == "bf16", p, s) for name in options.precisions for p, s in memories]


def prepare(kind: Kind, corpus: Corpus, data: multi30k.Multi30k) -> Trainer:
    """A run with random weights and a full memory."""
    slots = kind.slots or MemoryConfig.slots
    model = Model(Config(model=SIZES, memory=MemoryConfig(slots=slots)))
    model.initialise(torch.Generator().manual_seed(0))
    config = TrainConfig(
        bf16=kind.bf16, memory_positions=kind.positions, learning_rate=1e-3, clip=5.0
    )
    run = Trainer(Path(), model, data.tokenizer, corpus, ValidationSet([], []), config)
    if run.memory is not None:
        fill(run.memory, slots)
    return run


def fill(memory: Memory, entries: int) -> None:
    """Random unit keys with random values and ages."""
    generator = torch.Generator().manual_seed(0)
    keys = torch.randn((entries, memory.keys.shape[1]), generator=generator)
    memory.keys[:entries] = F.normalize(keys, dim=-1).to(memory.keys.dtype)
    memory.values[:entries] = torch.randint(4, SIZES.vocabulary, (entries,), generator=generator)
    memory.ages[:entries] = torch.randperm(entries, generator=generator)
    memory.recount()


def measure(run: Trainer, batches: list[list[int]]) -> float:
    """Target tokens per CPU-second."""
    for batch in batches[:WARM_UP]:
        run._step(batch)
    begin = time.process_time()
    for batch in batches[WARM_UP:]:
        run._step(batch)
        run.progress.step += 1
    seconds = time.process_time() - begin
    pairs = run.corpus.pairs
    return sum(len(pairs[p][1]) + 1 for batch in batches[WARM_UP:] for p in batch) / seconds


if __name__ == "__main__":
    main()

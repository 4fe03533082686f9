"""Kill `remember`, `forget` and `memory merge` at random moments: the memory is the old one or the
new one, to the last byte, every time.

    python tests/project/support/kills.py 500

The commands run in forks of this process, which has imported everything, so that most of their time
is spent on the memory itself.
"""

import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from importlib.metadata import entry_points
from pathlib import Path

import torch

from rarenmt.config import Config, MemoryConfig, ModelConfig
from rarenmt.model.checkpoint import save_checkpoint
from rarenmt.model.seq2seq import Model
from rarenmt.text.tokenizer import Tokenizer

(script,) = entry_points(group="console_scripts", name="rarenmt")
app = script.load()

WORDS = ["cat", "dog", "bird", "tree", "water", "bread"]
LINES = 60


def fork(command: Sequence[str]) -> int:
    """Run rarenmt in a child process; its number."""
    child = os.fork()
    if child:
        return child
    devnull = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(devnull, stream)
    os.environ["SOURCE_DATE_EPOCH"] = "1700000000"
    sys.argv = ["rarenmt", *command]
    try:
        app()
    except SystemExit as ended:
        os._exit(int(ended.code or 0))
    os._exit(70)


def run(command: Sequence[str]) -> float:
    """Run rarenmt to its end; the seconds it took."""
    began = time.monotonic()
    _, status = os.waitpid(fork(command), 0)
    assert status == 0, f"rarenmt {' '.join(command)} ended with {status}"
    return time.monotonic() - began


def make_checkpoint(folder: Path) -> None:
    """An untrained one."""
    tokenizer = Tokenizer.train([" ".join(WORDS), "Katze Hund Vogel Baum Wasser Brot"], 286)
    sizes = ModelConfig(vocabulary=286, embedding=6, hidden=8, attention=4, dropout=0.0)
    model = Model(Config(model=sizes, memory=MemoryConfig(block=64)))
    model.initialise(torch.Generator().manual_seed(1))
    save_checkpoint(folder, model, tokenizer)


def write_pairs(path: Path, rng: random.Random) -> None:
    drawn = (" ".join(rng.choices(WORDS, k=6)) for _ in range(LINES))
    path.write_text("".join(f"{text}\tWort {text}\n" for text in drawn), "utf-8")


def kill_at_random(count: int, folder: Path, seed: int = 0) -> Counter[str]:
    """How often the old memory was found after a kill, and how often the new one."""
    rng = random.Random(seed)
    make_checkpoint(folder / "model")
    model = ["--model", str(folder / "model")]
    memory, other, more = (folder / name for name in ("m.safetensors", "o.safetensors", "b.tsv"))
    for path, name in ((memory, "a"), (other, "c")):
        write_pairs(folder / f"{name}.tsv", rng)
        run(["remember", str(folder / f"{name}.tsv"), *model, "--memory", str(path)])
    write_pairs(more, rng)
    commands: list[Sequence[str]] = [
        ["remember", str(more), *model, "--memory", str(memory)],
        ["forget", "--last", *model, "--memory", str(memory)],
        ["memory", "merge", str(memory), str(other), "-o", str(memory), *model],
    ]
    trials = [_trial(command, memory) for command in commands]
    found: Counter[str] = Counter()
    for number in range(count):
        command, old, new, seconds = trials[number % len(trials)]
        found[_kill(command, memory, old, new, rng.uniform(0, 1.1 * seconds))] += 1
    assert not list(folder.glob(".*.rarenmt")) or _swept(commands[0], folder)
    return found


Trial = tuple[Sequence[str], bytes, bytes, float]


def _trial(command: Sequence[str], memory: Path) -> Trial:
    """The memory before and after a command that nobody kills, and the seconds it takes."""
    old = memory.read_bytes()
    seconds = run(command)
    new = memory.read_bytes()
    memory.write_bytes(old)
    return command, old, new, seconds


def _kill(command: Sequence[str], memory: Path, old: bytes, new: bytes, after: float) -> str:
    """Kill a command after so many seconds and say what it left; AssertionError if that is neither
    the old memory nor the new one."""
    memory.write_bytes(old)
    child = fork(command)
    time.sleep(after)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    left = memory.read_bytes()
    assert left in (old, new), (
        f"rarenmt {' '.join(command)} left neither memory after {after:.3f} s"
    )
    return "old" if left == old else "new"


def _swept(command: Sequence[str], folder: Path) -> bool:
    """Whether the next command removes what killed ones left behind."""
    run(command)
    return not list(folder.glob(".*.rarenmt"))


def all_at_once(commands: Sequence[Sequence[str]]) -> list[int]:
    """Run commands at the same time; how each ended."""
    children = [fork(command) for command in commands]
    return [os.waitpid(child, 0)[1] for child in children]


if __name__ == "__main__":
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as work:
        left = kill_at_random(int(sys.argv[1]), Path(work))
    sys.stdout.write(f"the old memory {left['old']} times, the new one {left['new']} times\n")

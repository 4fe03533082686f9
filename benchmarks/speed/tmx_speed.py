"""TMX units read and written per CPU-second, and peak memory.

    python benchmarks/speed/tmx_speed.py --units 100000 1000000 > tmx.jsonl

The texts are random words. Each measurement is a process of its own, which makes its units one
after another; the peak is what reading or writing adds to the interpreter and its modules (without
torch). `plain` units have an ID, two languages and two texts; `ours` also have the file, line and
time of a remembered pair.
"""

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from rarenmt.text.pairs import Pair
from rarenmt.text.tmx.reader import read_tmx
from rarenmt.text.tmx.writer import write_tmx

WORDS = [
    "winter", "letter", "garden", "kitchen", "window", "morning", "harbour", "bridge", "paper",
    "river", "market", "village", "shadow", "candle", "mountain", "engine", "teacher", "doctor",
]  # fmt: skip

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<tmx version="1.4"><header srclang="en"/><body>\n'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--units", type=int, nargs="+", default=[100_000])
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        task, path, units = options.child
        print(json.dumps(measure(task, Path(path), int(units))))
        return
    measured = []
    with tempfile.TemporaryDirectory() as folder:
        for units in options.units:
            write_plain(Path(folder) / "plain.tmx", units)
            for task in ("read plain", "write ours", "read ours"):
                path = Path(folder) / f"{task.split()[1]}.tmx"
                measured.append((task, run(task, path, units)))
    print_figures(measured)


def run(task: str, path: Path, units: int) -> dict[str, float]:
    """Measure in a child process."""
    command = [sys.executable, __file__, "--child", task, str(path), str(units)]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    figures: dict[str, float] = json.loads(output)
    return figures


def measure(task: str, path: Path, units: int) -> dict[str, float]:
    """Read or write a file in this process."""
    before, begun = peak(), time.process_time()
    if task == "write ours":
        with path.open("wb") as stream:
            write_tmx(stream, pairs(units), "en", "de")
    else:
        count = sum(1 for _ in read_tmx(path, "en", "de"))
        assert count == units
    seconds = time.process_time() - begun
    if task == "write ours":
        begun = time.process_time()
        for _ in pairs(units):
            pass
        seconds -= time.process_time() - begun
    return {
        "units": units,
        "megabytes": round(path.stat().st_size / 1e6, 1),
        "units_per_cpu_second": round(units / seconds),
        "peak_megabytes": round((peak() - before) / 1024, 1),
        "interpreter_megabytes": round(before / 1024, 1),
    }


def peak() -> int:
    """Peak memory of this process, in KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def sentences(units: int) -> Iterator[tuple[str, str]]:
    """Source and target texts of six to fourteen words, as in everyday text."""
    rng = random.Random(1)
    for _ in range(units):
        words = rng.choices(WORDS, k=rng.randint(6, 14))
        yield " ".join(words), " ".join(reversed(words))


def pairs(units: int) -> Iterator[Pair]:
    for number, (source, target) in enumerate(sentences(units), start=1):
        yield Pair(source, target, "corpus.tsv", number, "", 1_700_000_000)


def write_plain(path: Path, units: int) -> None:
    """Write a file as another program would."""
    with path.open("w", encoding="utf-8") as stream:
        stream.write(HEAD)
        for number, (source, target) in enumerate(sentences(units)):
            stream.write(
                f'<tu tuid="{number}">\n  <tuv xml:lang="en"><seg>{source}</seg></tuv>\n'
                f'  <tuv xml:lang="de"><seg>{target}</seg></tuv>\n</tu>\n'
            )
        stream.write("</body></tmx>\n")


def print_figures(measured: list[tuple[str, dict[str, float]]]) -> None:
    from report import report  # not in a child process: it loads torch

    for task, figures in measured:
        report(
            f"tmx, {task}",
            figures,
            f"{figures['units']:,} units, {figures['units_per_cpu_second']:,.0f} per CPU-second, "
            f"{figures['peak_megabytes']} MB, and {figures['interpreter_megabytes']} MB of the "
            "interpreter",
        )


if __name__ == "__main__":
    main()

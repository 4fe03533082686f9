"""Write the translations that `tests/project/test_golden.py` expects of the shipped checkpoint.

    python tests/project/golden/regenerate.py

Needed after a change of the checkpoint, or of the code where it should change translations. Read
`git diff tests/project/golden` before you commit: every line of it is what users will see.
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from safetensors import safe_open

FOLDER = Path(__file__).resolve().parent
SETTINGS = {
    "SOURCE_DATE_EPOCH": "1700000000",
    "RARENMT_DEVICE": "cpu",
    "RARENMT_PRECISION": "float32",
}
"""Of the environment, so that neither the clock nor the machine changes anything."""

TOUCHED = 167
"""The first sentences, which have to do with the pairs; the others should not."""


def lines_of(name: str) -> list[str]:
    """The lines of a file of FOLDER."""
    return split((FOLDER / name).read_bytes())


def split(text: bytes) -> list[str]:
    """Lines end at line feeds only."""
    return text.decode().removesuffix("\n").split("\n")


def explained() -> list[int]:
    """Numbers of the sentences that are explained, from 1 on: 60, most of them touched."""
    return [*range(1, TOUCHED, 3), *range(TOUCHED + 1, len(lines_of("sentences.en")), 34)]


def outputs(run: Callable[[list[str], bytes], bytes], memory: Path) -> dict[str, list[str]]:
    """The lines that go into each file. `run` gives what the command writes to standard output, run
    in FOLDER, so that the memory holds a relative path; `memory` is where it is written."""
    where = ["--memory", str(memory)]
    plain, sources = (FOLDER / "sentences.en").read_bytes(), lines_of("sentences.en")
    records = [{"id": number, "source": sources[number - 1]} for number in explained()]
    asked = "".join(json.dumps(record) + "\n" for record in records).encode()
    run(["remember", "pairs.tsv", *where], b"")
    found = {
        "plain.de": run(["translate", "--no-memory", *where], plain),
        "remembered.de": run(["translate", *where], plain),
        "explained.jsonl": run(["translate", "--jsonl", *where], asked),
    }
    return {name: split(text) for name, text in found.items()} | {"memory.txt": digest(memory)}


def digest(memory: Path) -> list[str]:
    """A line for the header of a memory file, and one for each tensor, with its SHA-256. Keys have
    none, for their last bits depend on the processor."""
    with safe_open(memory, "pt") as file:
        metadata: Mapping[str, str] = file.metadata()
        lines = [f"{name} = {value}" for name, value in sorted(metadata.items())]
        for name in sorted(file.keys()):
            tensor = file.get_tensor(name)
            lines.append(f"{name}: {tensor.dtype} {list(tensor.shape)}")
            if name != "keys":
                lines[-1] += " " + hashlib.sha256(tensor.numpy().tobytes()).hexdigest()
    return lines


def main() -> None:
    """Write all of it."""

    def run(arguments: list[str], stdin: bytes) -> bytes:
        command = [sys.executable, "-P", "-m", "rarenmt.cli", *arguments]
        environment = os.environ | SETTINGS
        return subprocess.run(
            command, input=stdin, stdout=subprocess.PIPE, cwd=FOLDER, env=environment, check=True
        ).stdout

    with tempfile.TemporaryDirectory() as scratch:
        for name, lines in outputs(run, Path(scratch, "memory.safetensors")).items():
            (FOLDER / name).write_bytes("".join(line + "\n" for line in lines).encode())


if __name__ == "__main__":
    main()

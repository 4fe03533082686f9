"""The first example of the README, typed at a terminal by somebody with an empty home folder.

    python tests/project/support/readme_example.py FOLDER

The `rarenmt` on the PATH answers. Prints what happens and, with exit status 1, how that differs
from the README. Needs nothing but Python.
"""

import difflib
import os
import pty
import subprocess
import sys
from pathlib import Path

README = Path(__file__).parents[3] / "README.md"

OWN = ("RARENMT_", "XDG_", "PYTHON")
"""Variables that begin like this are settings of whoever runs this."""


def example() -> str:
    """The commands, and what they print according to the README."""
    return README.read_text("utf-8").split("```console\n")[1].split("```")[0]


def play(block: str, home: Path) -> str:
    """The same commands, and what they print now."""
    commands = [line for line in block.splitlines() if line.startswith("$ ")]
    return "".join(f"{line}\n{typed(line.removeprefix('$ '), home)}" for line in commands)


def typed(command: str, home: Path) -> str:
    """What a command prints on a terminal without colours, but for white space at line ends."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(OWN)}
    environment |= {"HOME": str(home), "TERM": "dumb", "LC_ALL": "C.UTF-8"}
    ours, theirs = pty.openpty()
    shell = ["bash", "-c", command]
    with subprocess.Popen(
        shell, cwd=home, env=environment, stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        printed = b"".join(iter(lambda: _read(ours), b"")).decode()
    os.close(ours)
    if process.returncode:
        printed += f"exit status {process.returncode}\n"
    lines = [line.rstrip() for line in printed.rstrip().splitlines()]
    return "".join(f"{line}\n" for line in lines)


def _read(terminal: int) -> bytes:
    """What has been printed since; nothing once the terminal is closed, which Linux calls an
    error."""
    try:
        return os.read(terminal, 1 << 16)
    except OSError:
        return b""


def main(home: Path) -> None:
    wanted, found = example(), play(example(), home)
    sys.stdout.write(found)
    if found != wanted:
        old, new = wanted.splitlines(), found.splitlines()
        sys.exit(
            "\n".join(difflib.unified_diff(old, new, "README.md", "what happens", lineterm=""))
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())

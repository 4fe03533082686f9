"""`rarenmt translate -i`, at a real terminal: translate, correct, remembered at once."""

import codecs
import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import Command
from processes import Process

from rarenmt.translation_memory.file import read_journal
from rarenmt.translator.translator import Translator

RARENMT = Path(sys.executable).with_name("rarenmt")
END = b"\x04"
"""Ctrl-D."""
CLEAR = b"\x15"
"""Ctrl-U, which empties the line that is edited."""
PATIENCE = 60
"""Seconds to wait for an answer, on a busy machine too."""


def installed(
    *arguments: str | Path, streams: tuple[int, int, int], **environment: str
) -> "subprocess.Popen[bytes]":
    """What `Process` does, with the installed command."""
    stdin, stdout, stderr = streams
    return subprocess.Popen(
        [RARENMT, *arguments], stdin=stdin, stdout=stdout, stderr=stderr,
        env={**os.environ, **environment}, start_new_session=True,
    )  # fmt: skip


Start = Callable[..., "Process | subprocess.Popen[bytes]"]


class Terminal:
    """A command at a terminal, and what can be read there."""

    def __init__(self, *arguments: str | Path, start: Start = Process) -> None:
        self.descriptor, theirs = pty.openpty()
        streams = (theirs, theirs, theirs)
        self.process = start(*arguments, streams=streams, TERM="xterm", NO_COLOR="1", COLUMNS="200")
        os.close(theirs)
        self.seen = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def wait_for(self, pattern: str) -> str:
        """Read on until something appears; the text up to there, since the last time."""
        deadline = time.monotonic() + PATIENCE
        while not (found := re.search(pattern, self.seen)):
            ready, _, _ = select.select([self.descriptor], [], [], 1.0)
            if ready:
                self.seen += self._read()
            assert time.monotonic() < deadline, f"no {pattern!r} in {self.seen!r}"
        read, self.seen = self.seen[: found.end()], self.seen[found.end() :]
        return read

    def type(self, keys: bytes) -> None:
        os.write(self.descriptor, keys)

    def close(self) -> int:
        """End the input; the exit status."""
        self.type(END)
        return self.wait()

    def wait(self) -> int:
        """The exit status, once it has ended."""
        deadline = time.monotonic() + PATIENCE
        while self.process.poll() is None:
            assert time.monotonic() < deadline, f"it goes on after {self.seen!r}"
            if select.select([self.descriptor], [], [], 0.1)[0]:
                self.seen += self._read()
        os.close(self.descriptor)
        return self.process.wait()

    def _read(self) -> str:
        try:
            data = self._decoder.decode(os.read(self.descriptor, 1 << 16))
        except OSError:  # the other side is closed
            return ""
        return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", data)


@pytest.fixture
def memory(tmp_path: Path) -> Path:
    return tmp_path / "memory.safetensors"


@contextmanager
def conversation(folder: Path, memory: Path, start: Start) -> Iterator[Terminal]:
    """At its first prompt."""
    made = Terminal("translate", "-i", "-m", folder, "--memory", memory, "--beam", "1", start=start)
    made.wait_for("en ▸ ")
    yield made
    if made.process.poll() is None:
        made.process.kill()
        made.process.wait()


@pytest.fixture
def terminal(folder: Path, memory: Path) -> Iterator[Terminal]:
    with conversation(folder, memory, Process) as made:
        yield made


@pytest.fixture
def terminal_of_the_installed_command(folder: Path, memory: Path) -> Iterator[Terminal]:
    with conversation(folder, memory, installed) as made:
        yield made


def test_a_correction_is_remembered_at_once(
    terminal_of_the_installed_command: Terminal, folder: Path, memory: Path
) -> None:
    terminal = terminal_of_the_installed_command
    for number, (source, target) in enumerate(
        [("The cat sleeps.", "Die Katze schläft."), ("We drink water.", "Wir trinken Wasser.")], 1
    ):
        terminal.type(source.encode() + b"\r")
        terminal.wait_for("de ▸ ")
        terminal.type(CLEAR + target.encode() + b"\r")
        terminal.wait_for(f"remembered as interactive:{number}")
        terminal.wait_for("de = ")
        terminal.wait_for("en ▸ ")
    assert terminal.close() == 0

    pairs = Translator.load(folder, memory=memory).memory.journal.pairs
    assert [(pair.source, pair.target, pair.path, pair.line) for pair in pairs] == [
        ("The cat sleeps.", "Die Katze schläft.", "interactive", 1),
        ("We drink water.", "Wir trinken Wasser.", "interactive", 2),
    ]


def test_a_correction_can_be_undone(terminal: Terminal, memory: Path) -> None:
    for target in (b"Katze", b"Kater"):
        terminal.type(b"The cat sleeps.\r")
        terminal.wait_for("de ▸ ")
        terminal.type(CLEAR + target + b"\r")
        terminal.wait_for("en ▸ ")

    terminal.type(b":undo\r")
    terminal.wait_for("forgot interactive:2: The cat sleeps. ▸ Kater")
    terminal.wait_for("en ▸ ")
    terminal.type(b":undo\r")
    terminal.wait_for("forgot interactive:1")
    terminal.wait_for("en ▸ ")
    terminal.type(b":undo\r")
    terminal.wait_for("there is no correction to undo")
    terminal.wait_for("en ▸ ")
    assert terminal.close() == 0

    assert read_journal(memory)[0].calls == []


def test_an_unchanged_translation_is_not_remembered(terminal: Terminal, memory: Path) -> None:
    for answer in (b"\r", CLEAR + b"\r"):  # as it stands, and nothing at all
        terminal.type(b"The cat sleeps.\r")
        terminal.wait_for("de ▸ ")
        terminal.type(answer)
        assert "remembered" not in terminal.wait_for("en ▸ ")
    assert terminal.close() == 0

    assert not memory.exists()


def test_the_translation_can_be_edited_in_place(
    terminal: Terminal, rarenmt: Command, folder: Path, memory: Path
) -> None:
    source = "The dog eats."
    expected = rarenmt("translate", "-m", folder, "--memory", memory, "--beam", "1", source)

    terminal.type(source.encode() + b"\r")
    terminal.wait_for("de ▸ ")
    terminal.type(b" Punkt\r")
    terminal.wait_for("remembered as interactive:1")
    terminal.wait_for("en ▸ ")
    assert terminal.close() == 0

    [pair] = Translator.load(folder, memory=memory).memory.journal.pairs
    assert pair.target == (expected.out.decode().rstrip("\n") + " Punkt").strip()


def test_ctrl_d_at_the_correction_ends_the_session(terminal: Terminal, memory: Path) -> None:
    terminal.type(b"The cat sleeps.\r")
    terminal.wait_for("de ▸ ")
    terminal.type(CLEAR)

    assert terminal.close() == 0
    assert not memory.exists()


def test_an_unknown_command_is_answered_with_the_list_of_commands(terminal: Terminal) -> None:
    for typed in (":exit", ":?"):
        terminal.type(typed.encode() + b"\r")
        terminal.wait_for(f"unknown command {re.escape(typed)}")
        terminal.wait_for(":undo forgets the last correction, :help shows this list, Ctrl-D ends")
        assert "de ▸" not in terminal.wait_for("en ▸ ")
    terminal.type(b":help\r")
    assert "unknown" not in terminal.wait_for("Ctrl-D ends")
    terminal.wait_for("en ▸ ")
    terminal.type(b":-) The cat sleeps.\r")
    terminal.wait_for("de ▸ ")
    terminal.type(CLEAR + b":help\r")
    terminal.wait_for("Ctrl-D ends")
    assert "remembered" not in terminal.wait_for("en ▸ ")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            [],
            "translate -i needs a terminal; leave out -i to translate a file or a pipe",
        ),
        (["Hello"], "translate -i cannot be combined with TEXT"),
        (["--jsonl"], "translate -i cannot be combined with --jsonl"),
        (["--no-memory"], "translate -i cannot be combined with --no-memory"),
        (["--explain", "a.html"], "translate -i cannot be combined with --explain FILE"),
        (["--precision", "bfloat16"], "translate -i cannot be combined with --precision bfloat16"),
    ],
)
def test_an_option_that_does_not_apply_is_an_error(
    rarenmt: Command, folder: Path, arguments: list[str], sentence: str
) -> None:
    result = rarenmt("translate", "-i", "-m", folder, *arguments)

    assert (result.status, result.out) == (2, b"")
    assert result.err.startswith(f"error: {sentence}")
    assert result.err.count("\n") == 1


def test_a_terminal_draws_the_pair_behind_each_word(folder: Path, tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text("The cat sleeps.\tDie Katze schläft.\n", "utf-8")
    command = ("translate", "-m", folder, "--beam", "1", "--with", pairs, "--explain")

    terminal = Terminal(*command, "The cat sleeps now.")
    shown = terminal.wait_for("▌ Die Katze schläft.")

    assert terminal.wait() == 0
    assert f"▌ {pairs}:1" in shown
    assert "▌ The cat sleeps." in shown
    assert re.search(r"[▁▂▃▄▅▆▇█] \d+\s%", shown)
    assert "(similarity " in shown


def test_a_terminal_names_the_place_of_an_exact_match(folder: Path, tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text("The cat sleeps.\tDie Katze schläft.\n", "utf-8")

    terminal = Terminal("translate", "-m", folder, "--with", pairs, "--explain", "The cat sleeps.")
    shown = terminal.wait_for("▌ Die Katze schläft.")

    assert terminal.wait() == 0
    assert f"▌ {pairs}:1  exact match" in shown
    assert "%" not in shown

"""Remarks, warnings and progress on stderr, for people; stdout is for results alone."""

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from rarenmt.text.pairs import Pair

err = Console(stderr=True, soft_wrap=True, highlight=False)
"""Writes to stderr; with soft wrapping, a sentence stays one line in a log."""

out = Console(soft_wrap=True, highlight=False)
"""Writes results for people; results for pipes go to sys.stdout unchanged."""

MAX_WARNINGS = 10
"""Warnings of one kind that are printed."""

REPLACED = dict.fromkeys([*range(32), *range(127, 160)], "\ufffd")
"""Control characters, each with its replacement."""


def visible(text: str) -> str:
    """The text, equally long, without control characters, which could overwrite the terminal."""
    return text.translate(REPLACED)


def quiet(on: bool) -> None:
    """Silence remarks and progress; errors are still printed."""
    err.quiet = on


def error(sentence: str) -> None:
    """One red line."""
    was, err.quiet = err.quiet, False
    err.print(f"error: {sentence}", style="red", markup=False)
    err.quiet = was


def warn(sentence: str) -> None:
    """One yellow line."""
    err.print(f"warning: {sentence}", style="yellow", markup=False)


def remark(sentence: str) -> None:
    """One plain line."""
    err.print(sentence, markup=False)


@contextmanager
def progress(total: int, label: str) -> Iterator[Callable[[int], None]]:
    """A function to call with the number of further items done; on a terminal it moves a bar."""
    if not err.is_terminal or err.quiet or os.environ.get("TERM") == "dumb":
        yield lambda more: None
        return
    columns = (TextColumn(label), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task(label, total=total)
        yield lambda more: bar.advance(task, more)


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows: a table on a terminal, tab-separated lines in a pipe."""
    if not out.is_terminal:
        for row in rows:
            _write("\t".join(cell.replace("\t", " ").replace("\n", " ") for cell in row))
        return
    drawn = Table(box=None, pad_edge=False, header_style="dim")
    for column in columns:
        drawn.add_column(column, overflow="fold")
    for row in rows:
        drawn.add_row(*(Text(visible(cell)) for cell in row))
    out.print(drawn, soft_wrap=False)


def record(fields: Mapping[str, Any]) -> None:
    """Print one JSON object on one line."""
    _write(json.dumps(fields, ensure_ascii=False))


def _write(line: str) -> None:
    """Write one line to stdout, in UTF-8 in every locale."""
    sys.stdout.buffer.write(line.encode("utf-8", "replace") + b"\n")


def short(path: Path) -> str:
    """The path with ~ for the home folder."""
    try:
        return f"~/{path.relative_to(Path.home())}"
    except (ValueError, RuntimeError):  # outside the home folder, or no home folder
        return str(path)


def conflicts(found: "Sequence[tuple[Pair, Pair]]") -> None:
    """Warn of pairs that translate the same source differently; of many, name only the first."""
    for pair, other in found[:MAX_WARNINGS]:
        warn(
            f"{pair.location} and {other.location} translate {pair.source!r} differently; "
            "both are remembered, and the later one is used"
        )
    if len(found) > MAX_WARNINGS:
        warn(f"and {len(found) - MAX_WARNINGS:,} more conflicts like this")


def superseded(found: "Sequence[tuple[Pair, Pair]]") -> None:
    """Warn of pairs that are not used because a later one takes precedence; of many, name only the
    first."""
    for pair, other in found[:MAX_WARNINGS]:
        # a line of a pipe or of an edited file is not identified by its location
        ambiguous = other.path in ("", "-") or not other.line or other.location == pair.location
        selection = (
            f"--match {quote(visible(other.target))}" if ambiguous else quote(other.location)
        )
        warn(
            f"{pair.location} is already remembered, but {other.location} (added later) takes "
            f"precedence; to remove that one: rarenmt forget {selection}"
        )
    if len(found) > MAX_WARNINGS:
        warn(f"and {len(found) - MAX_WARNINGS:,} more are superseded like this")


def count(number: int, noun: str) -> str:
    """1 pair, 2 pairs."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def silence_closed_stdout() -> None:
    """Keep Python from reporting the closed pipe as it shuts down."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, sys.stdout.fileno())

"""What people read: remarks and progress on stderr. stdout is for results alone."""

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
"""Writes to stderr; soft wrapping keeps one sentence one line in a log."""

out = Console(soft_wrap=True, highlight=False)
"""Writes results for people; results for pipes go to sys.stdout as they are."""


MOST = 10
"""Warnings of one kind."""

HIDDEN = dict.fromkeys([*range(32), *range(127, 160)], "\ufffd")
"""Control characters."""


def visible(text: str) -> str:
    """A text that cannot write over the terminal, of the same length."""
    return text.translate(HIDDEN)


def quiet(on: bool) -> None:
    """Silence remarks and progress; errors are still said."""
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
def counting(total: int, doing: str) -> Iterator[Callable[[int], None]]:
    """A function to be told how many more are done; moves a bar on a terminal."""
    if not err.is_terminal or err.quiet or os.environ.get("TERM") == "dumb":
        yield lambda more: None
        return
    columns = (TextColumn(doing), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task(doing, total=total)
        yield lambda more: bar.advance(task, more)


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Rows on stdout: a table on a terminal, tab-separated in a pipe."""
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
    """One JSON object on a line of stdout."""
    _write(json.dumps(fields, ensure_ascii=False))


def _write(line: str) -> None:
    """One line of stdout, in UTF-8 whatever the locale."""
    sys.stdout.buffer.write(line.encode("utf-8", "replace") + b"\n")


def short(path: Path) -> str:
    """A path as people write it: with ~ for their home folder."""
    try:
        return f"~/{path.relative_to(Path.home())}"
    except (ValueError, RuntimeError):  # it lies elsewhere; there is no home folder
        return str(path)


def contradictions(found: "Sequence[tuple[Pair, Pair]]") -> None:
    """Point out other translations of the same sources; of very many only the first."""
    for pair, other in found[:MOST]:
        warn(
            f"{pair.place} translates {pair.source!r} otherwise than {other.place}; "
            "both are remembered, and the later one is said"
        )
    if len(found) > MOST:
        warn(f"and {len(found) - MOST:,} more contradict each other like this")


def superseded(found: "Sequence[tuple[Pair, Pair]]") -> None:
    """Point out known pairs that are not said, for another was shown later; of many the first."""
    for pair, other in found[:MOST]:
        # a line of a pipe, or one that was edited, shares its place with others; none may have one
        shared = other.path in ("", "-") or not other.line or other.place == pair.place
        named = f"--match {quote(visible(other.target))}" if shared else quote(other.place)
        warn(
            f"{pair.place} is known already, but {other.place} was shown later and is said; "
            f"to take that back: rarenmt forget {named}"
        )
    if len(found) > MOST:
        warn(f"and {len(found) - MOST:,} more are not said like this")


def count(number: int, noun: str) -> str:
    """1 pair, 2 pairs."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def silence_closed_stdout() -> None:
    """Let nothing complain about a closed pipe while Python shuts down."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, sys.stdout.fileno())

"""What people read: remarks and progress on stderr. stdout is for results alone."""

import os
import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

T = TypeVar("T")

err = Console(stderr=True, soft_wrap=True, highlight=False)
"""Writes to stderr; soft wrapping keeps one sentence one line in a log."""

out = Console(soft_wrap=True, highlight=False)
"""Writes results for people; results for pipes go to sys.stdout as they are."""


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


def progress(items: Iterable[T], total: int | None, doing: str) -> Iterator[T]:
    """The same items, with a bar on a terminal and nothing in a pipe."""
    if not err.is_terminal or err.quiet or os.environ.get("TERM") == "dumb":
        yield from items
        return
    columns = (TextColumn(doing), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True) as bar:
        yield from bar.track(items, total=total)


def silence_closed_stdout() -> None:
    """Let nothing complain about a closed pipe while Python shuts down."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, sys.stdout.fileno())

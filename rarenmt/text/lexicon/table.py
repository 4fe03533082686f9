"""The tables that a checkpoint keeps of its training text: files of sorted key<TAB>value lines."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from rarenmt.errors import CheckpointError, DataError
from rarenmt.storage.files import replace_bytes
from rarenmt.text.pairs import read_pairs

Row = TypeVar("Row")


def save_table(path: Path, rows: Iterable[tuple[str, str]]) -> None:
    """Write rows in order, atomically."""
    replace_bytes(path, "".join(f"{key}\t{value}\n" for key, value in sorted(rows)).encode())


def load_table(path: Path, parse: Callable[[str, str], Row], expected: str) -> list[Row]:
    """The rows that `save_table` wrote, parsed; none without a file.

    `parse` raises ValueError for a row that is not what is `expected`. CheckpointError names the
    line of the first invalid row.
    """
    if not path.exists():
        return []
    rows = []
    try:
        for row in read_pairs(path):
            try:
                rows.append(parse(row.source, row.target))
            except ValueError:
                found = f"found {row.source!r}, {row.target!r}; expected {expected}"
                raise DataError(path, row.line, found) from None
    except DataError as error:
        raise CheckpointError(f"{error}; copy the whole checkpoint again") from None
    return rows

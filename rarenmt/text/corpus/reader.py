"""Reading a corpus by its name: a TSV, CSV or TMX file, or two parallel files."""

import re
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import BinaryIO

from rarenmt.errors import DataError
from rarenmt.text.corpus.csv_rows import csv_rows, find_csv_layout
from rarenmt.text.corpus.encoding import as_utf8
from rarenmt.text.corpus.table import Lines, find_layout, read_table, tsv_rows
from rarenmt.text.pairs import Pair, Skip, open_lines, read_parallel, refuse, split_lines
from rarenmt.text.tmx.reader import read_tmx

TMX = re.compile(r"(?i:\.tmx)(\.gz|\.xz)?$")
"""Matches the end of the name of a TMX file."""

CSV = re.compile(r"(?i:\.csv)(\.gz|\.xz)?$")
"""Matches the end of the name of a CSV file."""


def read_corpus(
    name: str,
    languages: tuple[str, str],
    remark: Callable[[str], None] | None = None,
    skip: Skip = refuse,
) -> Iterator[Pair]:
    """Read pairs from a TSV, CSV or TMX file, or from two parallel files written as SOURCE,TARGET;
    .gz and .xz are decompressed.

    `languages` are the source and target to take from TMX, and those that a header may name.
    `remark` is called with a sentence about each part of the file that is left out, `skip` for each
    invalid line of the formats other than TMX, by default to raise its DataError. StorageError for
    a file that cannot be read.
    """
    path = Path(name)
    source, comma, target = name.partition(",")
    if comma and not path.exists():
        return read_parallel(Path(source), Path(target), skip)
    if TMX.search(path.name):
        return read_tmx(path, *languages, remark)
    return _read_lines(lambda: open_lines(path), name, languages, remark or _silent, skip)


def read_stream(
    stream: BinaryIO,
    name: str,
    languages: tuple[str, str],
    remark: Callable[[str], None] | None = None,
    skip: Skip = refuse,
) -> Iterator[Pair]:
    """Read pairs from a TSV stream called `name`; a pair is given when all are read."""
    with as_utf8(stream, name) as text:
        lines = list(split_lines(text))
    return _read_lines(lambda: nullcontext(iter(lines)), name, languages, remark or _silent, skip)


def _read_lines(
    lines: Lines,
    name: str,
    languages: tuple[str, str],
    remark: Callable[[str], None],
    skip: Skip,
) -> Iterator[Pair]:
    """The pairs of a table; nothing is opened before the first is asked for."""
    if CSV.search(name):
        layout = find_csv_layout(lines, name, languages)
        rows = csv_rows(lines, name, layout.delimiter)
    else:
        rows = tsv_rows(lines, name)
        layout = find_layout(rows(_ignore), languages)
    yield from read_table(rows, name, layout, remark, skip)


def _silent(sentence: str) -> None:
    """The `remark` of a caller without one."""


def _ignore(error: DataError) -> None:
    """The `Skip` of a first reading; the second one reports errors."""

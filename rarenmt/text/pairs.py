"""Sentence pairs from tab-separated or two parallel files, with `file:line` in each complaint.

Lines end at line feed bytes only: a form feed, U+2028 or a lone carriage return
is part of a sentence. `.xz` and `.gz` are read directly. A reader for another format is
one more function from a path to an iterator of `Pair`s; `rarenmt.text.corpus.reader` chooses.
"""

import gzip
import lzma
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import IO, BinaryIO, cast

from rarenmt.errors import DataError, StorageError
from rarenmt.text.corpus.encoding import as_utf8, encoding_hint, nul_hint

LONGEST_LINE = 100_000
"""Bytes; a longer line is not a sentence but a damaged or binary file."""

_OPENERS: dict[str, Callable[[Path, str], IO[bytes]]] = {
    ".xz": cast(Callable[[Path, str], IO[bytes]], lzma.open),
    ".gz": cast(Callable[[Path, str], IO[bytes]], gzip.open),
}


NO_FILE = "(no file)"
"""The location of a pair without a file."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A sentence and its translation, with the file and line they come from, if any."""

    source: str
    target: str
    path: str = ""
    line: int = 0
    """From 1; 0 for no line."""
    unit: str = ""
    """The data of a TMX unit beside its text (ID, dates, author, properties, notes), as JSON; see
    `rarenmt.text.tmx.format`."""
    time: int | None = None
    """When the pair was remembered, in seconds since 1970; None before."""
    number: int = 1
    """Of the TMX units that begin on the line, which one it is; from 1."""

    @property
    def location(self) -> str:
        """FILE:LINE, followed by #NUMBER if it is not the first of its line; FILE alone for a pair
        without a line, NO_FILE for one without a file."""
        if not self.line:
            return self.path or NO_FILE
        return f"{self.path}:{self.line}" + (f"#{self.number}" if self.number > 1 else "")


def split_lines(stream: BinaryIO) -> Iterator[bytes]:
    """The lines of a byte stream without their line feeds, as they arrive; one that is too long is
    truncated just above the limit."""
    while line := stream.readline(LONGEST_LINE + 2):
        yield line.removesuffix(b"\n")
        while line and not line.endswith(b"\n"):
            line = stream.readline(LONGEST_LINE + 2)


def decode_line(raw: bytes, path: Path | str, line: int) -> str:
    """The text of one line; DataError if it is too long, contains NUL or is not UTF-8."""
    if len(raw) > LONGEST_LINE:
        raise DataError(
            path, line, f"over {LONGEST_LINE:,} bytes in one line; is this a text file?"
        )
    if b"\0" in raw:
        raise DataError(path, line, nul_hint(raw))
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        byte = raw[error.start]
        raise DataError(
            path,
            line,
            f"byte {error.start + 1} (0x{byte:02x}) is not UTF-8; {encoding_hint(raw)}",
        ) from None


Skip = Callable[[DataError], None]
"""Called with the error of each invalid line, which is then skipped."""


def refuse(error: DataError) -> None:
    """The `Skip` that raises the first error."""
    raise error


@contextmanager
def open_bytes(path: Path) -> Iterator[BinaryIO]:
    """Open a plain or compressed file; errors while it is read name the file."""
    opener = _OPENERS.get(path.suffix, open)
    try:
        if path.is_dir():
            raise DataError(path, None, "is a folder; a text file was expected")
        with opener(path, "rb") as stream:
            yield cast(BinaryIO, stream)
    except (lzma.LZMAError, zlib.error, EOFError, gzip.BadGzipFile) as error:
        raise DataError(path, None, f"is not a complete {path.suffix} file: {error}") from None
    except OSError as error:
        raise StorageError(path, "read", error) from error


@contextmanager
def open_lines(path: Path) -> Iterator[Iterator[bytes]]:
    """Open a plain or compressed file for `split_lines`; UTF-16 with its byte order mark becomes
    UTF-8."""
    with open_bytes(path) as stream, as_utf8(stream, path) as text:
        yield split_lines(text)


def read_sentences(path: Path) -> Iterator[str]:
    """The lines of a file, checked. A byte order mark at its start is dropped."""
    with open_lines(path) as lines:
        for number, raw in enumerate(lines, start=1):
            text = decode_line(raw, path, number)
            yield text.removeprefix("\ufeff") if number == 1 else text


def parse_pair(text: str, path: Path | str, line: int) -> Pair | None:
    """One `source<TAB>target` line; None for a blank one, DataError for a wrong one."""
    text = text.removesuffix("\r")
    if not text.strip():
        return None
    columns = text.split("\t")
    if len(columns) != 2:
        found = "no tab" if len(columns) == 1 else f"{len(columns)} columns"
        raise DataError(path, line, f"{found}; expected source<TAB>target")
    return checked_pair(columns[0], columns[1], path, line)


def checked_pair(
    source: str, target: str, path: Path | str, line: int, expected: str = "source<TAB>target"
) -> Pair:
    """The pair of a line; DataError if a side is empty."""
    if not source.strip() or not target.strip():
        side = "source" if not source.strip() else "target"
        raise DataError(path, line, f"the {side} is empty; expected {expected}")
    return Pair(source, target, str(path), line)


def parse_pairs(lines: Iterable[bytes], name: str, skip: Skip = refuse) -> Iterator[Pair]:
    """Pairs from the raw lines of a TSV stream called `name`; blank lines are skipped."""
    for number, raw in enumerate(lines, start=1):
        try:
            text = decode_line(raw, name, number)
            pair = parse_pair(text.removeprefix("\ufeff") if number == 1 else text, name, number)
        except DataError as error:
            skip(error)
            continue
        if pair is not None:
            yield pair


def read_pairs(path: Path, skip: Skip = refuse) -> Iterator[Pair]:
    """Pairs from a TSV file; blank lines are skipped and keep their line numbers."""
    empty = True
    with open_lines(path) as lines:
        for pair in parse_pairs(lines, str(path), skip):
            empty = False
            yield pair
    if empty:
        raise DataError(path, None, "contains no sentence pair; expected source<TAB>target lines")


def read_parallel(source_path: Path, target_path: Path, skip: Skip = refuse) -> Iterator[Pair]:
    """Pairs from two files of equally many lines; a line blank in both is skipped."""
    empty = True
    with open_lines(source_path) as sources, open_lines(target_path) as targets:
        for line, sides in enumerate(zip_longest(sources, targets), start=1):
            source, target = sides
            if source is None or target is None:
                rest = sum(1 for _ in (sources if target is None else targets))
                longer, shorter = line + rest, line - 1
                counts = (longer, shorter) if target is None else (shorter, longer)
                raise DataError(
                    source_path,
                    None,
                    f"has {counts[0]:,} lines but {target_path} has {counts[1]:,}; "
                    "parallel files need the same number",
                )
            try:
                pair = _parallel(source, target, source_path, target_path, line)
            except DataError as error:
                skip(error)
                continue
            if pair is not None:
                empty = False
                yield pair
    if empty:
        raise DataError(source_path, None, "contains no sentence; expected one per line")


def _parallel(
    source: bytes, target: bytes, source_path: Path, target_path: Path, line: int
) -> Pair | None:
    """The pair of one line in both files; None if both are blank, DataError if one is."""
    sides = []
    for path, raw in ((source_path, source), (target_path, target)):
        text = decode_line(raw, path, line)
        sides.append((path, (text.removeprefix("\ufeff") if line == 1 else text).strip()))
    for path, side in sides:
        if not side and any(text for _, text in sides):
            raise DataError(path, line, "a blank line that is not blank in the other file")
        if "\t" in side:
            raise DataError(path, line, "a tab inside a sentence")
    return Pair(sides[0][1], sides[1][1], str(source_path), line) if sides[0][1] else None

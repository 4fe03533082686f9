"""Sentence pairs from tables: TSV with glossaries, whose rows may have comments, and CSV rows.

A file is read twice: `find_layout` looks at its rows until it is known which of them are pairs and
which columns count, in a plain file at the first only. Then `read_table` reads the pairs.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

from rarenmt.errors import DataError
from rarenmt.text.corpus.header import find_header
from rarenmt.text.pairs import Pair, Skip, checked_pair, decode_line

TAB = "\t"
DELIMITERS = {",": "comma", ";": "semicolon", TAB: "tab"}
"""What may stand between two cells, with its name."""

COMMENT = "#"
"""Begins a comment, if it stands alone in its row or the file is a glossary."""


class Row(NamedTuple):
    """A line of a table that is not blank."""

    line: int
    cells: list[str]


Rows = Callable[[Skip], Iterator[Row]]
"""Reads the rows anew; `Skip` is called for those that cannot be read."""

Lines = Callable[[], AbstractContextManager[Iterator[bytes]]]
"""Opens the raw lines of a file anew."""


@dataclass(frozen=True)
class Layout:
    """Which rows of a table are pairs, and where in a row the pair is."""

    columns: tuple[int, int] = (0, 1)
    """Of source and target."""
    widths: range = range(2, 3)
    """Numbers of cells that a pair may have."""
    header: Row | None = None
    quoted: bool = False
    """Whether each row has both cells in quotation marks."""
    glossary: bool = False
    """Whether each row that begins with # is a comment."""
    delimiter: str = TAB
    csv: bool = False
    """Whether cells have lost their quotation marks already."""

    @property
    def expected(self) -> str:
        """How a row should look."""
        return f"source{'<TAB>' if self.delimiter == TAB else self.delimiter}target"


# Quotation marks


def is_quoted(cell: str) -> bool:
    """Whether a cell is quoted as spreadsheets do it: in quotation marks, with those inside
    doubled."""
    inner = cell[1:-1]
    quoted = len(cell) > 1 and cell[0] == cell[-1] == '"'
    return quoted and '"' not in inner.replace('""', "")


def is_doubled(cell: str) -> bool:
    """Whether a quoted cell has doubled quotation marks inside, which no plain text has."""
    return is_quoted(cell) and '"' in cell[1:-1]


def quote(cell: str) -> str:
    """The inverse of `unquote`."""
    return '"' + cell.replace('"', '""') + '"'


def unquote(cell: str) -> str:
    """The text of a quoted cell."""
    return cell[1:-1].replace('""', '"')


def _unquoted(cells: list[str], all_quoted: bool) -> list[str]:
    """The texts of a row, where they are quoted for certain."""
    if all_quoted and all(map(is_quoted, cells)):
        return [unquote(cell) for cell in cells]
    return [unquote(cell) if is_doubled(cell) else cell for cell in cells]


# Layout


def is_comment(row: Row) -> bool:
    """Whether a row is a comment in any table."""
    return len(row.cells) == 1 and row.cells[0].startswith(COMMENT)


class Head(NamedTuple):
    """The rows of a TSV file down to its first pair."""

    comments: int
    header: Row | None
    columns: tuple[int, int]
    """That the header names."""
    first: Row | None
    """The first pair."""


def _head(rows: Iterator[Row], languages: tuple[str, str]) -> Head:
    """Read down to the first pair. A header stands on the first line, or below comments from the
    first line on."""
    comments = 0
    row = next(rows, None)
    while row is not None and is_comment(row):
        comments += 1
        row = next(rows, None)
    if row is None or row.line != comments + 1:
        return Head(comments, None, (0, 1), row)
    columns = header_columns(row, languages)
    if columns is None:
        return Head(comments, None, (0, 1), row)
    return Head(comments, row, columns, next(rows, None))


def header_columns(row: Row, languages: tuple[str, str]) -> tuple[int, int] | None:
    """The columns that a row names, if it is a header."""
    return find_header(_unquoted(row.cells, True), languages)


def find_layout(rows: Iterator[Row], languages: tuple[str, str]) -> Layout:
    """The layout of a TSV file.

    Three columns are a glossary if no row has two, or if the file begins with a comment, as those
    of OmegaT do; but not if the first column holds numbers only.
    """
    head = _head(rows, languages)
    widths: set[int] = set()
    quoted = numbers = head.first is not None
    for row in chain([head.first] if head.first else [], rows):
        if row.cells[0].startswith(COMMENT):
            continue
        widths.add(len(row.cells))
        quoted = quoted and all(map(is_quoted, row.cells))
        numbers = numbers and row.cells[0].strip().isdecimal()
        if not quoted and 2 in widths and not head.comments:
            break
    three = 3 in widths and (2 not in widths or head.comments > 0) and not numbers
    allowed = range(2, 4) if three else range(2, 3)
    if head.header is not None and len(head.header.cells) > 2:
        allowed = range(max(head.columns) + 1, len(head.header.cells) + 1)
    return Layout(head.columns, allowed, head.header, quoted, three or head.comments > 0)


# Reading


def tsv_rows(lines: Lines, name: str) -> Rows:
    """The rows of a TSV file called `name`."""

    def rows(skip: Skip) -> Iterator[Row]:
        with lines() as raw_lines:
            for number, raw in enumerate(raw_lines, start=1):
                try:
                    text = decode_line(raw, name, number)
                except DataError as error:
                    skip(error)
                    continue
                text = (text.removeprefix("\ufeff") if number == 1 else text).removesuffix("\r")
                if text.strip():
                    yield Row(number, text.split("\t"))

    return rows


def read_table(
    rows: Rows, name: str, layout: Layout, remark: Callable[[str], None], skip: Skip
) -> Iterator[Pair]:
    """The pairs of a table; what is left out of it is remarked upon.

    `skip` is called for each invalid row. DataError if there is no pair.
    """
    pairs = comments = further = unquoted = 0
    for row in rows(skip):
        if is_comment(row) or (layout.glossary and row.cells[0].startswith(COMMENT)):
            comments += 1
            continue
        if layout.header is not None and row.line == layout.header.line:
            continue
        try:
            _check_width(row, layout, name)
            given = [row.cells[column] for column in layout.columns]
            cells = given if layout.csv else _unquoted(given, layout.quoted)
            pair = checked_pair(cells[0], cells[1], name, row.line, layout.expected)
        except DataError as error:
            skip(error)
            continue
        pairs += 1
        further += len(row.cells) > 2
        unquoted += cells != given
        yield pair
    if not pairs:
        expected = f"contains no sentence pair; expected {layout.expected} lines"
        raise DataError(name, None, expected)
    _remark(name, layout, (comments, further, unquoted), remark)


def _check_width(row: Row, layout: Layout, name: str) -> None:
    """DataError for a row with too few or too many cells."""
    width = len(row.cells)
    if width in layout.widths:
        return
    found = f"no {DELIMITERS[layout.delimiter]}" if width == 1 else f"{width} columns"
    first = 2 if row.cells[0].strip().isdecimal() else 1
    how = (
        f"; to keep two: cut -f{first},{first + 1} FILE" if width > 2 == layout.widths.start else ""
    )
    raise DataError(name, row.line, f"{found}; expected {layout.expected}{how}")


def _remark(
    name: str, layout: Layout, counts: tuple[int, int, int], remark: Callable[[str], None]
) -> None:
    """One sentence for each property of a table that a reader might not expect."""
    comments, further, unquoted = counts
    if layout.header is not None:
        header = _unquoted(layout.header.cells, True)
        first, second = (header[column] for column in layout.columns)
        remark(
            f"{name}:{layout.header.line}: {first!r} and {second!r} are taken for a header, not "
            "for a pair; with a blank line above it, it is a pair"
        )
    if further or layout.columns != (0, 1):
        source, target = (column + 1 for column in layout.columns)
        remark(f"{name}: source and target are columns {source} and {target}")
    if comments:
        remark(f"{name}: lines that begin with {COMMENT} are comments: {comments:,}")
    if unquoted:
        remark(f"{name}: lines that lost the quotation marks of a spreadsheet: {unquoted:,}")

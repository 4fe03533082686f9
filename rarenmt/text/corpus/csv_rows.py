"""The rows of CSV files (RFC 4180), with commas, semicolons or tabs between the cells."""

import csv
import sys
from collections.abc import Iterator
from itertools import islice

from rarenmt.errors import DataError
from rarenmt.text.corpus.table import DELIMITERS, Layout, Lines, Row, Rows, header_columns
from rarenmt.text.pairs import Skip, decode_line
from rarenmt.text.tmx.format import tidy

SAMPLE = 1000
"""Rows that are tried with each delimiter."""


def csv_rows(lines: Lines, name: str, delimiter: str) -> Rows:
    """The rows of a CSV file called `name`, each with the line it begins on. A line break or tab
    inside a cell becomes a space."""

    def rows(skip: Skip) -> Iterator[Row]:
        with lines() as raw_lines:
            numbers: list[int] = []  # lines of the present row
            texts = _texts(raw_lines, name, numbers, skip)
            reader = csv.reader(texts, delimiter=delimiter, strict=True)
            while True:
                numbers.clear()
                try:
                    cells = next(reader)
                except StopIteration:
                    return
                except csv.Error as error:
                    skip(DataError(name, numbers[0], _problem(error)))
                    continue
                if any(map(str.strip, cells)):
                    yield Row(numbers[0], [_one_line(cell) for cell in cells])

    return rows


def _problem(error: csv.Error) -> str:
    """What is wrong with a row, in a sentence."""
    if "end of data" in str(error):
        return "a quotation mark begins a cell here and none ends it"
    return f"not a row of CSV: {error}"


def _texts(raw_lines: Iterator[bytes], name: str, numbers: list[int], skip: Skip) -> Iterator[str]:
    """The lines with their ends, as the csv module expects them; adds the number of each to
    `numbers`."""
    for number, raw in enumerate(raw_lines, start=1):
        try:
            text = decode_line(raw, name, number)
        except DataError as error:
            skip(error)
            continue
        numbers.append(number)
        yield (text.removeprefix("\ufeff") if number == 1 else text) + "\n"


def _one_line(cell: str) -> str:
    return tidy(cell) if "\n" in cell or "\t" in cell else cell


def find_csv_layout(lines: Lines, name: str, languages: tuple[str, str]) -> Layout:
    """The layout of a CSV file, with the delimiter that splits its first rows best."""
    fits = {each: _fit(lines, name, each, languages) for each in DELIMITERS}
    delimiter = max(fits, key=lambda each: fits[each])
    first = next(csv_rows(lines, name, delimiter)(_ignore), None)
    columns = header_columns(first, languages) if first and first.line == 1 else None
    chosen = columns or (0, 1)
    widths = range(max(chosen) + 1, sys.maxsize)
    return Layout(chosen, widths, first if columns else None, delimiter=delimiter, csv=True)


def _fit(
    lines: Lines, name: str, delimiter: str, languages: tuple[str, str]
) -> tuple[bool, float, int, bool, int]:
    """How well a delimiter splits a file; greater is better.

    In this order: it makes a header; the fraction of rows with two cells or more; few cells begin
    with a space, as after a comma in a sentence; all rows are equally long; and rows are short.
    """
    failed: list[DataError] = []
    rows = list(islice(csv_rows(lines, name, delimiter)(failed.append), SAMPLE))
    widths = [len(row.cells) for row in rows]
    spaces = sum(cell.startswith(" ") for row in rows for cell in row.cells[1:])
    header = bool(rows) and rows[0].line == 1 and header_columns(rows[0], languages) is not None
    split = sum(width > 1 for width in widths) / max(1, len(rows) + len(failed))
    return header, split, -spaces, len(set(widths)) == 1, -max(widths, default=0)


def _ignore(error: DataError) -> None:
    """The `Skip` of a first reading; the second one reports errors."""

"""Sentence pairs to TSV and CSV, from which `read_corpus` reads them unchanged."""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from rarenmt.text.corpus.table import (
    COMMENT,
    Row,
    header_columns,
    is_doubled,
    is_quoted,
    quote,
)
from rarenmt.text.pairs import Pair


def write_tsv(stream: BinaryIO, pairs: Sequence[Pair], languages: tuple[str, str]) -> None:
    """Write source<TAB>target lines. Text in quotation marks gets further ones where a reader
    would take them for those of a spreadsheet."""
    counted = [pair for pair in pairs if not pair.source.startswith(COMMENT)]
    all_quoted = bool(counted) and all(map(_both_quoted, counted))
    stream.write(_above(pairs, languages))
    for pair in pairs:
        sides = (pair.source, pair.target)
        both = all_quoted and _both_quoted(pair)
        cells = (quote(side) if both or is_doubled(side) else side for side in sides)
        stream.write(("\t".join(cells) + "\n").encode())


def write_csv(stream: BinaryIO, pairs: Sequence[Pair], languages: tuple[str, str]) -> None:
    """Write RFC 4180 with commas, all cells quoted, so that no other delimiter can be meant."""
    stream.write(_above(pairs, languages))
    for text in _csv_lines(pairs):
        stream.write(text.encode())


def _csv_lines(pairs: Sequence[Pair]) -> Iterator[str]:
    for pair in pairs:
        line = io.StringIO(newline="")
        csv.writer(line, quoting=csv.QUOTE_ALL).writerow([pair.source, pair.target])
        yield line.getvalue()


def _above(pairs: Sequence[Pair], languages: tuple[str, str]) -> bytes:
    """A blank line if the first pair would be taken for a header or for a byte order mark."""
    if not pairs:
        return b""
    first = Row(1, [pairs[0].source, pairs[0].target])
    marked = pairs[0].source.startswith("\ufeff")
    return b"\n" if marked or header_columns(first, languages) else b""


def _both_quoted(pair: Pair) -> bool:
    return is_quoted(pair.source) and is_quoted(pair.target)

"""The everyday sentences in `data/` can be read and scored: their columns, kinds and spelling."""

import unicodedata
from collections import Counter
from pathlib import Path

import pytest

FILE = Path(__file__).parents[2] / "data" / "everyday.tsv"
COLUMNS = ["kind", "english", "german", "german2", "german3"]
KINDS = ["mail", "instruction", "product", "interface", "question"]


@pytest.fixture(scope="module")
def table() -> list[list[str]]:
    """The header and the rows, each split at its tabs."""
    text = FILE.read_bytes().decode("utf-8")
    assert text.endswith("\n")
    return [line.split("\t") for line in text[:-1].split("\n")]


def test_each_kind_has_forty_rows_of_five_columns(table: list[list[str]]) -> None:
    header, *rows = table

    assert header == COLUMNS
    assert {len(row) for row in rows} == {len(COLUMNS)}
    assert Counter(row[0] for row in rows) == dict.fromkeys(KINDS, 40)


def test_references_fill_the_columns_from_the_left(table: list[list[str]]) -> None:
    for _, english, german, second, third in table:
        assert english
        assert german
        assert second or not third


def test_cells_are_composed_and_have_no_stray_blanks(table: list[list[str]]) -> None:
    for cell in (cell for row in table for cell in row):
        assert unicodedata.is_normalized("NFC", cell), cell
        assert cell == " ".join(cell.split()), cell


def test_no_sentence_stands_twice(table: list[list[str]]) -> None:
    rows = table[1:]
    english = Counter(row[1].casefold() for row in rows)
    german = Counter(cell.casefold() for row in rows for cell in row[2:] if cell)

    assert [text for text, times in (english + german).items() if times > 1] == []

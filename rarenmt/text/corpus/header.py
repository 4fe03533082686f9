"""Recognising the header of a table of sentence pairs."""

import re
from collections.abc import Sequence

from rarenmt.text.languages import is_name

SOURCE = frozenset({"source", "src", "source text", "source term", "source language"})
TARGET = frozenset({
    "target", "tgt", "trg", "target text", "target term", "target language", "translation",
})  # fmt: skip

NOTE = re.compile(r"\s*[(\[][^()\[\]]*[)\]]$")
"""A note in brackets at the end, as in "English (US)"."""


def find_header(cells: Sequence[str], languages: tuple[str, str]) -> tuple[int, int] | None:
    """The columns of source and target if a row names both, each once; None if it is no header.

    A cell names a side with a word such as "source", or with the code or the name of its language.
    """
    sides = zip((SOURCE, TARGET), languages, strict=True)
    found = [[i for i, cell in enumerate(cells) if _names(cell, *side)] for side in sides]
    if [len(each) for each in found] != [1, 1] or found[0] == found[1]:
        return None
    return found[0][0], found[1][0]


def _names(cell: str, words: frozenset[str], language: str) -> bool:
    text = NOTE.sub("", cell.strip()).casefold()
    return text in words or is_name(text, language)

"""Reading a corpus by its name: a TSV file, a TMX file, or two parallel files."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from rarenmt.text.pairs import Pair, Skip, read_pairs, read_parallel, refuse
from rarenmt.text.tmx.reader import read_tmx

TMX = re.compile(r"(?i:\.tmx)(\.gz|\.xz)?$")
"""Matches the end of the name of a TMX file."""


def read_corpus(
    name: str,
    languages: tuple[str, str],
    remark: Callable[[str], None] | None = None,
    skip: Skip = refuse,
) -> Iterator[Pair]:
    """Read pairs from a TSV or TMX file, or from two parallel files written as SOURCE,TARGET; .gz
    and .xz are decompressed.

    `languages` are the source and target to take from TMX. `remark` is called for units that lack
    one of them, `skip` for each invalid line of the other formats, by default to raise its
    DataError. StorageError for a file that cannot be read.
    """
    path = Path(name)
    source, comma, target = name.partition(",")
    if comma and not path.exists():
        return read_parallel(Path(source), Path(target), skip)
    if TMX.search(path.name):
        return read_tmx(path, *languages, remark)
    return read_pairs(path, skip)

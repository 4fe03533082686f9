"""Sentence pairs from TMX files, exported by this program or by others."""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

from rarenmt.errors import DataError
from rarenmt.text.languages import OTHER, primary, suits
from rarenmt.text.pairs import LONGEST_LINE, Pair, open_bytes
from rarenmt.text.tmx.format import (
    ADMINLANG,
    DATATYPE,
    EXACT,
    FILE,
    LANGUAGE,
    LINE,
    NO_LINE,
    SEGTYPE,
    TIME,
    encode_metadata,
    plain,
    unquote,
)
from rarenmt.text.tmx.parser import Parser, Unit, Variant

MAX_LANGUAGES = 10
"""Languages named in the error if those wanted are missing."""

NUMBER = re.compile("-?[0-9]{1,18}")

MAX_LINE = (1 << 31) - 1

MAX_PATH = 4096

BREAKS = re.compile("[\0\t\n]")
"""Characters that no line of a file of pairs can contain."""


def read_tmx(
    path: Path,
    source_language: str,
    target_language: str,
    remark: Callable[[str], None] | None = None,
) -> Iterator[Pair]:
    """Pairs from a TMX file, each with the line of its `<tu>`.

    A pair that this program exported keeps its file, line and time. A language matches exactly or
    else without its region ("en" and "EN-US"); of several regions, that of `srclang` is preferred.
    Inline codes are left out. Units without text in one of the languages are skipped, and `remark`
    is called with their number. DataError if the file is not TMX or has no pair.
    """
    reader = _Reader(path, source_language, target_language)
    count = 0
    with open_bytes(path) as stream:
        for pair in reader.read(stream):
            count += 1
            yield pair
    if not count:
        found = ", ".join(reader.found) or "no text"
        expected = f"{source_language} and {target_language}"
        raise DataError(path, None, f"no unit has text in {expected}; found {found}")
    if reader.skipped and remark is not None:
        units, lack = ("unit", "lacks") if reader.skipped == 1 else ("units", "lack")
        languages = f"{source_language} or {target_language}"
        found = ", ".join(reader.found) or "no text"
        remark(f"{reader.skipped:,} {units} of {path} {lack} {languages}; found {found}")


class _Reader:
    """Converts units to pairs, and counts those that lack a language."""

    def __init__(self, path: Path, source_language: str, target_language: str) -> None:
        self.path = path
        self.source, self.target = source_language, target_language
        self.skipped = 0
        self.found: list[str] = []
        """The languages of the skipped units."""
        self._parser = Parser(path)

    def read(self, stream: BinaryIO) -> Iterator[Pair]:
        """The pairs of a stream as they arrive."""
        for unit in self._parser.parse(stream):
            variants = [variant for variant in unit.variants if variant.text]
            preferred = unit.metadata.get("srclang") or self._parser.header.get("srclang", "")
            source = _closest(variants, self.source, self.target, preferred)
            if source is not None:
                variants.remove(source)
            target = _closest(variants, self.target, self.source, preferred)
            if source is None or target is None:
                self._skip(unit)
            else:
                yield self._pair(unit, source, target)

    def _skip(self, unit: Unit) -> None:
        self.skipped += 1
        for variant in (variant for variant in unit.variants if variant.text):
            language = variant.metadata.get(LANGUAGE, "")[:20] or "no language"
            if language not in self.found and len(self.found) < MAX_LANGUAGES:
                self.found.append(language)

    def _pair(self, unit: Unit, source: Variant, target: Variant) -> Pair:
        file, line, number = _location(unit) or (str(self.path), unit.line, unit.number)
        metadata = encode_metadata(self._metadata(unit, source, target))
        return Pair(_exact(source), _exact(target), file, line, metadata, _time(unit), number)

    def _metadata(self, unit: Unit, source: Variant, target: Variant) -> dict[str, Any]:
        """The metadata of a unit, without what is the default in exported files."""
        inherited, language = self._inherited
        metadata = {**inherited, **unit.metadata} if inherited else unit.metadata
        if language:
            for part in (metadata, source.metadata, target.metadata):
                for note in [*part.get("prop", ()), *part.get("note", ())]:
                    note.setdefault(LANGUAGE, language)
        sides = (("source", self.source, source.metadata), ("target", self.target, target.metadata))
        for side, expected, variant in sides:
            if variant.get(LANGUAGE) == expected:
                del variant[LANGUAGE]
            if variant:
                metadata[side] = variant
        return metadata

    @cached_property
    def _inherited(self) -> tuple[dict[str, str], str]:
        """The metadata of all units and the language of notes in the header, if not the default."""
        header = self._parser.header
        metadata = {
            name: header[name]
            for name, default in (("segtype", SEGTYPE), ("datatype", DATATYPE))
            if header.get(name, default) != default
        }
        direction, language = header.get("srclang", ""), header.get("adminlang", "")
        if direction and primary(direction) != primary(self.source):
            metadata["srclang"] = direction
        return metadata, language if primary(language) != ADMINLANG else ""


def _closest(
    variants: Iterable[Variant], wanted: str, other: str, preferred: str
) -> Variant | None:
    """The variant whose language matches best, the first of equals; None if none does."""
    best, least = None, OTHER
    for variant in variants:
        distance = suits(variant.metadata.get(LANGUAGE, ""), wanted, other, preferred)
        if distance < least:
            best, least = variant, distance
    return best


def _exact(variant: Variant) -> str:
    """The text of a variant as it was remembered, unless its `<seg>` was changed since."""
    text = variant.text or ""
    exact = unquote(variant.private[EXACT]) if EXACT in variant.private else None
    if exact is None or len(exact) > LONGEST_LINE or BREAKS.search(exact) or plain(exact) != text:
        return text
    return exact


def _location(unit: Unit) -> tuple[str, int, int] | None:
    """The file and line from which a pair was remembered, and its number on the line, if the unit
    has them."""
    file, place = unit.private.get(FILE), unit.private.get(LINE, "")
    if file is not None and file.startswith('"'):
        file = unquote(file)
    if file is None or len(file) > MAX_PATH:
        return None
    if place == NO_LINE:
        return file, 0, 1
    parts = place.split("#", 1)
    if not all(map(NUMBER.fullmatch, parts)):
        return None
    line, number = (*map(int, parts), 1)[:2]
    valid = 0 < line <= MAX_LINE and 0 < number <= MAX_LINE
    return (file, line, number) if valid else None


def _time(unit: Unit) -> int | None:
    """The time at which a pair was remembered, if the unit has it."""
    time = unit.private.get(TIME, "")
    return int(time) if NUMBER.fullmatch(time) else None

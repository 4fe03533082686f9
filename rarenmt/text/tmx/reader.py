"""Sentence pairs from TMX files, ours and those of other programs."""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

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
    describe,
    plain,
    unquote,
)
from rarenmt.text.tmx.parser import Parser, Unit, Variant

MOST_LANGUAGES = 10
"""Languages that are named when those wanted are missing."""

NUMBER = re.compile("-?[0-9]{1,18}")

LAST_LINE = (1 << 31) - 1

LONGEST_PATH = 4096

BREAKS = re.compile("[\0\t\n]")
"""What no line of a file of pairs can hold."""


def read_tmx(
    path: Path,
    source_language: str,
    target_language: str,
    remark: Callable[[str], None] | None = None,
) -> Iterator[Pair]:
    """Pairs from a TMX file, each with the line on which its `<tu>` starts.

    A pair that this program exported has the file, line and time it was remembered from. A
    language is matched exactly or else without its region ("en" and "EN-US"), then first the one
    that `srclang` names. Inline codes are left out. A unit without text in one of the languages is
    passed over; `remark` hears how many were. DataError says what is no TMX or holds no pair.
    """
    reader = _Reader(path, source_language, target_language)
    count = 0
    with open_bytes(path) as stream:
        for pair in reader.read(stream):
            count += 1
            yield pair
    if not count:
        found = ", ".join(reader.found) or "no text"
        wanted = f"{source_language} and {target_language}"
        raise DataError(path, None, f"holds no unit with text in {wanted}; found {found}")
    if reader.skipped and remark is not None:
        units = "1 unit" if reader.skipped == 1 else f"{reader.skipped:,} units"
        lack = "lacks" if reader.skipped == 1 else "lack"
        remark(f"{units} of {path} {lack} {source_language} or {target_language}")


class _Reader:
    """Makes pairs of units, and counts those that make none."""

    def __init__(self, path: Path, source_language: str, target_language: str) -> None:
        self.path = path
        self.source, self.target = source_language, target_language
        self.skipped = 0
        self.found: list[str] = []
        """The languages of units that were passed over."""
        self._parser = Parser(path)

    def read(self, stream: BinaryIO) -> Iterator[Pair]:
        """The pairs of a stream as they arrive."""
        for unit in self._parser.parse(stream):
            variants = [variant for variant in unit.variants if variant.text]
            preferred = unit.said.get("srclang") or self._parser.header.get("srclang", "")
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
            language = variant.said.get(LANGUAGE, "")[:20] or "no language"
            if language not in self.found and len(self.found) < MOST_LANGUAGES:
                self.found.append(language)

    def _pair(self, unit: Unit, source: Variant, target: Variant) -> Pair:
        file, line = _place(unit) or (str(self.path), unit.line)
        texts = _exact(source), _exact(target)
        return Pair(*texts, file, line, self._describe(unit, source, target), _time(unit))

    def _describe(self, unit: Unit, source: Variant, target: Variant) -> str:
        """What the unit says of itself, without what goes without saying in a file of ours."""
        inherited, language = self._inherited
        said = {**inherited, **unit.said} if inherited else unit.said
        if language:
            for part in (said, source.said, target.said):
                for note in [*part.get("prop", ()), *part.get("note", ())]:
                    note.setdefault(LANGUAGE, language)
        sides = (("source", self.source, source.said), ("target", self.target, target.said))
        for side, wanted, variant in sides:
            if variant.get(LANGUAGE) == wanted:
                del variant[LANGUAGE]
            if variant:
                said[side] = variant
        return describe(said)

    @cached_property
    def _inherited(self) -> tuple[dict[str, str], str]:
        """What the header says of all units and the language of notes, where ours differs."""
        header = self._parser.header
        said = {
            name: header[name]
            for name, ours in (("segtype", SEGTYPE), ("datatype", DATATYPE))
            if header.get(name, ours) != ours
        }
        direction, language = header.get("srclang", ""), header.get("adminlang", "")
        if direction and primary(direction) != primary(self.source):
            said["srclang"] = direction
        return said, language if primary(language) != ADMINLANG else ""


def _closest(
    variants: Iterable[Variant], wanted: str, other: str, preferred: str
) -> Variant | None:
    """The variant whose language suits best, the first of equals."""
    best, least = None, OTHER
    for variant in variants:
        distance = suits(variant.said.get(LANGUAGE, ""), wanted, other, preferred)
        if distance < least:
            best, least = variant, distance
    return best


def _exact(variant: Variant) -> str:
    """The text of a variant as it was remembered, unless somebody has changed it since."""
    text = variant.text or ""
    exact = unquote(variant.own[EXACT]) if EXACT in variant.own else None
    if exact is None or len(exact) > LONGEST_LINE or BREAKS.search(exact) or plain(exact) != text:
        return text
    return exact


def _place(unit: Unit) -> tuple[str, int] | None:
    """The file and the line that a pair was remembered from, if the unit says it."""
    file, line = unit.own.get(FILE), unit.own.get(LINE, "")
    if file is not None and file.startswith('"'):
        file = unquote(file)
    if file is None or len(file) > LONGEST_PATH:
        return None
    if line == NO_LINE:
        return file, 0
    if not NUMBER.fullmatch(line):
        return None
    return (file, int(line)) if 0 < int(line) <= LAST_LINE else None


def _time(unit: Unit) -> int | None:
    """When a pair was remembered, if the unit says it."""
    time = unit.own.get(TIME, "")
    return int(time) if NUMBER.fullmatch(time) else None

"""A parser of TMX units, safe for untrusted files.

The file is parsed in chunks by expat, which fetches nothing. Every size in a file is limited, so
that memory is constant and time at most linear in the size of the file.
"""

import codecs
from collections.abc import Iterator, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, NoReturn
from xml.parsers import expat

from rarenmt.errors import DataError
from rarenmt.text.corpus.encoding import encoding_hint
from rarenmt.text.pairs import LONGEST_LINE
from rarenmt.text.tmx.format import (
    CODE,
    LANGUAGE,
    NOTE,
    PRIVATE,
    PROP,
    TU,
    TUV,
    tidy,
    without_codes,
)

CHUNK = 1 << 16
"""Bytes parsed at a time."""

MAX_DEPTH = 100
"""Nested elements."""

MAX_TAG = 1 << 22
"""Bytes of a tag or a comment, which expat buffers."""

MAX_DOCTYPE = 1 << 16
"""Bytes of a document type declaration; that of TMX has half as many."""

MAX_UNIT = 1 << 22
"""Characters of a unit: its texts, attributes, properties and notes."""

MAX_PARTS = 10_000
"""Elements and pieces of text of a unit."""

MAX_NAMES = 10_000
"""Different names of elements and attributes, which expat never frees; TMX has fifty."""

CODES = {"bpt", "ept", "it", "ph", "ut"}
"""Inline elements with code of another format, which is left out. So is a `<sub>` in them, which is
a separate text such as a footnote. The content of a `<hi>` is part of the sentence."""

UNICODE = {"utf-8", "utf-16", "utf-16le", "utf-16be"}
"""Multi-byte encodings that expat reads."""

INVALID_TOKEN = expat.errors.codes[expat.errors.XML_ERROR_INVALID_TOKEN]
"""The error of expat for a byte that cannot stand where it does."""


@dataclass(slots=True, eq=False)
class Variant:
    """A `<tuv>`."""

    metadata: dict[str, Any]
    """As in `rarenmt.text.tmx.format`."""
    private: dict[str, str] = field(default_factory=dict)
    """Private properties of this program."""
    text: str | None = None


@dataclass(slots=True, eq=False)
class Unit:
    """A `<tu>`."""

    metadata: dict[str, Any]
    line: int
    number: int = 1
    """Of the units that begin on the line, which one it is."""
    private: dict[str, str] = field(default_factory=dict)
    variants: list[Variant] = field(default_factory=list)


class Parser:
    """An expat parser, its handlers, and the open elements."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.header: dict[str, str] = {}
        """The attributes of the header."""
        self._units: list[Unit] = []
        self._fed = 0  # bytes of the chunks before
        self._is_utf8 = True  # as far as the file declares
        self._doctype: int | None = None  # byte at which the open declaration starts
        self._depth = 0
        self._unit: Unit | None = None
        self._place = 0, 0  # line and number of the latest unit
        self._size = self._parts = 0  # of the unit
        self._variant: Variant | None = None
        self._text: list[str] | None = None  # of the open segment, property or note
        self._attributes: dict[str, str] = {}  # of that element
        self._level = self._code = 0  # depths of that element and of the open code in it
        self._expat = self._new_expat()

    def _new_expat(self) -> expat.XMLParserType:
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.specified_attributes = True  # not those a declaration adds to every element
        parser.XmlDeclHandler = self._check_encoding
        parser.StartDoctypeDeclHandler = self._start_doctype
        parser.EndDoctypeDeclHandler = self._end_doctype
        parser.EntityDeclHandler = self._refuse_entity
        parser.SkippedEntityHandler = self._refuse_reference
        parser.StartElementHandler = self._start_root
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._add
        return parser

    def parse(self, stream: BinaryIO) -> Iterator[Unit]:
        """The units of a stream, each as soon as it is complete."""
        fed = 0
        while chunk := stream.read(CHUNK):
            self._feed(chunk)
            fed += len(chunk)
            yield from self._units
            self._units.clear()
            self._check_amounts(fed)
        self._feed(b"", last=True)

    def _feed(self, chunk: bytes, *, last: bool = False) -> None:
        try:
            self._expat.Parse(chunk, last)
        except expat.ExpatError as error:
            problem = self._encoding_problem(chunk) if error.code == INVALID_TOKEN else None
            if problem is None:
                reason = expat.ErrorString(error.code)
                reason = reason.removeprefix("not well-formed (").removesuffix(")")
                problem = f"not well-formed XML: {reason}"
            raise DataError(self.path, error.lineno, problem) from None
        self._fed += len(chunk)

    def _encoding_problem(self, chunk: bytes) -> str | None:
        """What is wrong with the byte at which expat stopped, if it is not UTF-8 in a file that
        should be, with <tmx> above it; None otherwise."""
        at = self._expat.ErrorByteIndex - self._fed
        rest = chunk[max(0, at) : at + 200]
        if not self._is_utf8 or not self._depth or at < 0 or rest[:1].isascii():
            return None
        try:
            rest[:4].decode("utf-8")
        except UnicodeDecodeError as error:
            if error.start == 0 and "end of data" not in error.reason:
                line = rest.partition(b"\n")[0]
                return f"byte 0x{rest[0]:02x} is not UTF-8; {encoding_hint(line)}"
        return None

    def _check_amounts(self, fed: int) -> None:
        """Refuse input that makes expat buffer more and more."""
        if fed - self._expat.CurrentByteIndex > MAX_TAG:
            self._fail(f"a tag or comment of over {MAX_TAG:,} bytes")
        if self._doctype is not None and fed - self._doctype > MAX_DOCTYPE:
            self._fail(f"a document type declaration of over {MAX_DOCTYPE:,} bytes")
        if len(self._expat.intern) > MAX_NAMES:
            self._fail(f"over {MAX_NAMES:,} different names of elements and attributes")

    def _fail(self, problem: str) -> NoReturn:
        raise DataError(self.path, self._expat.CurrentLineNumber, problem)

    # Before the root

    def _check_encoding(self, version: str, encoding: str | None, standalone: int) -> None:
        """Refuse an encoding that expat does not know and that is not single-byte in Python."""
        self._is_utf8 = encoding is None or encoding.lower() == "utf-8"
        if encoding is None or encoding.lower() in UNICODE:
            return
        try:
            known = len(bytes(range(256)).decode(encoding, "replace")) == 256
            known = known and not codecs.lookup(encoding).name.startswith("utf")
        except (LookupError, ValueError):
            known = False
        if not known:
            self._fail(
                f"cannot read the encoding {encoding[:60]!r}; "
                "convert the file to UTF-8 and declare that in its first line"
            )

    def _start_doctype(self, *declaration: object) -> None:
        self._doctype = self._expat.CurrentByteIndex

    def _end_doctype(self) -> None:
        self._doctype = None

    def _refuse_entity(self, name: str, *declaration: object) -> None:
        self._fail(f"declares the entity {name[:60]!r}; TMX files need no entities")

    def _refuse_reference(self, name: str, parameter: bool) -> None:
        self._fail(f"unknown entity {name[:60]!r}; write the character itself")

    # Elements

    def _start_root(self, name: str, attributes: dict[str, str]) -> None:
        if name != "tmx":
            self._fail(f"the root is <{name[:60]}>; expected a TMX file, whose root is <tmx>")
        self._depth = 1
        self._expat.StartElementHandler = self._start

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            self._fail(f"over {MAX_DEPTH} nested elements")
        if self._text is not None:
            if name in CODES and not self._code:
                self._code = self._depth
                if self._text[-1:] != [CODE]:
                    self._text.append(CODE)
        elif name == "seg":
            self._start_text({})
        elif name == "tuv":
            self._start_variant(attributes)
        elif name == "tu":
            self._start_unit(attributes)
        elif name == "prop" or name == "note":
            self._start_note(name, attributes)
        elif name == "header":
            self.header = self._checked(attributes, attributes.keys())

    def _end(self, name: str) -> None:
        if self._text is not None:
            if self._depth == self._level:
                self._end_text(name, "".join(self._text))
            elif self._depth == self._code:
                self._code = 0
        elif name == "tuv":
            self._variant = None
        elif name == "tu" and self._unit is not None:
            self._units.append(self._unit)
            self._unit = None
        self._depth -= 1

    def _add(self, data: str) -> None:
        if self._text is not None and not self._code:
            self._grow(len(data))
            self._text.append(data)

    def _start_unit(self, attributes: dict[str, str]) -> None:
        if self._unit is not None:
            self._fail("a <tu> inside a <tu>")
        self._size = self._parts = 0
        line = self._expat.CurrentLineNumber
        line_before, number = self._place
        self._place = line, number + 1 if line == line_before else 1
        self._unit = Unit(self._checked(attributes, TU), *self._place)

    def _start_variant(self, attributes: dict[str, str]) -> None:
        if self._unit is None or self._variant is not None:
            self._fail("a <tuv> that is not a child of a <tu>")
        self._variant = Variant(self._checked(attributes, TUV))
        self._unit.variants.append(self._variant)

    def _start_note(self, name: str, attributes: dict[str, str]) -> None:
        """A property or a note; those of the header belong to no unit."""
        if self._unit is None:
            return
        known = self._checked(attributes, PROP if name == "prop" else NOTE)
        if name == "prop":
            known.setdefault("type", "")
        self._start_text(known)

    def _start_text(self, attributes: dict[str, str]) -> None:
        self._attributes = attributes
        self._text, self._level, self._code = [], self._depth, 0

    def _end_text(self, name: str, text: str) -> None:
        self._text = None
        if name == "seg":
            self._end_segment(text)
            return
        text = text.replace(CODE, "")
        part, kind = self._variant or self._unit, self._attributes.get("type")
        if part is not None and kind in PRIVATE:
            self._size -= len(text)  # private properties do not count towards the limit
            part.private.setdefault(kind, text)
        elif part is not None:
            part.metadata.setdefault(name, []).append({**self._attributes, "text": text})

    def _end_segment(self, text: str) -> None:
        if len(text) > LONGEST_LINE:
            self._fail(
                f"{len(text):,} characters in one segment; at most {LONGEST_LINE:,} are read"
            )
        if self._variant is not None and self._variant.text is None:
            self._variant.text = tidy(without_codes(text))

    def _checked(self, attributes: dict[str, str], known: Set[str]) -> dict[str, str]:
        """The known attributes of an element, `lang` under its later name."""
        size = sum(map(len, attributes.values())) if attributes else 0
        if size > LONGEST_LINE:
            self._fail(f"{size:,} characters of attributes; at most {LONGEST_LINE:,} are read")
        self._grow(size)
        if attributes.keys() <= known:
            return attributes
        if "lang" in attributes:
            attributes.setdefault(LANGUAGE, attributes["lang"])
        return {name: value for name, value in attributes.items() if name in known}

    def _grow(self, characters: int) -> None:
        self._size += characters
        self._parts += 1
        if self._size > MAX_UNIT:
            self._fail(f"over {MAX_UNIT:,} characters in one unit")
        if self._parts > MAX_PARTS:
            self._fail(f"over {MAX_PARTS:,} elements and pieces of text in one unit")

"""Sentence pairs to TMX 1.4b, with all their metadata, for this program and others."""

import json
from collections.abc import Iterable, Iterator, Sequence, Set
from html import escape
from typing import Any, BinaryIO

from rarenmt import __version__
from rarenmt.errors import DataError
from rarenmt.text.pairs import Pair
from rarenmt.text.tmx.format import (
    ADMINLANG,
    DATATYPE,
    EXACT,
    FILE,
    ILLEGAL,
    LANGUAGE,
    LINE,
    NO_LINE,
    NOTE,
    PROP,
    SEGTYPE,
    TIME,
    TU,
    TUV,
    plain,
    quote,
)

HEAD = """\
<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE tmx SYSTEM "tmx14.dtd">
<tmx version="1.4">
<header{}/>
<body>
"""

FOOT = """\
</body>
</tmx>
"""


def write_tmx(
    stream: BinaryIO, pairs: Iterable[Pair], source_language: str, target_language: str
) -> None:
    """Write pairs as TMX, from which `read_tmx` restores them unchanged.

    A segment cannot hold control characters or white space at its ends: it has the text without
    them, and a property has the exact text. DataError names a pair whose `unit` is damaged.
    """
    header = {
        "creationtool": "rarenmt",
        "creationtoolversion": __version__,
        "segtype": SEGTYPE,
        "o-tmf": "rarenmt",
        "adminlang": ADMINLANG,
        "srclang": source_language,
        "datatype": DATATYPE,
    }
    stream.write(HEAD.format(_attributes(header, header.keys())).encode())
    for pair in pairs:
        stream.write(_unit(pair, source_language, target_language).encode())
    stream.write(FOOT.encode())


def _unit(pair: Pair, source_language: str, target_language: str) -> str:
    """One `<tu>`."""
    try:
        metadata = json.loads(pair.unit) if pair.unit else {}
        private = [(FILE, _file(pair.path)), (LINE, _line(pair))]
        if pair.time is not None:
            private.append((TIME, str(pair.time)))
        parts = [
            f"<tu{_attributes(metadata, TU)}>\n",
            *_notes(metadata, private),
            *_variant(pair.source, {LANGUAGE: source_language, **metadata.get("source", {})}),
            *_variant(pair.target, {LANGUAGE: target_language, **metadata.get("target", {})}),
            "</tu>\n",
        ]
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
        parts = ["\0"]
    text = "".join(parts)
    if ILLEGAL.search(text):
        raise DataError(pair.location, None, "the metadata of its TMX unit are damaged")
    return text


def _variant(text: str, metadata: dict[str, Any]) -> Iterator[str]:
    """One `<tuv>`."""
    segment = plain(text)
    yield f"<tuv{_attributes(metadata, TUV)}>"
    yield from _notes(metadata, [] if segment == text else [(EXACT, quote(text))])
    yield f"<seg>{_text(segment)}</seg></tuv>\n"


def _notes(metadata: dict[str, Any], private: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Properties and notes, private properties last."""
    for kind, known in (("prop", PROP), ("note", NOTE)):
        for each in metadata.get(kind, ()):
            yield f"<{kind}{_attributes(each, known)}>{_text(each['text'])}</{kind}>\n"
    for name, value in private:
        yield f'<prop type="{name}">{_text(value)}</prop>\n'


def _line(pair: Pair) -> str:
    if not pair.line:
        return NO_LINE
    return f"{pair.line}#{pair.number}" if pair.number > 1 else str(pair.line)


def _file(path: str) -> str:
    return quote(path) if path.startswith('"') or ILLEGAL.search(path) else path


def _attributes(values: dict[str, str], known: Set[str]) -> str:
    """The known attributes of an element, in alphabetical order."""
    names = sorted(name for name in values if name in known)
    return "".join(f' {name}="{_attribute(values[name])}"' for name in names)


def _attribute(value: str) -> str:
    value = _text(value).replace('"', "&quot;")
    return value.replace("\n", "&#10;").replace("\t", "&#9;")


def _text(text: str) -> str:
    return escape(text, quote=False).replace("\r", "&#13;")

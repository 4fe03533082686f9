"""What encoding a text file has: UTF-16 is read, any other than UTF-8 is named in the error."""

import codecs
import io
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, cast

from rarenmt.errors import DataError

TYPOGRAPHIC = frozenset("«»„“”‚‘’‹›–—…•€£§°ßµ·×\xa0\xad´©®™½¼¾²³¿¡")
"""Characters of Western text that are no letters."""

CONVERSION = "iconv -f {} -t UTF-8 FILE > NEW"


def encoding_hint(raw: bytes) -> str:
    """What to do with bytes that are not UTF-8: the command that converts them, if they look like
    Western European text of one byte a character."""
    name = _single_byte(raw)
    if name is None:
        return "convert the file first, for example with iconv"
    return f"the file seems to be in {name}; convert it first: {CONVERSION.format(name)}"


def _single_byte(raw: bytes) -> str | None:
    """ISO-8859-1 or WINDOWS-1252 for bytes that make words in it; None for other bytes, and for
    UTF-8 that is damaged or holds surrogates."""
    with suppress(UnicodeDecodeError):
        raw.decode("utf-8", "surrogatepass")
        return None
    if not raw.decode("utf-8", "ignore").isascii():
        return None
    try:
        text = raw.decode("cp1252")
    except UnicodeDecodeError:
        return None
    if not all(c.isascii() or c.isalpha() or c in TYPOGRAPHIC for c in text):
        return None
    return "WINDOWS-1252" if any(0x80 <= byte < 0xA0 for byte in raw) else "ISO-8859-1"


def nul_hint(raw: bytes) -> str:
    """What is wrong with a line that contains NUL bytes."""
    halves = {"UTF-16BE": raw[::2], "UTF-16LE": raw[1::2]}
    for name, half in halves.items():
        if len(raw) > 2 and half.count(0) * 2 > len(half):
            return f"UTF-16 without a byte order mark; convert it first: {CONVERSION.format(name)}"
    return "a NUL byte; this is not a text file"


@contextmanager
def as_utf8(stream: BinaryIO, path: Path | str) -> Iterator[BinaryIO]:
    """The same stream or, if it begins with the byte order mark of UTF-16, one of its text in
    UTF-8; DataError while that is read if the text is damaged."""
    start = cast(io.BufferedReader, stream).peek(2)[:2]
    if start not in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        yield stream
        return
    text = io.TextIOWrapper(stream, "utf-16", newline="\n")
    try:
        yield cast(BinaryIO, _Recoded(text))
    except UnicodeDecodeError as error:
        raise DataError(path, None, f"is not complete UTF-16: {error.reason}") from None
    finally:
        text.detach()


class _Recoded:
    """The lines of a text stream in UTF-8."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text

    def readline(self, size: int) -> bytes:
        """At most `size` characters of the next line."""
        return self._text.readline(size).encode()

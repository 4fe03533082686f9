"""TMX 1.4b (LISA OSCAR, 26 April 2005): definitions shared by reader and writer.

The metadata of a unit (all but its text) are kept as JSON: the attributes of the `<tu>` by name,
its properties and notes in the lists `prop` and `note`, and the same for the two `<tuv>`s under
`source` and `target`. Private properties hold the location from which a pair was remembered.
"""

import json
import re
from typing import Any

LANGUAGE = "xml:lang"

TUV = frozenset({
    LANGUAGE, "o-encoding", "datatype", "usagecount", "lastusagedate", "creationtool",
    "creationtoolversion", "creationdate", "creationid", "changedate", "changeid", "o-tmf",
})  # fmt: skip
"""Attributes of a `<tuv>`."""

TU = TUV - {LANGUAGE} | {"tuid", "segtype", "srclang"}
"""Attributes of a `<tu>`."""

NOTE = frozenset({LANGUAGE, "o-encoding"})
"""Attributes of a `<note>`."""

PROP = NOTE | {"type"}
"""Attributes of a `<prop>`."""

FILE, LINE, TIME = "x-rarenmt-file", "x-rarenmt-line", "x-rarenmt-time"
"""Properties of a `<tu>`: file, line and time of a remembered pair. The file is empty if there was
none, and quoted if it starts with a quotation mark or XML cannot represent it. The line is followed
by #NUMBER if the pair is not the first of its line."""

NO_LINE = "none"
"""LINE of a pair without a line; if the property is missing, another program has dropped it."""

EXACT = "x-rarenmt-text"
"""Property of a `<tuv>`: the quoted text, if the `<seg>` has only its `plain` form. It is valid as
long as the `<seg>` is unchanged."""

PRIVATE = (FILE, LINE, TIME, EXACT)

SEGTYPE, DATATYPE, ADMINLANG = "sentence", "plaintext", "en"
"""Defaults for all units in the header of exported files."""

ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 does not allow, section 2.2."""

_encode = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode


def encode_metadata(metadata: dict[str, Any]) -> str:
    """The canonical JSON of the metadata of a unit; empty without any."""
    return _encode(metadata) if metadata else ""


def plain(text: str) -> str:
    """The text for a `<seg>`: `tidy`, with U+FFFD for each character that XML does not allow."""
    return tidy(ILLEGAL.sub("\ufffd", text))


def tidy(text: str) -> str:
    """A text on one line, without white space around it."""
    if "\n" in text or "\t" in text or "\r" in text:
        parts = (part.strip(" ") for part in re.split("[\t\n\r]", text))
        text = " ".join(part for part in parts if part)
    return text.strip()


CODE = "\0"
"""Where an inline code was left out of a text; XML does not allow it as a character."""

UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]"
)
"""A letter of a script without spaces between words."""

SENTENCE_END = ".!?:;,…"


def without_codes(text: str) -> str:
    """A text with CODE marks, without them: one space is left where a code had spaces beside it or
    parted two words."""
    first, *parts = text.split(CODE)
    whole = [first.rstrip() if parts else first]
    gap = first[len(first.rstrip()) :]
    before = whole[0][-1:]
    for part in parts:
        word = part.strip()
        gap += part[: len(part) - len(part.lstrip())]
        if not word:
            continue
        if gap or _parted(before, word[0]):
            whole.append(" " if gap[:1] in ("", "\n", "\t", "\r") else gap[0])
        whole.append(word)
        before, gap = word[-1], part[len(part.rstrip()) :]
    return "".join(whole) + gap


def _parted(before: str, after: str) -> bool:
    """Whether a code between these characters, with no space beside it, parts two words."""
    if UNSPACED.match(before) and UNSPACED.match(after):
        return False
    return (before.isalnum() and after.isalnum()) or (
        before != "" and before in SENTENCE_END and after.isalpha()
    )


def quote(text: str) -> str:
    """Any text as a JSON string of characters that XML allows."""
    return ILLEGAL.sub(lambda found: f"\\u{ord(found[0]):04x}", _encode(text))


def unquote(text: str) -> str | None:
    """The inverse of `quote`; None for any other text, and for a lone surrogate."""
    try:
        value = json.loads(text)
        return value.encode().decode() if isinstance(value, str) else None
    except (ValueError, RecursionError):  # UnicodeEncodeError is a ValueError
        return None

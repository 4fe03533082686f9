"""TMX 1.4b (LISA OSCAR, 26 April 2005): what its reader and its writer agree on.

What a unit says of itself beside its text is kept as JSON: the attributes of the `<tu>` by name,
its properties and notes in the lists `prop` and `note`, and the same of the two `<tuv>`s under
`source` and `target`. Where a pair was remembered from stands in properties of our own.
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
"""Properties of a `<tu>`: where a pair was remembered from, and when. The file is empty where there
was none. A path that XML cannot hold,
or that begins with a quotation mark, is quoted."""

NO_LINE = "none"
"""The line of a pair that stands on none: said in words, for a property that is missing tells only
that another program has dropped it."""

EXACT = "x-rarenmt-text"
"""Property of a `<tuv>`: the quoted text, where the `<seg>` has only the `plain` one. It counts as
long as nobody changes the `<seg>`."""

OWN = (FILE, LINE, TIME, EXACT)

SEGTYPE, DATATYPE, ADMINLANG = "sentence", "plaintext", "en"
"""What the header of our files says of all units."""

ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot hold, section 2.2."""

_encode = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode


def describe(said: dict[str, Any]) -> str:
    """The canonical JSON of what a unit says of itself; empty when that is nothing."""
    return _encode(said) if said else ""


def plain(text: str) -> str:
    """A text as a `<seg>` has it: what XML cannot hold is U+FFFD, and white space is as `tidy`
    leaves it."""
    return tidy(ILLEGAL.sub("\ufffd", text))


def tidy(text: str) -> str:
    """A text on one line, without white space around it."""
    if "\n" in text or "\t" in text or "\r" in text:
        parts = (part.strip(" ") for part in re.split("[\t\n\r]", text))
        text = " ".join(part for part in parts if part)
    return text.strip()


def quote(text: str) -> str:
    """A text of any characters as a JSON string of those that XML can hold."""
    return ILLEGAL.sub(lambda found: f"\\u{ord(found[0]):04x}", _encode(text))


def unquote(text: str) -> str | None:
    """The inverse of `quote`; None for anything else, and for half a surrogate pair."""
    try:
        value = json.loads(text)
        return value.encode().decode() if isinstance(value, str) else None
    except (ValueError, RecursionError):  # UnicodeEncodeError is a ValueError
        return None

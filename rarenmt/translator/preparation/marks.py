"""Marks around a text: bullets, numbers of a list, quotation marks, Markdown, tags, signs, tabs.

They are no part of the sentence. They are taken off before it is matched and translated, and kept
where they stood. Quotation marks become those of the target language.
"""

import re
import unicodedata
from typing import NamedTuple

from rarenmt.text.languages import primary

_SEPARATOR = re.compile(
    r"[\t\r\v\f\x1c-\x1e\x85\u2028\u2029]+"  # cells, line breaks
    r"|\x1b\[[0-9;?]*[ -/]*[@-~]"  # ANSI codes
    r"|</?(?:address|article|aside|blockquote|br|caption|center|dd|div|dl|dt|figcaption|figure|footer"
    r"|form|h[1-6]|header|hr|label|li|main|nav|ol|option|p|pre|section|table|tbody|td|tfoot|th|thead"
    r"|title|tr|ul)\b[^<>]*>",
    re.IGNORECASE,
)
_PIPE = re.compile(r"\|")
_LEAD = re.compile(
    r"(?:[-*+•◦‣▪–—·]|#{1,6}|\d{1,3}[.)]|\([A-Za-z\d]{1,3}\)|[A-Za-z]\)|\[[ xX]\]|§+\s?\d+)\s+"
    r"|(?:>\s?)+"
)
_ENCLOSING = (
    ("***", "***"), ("**", "**"), ("__", "__"), ("~~", "~~"), ("*", "*"), ("_", "_"),
    ('"', '"'), ("“", "”"), ("„", "“"), ("«", "»"), ("»", "«"),
    ("‘", "’"), ("'", "'"), ("(", ")"), ("[", "]"),
)  # fmt: skip
_TAG = re.compile(r"<([A-Za-z][\w-]*)[^<>]*>")
_CLOSING_TAG = re.compile(r"</([A-Za-z][\w-]*)\s*>$")
_ICU = re.compile(r"\{\s*\w+\s*,\s*(?:plural|select|selectordinal)\s*,(?:\s*offset:\d+)?")
_ICU_BRANCH = re.compile(r"\s*(?:=\d+|\w+)\s*\{")
QUOTATION = re.compile(r"""(?<!\w)(?:"([^"]+)"|“([^“”]+)”|‘([^‘’]+)’|«([^«»]+)»|„([^„“]+)“)""")

_QUOTATION_MARKS = {"de": "„“‚‘", "en": "“”‘’", "fr": "«»‹›", "es": "«»“”"}
"""Outer and inner marks of a language, as in CLDR."""


class Stretch(NamedTuple):
    """A part of a text from `start` to `end`."""

    start: int
    end: int
    mark: bool
    """Whether it is kept."""
    replacement: str | None = None
    """What a mark is kept as, if not as it stands."""


def peel(text: str, start: int, end: int, language: str) -> list[Stretch]:
    """The part of a text cut into marks and what they enclose or separate: one layer of them, in
    order; the part itself if it has none."""
    inner = text[start:end]
    stripped = inner.strip(" ")
    if len(stripped) < len(inner):
        begin = start + len(inner) - len(inner.lstrip(" "))
        return _around(start, begin, begin + len(stripped), end)
    return (
        _separated(inner, start)
        or _icu(inner, start)
        or _enclosed(inner, start, language)
        or _beside(inner, start)
        or [Stretch(start, end, mark=False)]
    )


def localised_quotation(opening: str, closing: str, language: str) -> tuple[str, str]:
    """Opening and closing quotation mark in a language; as they are if it is not known, or they are
    other marks."""
    marks = _QUOTATION_MARKS.get(primary(language))
    if marks and opening + closing in ('""', "“”", "„“", "«»", "»«"):
        return marks[0], marks[1]
    if marks and opening + closing in ("''", "‘’"):
        return marks[2], marks[3]
    return opening, closing


def _around(start: int, begin: int, stop: int, end: int) -> list[Stretch]:
    """Marks from `start` to `begin` and from `stop` to `end`, without empty parts."""
    parts = [Stretch(start, begin, True), Stretch(begin, stop, False), Stretch(stop, end, True)]
    return [part for part in parts if part.start < part.end]


def _separated(text: str, offset: int) -> list[Stretch]:
    """Texts between cells, line breaks, ANSI codes and tags of blocks."""
    found = list(_SEPARATOR.finditer(text))
    if text.startswith("|") and text.endswith("|"):
        found = sorted([*found, *_PIPE.finditer(text)], key=lambda each: each.start())
    parts, done = [], 0
    for each in found:
        parts += _around(done + offset, done + offset, each.start() + offset, each.start() + offset)
        parts.append(Stretch(each.start() + offset, each.end() + offset, mark=True))
        done = each.end()
    if not parts:
        return []
    end = len(text) + offset
    return parts + _around(done + offset, done + offset, end, end)


def _icu(text: str, offset: int) -> list[Stretch]:
    """The branches of an ICU message, if the text is one as a whole."""
    head = _ICU.match(text)
    if not head:
        return []
    parts, done, place = [], 0, head.end()
    while branch := _ICU_BRANCH.match(text, place):
        close = _closing_brace(text, branch.end())
        if close < 0:
            return []
        parts.append(Stretch(done + offset, branch.end() + offset, mark=True))
        if branch.end() < close:
            parts.append(Stretch(branch.end() + offset, close + offset, mark=False))
        done, place = close, close + 1
    if not re.fullmatch(r"\s*\}", text[place:]) or not parts:
        return []
    return [*parts, Stretch(done + offset, len(text) + offset, mark=True)]


def _closing_brace(text: str, start: int) -> int:
    """The position of the brace that closes one before `start`; −1 if there is none."""
    depth = 1
    for place in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return place
    return -1


def _enclosed(text: str, offset: int, language: str) -> list[Stretch]:
    """The text inside one pair of marks or tags that encloses it."""
    end = offset + len(text)
    tag, closing = _TAG.match(text), _CLOSING_TAG.search(text)
    if tag and closing and tag[1].lower() == closing[1].lower():
        inner = text[tag.end() : closing.start()]
        if f"<{tag[1]}".lower() not in inner.lower() and f"</{tag[1]}".lower() not in inner.lower():
            return _around(offset, offset + tag.end(), offset + closing.start(), end)
    for first, last in _ENCLOSING:
        inner = text[len(first) : len(text) - len(last)]
        if not (inner.strip() and text.startswith(first) and text.endswith(last)):
            continue
        if first in "'‘":
            inner = re.sub(r"(?<=\w)['’](?=\w)", "", inner)
        if first not in inner and last not in inner:
            opening, close = localised_quotation(first, last, language)
            begin, stop = offset + len(first), end - len(last)
            return [
                Stretch(offset, begin, True, opening),
                Stretch(begin, stop, False),
                Stretch(stop, end, True, close),
            ]
    return []


def _beside(text: str, offset: int) -> list[Stretch]:
    """A text with a bullet, a number of a list or signs before it, or signs after it."""
    lead = _LEAD.match(text)
    begin = lead.end() if lead else 0
    while not lead and begin < len(text) and _is_sign(text[begin]):
        begin += 1
    stop = len(text)
    while stop > begin and _is_sign(text[stop - 1]):
        stop -= 1
    if stop < len(text) and text[stop - 1].isalnum():
        stop = len(text)  # 20 m², 90°: the sign belongs to the word
    tag = _TAG.match(text, begin)
    if not begin and tag and f"</{tag[1]}".lower() not in text.lower():
        begin = tag.end()
    if (begin, stop) in ((0, len(text)), (len(text), len(text))):
        return []
    return _around(offset, offset + begin, offset + stop, offset + len(text))


def _is_sign(character: str) -> bool:
    """Whether a character is a symbol or emoji, or part of one, but no sign of ASCII or money."""
    if character.isascii():
        return False
    category = unicodedata.category(character)
    return category in ("So", "Sk", "Sm", "Me", "Cf", "Co", "Cn") or character in "\ufe0e\ufe0f"

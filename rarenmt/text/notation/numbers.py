"""Numbers in text, and their localisation: 1,250.50 is 1.250,50 in German.

The separators of each language are those of CLDR. Whatever may be a version, a date, an address or
a time is not rewritten.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from rarenmt.text.languages import primary

ANY_SEPARATOR = "?"
"""Stands for a separator that is not determined."""


@dataclass(frozen=True)
class Style:
    """The separators of a number; ANY_SEPARATOR if a space separates groups."""

    decimal: str
    group: str


_STYLES = {
    Style(".", ","): "cy en ga gd he hi ja ko mr ms mt sw ta te th ur zh",
    Style(",", "."): "az bs ca da de el es eu fo gl hr id is it mk nl pt ro sl sr tr vi",
    Style(",", ANY_SEPARATOR): "be bg cs et fi fr hu hy ka kk lt lv nb nn no pl ru sk sq sv uk",
}
STYLES = {language: style for style, named in _STYLES.items() for language in named.split()}

_DIGITS = re.compile(r"\d+")
_NUMBER = re.compile(r"[0-9]+(?:[.,:'/-][0-9]+)*")
_GROUPED = re.compile("[0-9.,]+")
_LAST = re.compile(r"[^\W\d_][\w.#+-]*$")
_COUNTED = re.compile(
    r"(?:v|ver|versi[oó]n|versão|versie|versione|release|build|section|chapter|article|paragraph|"
    r"figure|table|rule|step|level|part|web)\.?",
    re.IGNORECASE,
)
"""A word after which a number is a label, not a quantity."""
_TIME = re.compile(r"\s*(?:([ap])\.?\s?m\b|o['’]clock\b)", re.IGNORECASE)


def find_digits(text: str) -> Iterator[re.Match[str]]:
    """The runs of digits of a text: the units of an exact match, in which a separator is text."""
    return _DIGITS.finditer(text)


def mask_digits(text: str) -> str:
    """A text with 0 for each run of digits."""
    return _DIGITS.sub("0", text)


def find_numbers(text: str, start: int, end: int) -> Iterator[re.Match[str]]:
    """The numbers of a part of a text: runs of digits, with the separators between them."""
    return _NUMBER.finditer(text, start, end)


def strip_separators(number: str) -> str:
    """The digits of a number."""
    return re.sub("[^0-9]", "", number)


def is_afternoon(number: re.Match[str]) -> bool:
    """Whether a number is a time p.m., which another language may count from midnight."""
    time = _TIME.match(number.string, number.end())
    return time is not None and time[1] in ("p", "P")


def localise(text: str, start: int, end: int, source: str, target: str) -> str:
    """A number of a text as the target language writes it, of the same length. ANY_SEPARATOR
    stands for a separator that languages write differently and whose choice is uncertain."""
    theirs, ours = STYLES.get(primary(source)), STYLES.get(primary(target))
    number = text[start:end]
    free = re.sub("[.,:']", ANY_SEPARATOR, number)
    if theirs is None or ours is None or _TIME.match(text, end):
        return free
    named, counted = _named(text[:start])
    alone = text[:start].endswith("(") and text[end:].startswith(")")
    doubtful = named or counted or alone

    def rewrite(run: re.Match[str]) -> str:
        """Rewrite digits with points and commas."""
        found = run[0]
        grouped, parted = _kinds(found, theirs)
        sure = grouped and "," in found  # no version has one
        if sure or ((grouped or parted) and not doubtful):
            return found.translate(
                {ord(theirs.decimal): ours.decimal, ord(theirs.group): ours.group}
            )
        if counted or (found.count(".") > 1 and not grouped):
            return found
        return re.sub("[.,]", ANY_SEPARATOR, found)

    return re.sub("[:']", ANY_SEPARATOR, _GROUPED.sub(rewrite, number))


def _kinds(digits: str, style: Style) -> tuple[bool, bool]:
    """Whether digits are grouped in this style, and whether they have decimals but no groups, as a
    version number may."""
    decimal, group = map(re.escape, (style.decimal, style.group))
    grouped = rf"[0-9]{{1,3}}(?:{group}[0-9]{{3}})+(?:{decimal}[0-9]+)?"
    parted = rf"0{decimal}[0-9]+|[0-9]+{decimal}(?!0$|[0-9]{{3}}$)[0-9]+"
    return bool(re.fullmatch(grouped, digits)), bool(re.fullmatch(parted, digits))


def _named(before: str) -> tuple[bool, bool]:
    """Whether the word before a number is a name, and whether it makes the number a label."""
    before = before.rstrip()
    last = _LAST.search(before)
    if last is None:
        return False, False
    earlier, word = before[: last.start()].rstrip(), last[0]
    first = not earlier or earlier[-1] in ".!?:"
    return word[0].isupper() and not first, bool(_COUNTED.fullmatch(word))

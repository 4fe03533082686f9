"""Lines in capitals or in title case, which are searched as in small letters.

The model has seen few such words. WHERE IS THE KEY? is searched as *Where is the key?*, and its
translation is put into capitals; *Do Not Close The Window* as *Do not close the window*.
"""

import re
from collections.abc import Callable, Sequence

from rarenmt.text.matching import TmMatch
from rarenmt.text.placeables import map_words, without_placeables
from rarenmt.text.splitting import LETTER_RUN

MIN_CAPITALS = 2
"""Letters of a word in capitals; fewer may be an initial."""
LONGEST_ACRONYM = 4
"""Letters; a single longer word in capitals is no acronym."""
MIN_TITLE = 3
"""Words of a line in title case; fewer may be a name."""

_WORD = re.compile(r"[^\W\d_](?:[\w'’]*\w)?")


def in_capitals(text: str) -> bool:
    """Whether all letters of a text outside placeables, such as tags, are capitals."""
    return without_placeables(text).isupper()


def is_upper(text: str, is_acronym: Callable[[str], bool]) -> bool:
    """Whether a text is in capitals as a whole; a single short word may be an acronym, which is
    asked in lower case."""
    words = [
        word for word in LETTER_RUN.findall(without_placeables(text)) if len(word) >= MIN_CAPITALS
    ]
    if not in_capitals(text) or not words:
        return False
    [first, *others] = words
    return bool(others) or len(first) > LONGEST_ACRONYM or not is_acronym(first.lower())


def is_title(text: str, is_common: Callable[[str], bool]) -> bool:
    """Whether each word of a text begins with a capital, also common ones after the first."""
    words = [word[0] for word in _WORD.finditer(text)]
    return (
        len(words) >= MIN_TITLE
        and all(word[0].isupper() and not word[1:].isupper() for word in words)
        and any(is_common(word.lower()) for word in words[1:] if word != "I")
    )


def to_sentence_case(text: str, is_name: Callable[[str], bool]) -> str:
    """A text in small letters but for the first letter, *I* and names; placeables stay."""
    first = True

    def lower(word: re.Match[str]) -> str:
        nonlocal first
        keep = (
            first or word[0] == "I" or word[0].startswith(("I'", "I’")) or is_name(word[0].lower())
        )
        first = False
        return word[0][:1] + word[0][1:].lower() if keep else word[0].lower()

    return map_words(text, lambda part: _WORD.sub(lower, part))


def to_upper(pieces: Sequence[str]) -> list[str]:
    """The pieces of a text in capitals; placeables, which may have several pieces, stay."""
    kept = map_words("".join(pieces), lambda text: "\0" * len(text))
    result, start = [], 0
    for piece in pieces:
        places = kept[start : start + len(piece)]
        start += len(piece)
        pairs = zip(piece, places, strict=True)
        result.append("".join(c.upper() if place == "\0" else c for c, place in pairs))
    return result


def match_to_upper(tm_match: TmMatch) -> TmMatch:
    """A match in capitals."""
    upper = [character.upper() for character in tm_match.text]
    positions = [
        position
        for characters, position in zip(upper, tm_match.positions, strict=True)
        for _ in characters
    ]
    return TmMatch(tm_match.pair, "".join(upper), positions)

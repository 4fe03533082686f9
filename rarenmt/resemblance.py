"""How much two sentences resemble each other, word for word."""

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

_WORDS_AND_SIGNS = re.compile(r"\w+|[^\w\s]")


def words_and_signs(sentence: str) -> list[str]:
    """Those of a sentence, in small letters."""
    return _WORDS_AND_SIGNS.findall(sentence.casefold())


def resemblance(words: Sequence[str], others: Sequence[str], least: float = 0.0) -> float:
    """The share of the words of both that they have in common in the same order (Ratcliff and
    Metzener 1988, as Python's difflib has it); 0 where that is less than `least`."""
    matcher = SequenceMatcher(None, words, others, autojunk=False)
    if matcher.real_quick_ratio() < least:  # which compares their lengths, and is never too small
        return 0.0
    ratio = matcher.ratio()
    return ratio if ratio >= least else 0.0

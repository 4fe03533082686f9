"""Whether two sentences resemble each other, word for word."""

import re
from difflib import SequenceMatcher

RESEMBLES = 0.6
"""Share of the words and signs of both sentences that they have in common, in the same order."""

_WORDS_AND_SIGNS = re.compile(r"\w+|[^\w\s]")


def resembles(sentence: str, other: str) -> bool:
    """Whether most of their words and signs are the same, in any case of the letters, and stand in
    the same order (Ratcliff and Metzener 1988, as Python's difflib has it)."""
    words, others = (_WORDS_AND_SIGNS.findall(text.casefold()) for text in (sentence, other))
    matcher = SequenceMatcher(None, words, others, autojunk=False)
    # The first only compares lengths, and is never less than the ratio.
    return matcher.real_quick_ratio() >= RESEMBLES and matcher.ratio() >= RESEMBLES

"""What counts as a word of a text, by purpose.

Words of subword pieces are another matter: `Tokenizer.split_words` gives those that are aligned and
remembered, and `group_words` in `rarenmt.translator.result` those that are displayed.
"""

import re

_WORD_RUN = re.compile(r"\w+")
_WORD_OR_PUNCTUATION = re.compile(r"\w+|[^\w\s]")
LETTER_RUN = re.compile(r"[^\W\d_]+")


def word_runs(text: str) -> list[str]:
    """Runs of letters, digits and underscores: the words that have a frequency, by which remembered
    pairs are retrieved. *B12* is one word there."""
    return _WORD_RUN.findall(text)


def words_and_punctuation(text: str) -> list[str]:
    """The same in lower case, and each punctuation mark: the units of a fuzzy match, in which a
    question mark counts as much as a word."""
    return _WORD_OR_PUNCTUATION.findall(text.casefold())


def letter_runs(text: str) -> list[str]:
    """Runs of letters: the words whose recall is measured and that episodes are made of. A number
    is copied, so that neither would show what was learnt."""
    return LETTER_RUN.findall(text)

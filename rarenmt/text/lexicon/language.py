"""Whether a text is in the target language already, from the words of the lexicon."""

from rarenmt.text.lexicon.lexicon import Lexicon
from rarenmt.text.splitting import letter_runs

MIN_WORDS = 3
"""Words that only the target language has."""
MIN_RATIO = 2
"""Such words for each word that the source language has."""


def is_in_target_language(text: str, lexicon: Lexicon) -> bool:
    """Whether most words of a text are words of the target language and not of the source."""
    words = letter_runs(text.lower())
    source = sum(word in lexicon.translations for word in words)
    target = sum(word not in lexicon.translations and bool(lexicon.sources(word)) for word in words)
    return target >= MIN_WORDS and target >= MIN_RATIO * source

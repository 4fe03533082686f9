"""Settings of inflection: when two words count as forms of one, and which forms a word takes."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class InflectionConfig:
    """The evidence that two words need. The remaining suffixes of two words are what follows their
    common prefix."""

    source_min_prefix: int = 3
    """Letters of the common prefix of two source words, at least."""
    source_max_suffixes: int = 4
    """Letters of the remaining suffixes of two source words together, at most: *-y* and *-ies*."""
    target_min_prefix: int = 4
    target_max_suffixes: int = 3
    """The same for target words, which have less evidence."""
    new_min_prefix: int = 5
    new_max_suffix: int = 3
    """A source word outside the lexicon has no translation of its own. It may be a form of another
    word if the common prefix has this many letters, and each remaining suffix at most that many.
    It is one if the other word is outside the lexicon too and the suffixes are rare."""
    new_min_reliability: float = 0.45
    """The reliability (below) that other suffixes of such words need."""
    min_words: int = 20
    """Known word pairs with the same two suffixes, at least."""
    min_reliability: float = 0.5
    """Share of these whose translations begin alike, from which two words count as forms of one."""
    high_reliability: float = 0.7
    """The same if their own translations do not begin alike: *Bahnhof* and *Bahnhöfe*."""
    min_neighbours: int = 5
    """Known words with the ending of a new word, needed to inflect it."""
    min_suffix: int = 3
    """Length of the shared ending, at least."""
    min_share: float = 0.15
    """Share of these words with another suffix, from which the new word may take it."""
    max_forms: int = 8
    """Other forms of a word."""


INFLECTION = InflectionConfig()
"""How words inflect by default."""

"""Matching of language tags: "en" matches "en-GB" and "EN_us"."""

from functools import lru_cache

SAME, NAMED, REGION, OTHER = range(4)
"""How well a language matches: exactly; in the preferred region; in another region; not at all."""


def normal(language: str) -> str:
    """A language tag (BCP 47) in lower case, with hyphens."""
    return language.strip().replace("_", "-").lower()


def primary(language: str) -> str:
    """A language without its region and script."""
    return normal(language).partition("-")[0]


@lru_cache(maxsize=128)
def suits(language: str, wanted: str, other: str, preferred: str) -> int:
    """SAME, NAMED, REGION or OTHER. The `other` language is never a region of `wanted`."""
    tag = normal(language)
    if tag == normal(wanted):
        return SAME
    if primary(tag) != primary(wanted) or tag == normal(other):
        return OTHER
    return NAMED if tag == normal(preferred) else REGION

"""Which of the languages of a text is the one that is wanted: "en" is also "en-GB" and "EN_us"."""

from functools import lru_cache

SAME, NAMED, REGION, OTHER = range(4)
"""How well a language suits: it is the one wanted; that of another region, which is named as the
preferred one; that of any other region; or another language."""


def normal(language: str) -> str:
    """A language tag (BCP 47) in small letters, with hyphens."""
    return language.strip().replace("_", "-").lower()


def primary(language: str) -> str:
    """A language without its region and script."""
    return normal(language).partition("-")[0]


@lru_cache(maxsize=128)
def suits(language: str, wanted: str, other: str, preferred: str) -> int:
    """SAME, NAMED, REGION or OTHER; the `other` language wanted is no region of this one."""
    tag = normal(language)
    if tag == normal(wanted):
        return SAME
    if primary(tag) != primary(wanted) or tag == normal(other):
        return OTHER
    return NAMED if tag == normal(preferred) else REGION

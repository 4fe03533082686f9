"""Exact and fuzzy matches between a sentence and remembered sources.

A sentence that differs from a remembered source in its numbers, its typography or its final
punctuation alone is an exact match: its translation is the remembered one with the sentence's own
numbers and punctuation (auto-substitution in translation memories). Other sentences match to a
degree, counted in words.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from rarenmt.text.pairs import Pair

_WORDS_AND_SIGNS = re.compile(r"\w+|[^\w\s]")


def words_and_punctuation(sentence: str) -> list[str]:
    """Those of a sentence, in small letters."""
    return _WORDS_AND_SIGNS.findall(sentence.casefold())


def similarity_ratio(words: Sequence[str], others: Sequence[str], least: float = 0.0) -> float:
    """The share of the words of both that they have in common in the same order (Ratcliff and
    Metzener 1988, as Python's difflib has it); 0 where that is less than `least`."""
    matcher = SequenceMatcher(None, words, others, autojunk=False)
    if matcher.real_quick_ratio() < least:  # which compares their lengths, and is never too small
        return 0.0
    ratio = matcher.ratio()
    return ratio if ratio >= least else 0.0


_PLAIN = str.maketrans(
    dict.fromkeys("‘’‚ʼ", "'") | dict.fromkeys("“”„«»", '"') | dict.fromkeys("‐‑‒–—", "-")
)
_NUMBER = re.compile(r"\d+")
_ENDS = ("...", "…", ".", "!", ":")
"""The signs that may be put for another; a question is another sentence."""

NOT_IN_PAIR = -1
"""The place of a character that is not the pair's, but the sentence's own."""


@dataclass(frozen=True)
class SentencePattern:
    """A sentence taken apart."""

    key: str
    """Its words, the same for all sentences of one wording; empty if there are none."""
    numbers: Sequence[str]
    """Its runs of digits."""
    sign: str
    """At its end: a full stop, an exclamation mark, a colon, three points, or nothing."""

    @classmethod
    def from_sentence(cls, sentence: str) -> "SentencePattern":
        """The wording of a sentence. In several words capital letters do not matter, unless there
        are no others: *Save As* is *save as*, but *SAVE AS* is not, nor is *Polish* *polish*."""
        plain = unicodedata.normalize("NFC", sentence)
        plain = plain if plain.isascii() else plain.translate(_PLAIN)  # which takes its time
        body, _, sign = _take_apart(" ".join(plain.split()))
        key = _NUMBER.sub("0", body.replace("…", "..."))
        if " " in key and not key.isupper():
            key = key.casefold()
        return cls(key, _NUMBER.findall(body), sign)


@dataclass(frozen=True)
class TmMatch:
    """A remembered pair that is said again."""

    pair: Pair
    text: str
    """What is said."""
    positions: Sequence[int]
    """Where each character of the text stands in the target of the pair, or NOT_IN_PAIR."""

    @property
    def note(self) -> str:
        """How the sentence was shown."""
        same = self.text == self.pair.target.strip()
        return "the sentence, as it was shown" + ("" if same else " but for numbers and signs")


def substitute(pair: Pair) -> TmMatch:
    """A pair, for the very sentence that it shows."""
    text = pair.target.strip()
    start = pair.target.find(text)
    return TmMatch(pair, text, range(start, start + len(text)))


def near_match(pair: Pair, sentence: str) -> TmMatch | None:
    """A pair, for a sentence that is worded as its source; None where nobody knows how, for the
    numbers of its source, or the sign, are not those of its target."""
    shown, asked = (
        SentencePattern.from_sentence(pair.source),
        SentencePattern.from_sentence(sentence),
    )
    body, space, sign = _take_apart(pair.target.strip())
    ending = _ending(shown.sign, asked.sign, sign)
    numbers = _exchange(shown.numbers, asked.numbers, _NUMBER.findall(body))
    if ending is None or numbers is None:
        return None
    start = pair.target.find(body)
    said = list(_exchanged(body, start, numbers))
    if ending:
        said.append((space + ending, start + len(body) if ending == sign else NOT_IN_PAIR))
    places = [
        NOT_IN_PAIR if first == NOT_IN_PAIR else first + i
        for text, first in said
        for i in range(len(text))
    ]
    return TmMatch(pair, "".join(text for text, _ in said), places)


def _take_apart(text: str) -> tuple[str, str, str]:
    """A text without the sign at its end, the space before that sign, and the sign."""
    sign = next(filter(text.endswith, _ENDS), "")
    before = text.removesuffix(sign)
    body = before.rstrip()
    return body, before[len(body) :], sign


def _ending(shown: str, asked: str, said: str) -> str | None:
    """The sign at the end of a translation, where the one of the remembered source is `shown`, of
    its target `said`, and of the sentence `asked`; None where nobody knows."""
    shown, wanted, known = (sign.replace("…", "...") for sign in (shown, asked, said))
    if wanted in (shown, known):
        return said
    return asked if shown == known else None


def _exchange(
    shown: Sequence[str], asked: Sequence[str], said: Sequence[str]
) -> dict[str, str] | None:
    """What to say for each number of a remembered pair; None where the two sides of it have others,
    or one would become two."""
    if shown == asked:
        return {}
    exchange = dict(zip(shown, asked, strict=True))
    clear = [exchange[number] for number in shown] == asked
    return exchange if clear and sorted(shown) == sorted(said) else None


def _exchanged(body: str, start: int, numbers: Mapping[str, str]) -> Iterator[tuple[str, int]]:
    """The parts of a text that begins at a place of a target, with other numbers, and the place
    where each begins, or NOT_IN_PAIR."""
    done = 0
    for found in _NUMBER.finditer(body):
        number = numbers.get(found[0], found[0])
        if number != found[0]:
            yield body[done : found.start()], start + done
            yield number, NOT_IN_PAIR
            done = found.end()
    yield body[done:], start + done

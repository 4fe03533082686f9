"""Exact and fuzzy matches between a sentence and remembered sources.

A sentence that differs from a remembered source in its numbers, its typography or its final
punctuation alone is an exact match: its translation is the remembered one with the sentence's own
numbers and punctuation (auto-substitution in translation memories). Other sentences match to a
degree, counted in words.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from rarenmt.text.notation.normalisation import normalise
from rarenmt.text.notation.numbers import find_digits, mask_digits
from rarenmt.text.pairs import Pair


def similarity_ratio(words: Sequence[str], others: Sequence[str], least: float = 0.0) -> float:
    """Twice the number of words matched in order over the words of both (Ratcliff and Metzener
    1988, as in Python's difflib); 0 if that is less than `least`."""
    matcher = SequenceMatcher(None, words, others, autojunk=False)
    if matcher.real_quick_ratio() < least:  # an upper bound, from the lengths
        return 0.0
    ratio = matcher.ratio()
    return ratio if ratio >= least else 0.0


_PLAIN = str.maketrans(
    dict.fromkeys("‘’‚ʼ", "'") | dict.fromkeys("“”„«»", '"') | dict.fromkeys("‐‑‒–—", "-")
)
_ENDS = ("...", "…", ".", "!", ":")
"""Final punctuation that may be exchanged. A question mark is not: it changes the sentence."""

NOT_IN_PAIR = -1
"""Position of a character that comes from the sentence and not from the pair."""


@dataclass(frozen=True)
class SentencePattern:
    """A sentence without what may differ in an exact match."""

    key: str
    """Its words, equal for all sentences that match; empty if there are none."""
    numbers: Sequence[str]
    """Its runs of digits."""
    punctuation: str
    """Its final full stop, exclamation mark, colon or ellipsis; empty if it has none."""

    @classmethod
    def from_sentence(cls, sentence: str) -> "SentencePattern":
        """The pattern of a sentence. Case is ignored if it has several words and not only capitals:
        *Save As* equals *save as*, but *SAVE AS* does not, nor does *Polish* equal *polish*."""
        plain = normalise(sentence).text
        plain = plain if plain.isascii() else plain.translate(_PLAIN)  # slow
        body, _, punctuation = _split_final(" ".join(plain.split()))
        key = mask_digits(body.replace("…", "..."))
        if " " in key and not key.isupper():
            key = key.casefold()
        return cls(key, _digits(body), punctuation)


@dataclass(frozen=True)
class TmMatch:
    """A remembered pair whose target is the translation of a sentence."""

    pair: Pair
    text: str
    """The translation."""
    positions: Sequence[int]
    """The position of each character in the target of the pair, or NOT_IN_PAIR."""

    @property
    def note(self) -> str:
        """What kind of match it is."""
        same = self.text == self.pair.target.strip()
        return "exact match" + ("" if same else " except for numbers or punctuation")


def substitute(pair: Pair) -> TmMatch:
    """The match of a pair with its own source."""
    text = pair.target.strip()
    start = pair.target.find(text)
    return TmMatch(pair, text, range(start, start + len(text)))


def near_match(pair: Pair, sentence: str) -> TmMatch | None:
    """The match of a pair with a sentence of the same pattern; None if the numbers or the final
    punctuation of the pair differ between its sides, so that the exchange is ambiguous."""
    known = SentencePattern.from_sentence(pair.source)
    new = SentencePattern.from_sentence(sentence)
    body, space, punctuation = _split_final(pair.target.strip())
    ending = _final_punctuation(known.punctuation, new.punctuation, punctuation)
    numbers = _exchange(known.numbers, new.numbers, _digits(body))
    if ending is None or numbers is None:
        return None
    start = pair.target.find(body)
    parts = list(_exchanged(body, start, numbers))
    if ending:
        parts.append((space + ending, start + len(body) if ending == punctuation else NOT_IN_PAIR))
    positions = [
        NOT_IN_PAIR if first == NOT_IN_PAIR else first + i
        for text, first in parts
        for i in range(len(text))
    ]
    return TmMatch(pair, "".join(text for text, _ in parts), positions)


def _digits(text: str) -> list[str]:
    return [found[0] for found in find_digits(text)]


def _split_final(text: str) -> tuple[str, str, str]:
    """A text without its final punctuation, the space before that, and the punctuation."""
    punctuation = next(filter(text.endswith, _ENDS), "")
    before = text.removesuffix(punctuation)
    body = before.rstrip()
    return body, before[len(body) :], punctuation


def _final_punctuation(source: str, sentence: str, target: str) -> str | None:
    """The final punctuation of a translation, from that of the remembered source, the sentence and
    the remembered target; None if it is ambiguous."""
    old, new, translated = (mark.replace("…", "...") for mark in (source, sentence, target))
    if new in (old, translated):
        return target
    return sentence if old == translated else None


def _exchange(
    source: Sequence[str], sentence: Sequence[str], target: Sequence[str]
) -> dict[str, str] | None:
    """The new number for each number of a remembered pair; None if its two sides have different
    numbers, or one number would become two."""
    if source == sentence:
        return {}
    exchange = dict(zip(source, sentence, strict=True))
    unique = [exchange[number] for number in source] == sentence
    return exchange if unique and sorted(source) == sorted(target) else None


def _exchanged(body: str, start: int, numbers: Mapping[str, str]) -> Iterator[tuple[str, int]]:
    """The parts of a text with its numbers exchanged, each with its start in the target of the pair
    or NOT_IN_PAIR; the text itself starts at `start`."""
    done = 0
    for found in find_digits(body):
        number = numbers.get(found[0], found[0])
        if number != found[0]:
            yield body[done : found.start()], start + done
            yield number, NOT_IN_PAIR
            done = found.end()
    yield body[done:], start + done

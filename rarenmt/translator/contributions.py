"""What an explanation shows of the memory, on a page as on a terminal: which remembered pairs
contributed to which words, and how much."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from rarenmt.text.pairs import Pair
from rarenmt.translator.result import Entry, Part, Translation, Word

MIN_WEIGHT = 0.05
"""Smallest weight of an entry, or of attention, that is shown."""


@dataclass
class Contribution:
    """A remembered pair, with its entry for each word that it contributed to."""

    pair: Pair
    entries: dict[int, Entry] = field(default_factory=dict)
    """By the number of the word."""
    note: str = ""
    """The kind of match, or each word with its share and similarity."""

    @property
    def weight(self) -> float:
        """The sum over its words."""
        return sum(entry.weight for entry in self.entries.values())


def find_contributions(
    parts: Iterable[Part], words: Sequence[Word], limit: int
) -> list[Contribution]:
    """The pairs that contributed most to the words of some parts, by falling weight."""
    found: dict[Pair, Contribution] = {}
    for number, word in enumerate(words):
        for entry in word.entries:
            if entry.weight >= MIN_WEIGHT and not word.is_sign:
                found.setdefault(entry.pair, Contribution(entry.pair)).entries[number] = entry
    notes = {part.tm_match.pair: part.tm_match.note for part in parts if part.tm_match}
    strongest = sorted(found.values(), key=lambda each: -each.weight)[:limit]
    for each in strongest:
        each.note = notes.get(each.pair) or ", ".join(
            f"{words[i].text} {percent(entry.weight)} (similarity {entry.similarity:.2f})"
            for i, entry in each.entries.items()
        )
    return strongest


def memory_spans(translation: Translation) -> Iterator[tuple[Word, int, int]]:
    """The words from the memory, each with its start and end in the text."""
    end = 0
    for word in translation.words():
        start = translation.text.find(word.text, end)
        if start >= 0:
            end = start + len(word.text)
            if word.pair:
                yield word, start, end


def percent(weight: float) -> str:
    """A weight as a percentage; empty if it is close to 0."""
    return f"{weight:.0%}".replace("%", " %") if weight >= 0.005 else ""

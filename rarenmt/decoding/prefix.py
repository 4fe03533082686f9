"""Hash the words of hypotheses and entries, piece by piece.

Shapes: N slots · B sentences · T pieces of a sentence.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from rarenmt.memory.memory import EMPTY
from rarenmt.text.tokenizer import BOS
from rarenmt.text.words import WordBoundaries


class LastWords(NamedTuple):
    """The last two words of some texts, of any shape (…)."""

    word: Tensor
    """(…,) hash of the word written so far; see `WordBoundaries.hash_word`."""
    previous_word: Tensor
    """(…,) hash of the word before it; EMPTY if there is none or it is unknown."""

    @classmethod
    def empty(cls, like: Tensor) -> "LastWords":
        """Return the prefix of empty texts, in the shape of `like`."""
        return cls(torch.full_like(like, BOS), torch.full_like(like, EMPTY))

    def advance(self, pieces: Tensor, boundaries: WordBoundaries) -> "LastWords":
        """Return the prefix after one more piece (…,)."""
        begin = boundaries.starts_word(pieces, self.word)
        previous_word = torch.where(begin, self.word, self.previous_word)
        return LastWords(boundaries.hash_word(self.word, pieces, begin), previous_word)

    def select(self, rows: Tensor) -> "LastWords":
        """Return the prefixes of some rows."""
        return LastWords(self.word[rows], self.previous_word[rows])

    def by_sentence(self) -> "LastWords":
        """Flatten (T, B) into (B·T,), one sentence after the other."""
        return LastWords(self.word.t().flatten(), self.previous_word.t().flatten())

    @classmethod
    def from_inputs(cls, inputs: Tensor, boundaries: WordBoundaries) -> "LastWords":
        """Return the prefixes (T, B) after each decoder input (T, B); the first inputs are BOS."""
        prefixes = [cls.empty(inputs[0])]
        for pieces in inputs[1:]:
            prefixes.append(prefixes[-1].advance(pieces, boundaries))
        words, previous_words = zip(*prefixes, strict=True)
        return cls(torch.stack(words), torch.stack(previous_words))


def entry_prefixes(
    values: Tensor, pairs: Tensor, positions: Tensor, boundaries: WordBoundaries
) -> "EntryPrefixes":
    """Return the prefixes of N entries, sorted by pair and by position in the pair (N,).

    Where an entry is missing between two others, the words around the gap are unknown (EMPTY). The
    loop runs over positions, with all pairs at once.
    """
    joined = torch.zeros_like(pairs, dtype=torch.bool)
    joined[1:] = (pairs[1:] == pairs[:-1]) & (positions[1:] == positions[:-1] + 1)
    prefix = LastWords(torch.full_like(pairs, EMPTY), torch.full_like(pairs, EMPTY))
    prefix.word[positions == 0] = BOS
    steps = list(_by_position(positions, joined))
    for rows in steps:
        piece = values[rows - 1]
        after = prefix.select(rows - 1).advance(piece, boundaries)
        known = (prefix.word[rows - 1] != EMPTY) | ~boundaries.continues_word[piece]
        prefix.word[rows] = after.word.where(known, EMPTY)
        prefix.previous_word[rows] = after.previous_word.where(known, EMPTY)
    begin = boundaries.starts_word(values, prefix.word)
    unknown = ~begin & (prefix.word == EMPTY)
    words = boundaries.hash_word(prefix.word, values, begin).masked_fill(unknown, EMPTY)
    for rows in reversed(steps):
        inside = rows[~begin[rows]]
        words[inside - 1] = words[inside]
    return EntryPrefixes(prefix.word, prefix.previous_word, words, boundaries)


@dataclass(frozen=True)
class EntryPrefixes:
    """The words before and around the entry of each slot, as hashes; EMPTY where unknown."""

    prefixes: Tensor
    """(N,) the word, or beginning of a word, before the entry in its pair."""
    previous_words: Tensor
    """(N,) the word before that one."""
    words: Tensor
    """(N,) the whole word that the entry belongs to."""
    boundaries: WordBoundaries

    def select(self, rows: Tensor) -> "EntryPrefixes":
        """Return the prefixes of some entries."""
        return EntryPrefixes(
            self.prefixes[rows], self.previous_words[rows], self.words[rows], self.boundaries
        )

    def to(self, device: torch.device) -> "EntryPrefixes":
        """Return a copy on a device."""
        tables = (self.prefixes, self.previous_words, self.words)
        prefixes, previous_words, words = (table.to(device) for table in tables)
        return EntryPrefixes(prefixes, previous_words, words, self.boundaries.to(device))


def _by_position(positions: Tensor, joined: Tensor) -> Iterator[Tensor]:
    """Yield the rows that follow another one of their pair: all second ones, all third ones, …"""
    rows = joined.nonzero()[:, 0]
    rows = rows[positions[rows].argsort(stable=True)]
    _, counts = positions[rows].unique_consecutive(return_counts=True)
    yield from rows.split(counts.tolist())

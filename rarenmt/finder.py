"""From sentences to the entries of the memory that they may ask."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from rarenmt.excerpt import Excerpt
from rarenmt.journal import Journal
from rarenmt.lexicon import Lexicon
from rarenmt.memory import EMPTY, Memory
from rarenmt.relevance import Relevance, forms
from rarenmt.spelling import Threads, spell
from rarenmt.text import Pair
from rarenmt.tokens import BOS, Tokenizer


class Finder:
    """What is known about a memory as it stands; after the memory changed, make a new one."""

    def __init__(
        self, memory: Memory, journal: Journal, tokenizer: Tokenizer, lexicon: Lexicon
    ) -> None:
        self._memory, self._journal = memory, journal
        self._tokenizer, self._lexicon = tokenizer, lexicon
        self._relevance = Relevance(tokenizer)
        self._relevance.add(pair.source for pair in journal.pairs)
        self._slots = journal.slots(memory.used)
        self._threads = self._spell(journal, torch.tensor(tokenizer.inside))

    def relevant(self, sentence: str) -> list[int]:
        """Numbers of the pairs that a sentence may ask, in the order they were remembered."""
        return self._relevance.find(sentence)

    def excerpt(self, sentences: Sequence[str]) -> Excerpt | None:
        """What each sentence may ask; None when nothing remembered is relevant to any."""
        chosen, mute = [], []
        for sentence in sentences:
            pairs = self._relevance.find(sentence)
            chosen.append(torch.cat([_NONE, *(self._slots[pair] for pair in pairs)]))
            words = self._words(sentence) if pairs else []
            heard = {form for word in words for form in forms(word)}
            mute.append(torch.cat([_NOTHING, *(self._mute(pair, heard) for pair in pairs)]))
        if not any(map(len, chosen)):
            return None
        return Excerpt.of(self._memory, self._threads, chosen, mute)

    def _mute(self, number: int, heard: set[str]) -> Tensor:
        """Which entries of a pair belong to a word that translates nothing in a sentence, given all
        `forms` of its words: neither what it translates in the pair nor what the lexicon knows."""
        pair, slots = self._journal.pairs[number], self._slots[number]
        words = enumerate(self._words(pair.source))
        shared = [place for place, word in words if not heard.isdisjoint(forms(word))]
        known = [
            not self._lexicon.sources(text).isdisjoint(heard)
            for text, word in self._target_words(pair)
            for _ in word
        ]
        positions = self._journal.owners[slots, 1].long()
        links = self._journal.links[slots].long()
        linked = torch.isin(links, torch.tensor(shared, dtype=torch.long)).any(dim=1)
        return ~(linked | torch.tensor([*known, False])[positions.clamp(max=len(known))])

    def _target_words(self, pair: Pair) -> Iterator[tuple[str, list[int]]]:
        """In small letters, and in pieces."""
        for word in self._tokenizer.by_word(self._tokenizer.encode(pair.target.strip())):
            yield self._tokenizer.word(tuple(word)), word

    def _words(self, text: str) -> list[str]:
        return self._tokenizer.words(self._tokenizer.encode(text.strip()))

    def _spell(self, journal: Journal, inside: Tensor) -> Threads:
        """The words of every pair, one position of all pairs after the other."""
        order = torch.cat([_NONE, *self._slots])
        values = self._memory.values[: self._memory.used].cpu()[order]
        pair, position = journal.owners[: self._memory.used].long()[order].unbind(dim=1)
        joined = torch.zeros_like(order, dtype=torch.bool)
        joined[1:] = (pair[1:] == pair[:-1]) & (position[1:] == position[:-1] + 1)
        written = torch.full_like(order, EMPTY)
        written[position == 0] = BOS
        steps = list(_by_position(position, joined))
        for places in steps:
            before, piece = written[places - 1], values[places - 1]
            known = (before != EMPTY) | ~inside[piece]
            written[places[known]] = spell(before, piece, inside)[known]
        torn = inside[values] & (written == EMPTY)
        after = spell(written, values, inside).masked_fill(torn, EMPTY)
        for places in reversed(steps):
            further = places[inside[values[places]]]
            after[further - 1] = after[further]
        stems, words = torch.empty_like(order), torch.empty_like(order)
        stems[order], words[order] = written, after
        return Threads(stems, words, inside)


_NONE = torch.empty(0, dtype=torch.long)
_NOTHING = torch.empty(0, dtype=torch.bool)


def _by_position(position: Tensor, joined: Tensor) -> Iterator[Tensor]:
    """The places that follow another one of their pair: all first ones, all second ones, …"""
    places = joined.nonzero()[:, 0]
    places = places[position[places].argsort(stable=True)]
    _, counts = position[places].unique_consecutive(return_counts=True)
    yield from places.split(counts.tolist())

"""From sentences to the entries of the memory that they may ask."""

from collections.abc import Container, Mapping, Sequence
from itertools import accumulate

import torch
from torch import Tensor

from rarenmt.decoding.candidates import CandidateSet
from rarenmt.decoding.prefix import EntryPrefixes, entry_prefixes
from rarenmt.memory.memory import Memory
from rarenmt.text.batch import Ids
from rarenmt.text.lexicon.frequency import Frequencies
from rarenmt.text.lexicon.lexicon import Lexicon
from rarenmt.text.matching import similarity_ratio, words_and_punctuation
from rarenmt.text.tokenizer import Tokenizer
from rarenmt.text.words import WordBoundaries
from rarenmt.translation_memory.journal import Journal
from rarenmt.translation_memory.retrieval import NOTHING, Retriever
from rarenmt.translation_memory.word_alignment import SourceWords, WordAligner

CLOSE = 0.6
"""Share of their words and signs that a sentence and a pair which resembles it have in common."""


class CandidateFinder:
    """What is known about a memory as it stands; after the memory changed, make a new one."""

    def __init__(
        self,
        memory: Memory,
        journal: Journal,
        tokenizer: Tokenizer,
        lexicon: Lexicon,
        counts: Frequencies = NOTHING,
    ) -> None:
        self._memory, self._journal = memory, journal
        self._tokenizer, self._aligner = tokenizer, WordAligner(tokenizer, lexicon)
        self._lexicon = lexicon
        self._retriever = Retriever(
            tokenizer, lexicon.translations, counts, lexicon.inflections.are_forms
        )
        self._retriever.add(pair.source for pair in journal.pairs)
        self._slots = journal.slots_by_pair(memory.used)
        self.prefixes = self._entry_prefixes(WordBoundaries.from_tokenizer(tokenizer))
        """Of the words of every pair."""

    def retrieve(self, sentence: str) -> list[int]:
        """Numbers of the pairs that a sentence may ask, in the order they were remembered."""
        return self._retriever.find(sentence)

    def candidates(self, sentences: Sequence[str]) -> CandidateSet | None:
        """What each sentence may ask; None when nothing remembered is relevant to any."""
        chosen, places, due, close, bound, varied = [], [], [], [], [], []
        for sentence in sentences:
            pairs, terms = self._retriever.find(sentence), self._retriever.find_terms(sentence)
            chosen.append(torch.cat([_NONE, *(self._slots[pair] for pair in pairs)]))
            ids = self._encode(sentence)
            heard = self._aligner.source_words(ids)
            translated = [
                some for pair in pairs for some in self._translated(pair, terms.get(pair))
            ]
            places.append(heard.positions(translated))
            changed = [some for pair in pairs for some in self._changed(pair, heard, pair in terms)]
            varied.append(places[-1].any(dim=1) & torch.tensor(changed, dtype=torch.bool))
            due.append(self._due(ids, places[-1].any(dim=0), terms))
            close.append(self._close(sentence, pairs))
            bound.append(torch.cat([_NONE, *(self._bound(pair, terms) for pair in pairs)]))
        if not any(map(len, chosen)):
            return None
        return CandidateSet.of(
            self._memory, self.prefixes, chosen, places, due, close, bound, varied
        )

    def _translated(self, number: int, term: frozenset[str] | None = None) -> list[frozenset[str]]:
        """What each entry of a pair translates: where the pair is a `term`, all its words."""
        pair, slots = self._journal.pairs[number], self._slots[number]
        positions, links = self._journal.owners[slots, 1].long(), self._journal.links[slots].long()
        source, target = self._encode(pair.source), self._encode(pair.target)
        translated = self._aligner.translated_forms(source, target, positions, links)
        return translated if term is None else [some and some | term for some in translated]

    def _changed(self, number: int, heard: SourceWords, term: bool) -> list[bool]:
        """Of each entry of a pair whether a sentence, in which this is heard, does not hold what it
        translates as it stands there; of a `term`, none of whose words is missing, all of it, and
        of one that a single word translates, all of the term."""
        source = self._encode(self._journal.pairs[number].source)
        linked = self._aligner.linked_words(source, self._journal.links[self._slots[number]].long())
        if term and self._is_one_word(number):
            telling = {w for w in self._tokenizer.words(source) if not self._retriever.is_common(w)}
            linked = [telling] * len(linked)
        as_shown = all if term else any
        return [not as_shown(word in heard.numbers_by_form for word in own) for own in linked]

    def _is_one_word(self, number: int) -> bool:
        """Whether the target of a pair is a single word."""
        return len(self._journal.pairs[number].target.split()) == 1

    def _close(self, sentence: str, pairs: Sequence[int]) -> Tensor:
        """Which entries of some pairs, one after the other, come from one that resembles a
        sentence."""
        words = words_and_punctuation(sentence)
        parts = [_NONE]
        for pair in pairs:
            others = words_and_punctuation(self._journal.pairs[pair].source)
            near = similarity_ratio(words, others, CLOSE) > 0
            parts.append(torch.full_like(self._slots[pair], near))
        return torch.cat(parts).bool()

    def _bound(self, number: int, terms: Container[int]) -> Tensor:
        """To how many words before them the entries of a pair are bound: of one of the `terms` all
        that begin a word behind its first, which is no *the*, so that it is said from its
        beginning; but not of a whole sentence, which may be said in other words."""
        bound, pair = torch.zeros_like(self._slots[number]), self._journal.pairs[number]
        if number not in terms or not words_and_punctuation(pair.source)[-1].isalnum():
            return bound
        words = self._tokenizer.split_words(self._encode(pair.target))
        first = next((n for n, word in enumerate(words) if self._leads(word)), len(words))
        starts = list(accumulate(map(len, words), initial=0))
        positions = self._journal.owners[self._slots[number], 1]
        for before, start in enumerate(starts[first + 1 : -1], start=1):
            bound[positions == start] = min(before, 2)
        return bound

    def _leads(self, word: Ids) -> bool:
        """Whether a target word may lead a term: not if it translates an article or the like."""
        text = self._tokenizer.word_text(tuple(word))
        sources = self._lexicon.sources(text)
        return any(map(str.isalpha, text)) and not any(map(self._retriever.is_common, sources))

    def _due(self, ids: Ids, known: Tensor, terms: Mapping[int, frozenset[str]]) -> Tensor:
        """(S,) for each piece of a sentence, and its end, the number of its word, from 1 on, if
        that is rare or of one of the `terms`, no number or sign, and among the `known` (S,); else
        0. Words of a term that one word translates have one number: it says them all."""
        of = {word: pair for pair, words in terms.items() for word in words}
        numbers: list[int] = []
        counted: dict[tuple[str, int], int] = {}
        for place, word in enumerate(self._tokenizer.split_words(ids)):
            text = self._tokenizer.word_text(tuple(word))
            wanted = text in of or self._retriever.is_rare(text)
            due = bool(known[len(numbers)]) and any(map(str.isalpha, text)) and wanted
            together = text in of and self._is_one_word(of[text])
            own = ("term", of[text]) if together else ("word", place)
            numbers += [counted.setdefault(own, len(counted) + 1) if due else 0] * len(word)
        return torch.tensor([*numbers, 0])

    def _encode(self, text: str) -> Ids:
        return self._tokenizer.encode(text.strip())

    def _entry_prefixes(self, joints: WordBoundaries) -> EntryPrefixes:
        """The words of every pair."""
        order = torch.cat([_NONE, *self._slots])
        values = self._memory.values[: self._memory.used].cpu()[order]
        pairs, positions = self._journal.owners[: self._memory.used].long()[order].unbind(dim=1)
        back = torch.empty_like(order)
        back[order] = torch.arange(len(order))
        return entry_prefixes(values, pairs, positions, joints).at(back)


_NONE = torch.empty(0, dtype=torch.long)

"""From sentences to the memory entries that each of them may use."""

from collections.abc import Container, Mapping, Sequence
from itertools import accumulate

import torch
from torch import Tensor

from rarenmt.config.decoding import CANDIDATES, CandidateConfig
from rarenmt.config.retrieval import RETRIEVAL, RetrievalConfig
from rarenmt.decoding.candidates import CandidateSet
from rarenmt.decoding.prefix import EntryPrefixes, entry_prefixes
from rarenmt.memory.memory import Memory
from rarenmt.text.batch import Ids
from rarenmt.text.lexicon.frequency import Frequencies
from rarenmt.text.lexicon.lexicon import Lexicon
from rarenmt.text.matching import similarity_ratio
from rarenmt.text.splitting import words_and_punctuation
from rarenmt.text.tokenizer import Tokenizer
from rarenmt.text.words import WordBoundaries
from rarenmt.translation_memory.journal import Journal
from rarenmt.translation_memory.retrieval import NO_FREQUENCIES, Retriever
from rarenmt.translation_memory.word_alignment import SourceWords, WordAligner

_EMPTY = torch.empty(0, dtype=torch.long)


class CandidateFinder:
    """Finds the candidates of sentences in a memory. Create a new one after the memory changes."""

    def __init__(
        self,
        memory: Memory,
        journal: Journal,
        tokenizer: Tokenizer,
        lexicon: Lexicon,
        frequencies: Frequencies = NO_FREQUENCIES,
        config: RetrievalConfig = RETRIEVAL,
    ) -> None:
        self._memory, self._journal, self._config = memory, journal, config
        self._tokenizer, self._aligner = tokenizer, WordAligner(tokenizer, lexicon)
        self._lexicon = lexicon
        self._retriever = Retriever(
            tokenizer, lexicon.translations, frequencies, lexicon.inflections.are_forms, config
        )
        self._retriever.add(pair.source for pair in journal.pairs)
        self._slots = journal.slots_by_pair(memory.size)
        self.prefixes = self._entry_prefixes(WordBoundaries.from_tokenizer(tokenizer))
        """The words before each entry in its pair."""

    def retrieve(self, sentence: str) -> list[int]:
        """Numbers of the pairs that a sentence retrieves, oldest first."""
        return self._retriever.find(sentence)

    def candidates(
        self, sentences: Sequence[str], config: CandidateConfig = CANDIDATES
    ) -> CandidateSet | None:
        """The candidate entries of each sentence; None when no sentence retrieves a pair."""
        slots, positions, constrained, fuzzy, context, inflected = [], [], [], [], [], []
        for sentence in sentences:
            pairs, terms = self._retriever.find(sentence), self._retriever.find_terms(sentence)
            slots.append(torch.cat([_EMPTY, *(self._slots[pair] for pair in pairs)]))
            ids = self._encode(sentence)
            words = self._aligner.source_words(ids)
            translated = [
                forms for pair in pairs for forms in self._translated_forms(pair, terms.get(pair))
            ]
            positions.append(words.positions(translated))
            changed = [
                entry for pair in pairs for entry in self._is_inflected(pair, words, pair in terms)
            ]
            inflected.append(positions[-1].any(dim=1) & torch.tensor(changed, dtype=torch.bool))
            constrained.append(self._constrained(ids, positions[-1].any(dim=0), terms))
            fuzzy.append(self._fuzzy_matches(sentence, pairs))
            context.append(torch.cat([_EMPTY, *(self._words_bound(p, terms) for p in pairs)]))
        if not any(map(len, slots)):
            return None
        return CandidateSet.from_slots(
            self._memory,
            self.prefixes,
            slots,
            positions,
            constrained,
            fuzzy,
            context,
            inflected,
            config,
        )

    def _translated_forms(
        self, number: int, term: frozenset[str] | None = None
    ) -> list[frozenset[str]]:
        """The forms of what each entry of a pair translates; in a pair that matches as a `term`,
        also all words of the term."""
        pair, slots = self._journal.pairs[number], self._slots[number]
        positions, links = self._journal.owners[slots, 1].long(), self._journal.links[slots].long()
        source, target = self._encode(pair.source), self._encode(pair.target)
        translated = self._aligner.translated_forms(source, target, positions, links)
        return translated if term is None else [forms and forms | term for forms in translated]

    def _is_inflected(self, number: int, words: SourceWords, term: bool) -> list[bool]:
        """For each entry of a pair: does the sentence contain its source word only in another form?
        For a term, any of its source words; for a term translated by one word, any informative word
        of the term."""
        source = self._encode(self._journal.pairs[number].source)
        linked = self._aligner.linked_words(source, self._journal.links[self._slots[number]].long())
        if term and self._is_one_word(number):
            words_of_term = self._tokenizer.words(source)
            linked = [{w for w in words_of_term if not self._retriever.is_common(w)}] * len(linked)
        unchanged = all if term else any
        return [not unchanged(word in words.numbers_by_form for word in entry) for entry in linked]

    def _is_one_word(self, number: int) -> bool:
        """Whether the target of a pair is a single word."""
        return len(self._journal.pairs[number].target.split()) == 1

    def _fuzzy_matches(self, sentence: str, pairs: Sequence[int]) -> Tensor:
        """Which entries of some pairs, concatenated, belong to a fuzzy match of the sentence."""
        words, threshold = words_and_punctuation(sentence), self._config.fuzzy_match_threshold
        parts = [_EMPTY]
        for pair in pairs:
            others = words_and_punctuation(self._journal.pairs[pair].source)
            is_match = similarity_ratio(words, others, threshold) > 0
            parts.append(torch.full_like(self._slots[pair], is_match))
        return torch.cat(parts).bool()

    def _words_bound(self, number: int, terms: Container[int]) -> Tensor:
        """For each entry of a pair, how many preceding words of the pair (0 to 2) it must follow.

        Nonzero only in one of the `terms`, at the start of each word after the first content word,
        so that the term is emitted from its beginning. A whole sentence may be reworded: 0."""
        bound, pair = torch.zeros_like(self._slots[number]), self._journal.pairs[number]
        if number not in terms or not words_and_punctuation(pair.source)[-1].isalnum():
            return bound
        words = self._tokenizer.split_words(self._encode(pair.target))
        first = next((n for n, word in enumerate(words) if self._is_content_word(word)), len(words))
        starts = list(accumulate(map(len, words), initial=0))
        positions = self._journal.owners[self._slots[number], 1]
        for before, start in enumerate(starts[first + 1 : -1], start=1):
            bound[positions == start] = min(before, 2)
        return bound

    def _is_content_word(self, word: Ids) -> bool:
        """Whether a target word may begin a term: it translates no article or the like."""
        text = self._tokenizer.word_text(tuple(word))
        sources = self._lexicon.sources(text)
        return any(map(str.isalpha, text)) and not any(map(self._retriever.is_common, sources))

    def _constrained(
        self, ids: Ids, covered: Tensor, terms: Mapping[int, frozenset[str]]
    ) -> Tensor:
        """(S,) for each source piece, EOS included, the number of its constrained word, from 1; 0
        for other words. A word is constrained if it has letters, is rare or in one of the `terms`,
        and some candidate translates it (`covered`, (S,)). The words of a term that a single word
        translates share a number."""
        pair_of = {word: pair for pair, words in terms.items() for word in words}
        numbers: list[int] = []
        known: dict[tuple[str, int], int] = {}
        for place, word in enumerate(self._tokenizer.split_words(ids)):
            text = self._tokenizer.word_text(tuple(word))
            wanted = text in pair_of or self._retriever.is_rare(text)
            constrained = bool(covered[len(numbers)]) and any(map(str.isalpha, text)) and wanted
            together = text in pair_of and self._is_one_word(pair_of[text])
            key = ("term", pair_of[text]) if together else ("word", place)
            number = known.setdefault(key, len(known) + 1) if constrained else 0
            numbers += [number] * len(word)
        return torch.tensor([*numbers, 0])

    def _encode(self, text: str) -> Ids:
        return self._tokenizer.encode(text.strip())

    def _entry_prefixes(self, boundaries: WordBoundaries) -> EntryPrefixes:
        """The words before each entry in its pair, for all slots in use."""
        order = torch.cat([_EMPTY, *self._slots])
        values = self._memory.values[: self._memory.size].cpu()[order]
        pairs, positions = self._journal.owners[: self._memory.size].long()[order].unbind(dim=1)
        back = torch.empty_like(order)
        back[order] = torch.arange(len(order))
        return entry_prefixes(values, pairs, positions, boundaries).select(back)

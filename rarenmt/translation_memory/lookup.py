"""From sentences to the memory entries that each of them may use."""

from collections import defaultdict
from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import accumulate

import torch
from torch import Tensor

from rarenmt.config.decoding import CANDIDATES, CandidateConfig
from rarenmt.config.retrieval import RETRIEVAL, RetrievalConfig
from rarenmt.decoding.candidates import CandidateSet, SentenceEntries
from rarenmt.decoding.prefix import EntryPrefixes, entry_prefixes
from rarenmt.memory.memory import Memory
from rarenmt.text.batch import Ids
from rarenmt.text.lexicon.frequency import Frequencies
from rarenmt.text.lexicon.lexicon import Lexicon
from rarenmt.text.notation.normalisation import normalise
from rarenmt.text.tokenizer import Tokenizer
from rarenmt.text.words import WordBoundaries
from rarenmt.translation_memory.journal import Journal
from rarenmt.translation_memory.retrieval import NO_FREQUENCIES, Retrieved, Retriever
from rarenmt.translation_memory.word_alignment import (
    SourceWords,
    WordAligner,
    possessives,
)

_EMPTY = torch.empty(0, dtype=torch.long)


@dataclass(frozen=True)
class _RememberedPair:
    """What is known of the A entries of a pair, whatever the sentence."""

    slots: Tensor
    """(A,)"""
    translated: list[frozenset[str]]
    """The words that each entry translates; see `WordAligner.translated_words`."""
    linked: list[set[str]]
    """The words of the pair that each entry is linked to."""
    informative: set[str]
    """The words of its source that may not precede any term, as *the* and *a* do."""
    possessives: frozenset[str]
    """The words of its source that are possessives."""
    target_words: list[str]
    """The target word of each entry, in lower case; empty for EOS."""
    novel: Tensor
    """(A,) which entries belong to target words with letters that the lexicon does not know as
    translations of a word of the source."""
    is_one_word: bool
    """Whether the target is a single word."""
    is_sentence: bool
    """Whether the source ends with punctuation, so that it is no entry of a glossary."""
    context_words: Tensor
    """(A,) if the pair is a term, how many of its preceding words (0 to 2) must just have been
    written before an entry may follow: nonzero at the start of each word after the first content
    word, so that the term is emitted from its beginning. A whole sentence may be reworded: 0."""


@dataclass(frozen=True)
class Translations:
    """Target words in lower case by lower-case words of a sentence, as its pairs translate them."""

    novel: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Those that the lexicon does not know, for informative words."""
    known: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """The others."""


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
        self._memory, self._journal = memory, journal
        self._tokenizer, self._aligner = tokenizer, WordAligner(tokenizer, lexicon)
        self._lexicon = lexicon
        self._retriever = Retriever(
            tokenizer, lexicon.translations, frequencies, lexicon.inflections.are_forms, config
        )
        self._retriever.add(pair.source for pair in journal.pairs)
        self._slots = journal.slots_by_pair(memory.size)
        self._pair = lru_cache(maxsize=1 << 12)(self._remembered_pair)
        self.prefixes = self._entry_prefixes(WordBoundaries.from_tokenizer(tokenizer))
        """The words before each entry in its pair."""

    def retrieve(self, sentence: str) -> Retrieved:
        """The pairs that a sentence retrieves."""
        return self._retriever.find(sentence)

    def candidates(
        self,
        sentences: Sequence[str],
        retrieved: Sequence[Retrieved],
        config: CandidateConfig = CANDIDATES,
    ) -> CandidateSet | None:
        """The candidate entries of sentences, from what each of them retrieves; None if there are
        no entries."""
        entries = [self._entries(*each) for each in zip(sentences, retrieved, strict=True)]
        if not any(len(each.slots) for each in entries):
            return None
        return CandidateSet.from_entries(self._memory, self.prefixes, entries, config)

    def translations(self, sentence: str, retrieved: Retrieved) -> Translations:
        """The target words with which the retrieved pairs translate the words of a sentence."""
        words = self._aligner.source_words(self._tokenizer.encode(sentence.strip()))
        found = Translations()
        for pair in map(self._pair, retrieved.pairs):
            for target, translated, linked, novel in zip(
                pair.target_words, pair.translated, pair.linked, pair.novel.tolist(), strict=True
            ):
                for word in words.forms(linked if novel else translated):
                    teaches = novel and self._retriever.is_informative(word)
                    (found.novel if teaches else found.known)[word].add(target)
        return found

    def _entries(self, sentence: str, retrieved: Retrieved) -> SentenceEntries:
        """The entries that one sentence may use."""
        ids, terms = self._tokenizer.encode(sentence.strip()), retrieved.terms
        words = self._aligner.source_words(ids)
        pairs = [(number, self._pair(number)) for number in retrieved.pairs]
        translated = [
            each and each | terms.get(number, frozenset())
            for number, pair in pairs
            for each in pair.translated
        ]
        positions = words.positions(translated)
        changed = [each for n, pair in pairs for each in _is_inflected(pair, words, n in terms)]
        fuzzy = [
            torch.full_like(pair.slots, number in retrieved.fuzzy_matches) for number, pair in pairs
        ]
        context = [pair.context_words * (number in terms) for number, pair in pairs]
        of_term = [pair.novel | (n in terms and not pair.is_sentence) for n, pair in pairs]
        novel = torch.cat([_EMPTY.bool(), *of_term])
        if retrieved.only_novel:
            positions &= novel[:, None]
        return SentenceEntries(
            torch.cat([_EMPTY, *(pair.slots for _, pair in pairs)]),
            positions,
            self._constrained(ids, positions.any(dim=0), retrieved),
            torch.cat([_EMPTY, *fuzzy]).bool(),
            torch.cat([_EMPTY, *context]),
            positions.any(dim=1) & torch.tensor(changed, dtype=torch.bool),
            novel,
            self._function_words(ids),
        )

    def _function_words(self, source: Ids) -> list[int]:
        """The one-piece words that translate words of a source which retrieve nothing."""
        words = set(self._tokenizer.words(source))
        return sorted(
            {piece for word in words for piece in self._pieces_by_function_word.get(word, ())}
        )

    @cached_property
    def _pieces_by_function_word(self) -> dict[str, list[int]]:
        """The one-piece words that translate each word which retrieves nothing."""
        found: dict[str, list[int]] = defaultdict(list)
        for piece, text in enumerate(self._tokenizer.texts):
            if text.strip().isalpha() and not self._tokenizer.continues_word[piece]:
                for word in self._lexicon.sources(self._tokenizer.word_text((piece,))):
                    if not self._retriever.is_informative(word):
                        found[word].append(piece)
        return found

    def _remembered_pair(self, number: int) -> _RememberedPair:
        pair, slots = self._journal.pairs[number], self._slots[number]
        positions, links = self._journal.owners[slots, 1].long(), self._journal.links[slots].long()
        source, target = (
            self._tokenizer.encode(normalise(each.strip()).text)
            for each in (pair.source, pair.target)
        )
        translated = self._aligner.translated_words(source, target, positions, links)
        words = self._target_words(target, positions)
        is_sentence = not pair.source.strip()[-1:].isalnum()
        novel = [self._is_novel(word, source) for word in words]
        return _RememberedPair(
            slots,
            translated,
            self._aligner.linked_words(source, links),
            {word for word in self._tokenizer.words(source) if not self._retriever.is_common(word)},
            frozenset(possessives(self._tokenizer.words(source))),
            words,
            torch.tensor(novel, dtype=torch.bool),
            len(pair.target.split()) == 1,
            is_sentence,
            torch.zeros_like(slots) if is_sentence else self._context_words(target, positions),
        )

    def _target_words(self, target: Ids, positions: Tensor) -> list[str]:
        """The lower-case target word of entries at some positions (A,); empty for EOS."""
        of_piece: list[str] = []
        for word in self._tokenizer.split_words(target):
            of_piece += [self._tokenizer.word_text(tuple(word))] * len(word)
        of_piece.append("")
        return [of_piece[place] for place in positions.clamp(max=len(of_piece) - 1).tolist()]

    def _is_novel(self, word: str, source: Ids) -> bool:
        """Whether a lower-case target word has letters, and the lexicon knows it neither as a
        translation of a word of its source nor of any frequent word (a *nicht* for *not* may be
        linked to another word)."""
        known = self._lexicon.sources(word)
        return (
            any(map(str.isalpha, word))
            and known.isdisjoint(self._tokenizer.words(source))
            and all(map(self._retriever.is_informative, known))
        )

    def _context_words(self, target: Ids, positions: Tensor) -> Tensor:
        """See `_RememberedPair`."""
        bound = torch.zeros_like(positions)
        words = self._tokenizer.split_words(target)
        first = next((n for n, word in enumerate(words) if self._is_content_word(word)), len(words))
        starts = list(accumulate(map(len, words), initial=0))
        for before, start in enumerate(starts[first + 1 : -1], start=1):
            bound[positions == start] = min(before, 2)
        return bound

    def _is_content_word(self, word: Ids) -> bool:
        """Whether a target word may begin a term: it translates no article or the like."""
        text = self._tokenizer.word_text(tuple(word))
        sources = self._lexicon.sources(text)
        return any(map(str.isalpha, text)) and not any(map(self._retriever.is_common, sources))

    def _constrained(self, ids: Ids, covered: Tensor, retrieved: Retrieved) -> Tensor:
        """(S,) for each source piece, EOS included, the number of its constrained word, from 1; 0
        for other words. A word is constrained if it has letters, some candidate translates it
        (`covered`, (S,)), and it is rare or in a term. If only novel words are taken from the
        pairs, any such word is. The words of a term that one word translates share a number."""
        pair_of = {word: pair for pair, words in retrieved.terms.items() for word in words}
        numbers: list[int] = []
        known: dict[tuple[str, int], int] = {}
        for place, word in enumerate(self._tokenizer.split_words(ids)):
            text = self._tokenizer.word_text(tuple(word))
            wanted = retrieved.only_novel or text in pair_of or self._retriever.is_rare(text)
            constrained = bool(covered[len(numbers)]) and any(map(str.isalpha, text)) and wanted
            together = text in pair_of and self._pair(pair_of[text]).is_one_word
            key = ("term", pair_of[text]) if together else ("word", place)
            number = known.setdefault(key, len(known) + 1) if constrained else 0
            numbers += [number] * len(word)
        return torch.tensor([*numbers, 0])

    def _entry_prefixes(self, boundaries: WordBoundaries) -> EntryPrefixes:
        """The words before each entry in its pair, for all slots in use."""
        order = torch.cat([_EMPTY, *self._slots])
        values = self._memory.values[: self._memory.size].cpu()[order]
        pairs, positions = self._journal.owners[: self._memory.size].long()[order].unbind(dim=1)
        back = torch.empty_like(order)
        back[order] = torch.arange(len(order))
        return entry_prefixes(values, pairs, positions, boundaries).select(back)


def _is_inflected(pair: _RememberedPair, words: SourceWords, term: bool) -> list[bool]:
    """For each entry of a pair: does the sentence contain what it translates only in another form,
    such as the possessive? For a term, any of its source words; for a term translated by one word,
    any informative word of the term."""
    unchanged = all if term else any
    source_words: Sequence[Set[str]] = pair.linked if term else pair.translated
    if term and pair.is_one_word:
        source_words = [pair.informative] * len(source_words)
    same = {
        word: word in words.numbers and (word in words.possessives) == (word in pair.possessives)
        for word in set().union(*source_words)
    }
    return [not unchanged(same[word] for word in entry) for entry in source_words]

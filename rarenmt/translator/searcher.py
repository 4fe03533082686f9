"""The searches of a sentence: with its remembered pairs, and again with less of them while the
translation lacks a part of the source.

A pair that resembles a sentence carries its translation along, and what only the sentence has
(*not*, *yesterday*, *old*) may be lost. So the finished translation is compared with the source:
placeables, remembered words, and the words that `Completeness` knows. If it lacks one, the sentence
is searched again, first without the bonus of fuzzy matches, then with only those words of its pairs
that the lexicon does not know; both times the lost words are required. The translation that lacks
least is taken.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import NamedTuple

from rarenmt.config import SearchConfig
from rarenmt.config.decoding import AttemptConfig
from rarenmt.decoding.agreement import Agreement
from rarenmt.decoding.beam_search import Hypothesis, search
from rarenmt.decoding.processors.copying import CopySpans
from rarenmt.decoding.processors.required import RequiredWord, RequiredWords
from rarenmt.decoding.trace import SearchHistory
from rarenmt.model.checkpoint import Checkpoint
from rarenmt.text.batch import Ids, by_length, source_batch
from rarenmt.text.lexicon.completeness import Missing
from rarenmt.text.pairs import Pair
from rarenmt.text.placeables import contains, find_placeables
from rarenmt.text.words import WordBoundaries
from rarenmt.translation_memory.lookup import Translations
from rarenmt.translation_memory.retrieval import NOTHING, Retrieved
from rarenmt.translation_memory.store import TranslationMemory

BATCH_PIECES = 4000
"""Pieces times sentences of one batch."""


@dataclass(frozen=True)
class Sentence:
    """A sentence to search, with the pairs that it retrieves."""

    text: str
    pieces: Ids
    retrieved: Retrieved = NOTHING
    remembered: Translations | None = None
    """How the retrieved pairs translate its words. None without pairs."""
    excused: frozenset[str] = frozenset()
    """Source words that a retrieved pair leaves out itself, by `Completeness`."""
    required: Sequence[RequiredWord] = ()
    """Words that an earlier translation lost."""

    def with_less(self, attempt: AttemptConfig) -> "Sentence":
        """The sentence with what an attempt takes from its pairs."""
        fuzzy = self.retrieved.fuzzy_matches if attempt.fuzzy_matches else frozenset()
        retrieved = replace(self.retrieved, fuzzy_matches=fuzzy, only_novel=attempt.only_novel)
        return replace(self, retrieved=retrieved)


class Found(NamedTuple):
    """The translation of a sentence."""

    hypothesis: Hypothesis
    lost: Sequence[Missing]
    """The source words that it lacks; none for a sentence without pairs."""

    @property
    def lacks_copy(self) -> bool:
        """Whether it lacks a placeable."""
        return self.hypothesis.missing > 0

    @property
    def loss(self) -> tuple[int, float]:
        """Placeables and nats that it lacks."""
        return self.hypothesis.missing, sum(each.nats for each in self.lost)

    def lacks_less(self, other: "Found", min_gain: float) -> bool:
        """Whether it lacks fewer placeables than another, or as many and `min_gain` nats less."""
        (copies, nats), (other_copies, other_nats) = self.loss, other.loss
        return (copies, nats + min_gain * (copies == other_copies)) <= (other_copies, other_nats)


class Searcher:
    """Searches sentences with a checkpoint and a translation memory."""

    def __init__(self, checkpoint: Checkpoint, memory: TranslationMemory) -> None:
        self._checkpoint, self._memory = checkpoint, memory
        self._model, self._tokenizer = checkpoint.model, checkpoint.tokenizer
        self._device = self._model.embedding.weight.device
        self._boundaries = WordBoundaries.from_tokenizer(self._tokenizer).to(self._device)
        self._agreement = Agreement(
            self._model, self._tokenizer, checkpoint.lexicon, checkpoint.cooccurrence
        )

    @property
    def _searches_all(self) -> bool:
        """Whether the memory is the paper's, which is searched as a whole because its entries are
        averages over pairs."""
        return self._memory.entries.config.reinforce

    def sentence(self, text: str, *, memory: bool) -> Sentence:
        """A sentence with what it retrieves; nothing without memory."""
        pieces = self._tokenizer.encode(text.strip())
        if not memory or self._searches_all:
            return Sentence(text, pieces)
        finder = self._memory.candidate_finder
        retrieved = finder.retrieve(text)
        if not retrieved.pairs:
            return Sentence(text, pieces)
        missing = self._checkpoint.completeness.missing
        excused = frozenset(
            lost.word.casefold()
            for pair in self.pairs(retrieved)
            for lost in missing(pair.source, pair.target)
        )
        return Sentence(text, pieces, retrieved, finder.translations(text, retrieved), excused)

    def pairs(self, retrieved: Retrieved) -> list[Pair]:
        """The retrieved pairs, oldest first."""
        return [self._memory.journal.pairs[number] for number in retrieved.pairs]

    def search(
        self, sentences: Sequence[Sentence], config: SearchConfig, *, memory: bool, explain: bool
    ) -> list[Found]:
        """The translation of each sentence, searched in batches of similar length."""
        found: dict[int, Found] = {}
        last: dict[int, Sentence] = {}
        for attempt in config.constraints.attempts:
            tried = {
                i: new
                for i, sentence in enumerate(sentences)
                if (i not in found or found[i].loss > (0, 0.0))
                and (
                    (new := self._requiring(sentence.with_less(attempt), found.get(i)))
                    != last.get(i)
                    or found[i].lacks_copy
                )
            }
            last |= tried
            sizes = [(len(sentence.pieces) + 1) * config.beam for sentence in tried.values()]
            numbers = list(tried)
            for chosen in by_length(sizes, BATCH_PIECES):
                batch = [numbers[position] for position in chosen]
                best = self._search_batch(
                    [tried[i] for i in batch], config, attempt,
                    memory=memory, explain=explain,
                )  # fmt: skip
                for i, result in zip(batch, best, strict=True):
                    if i not in found or result.lacks_less(found[i], config.constraints.min_gain):
                        found[i] = result
        return [found[i] for i in range(len(sentences))]

    def _search_batch(
        self,
        sentences: Sequence[Sentence],
        config: SearchConfig,
        attempt: AttemptConfig,
        *,
        memory: bool,
        explain: bool,
    ) -> list[Found]:
        texts = [sentence.text for sentence in sentences]
        sources = [sentence.pieces for sentence in sentences]
        retrieved = [sentence.retrieved for sentence in sentences]
        entries, candidates = None, None
        if any(each.pairs for each in retrieved):
            candidates = self._memory.candidate_finder.candidates(
                texts, retrieved, config.candidates
            )
        if candidates is not None or (memory and self._searches_all):
            entries = self._memory.entries
        spans = None
        if config.copy_placeables:
            spans = CopySpans.from_sources(
                sources, [self._reworded(each) for each in sentences], self._tokenizer,
                self._checkpoint.frequencies, self._model.config.languages, self._device,
            )  # fmt: skip
        history = SearchHistory(keep_recalls=explain)
        found = search(
            self._model, source_batch(sources, self._device), entries, config, candidates, spans,
            self._required_words(sentences), attempt,
            history if explain or candidates else None,
        )  # fmt: skip
        best = [self._choose(*each, config) for each in zip(sentences, found, strict=True)]
        if candidates is not None:
            best = self._agreement.revise(sources, best, candidates, history, config.constraints)
        return [self._found(*each, config) for each in zip(sentences, best, strict=True)]

    def _requiring(self, sentence: Sentence, found: Found | None) -> Sentence:
        """A sentence whose words that a translation lost are required, if the memory did not bring
        their translation."""
        if found is None or sentence.remembered is None:
            return sentence
        ends = [0, *accumulate(len(self._tokenizer.texts[piece]) for piece in sentence.pieces)]
        required = [
            RequiredWord(
                range(
                    bisect_right(ends, lost.start) - 1,
                    bisect_left(ends, lost.start + len(lost.word)),
                ),
                lost.translations,
                lost.nats,
            )
            for lost in found.lost
            if lost.word.lower() not in sentence.remembered.novel
        ]
        return replace(sentence, required=required)

    def _required_words(self, sentences: Sequence[Sentence]) -> RequiredWords | None:
        return RequiredWords.from_words(
            [sentence.required for sentence in sentences],
            max(len(sentence.pieces) for sentence in sentences) + 1,
            self._tokenizer,
            self._boundaries,
        )

    def _choose(
        self, sentence: Sentence, ranked: Sequence[Hypothesis], config: SearchConfig
    ) -> Hypothesis:
        """The hypothesis that lacks least, of equals the first; none with a score far below."""
        least = ranked[0].score - config.constraints.max_score_loss
        near = [each for each in ranked if each.score >= least]
        return min(near, key=lambda each: self._found(sentence, each, config).loss)

    def _found(self, sentence: Sentence, hypothesis: Hypothesis, config: SearchConfig) -> Found:
        """A hypothesis with what it lacks."""
        if sentence.remembered is None:
            return Found(hypothesis, ())
        lost = self._checkpoint.completeness.missing(
            "".join(self._tokenizer.texts[piece] for piece in sentence.pieces),
            self._tokenizer.decode(hypothesis.pieces),
            sentence.remembered.novel,
            config.constraints.remembered_nats,
            sentence.remembered.known,
        )
        return Found(hypothesis, [w for w in lost if w.word.casefold() not in sentence.excused])

    def _reworded(self, sentence: Sentence) -> set[str]:
        """The placeables of a sentence that a retrieved pair has only in its source."""
        pairs = self.pairs(sentence.retrieved)
        placeables = find_placeables(sentence.text, self._checkpoint.frequencies) if pairs else []
        return {
            placeable
            for pair in pairs
            for placeable in placeables
            if contains(pair.source, placeable) and not contains(pair.target, placeable)
        }

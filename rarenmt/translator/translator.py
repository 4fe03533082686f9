"""Text in, text out, with the remembered pair behind each word."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, overload

import torch

from rarenmt.config import SearchConfig
from rarenmt.config.retrieval import RETRIEVAL, RetrievalConfig
from rarenmt.decoding.agreement import Agreement
from rarenmt.decoding.beam_search import Hypothesis, search
from rarenmt.decoding.processors.copying import CopySpans
from rarenmt.decoding.trace import EntryWeight, SearchHistory, Trace
from rarenmt.model.checkpoint import Checkpoint, load_checkpoint
from rarenmt.text.batch import Ids, by_length, source_batch
from rarenmt.text.matching import NOT_IN_PAIR, TmMatch
from rarenmt.text.pairs import Pair
from rarenmt.text.placeables import contains, find_placeables, missing_placeables
from rarenmt.text.words import attach_to_opening
from rarenmt.translation_memory.retrieval import NOTHING, Retrieved
from rarenmt.translation_memory.store import TranslationMemory
from rarenmt.translator.locations import default_memory, shipped_checkpoint
from rarenmt.translator.result import Entry, Origin, Part, Token, Translation
from rarenmt.translator.segments import CUT_ABOVE, no_match, segment

BEAM = SearchConfig()
"""The default search."""

BATCH_PIECES = 4000
"""Pieces times sentences of one batch."""


class _Sentence(NamedTuple):
    """A sentence to search."""

    text: str
    pieces: Ids
    retrieved: Retrieved = NOTHING


class Translator:
    """A checkpoint with its translation memory, `memory`, where pairs are remembered, forgotten,
    merged and saved."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        memory_path: Path | None = None,
        *,
        retrieval: RetrievalConfig = RETRIEVAL,
    ) -> None:
        self.checkpoint = checkpoint
        self.model, self.tokenizer = checkpoint.model, checkpoint.tokenizer
        self.device = self.model.embedding.weight.device
        self.memory = TranslationMemory(checkpoint, memory_path, retrieval)
        self._agreement = Agreement(
            self.model, self.tokenizer, checkpoint.lexicon, checkpoint.cooccurrence
        )

    @classmethod
    def load(
        cls,
        folder: Path | str | None = None,
        *,
        memory: Path | str | None = None,
        device: str = "cpu",
        precision: torch.dtype = torch.float32,
        retrieval: RetrievalConfig = RETRIEVAL,
    ) -> "Translator":
        """Load a checkpoint folder (default: the shipped one) and its memory file (default:
        `rarenmt.translator.locations.default_memory`); a missing file is an empty memory.

        `device` and `precision` are those of torch. Use bfloat16 only to translate: it changes the
        keys of remembered pairs. CheckpointError if a file is missing, damaged, or of another
        checkpoint; StorageError if it cannot be read.
        """
        folder = Path(folder or shipped_checkpoint())
        checkpoint = load_checkpoint(folder, torch.device(device))
        checkpoint.model.to(precision)
        return cls(checkpoint, Path(memory or default_memory(folder)), retrieval=retrieval)

    @overload
    def translate(  # type: ignore[overload-overlap]  # a string is a sequence of strings, too
        self, sentences: str, config: SearchConfig = ..., *, memory: bool = ..., explain: bool = ...
    ) -> Translation: ...

    @overload
    def translate(
        self,
        sentences: Sequence[str],
        config: SearchConfig = ...,
        *,
        memory: bool = ...,
        explain: bool = ...,
    ) -> list[Translation]: ...

    def translate(
        self,
        sentences: str | Sequence[str],
        config: SearchConfig = BEAM,
        *,
        memory: bool = True,
        explain: bool = True,
    ) -> Translation | list[Translation]:
        """Translate a sentence, or several into a list in the same order; white space around them
        is kept.

        Without `memory`, the model translates alone. Without `explain`, the tokens of a search have
        no origin, which is faster.
        """
        if isinstance(sentences, str):
            [translation] = self.translate([sentences], config, memory=memory, explain=explain)
            return translation
        match = self.memory.journal.match if memory and config.exact_matches else no_match
        segments = [list(segment(sentence, match, self._length)) for sentence in sentences]
        unmatched = [text for line in segments for text, tm_match in line if not tm_match]
        searched = [
            self._sentence(text, memory=memory)
            for text in unmatched
            if self._length(text) <= CUT_ABOVE
        ]
        hypotheses = iter(self._search(searched, config, memory=memory, explain=explain))
        return [
            self._join(sentence, line, hypotheses)
            for sentence, line in zip(sentences, segments, strict=True)
        ]

    def retrieve(self, sentence: str) -> list[Pair]:
        """Return the remembered pairs that a sentence retrieves, oldest first."""
        if self.memory.entries.config.reinforce:
            return list(self.memory.journal.pairs)
        return self._pairs(self.memory.candidate_finder.retrieve(sentence))

    def _pairs(self, retrieved: Retrieved) -> list[Pair]:
        return [self.memory.journal.pairs[number] for number in retrieved.pairs]

    def _sentence(self, text: str, *, memory: bool) -> _Sentence:
        """A sentence with what it retrieves; nothing without memory, nor from the paper's memory,
        which is searched as a whole because its entries are averages over pairs."""
        if memory and not self.memory.entries.config.reinforce:
            retrieved = self.memory.candidate_finder.retrieve(text)
            return _Sentence(text, self._encode(text), retrieved)
        return _Sentence(text, self._encode(text))

    def _join(
        self,
        sentence: str,
        segments: Sequence[tuple[str, TmMatch | None]],
        hypotheses: Iterator[Hypothesis],
    ) -> Translation:
        """The translation of a sentence from its segments: matches as remembered, segments too long
        for a search as they are, the others from `hypotheses`."""
        parts: list[Part] = []
        for text, tm_match in segments:
            if tm_match:
                part = self._repeat(text, tm_match)
            elif self._length(text) > CUT_ABOVE:
                part = Part([text], [Token(text)])
            else:
                found = next(hypotheses)
                part = self._explain(text, found)
                if found.missing:
                    part = replace(
                        part, missing=missing_placeables(text, self.tokenizer.decode(found.pieces))
                    )
            if parts and part.tokens:
                first = part.tokens[0]
                part.tokens[0] = replace(first, piece=" " + first.piece)
            parts.append(part)
        text = "".join(token.piece for part in parts for token in part.tokens)
        return Translation(_surround(sentence, text), parts)

    def verify(
        self, pairs: Sequence[Pair], config: SearchConfig = BEAM
    ) -> list[tuple[Pair, Translation]]:
        """Translate the sources, and return the pairs whose target is not reproduced, each with its
        translation; white space around a text does not count."""
        sources = [pair.source for pair in pairs]
        translations = self.translate(sources, config, explain=False)
        return [
            (pair, translation)
            for pair, translation in zip(pairs, translations, strict=True)
            if translation.text.strip() != pair.target.strip()
        ]

    def _encode(self, text: str) -> Ids:
        return self.tokenizer.encode(text.strip())

    def _length(self, text: str) -> int:
        return len(self._encode(text))

    def _search(
        self, sentences: Sequence[_Sentence], config: SearchConfig, *, memory: bool, explain: bool
    ) -> list[Hypothesis]:
        """The best hypothesis for each sentence, searched in batches of similar length. Sentences
        whose translation lacks a placeable are searched again with the next pointer weight."""
        found: dict[int, Hypothesis] = {}
        waiting = list(range(len(sentences)))
        for pointer_weight in config.constraints.pointer_weights:
            sizes = [(len(sentences[i].pieces) + 1) * config.beam for i in waiting]
            for chosen in by_length(sizes, BATCH_PIECES):
                numbers = [waiting[position] for position in chosen]
                best = self._search_batch(
                    [sentences[i] for i in numbers], config, pointer_weight,
                    memory=memory, explain=explain,
                )  # fmt: skip
                for i, hypothesis in zip(numbers, best, strict=True):
                    if i not in found or hypothesis.missing < found[i].missing:
                        found[i] = hypothesis
            waiting = [i for i in waiting if found[i].missing]
        return [found[i] for i in range(len(sentences))]

    def _search_batch(
        self,
        sentences: Sequence[_Sentence],
        config: SearchConfig,
        pointer_weight: float,
        *,
        memory: bool,
        explain: bool,
    ) -> list[Hypothesis]:
        texts, sources, retrieved = zip(*sentences, strict=True)
        entries, candidates = None, None
        if any(each.pairs for each in retrieved):
            candidates = self.memory.candidate_finder.candidates(
                texts, retrieved, config.candidates
            )
        if candidates is not None or (memory and self.memory.entries.config.reinforce):
            entries = self.memory.entries
        spans = None
        if config.copy_placeables:
            spans = CopySpans.from_sources(
                sources, [self._reworded(each) for each in sentences], self.tokenizer,
                self.checkpoint.frequencies, self.model.config.languages, self.device,
            )  # fmt: skip
        history = SearchHistory(keep_recalls=explain)
        found = search(
            self.model, source_batch(sources, self.device), entries, config, candidates, spans,
            pointer_weight, history if explain or candidates else None,
        )  # fmt: skip
        best = [first for first, *_ in found]
        if candidates is None:
            return best
        return self._agreement.revise(sources, best, candidates, history, config.constraints)

    def _reworded(self, sentence: _Sentence) -> set[str]:
        """The placeables of a sentence that a retrieved pair has only in its source."""
        pairs = self._pairs(sentence.retrieved)
        placeables = find_placeables(sentence.text, self.checkpoint.frequencies) if pairs else []
        return {
            placeable
            for pair in pairs
            for placeable in placeables
            if contains(pair.source, placeable) and not contains(pair.target, placeable)
        }

    def _repeat(self, source: str, tm_match: TmMatch) -> Part:
        """The part of a match in the translation memory, without attention."""
        tokens = []
        end = 0
        for piece in self.tokenizer.pieces(self._encode(tm_match.text)):
            start, end = end + len(piece) - len(piece.lstrip()), end + len(piece)
            positions = [p for p in tm_match.positions[start:end] if p != NOT_IN_PAIR]
            tokens.append(Token(_on_one_line(piece), _match_origin(tm_match.pair, positions)))
        return Part(self._source_pieces(source), tokens, tm_match)

    def _explain(self, source: str, hypothesis: Hypothesis) -> Part:
        """The part of a hypothesis: its pieces as text, each with its origin."""
        pieces = attach_to_opening(self.tokenizer.pieces(hypothesis.pieces))
        texts = [_on_one_line(piece) for piece in pieces]
        if not hypothesis.traces:
            return Part([], [Token(text) for text in texts])
        tokens = [
            Token(text, self._origin(trace), trace.attention)
            for text, trace in zip(texts, hypothesis.traces, strict=True)
        ]
        return Part(self._source_pieces(source), tokens)

    def _source_pieces(self, source: str) -> list[str]:
        return [*self.tokenizer.pieces(self._encode(source)), ""]

    def _origin(self, trace: Trace) -> Origin | None:
        """The pairs behind a piece, if there are any."""
        if not trace.contributions:
            return None
        return Origin(
            trace.weight, [self._entry(contribution) for contribution in trace.contributions]
        )

    def _entry(self, contribution: EntryWeight) -> Entry:
        """The pair of a memory slot, and the span of its piece in the target."""
        journal = self.memory.journal
        pair, position = journal.owner(contribution.slot), journal.position(contribution.slot)
        start, end = self.tokenizer.span(self._encode(pair.target), position)
        indent = len(pair.target) - len(pair.target.lstrip())
        return Entry(
            pair, (indent + start, indent + end), contribution.similarity, contribution.weight
        )


def _match_origin(pair: Pair, positions: Sequence[int]) -> Origin | None:
    """The origin of a piece at these positions of the target of a pair; None without any."""
    if not positions:
        return None
    span = (positions[0], positions[-1] + 1)
    return Origin(1.0, [Entry(pair, span, similarity=1.0, weight=1.0)])


def _on_one_line(text: str) -> str:
    """A text with spaces for line feeds, since one line in gives one line out."""
    return text.replace("\n", " ")


def _surround(original: str, translation: str) -> str:
    """The translation with the white space around the original."""
    if not original.strip():
        return original
    before = original[: len(original) - len(original.lstrip())]
    return before + translation.strip() + original[len(original.rstrip()) :]

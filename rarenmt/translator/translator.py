"""Text in, text out, with the remembered pair behind each word."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import overload

import torch

from rarenmt.config import SearchConfig
from rarenmt.config.retrieval import RETRIEVAL, RetrievalConfig
from rarenmt.decoding.trace import EntryWeight, Trace
from rarenmt.model.checkpoint import Checkpoint, load_checkpoint
from rarenmt.text.batch import Ids
from rarenmt.text.lexicon.language import is_in_target_language
from rarenmt.text.matching import NOT_IN_PAIR, TmMatch
from rarenmt.text.notation.masking import Mask, Readable, mask
from rarenmt.text.notation.normalisation import normalise
from rarenmt.text.pairs import Pair
from rarenmt.text.placeables import missing_marks, missing_placeables
from rarenmt.text.words import attach_to_opening
from rarenmt.translation_memory.store import TranslationMemory
from rarenmt.translator.locations import default_memory, shipped_checkpoint
from rarenmt.translator.preparation.casing import is_title, is_upper, to_sentence_case, to_upper
from rarenmt.translator.preparation.inline_marks import put_back, take_out
from rarenmt.translator.result import Entry, Origin, Part, Token, Translation
from rarenmt.translator.searcher import Found, Searcher
from rarenmt.translator.segments import Segment, Segmenter, no_match

BEAM = SearchConfig()
"""The default search."""

MIN_WARNING = 2.0
"""Cost in nats from which a lost word is named: nine of ten translations have it."""

COMMON = 7.0
"""Information in nats up to which a word is no part of a name: *and*, *your*, *not*."""

MIN_LABEL = 4
"""Letters of a word in capitals, such as a label, that is looked up in the lexicon."""
MAX_TRANSLATIONS = 3
"""Translations that an acronym may have beside itself."""


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
        self._searcher = Searcher(checkpoint, self.memory)
        self._readable = Readable(self.tokenizer)

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
        languages = self.model.config.languages
        segmenter = Segmenter(match, self._length, self._is_kept, self._recase, languages[1] or "")
        lines = [segmenter.segment(sentence) for sentence in sentences]
        masks = [
            [mask(segment.text, self._readable, languages) for segment in line] for line in lines
        ]
        searched = [
            self._searcher.sentence(take_out(masked.text)[0], memory=memory)
            for line, row in zip(lines, masks, strict=True)
            for segment, masked in zip(line, row, strict=True)
            if segment.is_searched
        ]
        marked = any(take_out(masked.text)[1] for row in masks for masked in row)
        found = iter(
            self._searcher.search(
                searched, config, memory=memory,
                explain=explain or marked,  # marks are put back by attention
            )
        )  # fmt: skip
        return [
            self._join(*each, found, explain=explain)
            for each in zip(sentences, lines, masks, strict=True)
        ]

    def retrieve(self, sentence: str) -> list[Pair]:
        """Return the remembered pairs that a sentence retrieves, oldest first."""
        if self.memory.entries.config.reinforce:
            return list(self.memory.journal.pairs)
        return self._searcher.pairs(self.memory.candidate_finder.retrieve(sentence))

    def _join(
        self,
        sentence: str,
        segments: Sequence[Segment],
        masks: Sequence[Mask],
        found: Iterator[Found],
        *,
        explain: bool,
    ) -> Translation:
        """The translation of a sentence from its segments: matches as remembered, marks and
        segments too long for a search as they are, the others as `found`. There is a space between
        two that are translated."""
        parts: list[Part] = []
        spaced = False
        for segment, masked in zip(segments, masks, strict=True):
            text = segment.text
            if segment.tm_match:
                part = self._repeat(text, segment.tm_match)
            elif not segment.is_searched:
                part = Part([text], [Token(_on_one_line(text))])
            else:
                part = self._explain(segment, masked, next(found), explain=explain)
            if spaced and not segment.mark and part.tokens:
                first = part.tokens[0]
                part.tokens[0] = replace(first, piece=" " + first.piece)
            spaced = not segment.mark
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

    def _repeat(self, source: str, tm_match: TmMatch) -> Part:
        """The part of a match in the translation memory, without attention."""
        tokens = []
        end = 0
        for piece in self.tokenizer.pieces(self._encode(tm_match.text)):
            start, end = end + len(piece) - len(piece.lstrip()), end + len(piece)
            positions = [p for p in tm_match.positions[start:end] if p != NOT_IN_PAIR]
            tokens.append(Token(_on_one_line(piece), _match_origin(tm_match.pair, positions)))
        return Part(self._source_pieces(source), tokens, tm_match)

    def _explain(self, segment: Segment, masked: Mask, found: Found, *, explain: bool) -> Part:
        """The part of a translation: its pieces as text, each with its origin, and what it
        lacks. An empty translation is replaced with the source."""
        hypothesis = found.hypothesis
        lacks: list[str] = []
        source, marks = take_out(masked.text)
        if hypothesis.missing:
            lacks += missing_placeables(source, self.tokenizer.decode(hypothesis.pieces))
        if any(hypothesis.from_memory):
            lacks += [lost.word for lost in found.lost if lost.nats >= MIN_WARNING]
        pieces = attach_to_opening(self.tokenizer.pieces(hypothesis.pieces))
        texts = [_readable(_on_one_line(piece)) for piece in pieces]
        if marks:
            attention = [trace.attention for trace in hypothesis.traces]
            texts = put_back(texts, attention, self._source_pieces(source), marks)
        lacks += missing_marks(masked.text, "".join(texts))
        lacks = [masked.restore_text(each).strip() for each in lacks]
        texts = masked.restore(texts)
        if segment.upper:
            texts = to_upper(texts)
        if not "".join(texts).strip():
            return Part([segment.text], [Token(segment.text)], missing=[segment.text])
        if not explain or not hypothesis.traces:
            return Part([], [Token(text) for text in texts], missing=lacks)
        tokens = [
            Token(text, self._origin(trace), trace.attention)
            for text, trace in zip(texts, hypothesis.traces, strict=True)
        ]
        return Part(masked.restore(self._source_pieces(source)), tokens, missing=lacks)

    def _is_kept(self, text: str) -> bool:
        """Whether a text has no words, or is in the target language already."""
        return not self._readable.has_words(text) or is_in_target_language(
            text, self.checkpoint.lexicon
        )

    def _recase(self, text: str) -> str:
        """A text in capitals or title case as in small letters."""
        if not is_upper(text, self._is_acronym) and not is_title(text, self._is_common):
            return text
        return to_sentence_case(text, self._is_name)

    def _is_common(self, word: str) -> bool:
        return self.checkpoint.frequencies.information(word) < COMMON

    def _is_acronym(self, word: str) -> bool:
        """Whether a short word has no translation but itself and few others."""
        translations = self.checkpoint.lexicon.translations.get(word, set())
        return len(word) < MIN_LABEL or len(translations - {word}) <= MAX_TRANSLATIONS

    def _is_name(self, word: str) -> bool:
        """Whether a word translates as itself only."""
        return self.checkpoint.lexicon.translations.get(word) == {word}

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
        target = normalise(pair.target.strip())
        start, end = self.tokenizer.span(self._encode(target.text), position)
        indent = len(pair.target) - len(pair.target.lstrip())
        span = indent + target.starts[start], indent + target.starts[end]
        return Entry(pair, span, contribution.similarity, contribution.weight)


def _match_origin(pair: Pair, positions: Sequence[int]) -> Origin | None:
    """The origin of a piece at these positions of the target of a pair; None without any."""
    if not positions:
        return None
    span = (positions[0], positions[-1] + 1)
    return Origin(1.0, [Entry(pair, span, similarity=1.0, weight=1.0)])


def _on_one_line(text: str) -> str:
    """A text with spaces for line feeds, since one line in gives one line out."""
    return text.replace("\n", " ")


def _readable(text: str) -> str:
    """A text without the signs for bytes that form no character."""
    return text.replace("\ufffd", "")


def _surround(original: str, translation: str) -> str:
    """The translation with the white space around the original."""
    if not original.strip():
        return original
    before = original[: len(original) - len(original.lstrip())]
    return before + translation.strip() + original[len(original.rstrip()) :]

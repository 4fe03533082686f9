"""Morphological agreement of a translation with the remembered words in it.

The memory proposes *Verzichtserklärung* after *den* and *die* alike, and the beam may have dropped
*die*. And a pair *tablet* → *Tablette* does not show how to translate *two tablets*. The finished
translation is therefore rescored: first with other inflections of a remembered word, if the
sentence has another form of its source word; then with other words before remembered ones, those
that translate the same source word. The base model chooses. It hardly knows a remembered word, but
it knows how its pieces look after each of them.

Shapes: V vocabulary.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from rarenmt.config.decoding import ConstraintConfig
from rarenmt.decoding.beam_search import Hypothesis
from rarenmt.decoding.candidates import CandidateSet
from rarenmt.decoding.continuation import CandidateEntries
from rarenmt.decoding.rescoring import Alternative, Edit, Rescorer
from rarenmt.decoding.trace import SearchHistory, Trace
from rarenmt.model.seq2seq import Model
from rarenmt.text.batch import Ids
from rarenmt.text.lexicon.cooccurrence import Cooccurrence
from rarenmt.text.lexicon.lexicon import Lexicon
from rarenmt.text.tokenizer import BOS, EOS, PAD, UNK, Tokenizer

Replacements = Mapping[tuple[int, int], tuple[int, Ids]]
"""By sentence and position: how many pieces are removed there, and the pieces in their place."""


@dataclass(frozen=True)
class _PrecedingWord(Edit):
    """A one-piece word before a word from the memory that translates a constrained word."""

    source_words: set[str]
    """The words of the source that it translates."""
    next_piece: int
    """The first piece of the remembered word, as in its pair."""
    entries: CandidateEntries
    """The candidates of its sentence (1, M)."""


class Agreement:
    """Makes remembered words and the words before them agree."""

    def __init__(
        self, model: Model, tokenizer: Tokenizer, lexicon: Lexicon, cooccurrence: Cooccurrence
    ) -> None:
        self._model, self._tokenizer = model, tokenizer
        self._lexicon, self._cooccurrence = lexicon, cooccurrence

    @torch.inference_mode()
    def revise(
        self,
        sources: Sequence[Ids],
        hypotheses: Sequence[Hypothesis],
        candidates: CandidateSet,
        history: SearchHistory,
        config: ConstraintConfig,
    ) -> list[Hypothesis]:
        """Return the hypotheses with the best inflections of remembered words that translate
        constrained words, and then the best words before these.

        `history` is that of the search which found the hypotheses, one for each source.
        """
        rescorer = Rescorer(self._model, hypotheses, history)
        entries = {
            i: candidates.entries_of(i) for i, h in enumerate(hypotheses) if any(h.from_memory)
        }
        extra = config.following_pieces
        inflected = [
            edit
            for i, each in entries.items()
            for edit in self._inflected_words(i, hypotheses[i], each, extra)
        ]
        inflections = partial(self._inflections, bonus=config.inflection_bonus)
        replaced = _replacements(inflected, rescorer.choose(inflected, inflections))
        preceding = [
            edit
            for i, each in entries.items()
            for edit in self._preceding_words(i, sources[i], hypotheses[i], each, replaced, extra)
        ]
        others = partial(self._alternatives, count=config.alternatives)
        chosen = rescorer.choose(preceding, others)
        replacements = {**replaced, **_replacements(preceding, chosen)}
        return [_replace(i, each, replacements) for i, each in enumerate(hypotheses)]

    def _inflected_words(
        self, sentence: int, hypothesis: Hypothesis, entries: CandidateEntries, extra: int
    ) -> Iterator[Edit]:
        """Yield the words from the memory that translate a constrained word which has another form
        in its pair."""
        end = 0
        for pieces in self._tokenizer.split_words(hypothesis.pieces):
            start, end = end, end + len(pieces)
            spaced = start == 0 or self._tokenizer.texts[pieces[0]].startswith(" ")
            remembered = all(hypothesis.from_memory[start:end])
            if spaced and remembered and entries.is_inflected(pieces[0]):
                yield Edit(sentence, start, pieces, [*hypothesis.pieces, EOS][end : end + extra])

    def _inflections(self, edit: Edit, _: Tensor, bonus: float) -> list[Alternative]:
        """Return a word as remembered and, with a bonus, its other inflections; nothing if it has
        none."""
        word = self._tokenizer.decode(edit.pieces).strip()
        others = self._lexicon.inflections.other_forms(word) if word.isalpha() else ()
        inflections = [(self._tokenizer.encode(other), bonus) for other in others]
        return [(edit.pieces, 0.0), *inflections] if inflections else []

    def _preceding_words(
        self,
        sentence: int,
        source: Ids,
        hypothesis: Hypothesis,
        entries: CandidateEntries,
        replaced: Replacements,
        extra: int,
    ) -> Iterator[_PrecedingWord]:
        """Yield the words before words from the memory that translate a constrained word, if they
        translate a word of the source themselves."""
        all_source_words: set[str] | None = None
        pieces, from_memory = hypothesis.pieces, hypothesis.from_memory
        both = zip(pieces, from_memory, pieces[1:], from_memory[1:], strict=False)
        for position, (piece, remembered, next_piece, next_remembered) in enumerate(both):
            begins = next_remembered and not remembered
            if begins and self._is_word(piece) and entries.starts_constrained(next_piece):
                if all_source_words is None:
                    all_source_words = set(self._tokenizer.words(source))
                source_words = self._source_words(piece) & all_source_words
                if source_words:
                    end = _end_of_memory_pieces(hypothesis, position + 1) + extra
                    text = _text(sentence, [*pieces, EOS], replaced, position + 1, end)
                    yield _PrecedingWord(
                        sentence, position, [piece], text, source_words, next_piece, entries
                    )

    def _alternatives(
        self, edit: _PrecedingWord, log_probs: Tensor, count: int
    ) -> list[Alternative]:
        """Return a word and its alternatives; nothing if there are none.

        Alternatives are among the `count` pieces with the highest log-probabilities (V,). They
        translate one of the same source words, with the same capitalisation. The bonus is the
        association with the words that precede the remembered word in its pairs.
        """
        [word] = edit.pieces
        log_probs = log_probs.clone()
        log_probs[[PAD, BOS, UNK, EOS, word]] = -torch.inf
        others = [
            other
            for other in log_probs.topk(min(count, len(log_probs))).indices.tolist()
            if self._is_word(other)
            and self._is_capitalised(other) == self._is_capitalised(word)
            and edit.source_words & self._source_words(other)
        ]
        if not others:
            return []
        before = edit.entries.words_before(edit.next_piece)
        return [([each], self._association(before, each)) for each in [word, *others]]

    def _association(self, words: Ids, word: int) -> float:
        """Return the mean association, in nats, of a one-piece word with others of one piece. A
        mean, because a pair that is remembered twice is no better evidence."""
        texts = self._tokenizer.texts
        nats = [
            self._cooccurrence.score(texts[each].strip(), texts[word].strip()) for each in words
        ]
        return sum(nats) / max(1, len(nats))

    def _is_word(self, piece: int) -> bool:
        """Return whether a piece is a word, if nothing continues it."""
        return (
            not self._tokenizer.continues_word[piece]
            and self._tokenizer.texts[piece].strip().isalpha()
        )

    def _is_capitalised(self, piece: int) -> bool:
        return self._tokenizer.texts[piece].strip()[:1].isupper()

    def _source_words(self, piece: int) -> set[str]:
        """Return the words that a one-piece word translates."""
        return self._lexicon.sources(self._tokenizer.word_text((piece,)))


def _end_of_memory_pieces(hypothesis: Hypothesis, position: int) -> int:
    """Return where the pieces from the memory that begin at a position end."""
    while position < len(hypothesis.pieces) and hypothesis.from_memory[position]:
        position += 1
    return position


def _replacements(edits: Sequence[Edit], chosen: Sequence[Ids]) -> Replacements:
    """Return what changes."""
    return {
        (edit.sentence, edit.position): (len(edit.pieces), pieces)
        for edit, pieces in zip(edits, chosen, strict=True)
        if pieces != edit.pieces
    }


def _text(sentence: int, pieces: Ids, replaced: Replacements, start: int, end: int) -> Ids:
    """Return the pieces of a sentence from `start` to `end`, with replacements."""
    text: Ids = []
    position = start
    while position < min(end, len(pieces)):
        removed, new = replaced.get((sentence, position), (1, [pieces[position]]))
        text += new
        position += removed
    return text


def _replace(sentence: int, hypothesis: Hypothesis, replacements: Replacements) -> Hypothesis:
    """Return the hypothesis with replacements.

    The new pieces of a word from the memory are from the memory too, and keep its traces, the last
    one repeated; other new pieces lose their memory traces.
    """
    pieces, traces = list(hypothesis.pieces), list(hypothesis.traces)
    from_memory = list(hypothesis.from_memory)
    here = sorted((position, new) for (i, position), new in replacements.items() if i == sentence)
    for position, (removed, new) in reversed(here):
        remembered = from_memory[position]
        pieces[position : position + removed] = new
        from_memory[position : position + removed] = [remembered] * len(new)
        if traces:
            old = traces[position : position + removed]
            kept = (old + old[-1:] * len(new))[: len(new)]
            traces[position : position + removed] = (
                kept if remembered else [Trace(each.attention, 0.0, []) for each in kept]
            )
    if not here:
        return hypothesis
    return replace(hypothesis, pieces=pieces, from_memory=from_memory, traces=traces)

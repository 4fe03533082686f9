"""Morphological agreement of a translation with the remembered words in it.

The memory proposes *Verzichtserklärung* after *den* and *die* alike, and the beam may have dropped
*die*. A pair *tablet* → *Tablette* does not show how to translate *two tablets*, and *landlord* →
*Vermieter* not how to translate *the landlord's*. The finished translation is therefore rescored
with other words before remembered ones, those that translate the same source word, and with other
inflections of the remembered word. The base model chooses. It hardly knows a remembered word, but
it knows how its pieces look after each article, and its endings.

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
class _Phrase(Edit):
    """A word from the memory that translates a constrained word, after the word before it, if that
    is of one piece and translates a word of the source."""

    preceding: Ids
    """The word before it, or nothing."""
    source_words: set[str]
    """The words of the source that the word before it translates."""
    inflected: bool
    """Whether it comes from the memory as a whole, and its source word has another form in its
    pair."""
    entries: CandidateEntries
    """The candidates of its sentence (1, M)."""

    @property
    def word(self) -> Ids:
        """The pieces of the remembered word."""
        return self.pieces[len(self.preceding) :]


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
        constrained words, and the best words before these.

        `history` is that of the search which found the hypotheses, one for each source.
        """
        phrases = [
            phrase
            for i, (source, each) in enumerate(zip(sources, hypotheses, strict=True))
            if any(each.from_memory)
            for phrase in self._phrases(
                i, source, each, candidates.entries_of(i), config.following_pieces
            )
        ]
        rescorer = Rescorer(self._model, hypotheses, history)
        chosen = rescorer.choose(phrases, partial(self._alternatives, config=config))
        replacements = _replacements(phrases, chosen)
        return [_replace(i, each, replacements) for i, each in enumerate(hypotheses)]

    def _phrases(
        self,
        sentence: int,
        source: Ids,
        hypothesis: Hypothesis,
        entries: CandidateEntries,
        extra: int,
    ) -> Iterator[_Phrase]:
        """Yield the words from the memory that translate a constrained word, each with the word
        before it; `extra` is how many pieces after the memory's are scored too."""
        own = set(self._tokenizer.words(source))
        pieces, from_memory = [*hypothesis.pieces, EOS], hypothesis.from_memory
        end = 0
        before: Ids = []
        for word in self._tokenizer.split_words(hypothesis.pieces):
            start, end = end, end + len(word)
            remembered = from_memory[start] and entries.starts_constrained(word[0])
            if remembered and (start == 0 or self._tokenizer.texts[word[0]].startswith(" ")):
                preceding, translated = [], set()
                if len(before) == 1 and not from_memory[start - 1] and self._is_word(before[0]):
                    translated = self._source_words(before[0]) & own
                    preceding = before if translated else []
                last = _end_of_memory_pieces(hypothesis, end) + extra
                yield _Phrase(
                    sentence,
                    start - len(preceding),
                    [*preceding, *word],
                    pieces[end:last],
                    preceding,
                    translated,
                    entries.is_inflected(word[0]) and all(from_memory[start:end]),
                    entries,
                )
            before = word

    def _alternatives(
        self, phrase: _Phrase, log_probs: Tensor, config: ConstraintConfig
    ) -> list[Alternative]:
        """Return all combinations of a remembered word's inflections and the words before it;
        nothing if there is one only.

        The bonus is the association of the word before it with those that precede the remembered
        word in its pairs, and `inflection_bonus` for another inflection.
        """
        before = phrase.entries.words_before(phrase.word[0])
        words = [
            ([word], self._association(before, word))
            for word in self._preceding_words(phrase, log_probs, config.alternatives)
        ]
        others = self._other_forms(phrase.word) if phrase.inflected else []
        forms = [(phrase.word, 0.0), *((other, config.inflection_bonus) for other in others)]
        both = [
            (word + form, associated + nats)
            for word, associated in words or [([], 0.0)]
            for form, nats in forms
        ]
        return both if len(both) > 1 else []

    def _other_forms(self, word: Ids) -> list[Ids]:
        """Return the other inflections of a word."""
        text = self._tokenizer.decode(word).strip()
        others = self._lexicon.inflections.other_forms(text) if text.isalpha() else ()
        return [self._tokenizer.encode(other) for other in others]

    def _preceding_words(self, phrase: _Phrase, log_probs: Tensor, count: int) -> Ids:
        """Return the word before a remembered word and those that may stand in its place; nothing
        without one.

        They are among the `count` pieces with the highest log-probabilities (V,), and translate one
        of the same source words, with the same capitalisation.
        """
        if not phrase.preceding:
            return []
        [word] = phrase.preceding
        log_probs = log_probs.clone()
        log_probs[[PAD, BOS, UNK, EOS, word]] = -torch.inf
        return [word] + [
            other
            for other in log_probs.topk(min(count, len(log_probs))).indices.tolist()
            if self._is_word(other)
            and self._is_capitalised(other) == self._is_capitalised(word)
            and phrase.source_words & self._source_words(other)
        ]

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


def _replacements(phrases: Sequence[_Phrase], chosen: Sequence[Ids]) -> Replacements:
    """Return the words that change."""
    found = {}
    for phrase, pieces in zip(phrases, chosen, strict=True):
        begin = len(phrase.preceding)  # in the other words it is as long
        parts = ((0, phrase.preceding, pieces[:begin]), (begin, phrase.word, pieces[begin:]))
        for start, old, new in parts:
            if new != old:
                found[phrase.sentence, phrase.position + start] = len(old), new
    return found


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

"""Copy numbers, placeholders, tags and addresses from the source as they stand.

This needs no training. In a sentence with numbers, a digit must begin one of them, and a span that
is begun is written to its end. If a translation misses a span, it is searched again, and part of
the probability goes to the first piece of the span that is attended to: a pointer-generator (See,
Liu and Manning 2017, "Get To The Point", equation 9) whose gate is the attention itself.

Shapes: B sentences · N = B·R hypotheses, R per sentence · F spans of a sentence · S source pieces ·
V vocabulary.
"""

from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import accumulate

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from rarenmt.config.decoding import ConstraintConfig
from rarenmt.decoding.processors.automaton import END, TokenAutomaton
from rarenmt.decoding.processors.processor import LogitsProcessor, Step
from rarenmt.text.batch import Ids
from rarenmt.text.lexicon.frequency import Frequencies
from rarenmt.text.notation.numbers import ANY_SEPARATOR, localise
from rarenmt.text.placeables import Span, find_spans
from rarenmt.text.tokenizer import EOS, Tokenizer

SEPARATORS = (".", ",", ":", "'")
"""Signs between the digits of a number that may be exchanged for one another."""

NONE = -1
"""Used in place of a piece, digit or state: there is none."""


@dataclass(frozen=True)
class CopySpans:
    """The spans to copy for each sentence of a batch."""

    automaton: TokenAutomaton
    """The pieces of the spans. A sequence has an end only if nothing is attached to the end of the
    span in the source."""
    begin: Tensor
    """(B, F) the state of the automaton after the first piece of each span."""
    first: Tensor
    """(B, F) the first target piece of each span; NONE for padding."""
    source: Tensor
    """(B, S, F) 1 where a source piece belongs to a span, in float64."""
    space: Tensor
    """(B, F) the space piece, if it precedes the span in the source, or NONE."""
    number: Tensor
    """(B, F) whether the span is a number."""
    required: Tensor
    """(B, F) whether a translation must contain the span."""
    digits: Tensor
    """(V,) the digit that each piece is, or NONE."""
    attaches_left: Tensor
    """(V,) whether a piece continues what precedes it."""

    @classmethod
    def from_sources(
        cls,
        sources: Sequence[Ids],
        reworded: Sequence[Set[str]],
        tokenizer: Tokenizer,
        frequencies: Frequencies,
        languages: tuple[str, str],
        device: torch.device,
    ) -> "CopySpans | None":
        """Find the spans of sources (without EOS), except those in `reworded`, the texts of spans
        that are translated by other words. Return None if there are no spans."""
        spans = [
            _find(*each, tokenizer, frequencies) for each in zip(sources, reworded, strict=True)
        ]
        if not any(spans):
            return None
        ids = pad_sequence([torch.tensor([*each, EOS]) for each in sources], batch_first=True)
        start, end = _table(spans, lambda span: span.start), _table(spans, lambda span: span.end)
        positions = torch.arange(ids.shape[1])
        source = (positions >= start[:, :, None]) & (positions < end[:, :, None])  # (B, F, S)
        targets = [
            [_target_pieces(pieces, span, tokenizer, languages) for span in found]
            for pieces, found in zip(sources, spans, strict=True)
        ]
        attaches_left = torch.tensor(tokenizer.attaches_left)
        detached = ~attaches_left[ids.gather(1, end)]
        before = ids.gather(1, (start - 1).clamp(min=0)).masked_fill(start == 0, NONE)
        firsts = [torch.tensor([choices[0][0] for choices in row]).long() for row in targets]
        return cls(
            automaton=_automaton(targets, detached.tolist()).to(device),
            begin=((end - start).cumsum(1) - (end - start) + 1).to(device),
            first=pad_sequence(firsts, batch_first=True, padding_value=NONE).to(device),
            source=source.transpose(1, 2).double().to(device),
            space=before.masked_fill(before != tokenizer.space, NONE).to(device),
            number=_table(spans, lambda span: span.number).bool().to(device),
            required=_table(spans, lambda span: span.required).bool().to(device),
            digits=torch.tensor(tokenizer.digit_values, device=device),
            attaches_left=attaches_left.to(device),
        )

    def select(self, sentences: Tensor) -> "CopySpans":
        """Return the spans of some sentences."""
        names = ("begin", "first", "source", "space", "number", "required")
        tables = {name: getattr(self, name)[sentences] for name in names}
        return replace(self, automaton=self.automaton.select(sentences), **tables)


class Copying(LogitsProcessor):
    """Writes the spans of a batch to their end, in each hypothesis."""

    def __init__(
        self, spans: CopySpans, beam: int, pointer_weight: float, config: ConstraintConfig
    ) -> None:
        """`pointer_weight`: probability that full attention to a span gives to its first piece."""
        self._beam, self._pointer_weight, self._config = beam, pointer_weight, config
        self._set_spans(spans)
        self._left = self._first != NONE
        self._state = torch.full_like(self._first[:, 0], NONE)
        self._last = self._state

    @property
    def missing(self) -> Tensor:
        """(N,) how many required spans are not begun yet."""
        return (self._left & self._required).sum(dim=1)

    def process(self, step: Step) -> None:
        log_probs, automaton = step.prediction.log_probs, self._spans.automaton
        if self._pointer_weight:
            self._point(log_probs, step.attention)
        self._constrain_numbers(log_probs)
        log_probs[:, EOS] -= self._config.missing_span_penalty * (self.missing > 0)
        ended = automaton.ends(self._state).nonzero()[:, 0]
        log_probs[ended] = log_probs[ended].masked_fill(self._spans.attaches_left, -torch.inf)
        within = automaton.continues(self._state)
        automaton.keep_to(log_probs, self._state, within, torch.inf)
        log_probs[within] = log_probs[within].log_softmax(dim=1)

    def keep(self, sentences: Tensor) -> None:
        self._set_spans(self._spans.select(sentences))

    def advance(self, step: Step, rows: Tensor, pieces: Tensor) -> None:
        left, state = self._left[rows], self._state[rows]
        received = self._attention_to_spans(step.attention[rows])
        within = self._spans.automaton.continues(state)
        begins = left & self._begins(pieces, received) & ~within[:, None]
        begun = begins.any(dim=1)
        chosen = received.masked_fill(~begins, NONE).argmax(dim=1, keepdim=True)
        first = self._begin.gather(1, chosen)[:, 0]
        self._left = left & ~(F.one_hot(chosen[:, 0], left.shape[1]).bool() & begun[:, None])
        self._state = first.where(begun, (state + 1).where(within, NONE))
        self._last = pieces

    def _set_spans(self, spans: CopySpans) -> None:
        """Set the spans (B, …), and their tables for each hypothesis (N, …)."""
        self._spans = spans
        tables = (spans.begin, spans.first, spans.space, spans.number, spans.required)
        self._begin, self._first, self._space, self._number, self._required = (
            table.repeat_interleave(self._beam, dim=0) for table in tables
        )

    def _attention_to_spans(self, attention: Tensor) -> Tensor:
        """(N, F) the attention (N, S) to each span. Summed in float64, so that it gives the same
        bits in every batch."""
        source = self._spans.source
        by_sentence = attention.view(len(source), -1, attention.shape[1])
        return torch.bmm(by_sentence.double(), source).flatten(0, 1)

    def _begins(self, pieces: Tensor, received: Tensor) -> Tensor:
        """(N, F) whether pieces (N,) begin spans that received this attention (N, F)."""
        digit = self._digit(self._first) == self._digit(pieces)[:, None]
        attended = received >= self._config.min_span_attention
        return torch.where(self._number, digit, (self._first == pieces[:, None]) & attended)

    def _digit(self, pieces: Tensor) -> Tensor:
        """Return the digits that pieces of any shape are, or NONE."""
        return self._spans.digits[pieces.clamp(min=0)].masked_fill(pieces < 0, NONE)

    def _point(self, log_probs: Tensor, attention: Tensor) -> None:
        """Move probability to the first pieces of required spans, by the attention to them."""
        received = self._attention_to_spans(attention)
        received /= received.sum(dim=1, keepdim=True).clamp(min=1)  # two spans may share a piece
        share = self._pointer_weight * received * (self._left & self._required)
        rows = (share.sum(dim=1) > 0).nonzero()[:, 0]
        share, space, first = share[rows], self._space[rows], self._first[rows]
        spaced = (space != NONE) & (space != self._last[rows, None])
        first = space.where(spaced, first).clamp(min=0)
        rest = torch.log1p(-share.sum(dim=1, keepdim=True)).to(log_probs.dtype)
        pointed = torch.zeros_like(log_probs[rows]).scatter_add_(1, first, share.to(rest.dtype))
        log_probs[rows] = torch.logaddexp(log_probs[rows] + rest, pointed.log())

    def _constrain_numbers(self, log_probs: Tensor) -> None:
        """In sentences with numbers, exclude digits that begin none of those left, and any digit
        after another."""
        digits = (self._spans.digits != NONE).nonzero()[:, 0]
        after_digit = self._digit(self._last) != NONE
        open_numbers = self._left & self._number & ~after_digit[:, None]
        same = self._digit(self._first)[:, None] == self._spans.digits[digits][:, None]
        allowed = (same & open_numbers[:, None]).any(dim=2)
        excluded = self._number.any(dim=1)[:, None] & ~allowed
        log_probs[:, digits] = log_probs[:, digits].masked_fill(excluded, -torch.inf)


def _find(
    ids: Ids, reworded: Set[str], tokenizer: Tokenizer, frequencies: Frequencies
) -> list[Span]:
    """Return the spans of a source, except those in `reworded`."""
    texts = [tokenizer.texts[piece] for piece in ids]
    return [span for span in find_spans(texts, frequencies) if span.text(texts) not in reworded]


def _target_pieces(
    ids: Ids, span: Span, tokenizer: Tokenizer, languages: tuple[str, str]
) -> list[Ids]:
    """Return the target piece for each piece of a source span; several if any of them will do."""
    source = ids[span.start : span.end]
    if not span.number:
        return [[piece] for piece in source]
    texts = [tokenizer.texts[piece] for piece in ids]
    ends = [0, *accumulate(map(len, texts))]
    start, end = ends[span.start], ends[span.end]
    number = localise("".join(texts), start, end, *languages)
    parts = [number[ends[at] - start : ends[at + 1] - start] for at in range(span.start, span.end)]
    separators = _separators(tokenizer)
    return [
        [piece] if part == tokenizer.texts[piece] else separators[part]
        for piece, part in zip(source, parts, strict=True)
    ]


@lru_cache(maxsize=1)
def _separators(tokenizer: Tokenizer) -> dict[str, Ids]:
    """Return the piece of each separator between digits; for ANY_SEPARATOR, all of them."""
    pieces = {sign: [tokenizer.encode(f"1{sign}1")[-2]] for sign in SEPARATORS}
    every = [piece for piece, text in enumerate(tokenizer.texts) if text in SEPARATORS]
    return {ANY_SEPARATOR: every} | pieces


def _automaton(
    targets: Sequence[Sequence[Sequence[Ids]]], detached: Sequence[Sequence[bool]]
) -> TokenAutomaton:
    """Return the automaton of the spans of each sentence, given the choices for each piece. The
    states of a span are consecutive numbers, and those of the next span follow."""

    def edges(spans: Sequence[Sequence[Ids]], ends: Sequence[bool]) -> Iterator[tuple[int, int]]:
        begin = 0
        for pieces, end in zip(spans, ends, strict=False):
            for position, choices in enumerate(pieces[1:], start=1):
                yield from ((begin + position, piece) for piece in choices)
            begin += len(pieces)
            if end:
                yield begin, END

    rows = [
        torch.tensor([*edges(*each)]).long().view(-1, 2)
        for each in zip(targets, detached, strict=True)
    ]
    states, pieces = pad_sequence(rows, batch_first=True, padding_value=NONE - 1).unbind(dim=2)
    return TokenAutomaton(states, pieces)


def _table(spans: Sequence[Sequence[Span]], value: Callable[[Span], int]) -> Tensor:
    """Return a value (B, F) of each span; padded with 0."""
    rows = [torch.tensor([int(value(span)) for span in row]).long() for row in spans]
    return pad_sequence(rows, batch_first=True)

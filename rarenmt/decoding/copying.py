"""Copy numbers, placeholders, tags and addresses from the source as they stand.

This needs no training. In a sentence with numbers, a digit must begin one of them, and a span that
is begun is written to its end. If a translation misses a span, it is searched again, and part of
the probability goes to the first piece of the span that is attended to: a pointer-generator (See,
Liu and Manning 2017, "Get To The Point", equation 9) whose gate is the attention itself.

Shapes: B sentences, later hypotheses · F spans of a sentence · L pieces of a span · S source
pieces · V vocabulary.
"""

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from itertools import accumulate

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from rarenmt.config.decoding import ConstraintConfig
from rarenmt.text.batch import Ids
from rarenmt.text.lexicon.frequency import Frequencies
from rarenmt.text.numbers import ANY_SEPARATOR, localise
from rarenmt.text.placeables import Span, find_spans
from rarenmt.text.tokenizer import EOS, Tokenizer

SEPARATORS = (".", ",", ":", "'")
"""Signs between the digits of a number that may be exchanged for one another."""

NONE, FREE = -1, -2
"""Used in place of a piece, digit or span: there is none; any separator of digits is allowed."""

SHARED = ("digits", "separators", "attaches_left", "pointer_weight", "config")
"""Fields that do not belong to a sentence or hypothesis."""


@dataclass(frozen=True)
class CopyConstraints:
    """The spans to copy for some sentences or hypotheses, and how far each is written."""

    pieces: Tensor
    """(B, F, L) the target pieces of each span, FREE between digits where any separator
    is allowed; padded with NONE."""
    lengths: Tensor
    """(B, F) pieces of each span."""
    source: Tensor
    """(B, S, F) 1 where a source piece belongs to a span, in float64."""
    space: Tensor
    """(B, F) the space piece, if it precedes the span in the source, or NONE."""
    number: Tensor
    """(B, F) whether the span is a number."""
    required: Tensor
    """(B, F) whether a translation must contain the span."""
    detached: Tensor
    """(B, F) whether nothing is attached to the end of the span in the source."""
    left: Tensor
    """(B, F) whether the span is not begun yet."""
    span: Tensor
    """(B,) the span that the last piece belongs to, or NONE."""
    position: Tensor
    """(B,) how many pieces of it are written."""
    last: Tensor
    """(B,) the last piece, or NONE."""
    digits: Tensor
    """(V,) the digit that each piece is, or NONE."""
    separators: Tensor
    """(V,) whether a piece is a separator of digits."""
    attaches_left: Tensor
    """(V,) whether a piece continues what precedes it."""
    pointer_weight: float
    """Probability that full attention to a span gives to its first piece."""
    config: ConstraintConfig

    @classmethod
    def from_sources(
        cls,
        sources: Sequence[Ids],
        reworded: Sequence[Set[str]],
        tokenizer: Tokenizer,
        counts: Frequencies,
        languages: tuple[str, str],
        pointer_weight: float,
        config: ConstraintConfig,
        device: torch.device,
    ) -> "CopyConstraints | None":
        """Find the spans of sources (without EOS), except those in `reworded`, the texts of spans
        that are translated by other words. Return None if there are no spans."""
        spans = [_find(*both, tokenizer, counts) for both in zip(sources, reworded, strict=True)]
        if not any(spans):
            return None
        ids = pad_sequence([torch.tensor([*each, EOS]) for each in sources], batch_first=True)
        start, end = _table(spans, lambda span: span.start), _table(spans, lambda span: span.end)
        positions = torch.arange(ids.shape[1])
        source = (positions >= start[:, :, None]) & (positions < end[:, :, None])  # (B, F, S)
        pieces = torch.full((*start.shape, int((end - start).max())), NONE)
        for row, (source_ids, found) in enumerate(zip(sources, spans, strict=True)):
            for number, span in enumerate(found):
                copy = _target_pieces(source_ids, span, tokenizer, languages)
                pieces[row, number, : len(copy)] = torch.tensor(copy)
        before = ids.gather(1, (start - 1).clamp(min=0)).masked_fill(start == 0, NONE)
        digits, separators, attaches_left = _vocabulary(tokenizer)
        constraints = cls(
            pieces=pieces,
            lengths=end - start,
            source=source.transpose(1, 2).double(),
            space=before.masked_fill(before != tokenizer.space, NONE),
            number=_table(spans, lambda span: span.number).bool(),
            required=_table(spans, lambda span: span.required).bool(),
            detached=~attaches_left[ids.gather(1, end)],
            left=end > start,
            span=torch.full_like(ids[:, 0], NONE),
            position=torch.zeros_like(ids[:, 0]),
            last=torch.full_like(ids[:, 0], NONE),
            digits=digits,
            separators=separators,
            attaches_left=attaches_left,
            pointer_weight=pointer_weight,
            config=config,
        )
        return constraints.to(device)

    def to(self, device: torch.device) -> "CopyConstraints":
        """Return a copy on a device."""
        names = [f.name for f in fields(self) if isinstance(getattr(self, f.name), Tensor)]
        return replace(self, **{name: getattr(self, name).to(device) for name in names})

    def select(self, rows: Tensor) -> "CopyConstraints":
        """Return the constraints of some rows, in this order."""
        names = [field.name for field in fields(self) if field.name not in SHARED]
        return replace(self, **{name: getattr(self, name)[rows] for name in names})

    @property
    def missing(self) -> Tensor:
        """(B,) how many required spans are not begun yet."""
        return (self.left & self.required).sum(dim=1)

    def apply(self, log_probs: Tensor, attention: Tensor) -> None:
        """Constrain the log-probabilities (B, V) of the next piece, in place, given the attention
        (B, S)."""
        if self.pointer_weight:
            self._point(log_probs, attention)
        self._constrain_numbers(log_probs)
        log_probs[:, EOS] -= self.config.missing_span_penalty * (self.missing > 0)
        length = self._length()
        rows = ((self.position == length) & self._of_span(self.detached)).nonzero()[:, 0]
        log_probs[rows] = log_probs[rows].masked_fill(self.attaches_left, -torch.inf)
        self._continue_span(log_probs, (self.position < length).nonzero()[:, 0])

    def advance(self, pieces: Tensor, attention: Tensor) -> "CopyConstraints":
        """Return the constraints after one more piece (B,), chosen with this attention (B, S)."""
        received, within = self._attention_to_spans(attention), self.position < self._length()
        begins = self.left & self._begins(pieces, received) & ~within[:, None]
        begun = begins.any(dim=1)
        chosen = received.masked_fill(~begins, NONE).argmax(dim=1)
        new = F.one_hot(chosen, self.left.shape[1]).bool() & begun[:, None]
        return replace(
            self,
            left=self.left & ~new,
            span=chosen.where(begun, self.span.where(within, NONE)),
            position=torch.where(begun, 1, self.position + 1),
            last=pieces,
        )

    def _length(self) -> Tensor:
        """(B,) pieces of the span that the last piece belongs to; 0 if there is none."""
        return self._of_span(self.lengths)

    def _of_span(self, table: Tensor) -> Tensor:
        """(B,) the value in a table (B, F) for the span that the last piece belongs to, or 0."""
        value = table.gather(1, self.span.clamp(min=0)[:, None])[:, 0]
        return value.masked_fill(self.span == NONE, 0)

    def _continue_span(self, log_probs: Tensor, rows: Tensor) -> None:
        """Allow in these rows only pieces that continue the span that is begun."""
        pieces = self.pieces[rows, self.span[rows], self.position[rows]]
        any_separator = rows[pieces == FREE]
        allowed = log_probs[any_separator].masked_fill(~self.separators, -torch.inf)
        log_probs[any_separator] = allowed.log_softmax(1)
        fixed = rows[pieces != FREE]
        log_probs[fixed] = -torch.inf
        log_probs[fixed, pieces[pieces != FREE]] = 0.0

    def _attention_to_spans(self, attention: Tensor) -> Tensor:
        """(B, F) the attention (B, S) to each span. Summed in float64, so that it gives the same
        bits in every batch."""
        return torch.bmm(attention[:, None].double(), self.source)[:, 0]

    def _begins(self, pieces: Tensor, received: Tensor) -> Tensor:
        """(B, F) whether pieces (B,) begin spans that received this attention (B, F)."""
        first = self.pieces[:, :, 0]
        digit = self._digit(first) == self._digit(pieces)[:, None]
        attended = received >= self.config.min_span_attention
        return torch.where(self.number, digit, (first == pieces[:, None]) & attended)

    def _digit(self, pieces: Tensor) -> Tensor:
        """Return the digits that pieces of any shape are, or NONE."""
        return self.digits[pieces.clamp(min=0)].masked_fill(pieces < 0, NONE)

    def _point(self, log_probs: Tensor, attention: Tensor) -> None:
        """Move probability to the first pieces of required spans, by the attention to them."""
        received = self._attention_to_spans(attention)
        received /= received.sum(dim=1, keepdim=True).clamp(min=1)  # two spans may share a piece
        share = self.pointer_weight * received * (self.left & self.required)
        rows = (share.sum(dim=1) > 0).nonzero()[:, 0]
        share, space, first = share[rows], self.space[rows], self.pieces[rows, :, 0]
        spaced = (space != NONE) & (space != self.last[rows, None])
        first = space.where(spaced, first).clamp(min=0)
        rest = torch.log1p(-share.sum(dim=1, keepdim=True)).to(log_probs.dtype)
        pointed = torch.zeros_like(log_probs[rows]).scatter_add_(1, first, share.to(rest.dtype))
        log_probs[rows] = torch.logaddexp(log_probs[rows] + rest, pointed.log())

    def _constrain_numbers(self, log_probs: Tensor) -> None:
        """In sentences with numbers, exclude digits that begin none of those left, and any digit
        after another."""
        digits = (self.digits != NONE).nonzero()[:, 0]
        first = self._digit(self.pieces[:, :, 0])
        after_digit = self._digit(self.last) != NONE
        open_numbers = self.left & self.number & ~after_digit[:, None]
        allowed = (first[:, None] == self.digits[digits][:, None]) & open_numbers[:, None]
        excluded = self.number.any(dim=1)[:, None] & ~allowed.any(dim=2)
        log_probs[:, digits] = log_probs[:, digits].masked_fill(excluded, -torch.inf)


@lru_cache(maxsize=1)
def _vocabulary(tokenizer: Tokenizer) -> tuple[Tensor, Tensor, Tensor]:
    """Return `digits`, `separators` and `attaches_left`, (V,) each."""
    separators = torch.tensor([text in SEPARATORS for text in tokenizer.texts])
    return torch.tensor(tokenizer.digit_values), separators, torch.tensor(tokenizer.attaches_left)


def _find(ids: Ids, reworded: Set[str], tokenizer: Tokenizer, counts: Frequencies) -> list[Span]:
    """Return the spans of a source, except those in `reworded`."""
    texts = [tokenizer.texts[piece] for piece in ids]
    return [span for span in find_spans(texts, counts) if span.text(texts) not in reworded]


def _target_pieces(ids: Ids, span: Span, tokenizer: Tokenizer, languages: tuple[str, str]) -> Ids:
    """Return the target pieces of a source span; FREE for a free choice."""
    source = ids[span.start : span.end]
    if not span.number:
        return source
    texts = [tokenizer.texts[piece] for piece in ids]
    ends = [0, *accumulate(map(len, texts))]
    start, end = ends[span.start], ends[span.end]
    number = localise("".join(texts), start, end, *languages)
    parts = [number[ends[at] - start : ends[at + 1] - start] for at in range(span.start, span.end)]
    separators = _separators(tokenizer)
    return [
        piece if part == tokenizer.texts[piece] else separators[part]
        for piece, part in zip(source, parts, strict=True)
    ]


@lru_cache(maxsize=1)
def _separators(tokenizer: Tokenizer) -> dict[str, int]:
    """Return the piece of each separator between digits, FREE for a free choice."""
    pieces = {sign: tokenizer.encode(f"1{sign}1")[-2] for sign in SEPARATORS}
    return {ANY_SEPARATOR: FREE} | pieces


def _table(spans: Sequence[Sequence[Span]], value: Callable[[Span], int]) -> Tensor:
    """Return a value (B, F) of each span; padded with 0."""
    rows = [torch.tensor([int(value(span)) for span in row]).long() for row in spans]
    return pad_sequence(rows, batch_first=True)

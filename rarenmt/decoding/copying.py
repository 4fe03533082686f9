"""Saying the spans of a source as they stand.

Nothing is trained for it. In a sentence with numbers digits begin one of these or nothing, and
what is begun is written to its end. Where a translation passes a span over, it is looked for
again, and some of the probability goes to beginning the span that the attention rests on: a
pointer-generator (See, Liu and Manning 2017, "Get To The Point", equation 9) whose gate is the
attention itself.

Shapes: B sentences, later hypotheses · F spans of a sentence · L pieces of a span · S source
pieces · V vocabulary.
"""

from collections.abc import Sequence, Set
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from itertools import accumulate

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from rarenmt.text.batch import Ids
from rarenmt.text.lexicon.frequency import Frequencies
from rarenmt.text.numbers import ANY_SEPARATOR, localise
from rarenmt.text.placeables import Span, find_spans
from rarenmt.text.tokenizer import EOS, Tokenizer

HEEDS = (0.0, 0.9)
"""Share of the probability that goes to beginning a span on which all attention rests: at first,
and where a span was passed over."""
SEEN = 0.3
"""Attention on a span that is no number, from which a piece that might begin it does."""
OWED = 4.0
"""Nats that it costs to end before all is said that has to be."""

PARTING = (".", ",", ":", "'")
"""Signs between the digits of a number, of which another may stand there."""
NONE, SIGN = -1, -2
"""In the place of a piece: none, and any sign that parts the digits of a number."""

SHARED = ("digits", "signs", "clinging", "heed")
"""What is not of one sentence or hypothesis."""


@dataclass(frozen=True)
class CopyConstraints:
    """The spans of some sentences, or of hypotheses about them, and how far each has come."""

    pieces: Tensor
    """(B, F, L) what spans are written with, SIGN where any sign may part the digits of a number,
    NONE behind the end of a span."""
    lengths: Tensor
    """(B, F) pieces of each span."""
    source: Tensor
    """(B, S, F) 1 where a source piece belongs to a span, in float64."""
    space: Tensor
    """(B, F) the piece that stands before a span and the word before it, or NONE."""
    number: Tensor
    """(B, F)"""
    due: Tensor
    """(B, F)"""
    apart: Tensor
    """(B, F) whether nothing clings to the span in the source."""
    left: Tensor
    """(B, F) whether the span is not yet begun."""
    span: Tensor
    """(B,) the span that the last piece belongs to, or NONE."""
    place: Tensor
    """(B,) how many pieces of it are written."""
    last: Tensor
    """(B,) the last piece, or NONE."""
    digits: Tensor
    """(V,) which digit a piece is, or NONE."""
    signs: Tensor
    """(V,) whether a piece is a sign that may part the digits of a number."""
    clinging: Tensor
    """(V,) whether a piece goes on what stands before it."""
    heed: float

    @classmethod
    def of(
        cls,
        sources: Sequence[Ids],
        reworded: Sequence[Set[str]],
        tokenizer: Tokenizer,
        counts: Frequencies,
        languages: tuple[str, str],
        heed: float,
        device: torch.device,
    ) -> "CopyConstraints | None":
        """Those of sources, which are given without EOS, but for spans that are said in other
        words; None if there are none."""
        spans = [_find(*both, tokenizer, counts) for both in zip(sources, reworded, strict=True)]
        if not any(spans):
            return None
        ids = pad_sequence([torch.tensor([*each, EOS]) for each in sources], batch_first=True)
        start, end = _table(spans, "start"), _table(spans, "end")
        places = torch.arange(ids.shape[1])
        source = (places >= start[:, :, None]) & (places < end[:, :, None])  # (B, F, S)
        pieces = torch.full((*start.shape, int((end - start).max())), NONE)
        for row, (own, some) in enumerate(zip(sources, spans, strict=True)):
            for place, span in enumerate(some):
                said = _said(own, span, tokenizer, languages)
                pieces[row, place, : len(said)] = torch.tensor(said)
        before = ids.gather(1, (start - 1).clamp(min=0)).masked_fill(start == 0, NONE)
        digits, signs, clinging = _vocabulary(tokenizer)
        found = cls(
            pieces=pieces,
            lengths=end - start,
            source=source.transpose(1, 2).double(),
            space=before.masked_fill(before != tokenizer.space, NONE),
            number=_table(spans, "number").bool(),
            due=_table(spans, "required").bool(),
            apart=~clinging[ids.gather(1, end)],
            left=end > start,
            span=torch.full_like(ids[:, 0], NONE),
            place=torch.zeros_like(ids[:, 0]),
            last=torch.full_like(ids[:, 0], NONE),
            digits=digits,
            signs=signs,
            clinging=clinging,
            heed=heed,
        )
        tensors = [field.name for field in fields(cls) if field.name != "heed"]
        return replace(found, **{name: getattr(found, name).to(device) for name in tensors})

    def select(self, rows: Tensor) -> "CopyConstraints":
        """Some of them, in this order."""
        own = [field.name for field in fields(self) if field.name not in SHARED]
        return replace(self, **{name: getattr(self, name)[rows] for name in own})

    @property
    def missing(self) -> Tensor:
        """(B,) how many spans have yet to be said."""
        return (self.left & self.due).sum(dim=1)

    def guide(self, log_probs: Tensor, attention: Tensor) -> None:
        """Change what may be said next (B, V), with this attention (B, S), to what should be."""
        if self.heed:
            self._point(log_probs, attention)
        self._keep_numbers(log_probs)
        log_probs[:, EOS] -= OWED * (self.missing > 0)
        length = self._length()
        rows = ((self.place == length) & self._of_span(self.apart)).nonzero()[:, 0]
        log_probs[rows] = log_probs[rows].masked_fill(self.clinging, -torch.inf)
        self._go_on(log_probs, (self.place < length).nonzero()[:, 0])

    def goes_on(self, pieces: Tensor, attention: Tensor) -> "CopyConstraints":
        """After one more piece (B,), which was chosen with this attention (B, S)."""
        looked, within = self._looked(attention), self.place < self._length()
        begins = self.left & self._begins(pieces, looked) & ~within[:, None]
        begun = begins.any(dim=1)
        chosen = looked.masked_fill(~begins, NONE).argmax(dim=1)
        here = F.one_hot(chosen, self.left.shape[1]).bool() & begun[:, None]
        return replace(
            self,
            left=self.left & ~here,
            span=chosen.where(begun, self.span.where(within, NONE)),
            place=torch.where(begun, 1, self.place + 1),
            last=pieces,
        )

    def _length(self) -> Tensor:
        """(B,) pieces of the span that the last piece belongs to; 0 if there is none."""
        return self._of_span(self.lengths)

    def _of_span(self, table: Tensor) -> Tensor:
        """(B,) what a table (B, F) says of the span that the last piece belongs to, or 0."""
        value = table.gather(1, self.span.clamp(min=0)[:, None])[:, 0]
        return value.masked_fill(self.span == NONE, 0)

    def _go_on(self, log_probs: Tensor, rows: Tensor) -> None:
        """Leave in these rows only what goes on a span that is begun."""
        pieces = self.pieces[rows, self.span[rows], self.place[rows]]
        parted = rows[pieces == SIGN]
        log_probs[parted] = log_probs[parted].masked_fill(~self.signs, -torch.inf).log_softmax(1)
        told = rows[pieces != SIGN]
        log_probs[told] = -torch.inf
        log_probs[told, pieces[pieces != SIGN]] = 0.0

    def _looked(self, attention: Tensor) -> Tensor:
        """(B, F) the attention (B, S) on each span; added up in float64, so that it gives the same
        bits in whatever company."""
        return torch.bmm(attention[:, None].double(), self.source)[:, 0]

    def _begins(self, pieces: Tensor, looked: Tensor) -> Tensor:
        """(B, F) whether pieces (B,) are what spans begin with."""
        first = self.pieces[:, :, 0]
        digit = self._digit(first) == self._digit(pieces)[:, None]
        return torch.where(self.number, digit, (first == pieces[:, None]) & (looked >= SEEN))

    def _digit(self, pieces: Tensor) -> Tensor:
        """Which digits pieces are, of any shape, or NONE."""
        return self.digits[pieces.clamp(min=0)].masked_fill(pieces < 0, NONE)

    def _point(self, log_probs: Tensor, attention: Tensor) -> None:
        """Give the beginnings of due spans their share."""
        looked = self._looked(attention)
        looked /= looked.sum(dim=1, keepdim=True).clamp(min=1)  # two spans may share a piece
        share = self.heed * looked * (self.left & self.due)
        rows = (share.sum(dim=1) > 0).nonzero()[:, 0]
        share, space, first = share[rows], self.space[rows], self.pieces[rows, :, 0]
        spaced = (space != NONE) & (space != self.last[rows, None])
        first = space.where(spaced, first).clamp(min=0)
        rest = torch.log1p(-share.sum(dim=1, keepdim=True)).to(log_probs.dtype)
        pointed = torch.zeros_like(log_probs[rows]).scatter_add_(1, first, share.to(rest.dtype))
        log_probs[rows] = torch.logaddexp(log_probs[rows] + rest, pointed.log())

    def _keep_numbers(self, log_probs: Tensor) -> None:
        """Rule out, where the source has numbers, digits that begin none that is left, and any
        digit behind another."""
        digits = (self.digits != NONE).nonzero()[:, 0]
        first = self._digit(self.pieces[:, :, 0])
        behind = self._digit(self.last) != NONE
        wanted = self.left & self.number & ~behind[:, None]
        allowed = (first[:, None] == self.digits[digits][:, None]) & wanted[:, None]
        ruled_out = self.number.any(dim=1)[:, None] & ~allowed.any(dim=2)
        log_probs[:, digits] = log_probs[:, digits].masked_fill(ruled_out, -torch.inf)


@lru_cache(maxsize=1)
def _vocabulary(tokenizer: Tokenizer) -> tuple[Tensor, Tensor, Tensor]:
    """(V,) each: which digit a piece is, whether it may part digits, whether it clings."""
    signs = torch.tensor([text in PARTING for text in tokenizer.texts])
    return torch.tensor(tokenizer.digit_values), signs, torch.tensor(tokenizer.attaches_left)


def _find(ids: Ids, reworded: Set[str], tokenizer: Tokenizer, counts: Frequencies) -> list[Span]:
    """The spans of a source but those that are said in other words."""
    texts = [tokenizer.texts[piece] for piece in ids]
    return [span for span in find_spans(texts, counts) if span.text(texts) not in reworded]


def _said(ids: Ids, span: Span, tokenizer: Tokenizer, languages: tuple[str, str]) -> Ids:
    """The pieces that a span of a source is said with, SIGN for any sign between digits."""
    own = ids[span.start : span.end]
    if not span.number:
        return own
    texts = [tokenizer.texts[piece] for piece in ids]
    ends = [0, *accumulate(map(len, texts))]
    start, end = ends[span.start], ends[span.end]
    number = localise("".join(texts), start, end, *languages)
    parts = [number[ends[at] - start : ends[at + 1] - start] for at in range(span.start, span.end)]
    signs = _signs(tokenizer)
    return [
        piece if part == tokenizer.texts[piece] else signs[part]
        for piece, part in zip(own, parts, strict=True)
    ]


@lru_cache(maxsize=1)
def _signs(tokenizer: Tokenizer) -> dict[str, int]:
    """The piece of each sign between digits, SIGN for any."""
    return {ANY_SEPARATOR: SIGN} | {sign: tokenizer.encode(f"1{sign}1")[-2] for sign in PARTING}


def _table(spans: Sequence[Sequence[Span]], what: str) -> Tensor:
    """(B, F) something of each span; 0 where a sentence has fewer."""
    rows = [torch.tensor([int(getattr(span, what)) for span in some]).long() for some in spans]
    return pad_sequence(rows, batch_first=True)

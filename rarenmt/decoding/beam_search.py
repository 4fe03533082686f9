"""Beam search with GNMT's length and coverage penalties (Wu et al. 2016, section 7);
a beam of one is greedy search.

Shapes: B sentences still open · K beam · N = B·K hypotheses · V vocabulary · S source pieces.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from rarenmt.config import SearchConfig
from rarenmt.decoding.attribution import Attribution
from rarenmt.decoding.candidates import CandidateSet
from rarenmt.decoding.copying import CopyConstraints
from rarenmt.decoding.prefix import Prefix
from rarenmt.decoding.trace import Backpointer, SearchHistory, Trace
from rarenmt.memory.index.topk import top_k
from rarenmt.memory.memory import Memory
from rarenmt.model.seq2seq import MIN_BATCH_ROWS, Model
from rarenmt.text.batch import Source
from rarenmt.text.tokenizer import BOS, EOS, PAD, UNK

DUE = 2.0
"""Weight in the coverage penalty of a rare word that something remembered translates: of two
translations the one is preferred that does not pass it over."""

AGREED = 0.3
"""Weight of what the model alone thinks of the words of the memory, among translations that have
the same: *die Morgenrunde* is likelier to it than *den Morgenrunde*, however unlikely both are."""


@dataclass(frozen=True)
class Hypothesis:
    """A finished translation in pieces, without EOS."""

    pieces: list[int]
    score: float
    """log P / length penalty + coverage penalty."""
    missing: int
    """Spans of the source that it should have said as they stand, and has not."""
    traces: list[Trace]
    """One for each piece, where they were asked for."""
    owed: list[bool]
    """Which of the pieces came from the memory."""
    ending: Backpointer
    """Where it is in the history of its search."""


def length_penalty(length: Tensor | int, alpha: float) -> Tensor | float:
    """lp(Y) = ((5 + |Y|) / 6)^α, equation 14."""
    return ((5 + length) / 6) ** alpha


def coverage_penalty(coverage: Tensor, weights: Tensor) -> Tensor:
    """cp = Σ_s β_s log min(Σ_t weight(t, s), 1) for coverage (N, S), equation 14, with weights β
    (N, S); (N,). Added up in float64, so that it gives the same bits in whatever company."""
    logs = coverage.clamp(1e-3, 1.0).log()
    return (weights.double() * logs.double()).sum(dim=-1).float()


@dataclass(frozen=True)
class _Beam:
    """The open hypotheses of the open sentences and how they came about."""

    pieces: Tensor
    """(N, t)"""
    scores: Tensor
    """(N,) sums of log-probabilities"""
    coverage: Tensor
    """(N, S) attention received"""

    def extend(self, rows: Tensor, pieces: Tensor, scores: Tensor) -> "_Beam":
        """The hypotheses that continue `rows` with `pieces`."""
        pieces = torch.cat([self.pieces[rows], pieces[:, None]], dim=1)
        return _Beam(pieces, scores, self.coverage[rows])


def search(
    model: Model,
    source: Source,
    memory: Memory | None,
    config: SearchConfig,
    asked: CandidateSet | None = None,
    verbatim: CopyConstraints | None = None,
    history: SearchHistory | None = None,
) -> list[list[Hypothesis]]:
    """Up to `beam` translations of each sentence, best first; at least one, possibly empty.

    `asked` are the entries of the memory that these sentences may ask; without them it is read as
    the paper reads it. `verbatim` is what they say as it stands in the source. With a new
    `history`, which notes the steps, they say of each piece what it came from.
    """
    sentences = len(source.lengths)
    searched = max(sentences, _fewest(config.beam))
    company = torch.arange(max(searched, MIN_BATCH_ROWS), device=source.lengths.device) % sentences
    with torch.inference_mode():
        encoded = Source(source.ids[:, company], source.lengths[company])
        asked = asked and asked.select(company[:searched])
        verbatim = verbatim and verbatim.select(company[:searched])
        found = _Search(model, encoded, memory, config, asked, verbatim, searched, history)
        return found.run(sentences)


def _fewest(beam: int) -> int:
    """Sentences that give the decoder STEADY rows."""
    return -(-MIN_BATCH_ROWS // beam)


@dataclass(frozen=True)
class _Finished:
    """A hypothesis that came to its end."""

    pieces: list[int]
    score: float
    missing: int
    ending: Backpointer
    owed: list[bool]
    """Which of the pieces came from the memory."""
    belief: float
    """What the model thinks of these, by length."""

    @property
    def debt(self) -> Counter[int]:
        """The pieces that came from the memory."""
        return Counter(piece for piece, owed in zip(self.pieces, self.owed, strict=True) if owed)


class _Search:
    """One call of `search`, for the first `searched` sentences of a source: they leave it as
    they are done."""

    def __init__(
        self,
        model: Model,
        source: Source,
        memory: Memory | None,
        config: SearchConfig,
        asked: CandidateSet | None,
        verbatim: CopyConstraints | None,
        searched: int,
        history: SearchHistory | None,
    ) -> None:
        self.model, self.memory, self.config, self.asked = model, memory, config, asked
        self.finished: list[list[_Finished]] = [[] for _ in range(searched)]
        self.history = history
        self.open = torch.arange(searched, device=source.lengths.device)  # (B,)
        self.done = torch.zeros_like(self.open, dtype=torch.bool)
        self.mask = source.mask.t()[:searched]  # (B, S)
        self.lengths = source.lengths[:searched].tolist()
        self.limits = source.lengths[:searched] * config.longest_ratio + config.longest_extra
        attended, state = model.encode(source)
        if history is not None:
            history.begin(attended)
        rows = self.open.repeat_interleave(config.beam)
        self.attended, self.state = attended.select(rows), state.select(rows)
        self.beam = self._first_beam()
        self.begun = Prefix.nothing(rows)
        """(N,) how far the hypotheses have come, where entries with threads are asked."""
        self.debt = Attribution.nothing(rows)
        """Of the hypotheses (N,) to the memory."""
        self.verbatim = verbatim and verbatim.select(rows)
        self.said: Tensor | None = None
        """(N, S) source pieces whose remembered translation is written, if there are any."""

    def _first_beam(self) -> _Beam:
        """Empty hypotheses; all but the first of each sentence are out of the race."""
        device, count = self.open.device, len(self.open) * self.config.beam
        scores = torch.full((len(self.open), self.config.beam), -torch.inf, device=device)
        scores[:, 0] = 0
        nothing = torch.empty((count, 0), dtype=torch.long, device=device)
        coverage = torch.zeros((count, self.mask.shape[1]), device=device)
        return _Beam(nothing, scores.flatten(), coverage)

    def run(self, wanted: int) -> list[list[Hypothesis]]:
        """The translations of the first `wanted` sentences."""
        pieces = torch.full((len(self.beam.scores),), BOS, device=self.open.device)
        while not bool(self.done.all()):
            pieces = self._advance(pieces)
        best = [_rank(found)[: self.config.beam] for found in self.finished[:wanted]]
        endings = [finished.ending for found in best for finished in found]
        traces = iter(self.history.trace(endings) if self.history else [[]] * len(endings))
        return [
            [
                Hypothesis(f.pieces, f.score, f.missing, next(traces), f.owed, f.ending)
                for f in found
            ]
            for found in best
        ]

    def _advance(self, pieces: Tensor) -> Tensor:
        """One step for every open hypothesis; the pieces that were chosen."""
        attended = self.attended if self.said is None else self.attended.done(self.said)
        states, weights, state = self.model.step(pieces, self.state, attended)
        self.beam.coverage.add_(weights)
        ask = None
        if self.asked is not None:
            ask = partial(
                self.asked.read, begun=self.begun, attention=weights, untold=self._untold()
            )
        prediction = self.model.predict(states, self.memory, ask)
        if self.asked is not None:
            self.asked.end_words(prediction.log_probs, self.begun, self.debt.last)
        _forbid_circles(prediction.log_probs, self.beam.pieces)
        if self.verbatim is not None:
            self.verbatim.guide(prediction.log_probs, weights)
        self._forbid(prediction.log_probs)
        rows, nexts, scores = self._best(prediction.log_probs)
        ends = (nexts == EOS) & scores.isfinite()
        self._finish(rows, scores, ends)
        order = ends.long().argsort(dim=1, stable=True)  # those that go on, best first
        order = order[:, : self.config.beam]
        keep = self._kept()
        rows, nexts, scores = (
            part.gather(1, order)[keep].flatten() for part in (rows, nexts, scores)
        )
        if self.history is not None:
            self.history.note(prediction, weights, states.top, state, rows, nexts)
        self.beam = self.beam.extend(rows, nexts, scores)
        if self.verbatim is not None:
            self.verbatim = self.verbatim.select(rows).goes_on(nexts, weights[rows])
        if len(keep) < len(self.open):
            self.open, self.mask, self.limits = self.open[keep], self.mask[keep], self.limits[keep]
            self.done = self.done[keep]
            self.attended = self.attended.select(rows)
            self.asked = self.asked and self.asked.select(keep)
        if self.asked is not None:
            self.begun = self.begun.at(rows).goes_on(nexts, self.asked.joints)
            self.debt = self.debt.goes_on(prediction, rows, nexts)
            self.said = self._said(rows)
        self.state = state.select(rows)
        return nexts

    def _said(self, rows: Tensor) -> Tensor | None:
        """What is said now, where hypotheses in these rows went on."""
        before = None if self.said is None else self.said[rows]
        if self.asked is None or self.asked.due is None:
            return before
        now = self.asked.due.said(self.begun, self.beam.coverage)
        return before if now is None else now if before is None else before | now

    def _untold(self) -> Tensor:
        """(N, S) the attention that source pieces have had whose translation is not written yet, as
        far as it is known."""
        coverage = self.beam.coverage
        return coverage if self.said is None else coverage.masked_fill(self.said, 0.0)

    def _best(self, log_probs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Hypotheses, pieces and scores (B, 2K) of the best continuations of each sentence.

        Twice the beam, so that enough remain when some of them end.
        """
        width = self.config.beam
        count = min(2 * width, log_probs.shape[1])
        pieces = top_k(log_probs, count)  # (N, 2K)
        best = log_probs.gather(1, pieces)
        totals = (self.beam.scores[:, None] + best).view(-1, width * count)
        scores, cells = totals.topk(2 * width, dim=1)  # (B, 2K)
        offsets = torch.arange(len(self.open), device=cells.device)[:, None] * width
        return cells // count + offsets, pieces.view(-1, width * count).gather(1, cells), scores

    def _kept(self) -> Tensor:
        """Sentences to go on with: those not done, and done ones as company up to STEADY rows."""
        waiting = self.done.long().argsort(stable=True)
        open_ones = max(int((~self.done).sum()), _fewest(self.config.beam))
        return waiting[:open_ones].sort().values

    def _forbid(self, log_probs: Tensor) -> None:
        """Rule out what is no text and (at the length limit) going on."""
        log_probs[:, [PAD, BOS, UNK]] = -torch.inf
        full = (self.beam.pieces.shape[1] >= self.limits).repeat_interleave(self.config.beam)
        rows = full.nonzero()[:, 0]
        if len(rows):
            end = log_probs[rows, EOS].clamp(min=-1e4)
            log_probs[rows] = -torch.inf
            log_probs[rows, EOS] = end

    def _finish(self, rows: Tensor, scores: Tensor, ends: Tensor) -> None:
        """Note the hypotheses that end here, and which sentences need no further step."""
        candidates = ends[:, : self.config.beam] & ~self.done[:, None]  # none from outside the beam
        sentences, places = candidates.nonzero(as_tuple=True)
        if len(sentences):
            self._note(rows[sentences, places], scores[sentences, places], sentences)
        counts = torch.tensor([len(self.finished[i]) for i in self.open.tolist()])
        full = self.beam.pieces.shape[1] >= self.limits
        self.done |= (counts.to(full.device) >= self.config.beam) | full

    def _note(self, rows: Tensor, scores: Tensor, sentences: Tensor) -> None:
        config = self.config
        length = self.beam.pieces.shape[1] + 1
        coverage = self.beam.coverage
        penalty = coverage_penalty(coverage[rows], config.coverage * self.mask[sentences])
        if self.asked is not None and self.asked.due is not None:
            due = self.asked.due.seen(coverage)[rows]
            penalty += coverage_penalty(due, torch.full_like(due, DUE))
        final = scores / length_penalty(length, config.length) + penalty
        belief = self.debt.belief[rows] / length_penalty(length, config.length)
        missing = torch.zeros_like(rows)
        if self.verbatim is not None:
            missing = self.verbatim.missing[rows]
        owners = self.open[sentences].tolist()
        noted = zip(*(part.tolist() for part in (rows, final, missing, belief)), strict=True)
        for owner, (row, score, short, believed) in zip(owners, noted, strict=True):
            pieces: list[int] = self.beam.pieces[row].tolist()
            owed = self.debt.owed[row].tolist() if self.asked else [False] * len(pieces)
            ending = Backpointer(len(pieces), row, self.lengths[owner])
            done = _Finished(pieces, score, short, ending, owed, believed)
            self.finished[owner].append(done)


def _rank(found: Sequence[_Finished]) -> list[_Finished]:
    """Best first; of those that owe the memory no less than the best, what the model thinks of that
    decides too."""
    ranked = sorted(found, key=lambda each: -each.score)
    rivals = [each for each in ranked if each.debt >= ranked[0].debt]
    best = max(rivals, key=lambda each: each.score + AGREED * each.belief)
    return [best, *(each for each in ranked if each is not best)]


CIRCLE = 16
"""Pieces; a text that repeats itself for so long is going round in circles."""


def _forbid_circles(log_probs: Tensor, pieces: Tensor) -> None:
    """Rule out the piece that would let the end of a hypothesis repeat itself over CIRCLE pieces.

    Periods of up to five pieces; a number of many zeros or a triple word passes.
    """
    steps = pieces.shape[1]
    span = CIRCLE - 1
    if steps < span:
        return
    for period in range(1, 6):
        tail = pieces[:, steps - span :]
        circling = (tail[:, period:] == tail[:, :-period]).all(dim=1)
        if bool(circling.any()):
            log_probs[circling, pieces[circling, -period]] = -torch.inf

"""Beam search with GNMT's length and coverage penalties (Wu et al. 2016, section 7);
a beam of one is greedy search.

Shapes: B open sentences · K beam · N = B·K hypotheses · V vocabulary · S source pieces.
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
from rarenmt.model.attention import AttentionInputs
from rarenmt.model.seq2seq import MIN_BATCH_ROWS, Model
from rarenmt.text.batch import Source
from rarenmt.text.tokenizer import BOS, EOS, PAD, UNK


@dataclass(frozen=True)
class Hypothesis:
    """A finished translation in pieces, without EOS."""

    pieces: list[int]
    score: float
    """log P / length penalty + coverage penalty."""
    missing: int
    """Required spans of the source that it does not copy."""
    traces: list[Trace]
    """One for each piece, if the search has a history that keeps them."""
    from_memory: list[bool]
    """Which of the pieces came from the memory."""
    backpointer: Backpointer
    """Its position in the history of the search."""


def length_penalty(length: Tensor | int, alpha: float) -> Tensor | float:
    """lp(Y) = ((5 + |Y|) / 6)^α, equation 14."""
    return ((5 + length) / 6) ** alpha


def coverage_penalty(coverage: Tensor, weights: Tensor) -> Tensor:
    """cp = Σ_s β_s log min(Σ_t weight(t, s), 1), equation 14, for coverage (N, S) and weights β
    (N, S); (N,). Summed in float64, so that it gives the same bits in every batch."""
    logs = coverage.clamp(1e-3, 1.0).log()
    return (weights.double() * logs.double()).sum(dim=-1).float()


@dataclass(frozen=True)
class _Beam:
    """The open hypotheses of the open sentences."""

    pieces: Tensor
    """(N, t)"""
    scores: Tensor
    """(N,) sums of log-probabilities"""
    coverage: Tensor
    """(N, S) attention received"""

    def extend(self, rows: Tensor, pieces: Tensor, scores: Tensor) -> "_Beam":
        """Return the hypotheses that continue `rows` with `pieces`."""
        pieces = torch.cat([self.pieces[rows], pieces[:, None]], dim=1)
        return _Beam(pieces, scores, self.coverage[rows])


def search(
    model: Model,
    source: Source,
    memory: Memory | None,
    config: SearchConfig,
    candidates: CandidateSet | None = None,
    copying: CopyConstraints | None = None,
    history: SearchHistory | None = None,
) -> list[list[Hypothesis]]:
    """Return up to `beam` translations of each sentence, best first; at least one, possibly empty.

    Args:
        candidates: the memory entries to search for these sentences; by default the whole memory
            is read, as in the paper.
        copying: the spans to copy from these sentences.
        history: a new history, which records the steps and provides the traces.
    """
    sentences = len(source.lengths)
    searched = max(sentences, _min_sentences(config.beam))
    padding = torch.arange(max(searched, MIN_BATCH_ROWS), device=source.lengths.device) % sentences
    with torch.inference_mode():
        padded = Source(source.ids[:, padding], source.lengths[padding])
        candidates = candidates and candidates.select(padding[:searched])
        copying = copying and copying.select(padding[:searched])
        run = _BeamSearch(model, padded, memory, config, candidates, copying, searched, history)
        return run.run(sentences)


def _min_sentences(beam: int) -> int:
    """Return the number of sentences that give the decoder MIN_BATCH_ROWS rows."""
    return -(-MIN_BATCH_ROWS // beam)


@dataclass(frozen=True)
class _Finished:
    """A hypothesis that ended with EOS."""

    pieces: list[int]
    score: float
    missing: int
    backpointer: Backpointer
    from_memory: list[bool]
    """Which of the pieces came from the memory."""
    base_score: float
    """The base model's score of these, divided by the length penalty."""

    @property
    def memory_pieces(self) -> Counter[int]:
        """The pieces that came from the memory."""
        return Counter(p for p, kept in zip(self.pieces, self.from_memory, strict=True) if kept)


class _BeamSearch:
    """One call of `search`, for the first `searched` sentences of a source. A sentence leaves the
    batch when it is done."""

    def __init__(
        self,
        model: Model,
        source: Source,
        memory: Memory | None,
        config: SearchConfig,
        candidates: CandidateSet | None,
        copying: CopyConstraints | None,
        searched: int,
        history: SearchHistory | None,
    ) -> None:
        self.model, self.memory, self.config = model, memory, config
        self.candidates = candidates
        self.finished: list[list[_Finished]] = [[] for _ in range(searched)]
        self.history = history
        self.open = torch.arange(searched, device=source.lengths.device)  # (B,)
        self.done = torch.zeros_like(self.open, dtype=torch.bool)
        self.mask = source.mask.t()[:searched]  # (B, S)
        self.lengths = source.lengths[:searched].tolist()
        self.limits = source.lengths[:searched] * config.longest_ratio + config.longest_extra
        attention_inputs, state = model.encode(source)
        if history is not None:
            history.begin(attention_inputs)
        rows = self.open.repeat_interleave(config.beam)
        self.attention_inputs, self.state = attention_inputs.select(rows), state.select(rows)
        self.beam = self._first_beam()
        self.prefix = Prefix.empty(rows)
        """(N,) kept up to date only with candidates."""
        self.attribution = Attribution.empty(rows)
        """(N,) likewise."""
        self.copying = copying and copying.select(rows)
        self.translated: Tensor | None = None
        """(N, S) source pieces of constrained words whose translation is written, if any."""

    def _first_beam(self) -> _Beam:
        """Return empty hypotheses; all but the first of each sentence have a score of −inf."""
        device, count = self.open.device, len(self.open) * self.config.beam
        scores = torch.full((len(self.open), self.config.beam), -torch.inf, device=device)
        scores[:, 0] = 0
        pieces = torch.empty((count, 0), dtype=torch.long, device=device)
        coverage = torch.zeros((count, self.mask.shape[1]), device=device)
        return _Beam(pieces, scores.flatten(), coverage)

    def run(self, wanted: int) -> list[list[Hypothesis]]:
        """Return the translations of the first `wanted` sentences."""
        pieces = torch.full((len(self.beam.scores),), BOS, device=self.open.device)
        while not bool(self.done.all()):
            pieces = self._advance(pieces)
        weight = self.config.constraints.base_score_weight
        best = [_rank(found, weight)[: self.config.beam] for found in self.finished[:wanted]]
        ends = [finished.backpointer for found in best for finished in found]
        traces = iter(self.history.trace(ends) if self.history else [[]] * len(ends))
        return [
            [
                Hypothesis(f.pieces, f.score, f.missing, next(traces), f.from_memory, f.backpointer)
                for f in found
            ]
            for found in best
        ]

    def _advance(self, pieces: Tensor) -> Tensor:
        """Advance every open hypothesis by one step; return the chosen pieces."""
        states, weights, state = self.model.step(pieces, self.state, self._suppressed())
        self.beam.coverage.add_(weights)
        read, constraints = None, self.config.constraints
        if self.candidates is not None:
            read = partial(
                self.candidates.read,
                prefix=self.prefix,
                attention=weights,
                untranslated_attention=self._untranslated_attention(),
            )
        prediction = self.model.predict(states, self.memory, read)
        log_probs = prediction.log_probs
        if self.candidates is not None:
            last = self.attribution.last_from_memory
            self.candidates.penalize_incomplete_words(log_probs, self.prefix, last, constraints)
        _exclude_loops(log_probs, self.beam.pieces, constraints.loop_pieces)
        if self.copying is not None:
            self.copying.apply(log_probs, weights)
        self._exclude(log_probs)
        rows, next_pieces, scores = self._best(log_probs)
        ends = (next_pieces == EOS) & scores.isfinite()
        self._finish(rows, scores, ends)
        order = ends.long().argsort(dim=1, stable=True)  # open hypotheses first, best first
        order = order[:, : self.config.beam]
        keep = self._kept()
        rows, next_pieces, scores = (
            part.gather(1, order)[keep].flatten() for part in (rows, next_pieces, scores)
        )
        if self.history is not None:
            self.history.record(prediction, weights, states.top, state, rows, next_pieces)
        self.beam = self.beam.extend(rows, next_pieces, scores)
        if self.copying is not None:
            self.copying = self.copying.select(rows).advance(next_pieces, weights[rows])
        if len(keep) < len(self.open):
            self.open, self.mask, self.limits = self.open[keep], self.mask[keep], self.limits[keep]
            self.done = self.done[keep]
            self.attention_inputs = self.attention_inputs.select(rows)
            self.candidates = self.candidates and self.candidates.select(keep)
        if self.candidates is not None:
            boundaries = self.candidates.boundaries
            self.prefix = self.prefix.select(rows).advance(next_pieces, boundaries)
            self.attribution = self.attribution.advance(prediction, rows, next_pieces)
            self.translated = self._translated(rows)
        self.state = state.select(rows)
        return next_pieces

    def _suppressed(self) -> AttentionInputs:
        """Return the attention inputs, less attention to words whose translation is written."""
        if self.translated is None:
            return self.attention_inputs
        penalty = self.config.candidates.attention_suppression
        return self.attention_inputs.suppress(self.translated, penalty)

    def _translated(self, rows: Tensor) -> Tensor | None:
        """Return `translated` after the hypotheses in these rows were continued."""
        before = None if self.translated is None else self.translated[rows]
        if self.candidates is None or self.candidates.coverage is None:
            return before
        min_attention = self.config.constraints.translated_attention
        now = self.candidates.coverage.translated(self.prefix, self.beam.coverage, min_attention)
        return before if now is None else now if before is None else before | now

    def _untranslated_attention(self) -> Tensor:
        """(N, S) the attention so far to source pieces whose translation is not written, as far as
        that is known."""
        coverage = self.beam.coverage
        return coverage if self.translated is None else coverage.masked_fill(self.translated, 0.0)

    def _best(self, log_probs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return rows, pieces and scores (B, 2K) of the best continuations of each sentence.

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
        """Return the sentences that stay in the batch: the open ones, and done ones as padding up
        to MIN_BATCH_ROWS rows."""
        waiting = self.done.long().argsort(stable=True)
        count = max(int((~self.done).sum()), _min_sentences(self.config.beam))
        return waiting[:count].sort().values

    def _exclude(self, log_probs: Tensor) -> None:
        """Exclude special tokens and, at the length limit, everything but EOS."""
        log_probs[:, [PAD, BOS, UNK]] = -torch.inf
        full = (self.beam.pieces.shape[1] >= self.limits).repeat_interleave(self.config.beam)
        rows = full.nonzero()[:, 0]
        if len(rows):
            end = log_probs[rows, EOS].clamp(min=-1e4)
            log_probs[rows] = -torch.inf
            log_probs[rows, EOS] = end

    def _finish(self, rows: Tensor, scores: Tensor, ends: Tensor) -> None:
        """Store the hypotheses that end here, and mark the sentences that are done."""
        ended = ends[:, : self.config.beam] & ~self.done[:, None]  # none from outside the beam
        sentences, ranks = ended.nonzero(as_tuple=True)
        if len(sentences):
            self._store(rows[sentences, ranks], scores[sentences, ranks], sentences)
        counts = torch.tensor([len(self.finished[i]) for i in self.open.tolist()])
        full = self.beam.pieces.shape[1] >= self.limits
        self.done |= (counts.to(full.device) >= self.config.beam) | full

    def _store(self, rows: Tensor, scores: Tensor, sentences: Tensor) -> None:
        """Store the hypotheses in these rows as finished translations of open sentences."""
        config = self.config
        length = self.beam.pieces.shape[1] + 1
        coverage = self.beam.coverage
        penalty = coverage_penalty(coverage[rows], config.coverage * self.mask[sentences])
        if self.candidates is not None and self.candidates.coverage is not None:
            attended = self.candidates.coverage.attended(coverage)[rows]
            weights = torch.full_like(attended, config.constraints.constraint_weight)
            penalty += coverage_penalty(attended, weights)
        final = scores / length_penalty(length, config.length) + penalty
        base = self.attribution.base_score[rows] / length_penalty(length, config.length)
        missing = torch.zeros_like(rows)
        if self.copying is not None:
            missing = self.copying.missing[rows]
        owners = self.open[sentences].tolist()
        lists = zip(*(part.tolist() for part in (rows, final, missing, base)), strict=True)
        for owner, (row, score, lacking, base_score) in zip(owners, lists, strict=True):
            pieces: list[int] = self.beam.pieces[row].tolist()
            from_memory = [False] * len(pieces)
            if self.candidates is not None:
                from_memory = self.attribution.from_memory[row].tolist()
            backpointer = Backpointer(len(pieces), row, self.lengths[owner])
            done = _Finished(pieces, score, lacking, backpointer, from_memory, base_score)
            self.finished[owner].append(done)


def _rank(found: Sequence[_Finished], base_score_weight: float) -> list[_Finished]:
    """Sort by score, best first. Among those with at least the memory pieces of the best, the
    weighted base score of these pieces decides too."""
    ranked = sorted(found, key=lambda each: -each.score)
    rivals = [each for each in ranked if each.memory_pieces >= ranked[0].memory_pieces]
    best = max(rivals, key=lambda each: each.score + base_score_weight * each.base_score)
    return [best, *(each for each in ranked if each is not best)]


def _exclude_loops(log_probs: Tensor, pieces: Tensor, limit: int) -> None:
    """Exclude the piece with which the end of a hypothesis would repeat itself over `limit` pieces.

    Periods of up to five pieces; a number of many zeros or a triple word passes.
    """
    tail = pieces[:, pieces.shape[1] - limit + 1 :]
    if pieces.shape[1] < limit - 1:
        return
    for period in range(1, 6):
        loops = (tail[:, period:] == tail[:, :-period]).all(dim=1)
        if bool(loops.any()):
            log_probs[loops, pieces[loops, -period]] = -torch.inf

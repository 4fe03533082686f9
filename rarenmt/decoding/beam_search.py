"""Beam search with GNMT's length penalty (Wu et al. 2016, section 7); a beam of one is greedy
search.

Each step asks the model for the distribution of the next piece, hands it to a list of logits
processors, and keeps the best continuations.

Shapes: B open sentences · K beam · N = B·K hypotheses · V vocabulary · S source pieces.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from rarenmt.config import SearchConfig
from rarenmt.config.decoding import FIRST_ATTEMPT, AttemptConfig
from rarenmt.decoding.candidates import CandidateSet
from rarenmt.decoding.processors.copying import Copying, CopySpans
from rarenmt.decoding.processors.processor import LengthLimit, LogitsProcessor, LoopBlocker, Step
from rarenmt.decoding.processors.remembered import RememberedWords
from rarenmt.decoding.processors.required import RequiredWords, Requiring
from rarenmt.decoding.trace import Backpointer, SearchHistory, Trace
from rarenmt.memory.memory import Memory
from rarenmt.memory.topk import top_k
from rarenmt.model.query import DecoderStates
from rarenmt.model.seq2seq import MIN_BATCH_ROWS, Model, Prediction
from rarenmt.text.batch import Source
from rarenmt.text.tokenizer import BOS, EOS


@dataclass(frozen=True)
class Hypothesis:
    """A finished translation in pieces, without EOS."""

    pieces: list[int]
    score: float
    """log P / length penalty + coverage penalty."""
    missing: int
    """Required spans of the source that it does not copy."""
    from_memory: list[bool]
    """Which of the pieces came from the memory."""
    base_score: float
    """The base model's score of these, divided by the length penalty."""
    backpointer: Backpointer
    """Its position in the history of the search."""
    traces: list[Trace] = field(default_factory=list)
    """One for each piece, if the search has a history that keeps them."""

    @property
    def memory_pieces(self) -> Counter[int]:
        """The pieces that came from the memory."""
        return Counter(p for p, kept in zip(self.pieces, self.from_memory, strict=True) if kept)


def length_penalty(length: Tensor | int, alpha: float) -> Tensor | float:
    """lp(Y) = ((5 + |Y|) / 6)^α, equation 14."""
    return ((5 + length) / 6) ** alpha


def search(
    model: Model,
    source: Source,
    memory: Memory | None,
    config: SearchConfig,
    candidates: CandidateSet | None = None,
    spans: CopySpans | None = None,
    required: RequiredWords | None = None,
    attempt: AttemptConfig = FIRST_ATTEMPT,
    history: SearchHistory | None = None,
) -> list[list[Hypothesis]]:
    """Return up to `beam` translations of each sentence, best first; at least one, possibly empty.

    Args:
        candidates: the memory entries to search for these sentences; by default the whole memory
            is read, as in the paper.
        spans: the spans to copy from these sentences.
        required: the words of these sentences that must be translated.
        attempt: how much probability attention gives to spans and required words.
        history: a new history, which records the steps and provides the traces.
    """
    sentences = len(source.lengths)
    searched = max(sentences, _min_sentences(config.beam))
    padding = torch.arange(max(searched, MIN_BATCH_ROWS), device=source.lengths.device) % sentences
    with torch.inference_mode():
        padded = Source(source.ids[:, padding], source.lengths[padding])
        candidates = candidates and candidates.select(padding[:searched])
        copying = requiring = None
        if spans is not None:
            spans = spans.select(padding[:searched])
            copying = Copying(spans, config.beam, attempt.pointer_weight, config.constraints)
        if required is not None:
            required = required.select(padding[:searched])
            requiring = Requiring(required, config.beam, attempt.required_weight)
        run = _BeamSearch(
            model, padded, memory, config, candidates, copying, requiring, searched, history
        )
        return run.run(sentences)


def _min_sentences(beam: int) -> int:
    """Return the number of sentences that give the decoder MIN_BATCH_ROWS rows."""
    return -(-MIN_BATCH_ROWS // beam)


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
        copying: Copying | None,
        requiring: Requiring | None,
        searched: int,
        history: SearchHistory | None,
    ) -> None:
        self.model, self.memory, self.config, self.history = model, memory, config, history
        self.finished: list[list[Hypothesis]] = [[] for _ in range(searched)]
        self.lengths = source.lengths[:searched].tolist()
        attention_inputs, state = model.encode(source)
        if history is not None:
            history.begin(attention_inputs)
        self.open = torch.arange(searched, device=source.lengths.device)  # (B,)
        self.done = torch.zeros_like(self.open, dtype=torch.bool)
        rows = self.open.repeat_interleave(config.beam)
        self.attention_inputs, self.state = attention_inputs.select(rows), state.select(rows)
        self.pieces = torch.empty((len(rows), 0), dtype=torch.long, device=rows.device)  # (N, t)
        self.last = torch.full_like(rows, BOS)  # (N,) the pieces that the decoder reads next
        scores = torch.full((searched, config.beam), -torch.inf, device=rows.device)
        scores[:, 0] = 0  # a single empty hypothesis for each sentence
        self.scores = scores.flatten()  # (N,) sums of log-probabilities
        mask = source.mask.t()[:searched]
        self.remembered: RememberedWords | None = None
        if candidates is not None:
            self.remembered = RememberedWords(candidates, mask, config)
        self.copying = copying
        limits = source.lengths[:searched] * config.longest_ratio + config.longest_extra
        self.limit = LengthLimit(limits, config.beam)
        loops = LoopBlocker(config.constraints.loop_pieces)
        chain = (self.remembered, requiring, loops, copying, self.limit)
        self.processors: list[LogitsProcessor] = [each for each in chain if each is not None]

    def run(self, wanted: int) -> list[list[Hypothesis]]:
        """Return the translations of the first `wanted` sentences."""
        while not bool(self.done.all()):
            self._advance()
        weight = self.config.constraints.base_score_weight
        best = [_rank(found, weight)[: self.config.beam] for found in self.finished[:wanted]]
        if self.history is None:
            return best
        traces = iter(self.history.trace([each.backpointer for found in best for each in found]))
        return [[replace(each, traces=next(traces)) for each in found] for found in best]

    def _advance(self) -> None:
        """Advance every open hypothesis by one piece."""
        inputs, remembered = self.attention_inputs, self.remembered
        if remembered is not None:
            inputs = remembered.suppress(inputs)
        states, attention, state = self.model.step(self.last, self.state, inputs)
        if remembered is not None:
            remembered.attend(attention)
        step = Step(self.pieces, attention, self._predict(states, attention))
        for processor in self.processors:
            processor.process(step)
        rows, pieces, scores = self._best(step.prediction.log_probs)
        ends = (pieces == EOS) & scores.isfinite()
        self._finish(rows, scores, ends)
        order = ends.long().argsort(dim=1, stable=True)  # open hypotheses first, best first
        order = order[:, : self.config.beam]
        keep = self._kept()
        rows, pieces, scores = (
            part.gather(1, order)[keep].flatten() for part in (rows, pieces, scores)
        )
        if self.history is not None:
            self.history.record(step.prediction, attention, states.top, state, rows, pieces)
        self._drop(keep, rows)
        for processor in self.processors:
            processor.advance(step, rows, pieces)
        self.pieces = torch.cat([self.pieces[rows], pieces[:, None]], dim=1)
        self.last, self.scores, self.state = pieces, scores, state.select(rows)

    def _predict(self, states: DecoderStates, attention: Tensor) -> Prediction:
        """Return the distribution of the next piece after states (N, …), with the memory."""
        if self.remembered is None or self.memory is None:
            return self.model.predict(states, self.memory)
        queries = self.model.query(states)
        recall = self.remembered.read(queries, attention)
        return self.model.predict_with_memory(states, queries, recall, self.memory)

    def _best(self, log_probs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return rows, pieces and scores (B, 2K) of the best continuations of each sentence.

        Twice the beam, so that enough remain when some of them end.
        """
        width = self.config.beam
        count = min(2 * width, log_probs.shape[1])
        pieces = top_k(log_probs, count)  # (N, 2K)
        best = log_probs.gather(1, pieces)
        totals = (self.scores[:, None] + best).view(-1, width * count)
        scores, cells = totals.topk(2 * width, dim=1)  # (B, 2K)
        offsets = torch.arange(len(self.open), device=cells.device)[:, None] * width
        return cells // count + offsets, pieces.view(-1, width * count).gather(1, cells), scores

    def _kept(self) -> Tensor:
        """Return the sentences that stay in the batch: the open ones, and done ones as padding up
        to MIN_BATCH_ROWS rows."""
        waiting = self.done.long().argsort(stable=True)
        count = max(int((~self.done).sum()), _min_sentences(self.config.beam))
        return waiting[:count].sort().values

    def _drop(self, keep: Tensor, rows: Tensor) -> None:
        """Keep only these sentences, whose hypotheses continue `rows`."""
        if len(keep) < len(self.open):
            self.open, self.done = self.open[keep], self.done[keep]
            self.attention_inputs = self.attention_inputs.select(rows)
            for processor in self.processors:
                processor.keep(keep)

    def _finish(self, rows: Tensor, scores: Tensor, ends: Tensor) -> None:
        """Store the hypotheses that end here, and mark the sentences that are done."""
        ended = ends[:, : self.config.beam] & ~self.done[:, None]  # none from outside the beam
        sentences, ranks = ended.nonzero(as_tuple=True)
        if len(sentences):
            self._store(rows[sentences, ranks], scores[sentences, ranks], sentences)
        counts = torch.tensor([len(self.finished[i]) for i in self.open.tolist()])
        full = self.pieces.shape[1] >= self.limit.limits
        self.done |= (counts.to(full.device) >= self.config.beam) | full

    def _store(self, rows: Tensor, scores: Tensor, sentences: Tensor) -> None:
        """Store the hypotheses in these rows as finished translations of open sentences."""
        length = self.pieces.shape[1]
        normal = length_penalty(length + 1, self.config.length)
        final, base = scores / normal, torch.zeros_like(scores)
        from_memory = torch.zeros_like(self.pieces[rows], dtype=torch.bool)
        if self.remembered is not None:
            attribution = self.remembered.attribution
            final = final + self.remembered.penalty(rows)
            base, from_memory = attribution.base_score[rows] / normal, attribution.from_memory[rows]
        missing = torch.zeros_like(rows) if self.copying is None else self.copying.missing[rows]
        columns = (self.pieces[rows], final, missing, from_memory, base, rows, self.open[sentences])
        for *scored, row, owner in zip(*(column.tolist() for column in columns), strict=True):
            backpointer = Backpointer(length, row, self.lengths[owner])
            pieces, score, missed, kept, base_score = scored
            self.finished[owner].append(
                Hypothesis(pieces, score, missed, kept, base_score, backpointer)
            )


def _rank(found: Sequence[Hypothesis], base_score_weight: float) -> list[Hypothesis]:
    """Sort by score, best first. Among those with at least the memory pieces of the best, the
    weighted base score of these pieces decides too."""
    ranked = sorted(found, key=lambda each: -each.score)
    rivals = [each for each in ranked if each.memory_pieces >= ranked[0].memory_pieces]
    best = max(rivals, key=lambda each: each.score + base_score_weight * each.base_score)
    return [best, *(each for each in ranked if each is not best)]

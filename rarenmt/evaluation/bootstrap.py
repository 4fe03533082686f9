"""How far a figure may be chance: its 95 % interval over drawings of the test sentences.

Sentences are drawn again with replacement, as many as there are, 1,000 times (the bootstrap;
for BLEU: Koehn 2004, "Statistical Significance Tests for Machine Translation Evaluation"). Two
systems are compared on the same drawings, so what both find hard does not widen the interval of
their difference.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from sacrebleu.metrics.bleu import BLEU
from torch import Tensor

SAMPLES = 1000
OUTSIDE = SAMPLES // 40
"""Samples left out at either end: 2.5 %."""


@dataclass(frozen=True)
class Interval:
    """A figure, and where it lies in 95 % of the drawings."""

    value: float
    low: float
    high: float


def share(hits: Sequence[bool]) -> Interval | None:
    """Per cent of some tests that are hits; None where there are no tests."""
    return _mean([100.0 * hit for hit in hits])


def share_gain(before: Sequence[bool], after: Sequence[bool]) -> Interval | None:
    """Points by which `after` has more hits on the same tests; None where there are none."""
    return _mean([100.0 * (b - a) for a, b in zip(before, after, strict=True)])


def bleu_gain(before: Sequence[str], after: Sequence[str], references: Sequence[str]) -> Interval:
    """BLEU of the translations `after` less that of those `before`, of the same sentences, at
    least one, with a reference each."""
    old, new = _counts(before, references), _counts(after, references)

    def gain(drawn: Sequence[int]) -> float:
        times = torch.bincount(torch.tensor(drawn), minlength=len(references))
        return _bleu(times @ new) - _bleu(times @ old)

    return _drawn(gain, len(references))


def _mean(values: Sequence[float]) -> Interval | None:
    """The mean of a value of each test."""
    if not values:
        return None
    return _drawn(lambda drawn: sum(values[i] for i in drawn) / len(values), len(values))


def _drawn(figure: Callable[[Sequence[int]], float], count: int) -> Interval:
    """A figure of tests that are given by their numbers, 0 to `count` - 1."""
    rng, every = random.Random(0), range(count)
    samples = sorted(figure(rng.choices(every, k=count)) for _ in range(SAMPLES))
    return Interval(figure(list(every)), samples[OUTSIDE], samples[-OUTSIDE - 1])


def _counts(hypotheses: Sequence[str], references: Sequence[str]) -> Tensor:
    """What BLEU adds up over sentences (N, 2 + 2 · orders): lengths of hypothesis and reference,
    n-grams that match, and n-grams."""
    metric = BLEU(effective_order=True)  # counts alike, and does not warn of short sentences
    scores = [
        metric.sentence_score(hypothesis, [reference])
        for hypothesis, reference in zip(hypotheses, references, strict=True)
    ]
    return torch.tensor([[s.sys_len, s.ref_len, *s.counts, *s.totals] for s in scores])


def _bleu(counts: Tensor) -> float:
    """BLEU of a text whose sentences have these counts together."""
    hypothesis, reference, *ngrams = counts.tolist()
    orders = len(ngrams) // 2
    return BLEU.compute_bleu(ngrams[:orders], ngrams[orders:], hypothesis, reference, "exp").score

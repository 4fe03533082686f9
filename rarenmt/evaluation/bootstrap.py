"""95 % confidence intervals by bootstrap resampling of the test sentences.

As many sentences as there are, drawn with replacement, 1,000 times (for BLEU: Koehn 2004,
"Statistical Significance Tests for Machine Translation Evaluation"). Two systems are compared on
the same samples (paired bootstrap), so sentences that are hard for both do not widen the interval
of their difference.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from sacrebleu.metrics.bleu import BLEU
from torch import Tensor

SAMPLES = 1000
TAIL = SAMPLES // 40
"""Samples outside the interval at each end: 2.5 %."""


@dataclass(frozen=True)
class Interval:
    """A figure and its 95 % interval."""

    value: float
    low: float
    high: float


def rate(hits: Sequence[bool]) -> Interval | None:
    """Percentage of hits; None without tests."""
    return _mean([100.0 * hit for hit in hits])


def rate_gain(before: Sequence[bool], after: Sequence[bool]) -> Interval | None:
    """Difference of the percentages of hits on the same tests, in points; None without tests."""
    return _mean([100.0 * (b - a) for a, b in zip(before, after, strict=True)])


def bleu_gain(before: Sequence[str], after: Sequence[str], references: Sequence[str]) -> Interval:
    """BLEU of the translations `after` minus that of `before`, for one or more sentences."""
    old, new = _counts(before, references), _counts(after, references)

    def gain(drawn: Sequence[int]) -> float:
        times = torch.bincount(torch.tensor(drawn), minlength=len(references))
        return _bleu(times @ new) - _bleu(times @ old)

    return _interval(gain, len(references))


def _mean(values: Sequence[float]) -> Interval | None:
    """The mean of the values of the tests."""
    if not values:
        return None
    return _interval(lambda drawn: sum(values[i] for i in drawn) / len(values), len(values))


def _interval(figure: Callable[[Sequence[int]], float], count: int) -> Interval:
    """The interval of a figure, a function of test numbers from 0 to `count` - 1."""
    rng, numbers = random.Random(0), range(count)
    samples = sorted(figure(rng.choices(numbers, k=count)) for _ in range(SAMPLES))
    return Interval(figure(list(numbers)), samples[TAIL], samples[-TAIL - 1])


def _counts(hypotheses: Sequence[str], references: Sequence[str]) -> Tensor:
    """Sentence statistics of BLEU (N, 2 + 2 · orders): lengths of hypothesis and reference,
    matching n-grams, and n-grams."""
    metric = BLEU(effective_order=True)  # equal counts, without a warning for short sentences
    scores = [
        metric.sentence_score(hypothesis, [reference])
        for hypothesis, reference in zip(hypotheses, references, strict=True)
    ]
    return torch.tensor([[s.sys_len, s.ref_len, *s.counts, *s.totals] for s in scores])


def _bleu(counts: Tensor) -> float:
    """BLEU from summed sentence statistics."""
    hypothesis, reference, *ngrams = counts.tolist()
    orders = len(ngrams) // 2
    return BLEU.compute_bleu(ngrams[:orders], ngrams[orders:], hypothesis, reference, "exp").score

"""BLEU, chrF and TER with their sacrebleu signatures, so that others can repeat a number."""

from collections.abc import Sequence
from dataclasses import dataclass

from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF
from sacrebleu.metrics.ter import TER


@dataclass(frozen=True)
class Score:
    """One metric over a whole test set."""

    name: str
    value: float
    signature: str


def score(hypotheses: Sequence[str], references: Sequence[str]) -> list[Score]:
    """BLEU, chrF and TER of translations against one reference each."""
    scores = []
    for metric in (BLEU(), CHRF(), TER()):
        result = metric.corpus_score(hypotheses, [references])
        scores.append(Score(result.name, result.score, str(metric.get_signature())))
    return scores


def bleu(hypotheses: Sequence[str], references: Sequence[str]) -> float:
    """BLEU alone."""
    return BLEU().corpus_score(hypotheses, [references]).score

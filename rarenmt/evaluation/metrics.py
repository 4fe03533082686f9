"""BLEU, chrF and TER with their sacrebleu signatures, and recall of new words: R0 and R1 of
Simianer, Wuebker and DeNero 2019 (*Measuring Immediate Adaptation Performance for Neural Machine
Translation*, NAACL)."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF
from sacrebleu.metrics.ter import TER

from rarenmt.text.splitting import letter_runs


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


class NewWordRecall:
    """Recall of the reference words that no earlier segment contains (R0), or exactly one (R1).

    Counts are clipped: one occurrence of a word that the reference has twice is half a hit. Case
    counts.
    """

    def __init__(self) -> None:
        self._segments: Counter[str] = Counter()
        self._hits, self._totals = [0, 0], [0, 0]

    def observe(self, segment: str) -> None:
        """Count the words of a segment as seen."""
        self._segments.update(set(letter_runs(segment)))

    def score(self, translation: str, reference: str) -> None:
        """Count the new words of a reference, and those that the translation contains."""
        found = Counter(letter_runs(translation))
        for word, count in Counter(letter_runs(reference)).items():
            seen = self._segments[word]
            if seen < 2:
                self._hits[seen] += min(count, found[word])
                self._totals[seen] += count

    def recall(self, seen: int) -> float | None:
        """R0 or R1 in per cent; None without such words."""
        return 100 * self._hits[seen] / self._totals[seen] if self._totals[seen] else None

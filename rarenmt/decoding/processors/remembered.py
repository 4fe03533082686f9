"""Remembered words in a search: which entries each hypothesis may use, and how it continues.

Shapes: N hypotheses · S source pieces · D width of a key.
"""

import torch
from torch import Tensor

from rarenmt.config import SearchConfig
from rarenmt.decoding.attribution import Attribution
from rarenmt.decoding.candidates import CandidateSet
from rarenmt.decoding.coverage import Coverage
from rarenmt.decoding.prefix import LastWords
from rarenmt.decoding.processors.processor import LogitsProcessor, Step
from rarenmt.memory.memory import Recall
from rarenmt.model.attention import AttentionInputs


class RememberedWords(LogitsProcessor):
    """Retrieves the neighbours of each hypothesis, and writes remembered words to their end."""

    def __init__(self, candidates: CandidateSet, mask: Tensor, config: SearchConfig) -> None:
        """`mask`: (B, S) the source pieces of each sentence of the candidates."""
        self._candidates, self._config = candidates, config
        rows = torch.arange(len(mask), device=mask.device).repeat_interleave(config.beam)
        self._prefix = LastWords.empty(rows)
        self._attribution = Attribution.empty(rows)
        self._coverage = Coverage.empty(candidates.constrained_words, mask[rows])

    @property
    def attribution(self) -> Attribution:
        """(N,) the pieces that came from the memory."""
        return self._attribution

    def suppress(self, inputs: AttentionInputs) -> AttentionInputs:
        """Return attention inputs with less attention to words whose translation is written."""
        return self._coverage.suppress(inputs, self._config.candidates.attention_suppression)

    def attend(self, attention: Tensor) -> None:
        """Follow the attention (N, S) of a step, before `read`."""
        self._coverage = self._coverage.attend(attention)

    def read(self, queries: Tensor, attention: Tensor) -> Recall:
        """Return the neighbours of queries (N, D) at a step with this attention (N, S)."""
        return self._candidates.read(
            queries,
            self._prefix,
            attention,
            self._coverage.untranslated_attention,
            self._attribution.last_from_memory,
        )

    def process(self, step: Step) -> None:
        self._candidates.penalise_incomplete_words(
            step.prediction.log_probs,
            self._prefix,
            self._attribution.last_from_memory,
            self._config.constraints.incomplete_word_penalty,
        )

    def keep(self, sentences: Tensor) -> None:
        self._candidates = self._candidates.select(sentences)
        self._coverage = self._coverage.keep(sentences)

    def advance(self, step: Step, rows: Tensor, pieces: Tensor) -> None:
        self._prefix = self._prefix.select(rows).advance(pieces, self._candidates.boundaries)
        self._attribution = self._attribution.advance(step.prediction, rows, pieces)
        min_attention = self._config.constraints.translated_attention
        self._coverage = self._coverage.advance(rows, self._prefix, min_attention)

    def penalty(self, rows: Tensor) -> Tensor:
        """(F,) what is added to the scores of finished hypotheses (F,), at most 0, for constrained
        words that they skip; see `Coverage.penalty`."""
        return self._coverage.penalty(rows, self._config.constraints.constraint_weight)

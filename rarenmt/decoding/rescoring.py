"""Finished translations read again, with other pieces in some places.

Nothing is read twice that the search has read: it noted how the decoder stood before every piece,
and from there the model alone tells how likely other pieces are, and what follows behind them.

Shapes: D doubts · V vocabulary.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from rarenmt.decoding.beam_search import Hypothesis
from rarenmt.decoding.trace import DecoderSnapshot, SearchHistory
from rarenmt.model.seq2seq import MIN_BATCH_ROWS, Model
from rarenmt.text.batch import Ids, by_length, pad

BUDGET = 1000
"""Pieces times readings of one batch."""


@dataclass(frozen=True)
class Edit:
    """What might be said otherwise."""

    sentence: int
    """Number of its sentence."""
    place: int
    """Where it begins in the translation."""
    pieces: Ids
    """As it stands."""
    behind: Ids
    """What follows it, as far as that is read."""


D = TypeVar("D", bound=Edit)
T = TypeVar("T")

Choice = tuple[Ids, float]
"""Pieces for a doubt, and nats that speak for them."""


class Rescorer:
    """Of what a search found."""

    def __init__(self, model: Model, found: Sequence[Hypothesis], history: SearchHistory) -> None:
        self._model, self._found, self._history = model, found, history

    def settle(
        self, doubts: Sequence[D], choices: Callable[[D, Tensor], Sequence[Choice]]
    ) -> list[Ids]:
        """The best pieces for each doubt: those among its choices, where the model finds pieces so
        likely (V,), that it finds likeliest with what follows; as it stands, if there are none."""
        best = [(-torch.inf, doubt.pieces) for doubt in doubts]
        if not doubts:
            return []
        some = _in_company(doubts)
        standing = self._history.before(
            [doubt.sentence for doubt in some],
            [self._found[doubt.sentence].ending for doubt in some],
            [doubt.place for doubt in some],
        )
        likely = self._model.output(standing.top).float().log_softmax(dim=-1)
        readings = [
            (number, pieces, worth)
            for number, doubt in enumerate(doubts)
            for pieces, worth in choices(doubt, likely[number])
        ]
        texts = [(number, pieces, doubts[number].behind) for number, pieces, _ in readings]
        scores = self._read(texts, standing, likely)
        for (number, pieces, worth), score in zip(readings, scores, strict=True):
            best[number] = max(best[number], (score + worth, pieces), key=lambda each: each[0])
        return [pieces for _, pieces in best]

    def _read(
        self, texts: Sequence[tuple[int, Ids, Ids]], standing: DecoderSnapshot, likely: Tensor
    ) -> list[float]:
        """Nats that the model alone gives pieces and what follows, where the decoder stood so
        before the doubt of that number and found pieces so likely (D, V)."""
        read: dict[int, float] = {}
        device = likely.device
        for chosen in by_length([len(pieces + behind) for _, pieces, behind in texts], BUDGET):
            some = [texts[each] for each in _in_company(chosen)]
            rows = torch.tensor([number for number, _, _ in some], device=device)
            read_on = pad([pieces + behind for _, pieces, behind in some], device)
            states, _, _ = self._model.follow(
                read_on[:-1], standing.state.select(rows), standing.attended.select(rows)
            )
            further = self._model.output(states.top).float().log_softmax(dim=-1)
            further = further.gather(2, read_on[1:, :, None])[:, :, 0]
            nats = torch.cat([likely[rows, read_on[0]][None], further]).t().tolist()
            for each, (_, pieces, behind), row in zip(chosen, some, nats, strict=False):
                read[each] = sum(row[: len(pieces + behind)])
        return [read[each] for each in range(len(texts))]


def _in_company(few: Sequence[T]) -> list[T]:
    """The same, the last one over and over up to as many as give the same bits as more."""
    return [*few, *[few[-1]] * (MIN_BATCH_ROWS - len(few))]

"""What goes before a remembered word, read once more.

The decoder writes *den* before it knows that the memory will say *Verzichtserklärung*, and of the
few hypotheses of a search none may have kept *die*. So the finished translation is read with other
words in that place: those that translate the same word of the source. The model alone, which hardly
knows the word but does know how its pieces look behind each of them, says which is the likeliest.

Shapes: R readings · T pieces of the longest, EOS included · V vocabulary.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from rarenmt.batches import Ids, pair_batch
from rarenmt.lexicon import Lexicon
from rarenmt.model import STEADY, Model
from rarenmt.search import Hypothesis
from rarenmt.speech import Speech
from rarenmt.tokens import BOS, EOS, PAD, UNK, Tokenizer
from rarenmt.trace import Trace

RIVALS = 16
"""Pieces that the model finds likeliest in a place; other words are looked for among them."""

COMPANY = 1.0
"""Nats by which a word is preferred that the remembered word stands behind in its pair too."""


@dataclass(frozen=True)
class Reading:
    """A translation with another word in one place."""

    place: int
    piece: int
    """What stands there."""

    def of(self, pieces: Ids) -> Ids:
        """The translation read so."""
        return [*pieces[: self.place], self.piece, *pieces[self.place + 1 :]]


class Agreement:
    """Lets the words before remembered ones agree with them."""

    def __init__(self, model: Model, tokenizer: Tokenizer, lexicon: Lexicon) -> None:
        self._model, self._tokenizer, self._lexicon = model, tokenizer, lexicon

    def mend(self, source: Ids, found: Hypothesis, speech: Speech) -> Hypothesis:
        """The hypothesis for a source with the likeliest word before each that is owed to the
        memory, whose pairs say this `speech` (1, M)."""
        places = [place - 1 for place in self._beginnings(found)]
        if not places:
            return found
        likely = self._read(source, [found.pieces])[:, 0]
        heard = set(self._tokenizer.words(source))
        readings = [
            Reading(place, piece)
            for place in places
            for piece in self._rivals(found.pieces[place], likely[place], heard)
        ]
        if not readings:
            return found
        kept = [Reading(place, found.pieces[place]) for place in places]
        return _read_so(found, self._best(source, found.pieces, [*kept, *readings], speech))

    def _beginnings(self, found: Hypothesis) -> list[int]:
        """Where words begin that are owed to the memory, behind a word of one piece that is not."""
        behind = zip(found.pieces, found.owed, found.pieces[1:], found.owed[1:], strict=False)
        return [
            place
            for place, (before, lent, piece, owed) in enumerate(behind, start=1)
            if owed and not lent and self._is_word(before) and self._begins(piece)
        ]

    def _rivals(self, piece: int, likely: Tensor, heard: set[str]) -> list[int]:
        """The other words of one piece among the likeliest (V,) that translate a word `heard` in
        the source which this one translates."""
        meant = self._meant(piece, heard)
        likely = likely.clone()
        likely[[PAD, BOS, UNK, EOS, piece]] = -torch.inf
        rivals: list[int] = likely.topk(min(RIVALS, len(likely))).indices.tolist()
        return [
            rival
            for rival in rivals
            if self._is_word(rival)
            and self._is_capital(rival) == self._is_capital(piece)
            and meant & self._meant(rival, heard)
        ]

    def _best(
        self, source: Ids, pieces: Ids, readings: Sequence[Reading], speech: Speech
    ) -> list[Reading]:
        """The likeliest of the readings of each place, the first of equals."""
        texts = [reading.of(pieces) for reading in readings]
        outputs = torch.tensor([[*text, EOS] for text in texts], device=speech.values.device)
        likely = self._read(source, texts).gather(2, outputs.t()[:, :, None])[:, :, 0]  # (T, R)
        likelihoods = likely.double().sum(dim=0).tolist()
        best: dict[int, tuple[float, Reading]] = {}
        for reading, likelihood in zip(readings, likelihoods, strict=True):
            if speech.stands_behind(pieces[reading.place + 1], reading.piece):
                likelihood += COMPANY
            if reading.place not in best or likelihood > best[reading.place][0]:
                best[reading.place] = likelihood, reading
        return [reading for _, reading in best.values()]

    @torch.inference_mode()
    def _read(self, source: Ids, texts: Sequence[Ids]) -> Tensor:
        """What the model alone gives each next piece (T, R, V) of texts of one length, in nats; in
        company, so that one gives the same bits as many."""
        company = [texts[0]] * (STEADY - len(texts))
        device = self._model.embedding.weight.device
        batch = pair_batch([(source, text) for text in [*texts, *company]], device)
        top = self._model.unroll(batch).top[:, : len(texts)]
        return self._model.output(top).float().log_softmax(dim=-1)

    def _is_word(self, piece: int) -> bool:
        """Whether a piece is a word, if nothing goes on with it."""
        return self._begins(piece) and self._tokenizer.texts[piece].strip().isalpha()

    def _begins(self, piece: int) -> bool:
        return not self._tokenizer.inside[piece] and not self._tokenizer.signs[piece]

    def _is_capital(self, piece: int) -> bool:
        return self._tokenizer.texts[piece].strip()[:1].isupper()

    def _meant(self, piece: int, heard: set[str]) -> set[str]:
        """The words of those heard that a piece translates."""
        return self._lexicon.sources(self._tokenizer.word((piece,))) & heard


def _read_so(found: Hypothesis, readings: Sequence[Reading]) -> Hypothesis:
    """A hypothesis read so; what is new in it came from no memory."""
    pieces, traces = list(found.pieces), list(found.traces)
    for reading in readings:
        if pieces[reading.place] == reading.piece:
            continue
        pieces[reading.place] = reading.piece
        if traces:
            traces[reading.place] = Trace(traces[reading.place].attention, 0.0, [])
    return replace(found, pieces=pieces, traces=traces)

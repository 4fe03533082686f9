"""What goes before a remembered word, read once more.

The decoder writes *den* before it knows that the memory will say *Verzichtserklärung*, and of the
few hypotheses of a search none may have kept *die*. So the finished translation is read with other
words in that place: those that translate the same word of the source. The model alone, which hardly
knows the word but does know how its pieces look behind each of them, says which is the likeliest.

Shapes: P places of a text · V vocabulary.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from rarenmt.batches import Ids, by_length, pair_batch
from rarenmt.lexicon import Lexicon
from rarenmt.model import STEADY, Model
from rarenmt.search import Hypothesis
from rarenmt.speech import Speech
from rarenmt.tokens import BOS, EOS, PAD, UNK, Tokenizer
from rarenmt.trace import Trace

RIVALS = 8
"""Pieces that the model finds likeliest in a place; other words are looked for among them."""

COMPANY = 1.0
"""Nats by which a word is preferred that the remembered word stands behind in its pair too."""

BEYOND = 2
"""Pieces behind the remembered word that are read."""

BUDGET = 2000
"""Pieces times texts of one batch."""


Reading = tuple[int, Ids, Sequence[int]]
"""The number of a sentence, the beginning of a text for it, and the places in it that matter."""


class Agreement:
    """Lets the words before remembered ones agree with them."""

    def __init__(self, model: Model, tokenizer: Tokenizer, lexicon: Lexicon) -> None:
        self._model, self._tokenizer, self._lexicon = model, tokenizer, lexicon

    def mend(
        self, sources: Sequence[Ids], found: Sequence[Hypothesis], said: Sequence[Speech]
    ) -> list[Hypothesis]:
        """The hypotheses for some sources with the likeliest word before each due one that is owed
        to the memory, whose entries say so much of each of them (1, M)."""
        mended = list(found)
        places = list(map(self._places, sources, found, said))
        beginnings = [
            (i, each.pieces[: own[-1] + 1], own)
            for i, (each, own) in enumerate(zip(found, places, strict=True))
            if own
        ]
        readings = [
            reading
            for (i, _, own), likely in zip(beginnings, self._read(sources, beginnings), strict=True)
            for place, row in zip(own, likely, strict=True)
            for reading in self._readings(i, sources[i], found[i], place, row)
        ]
        best: dict[tuple[int, int], tuple[float, int]] = {}
        for (i, text, own), likely in zip(readings, self._read(sources, readings), strict=True):
            place, word = own[0], text[own[0]]
            outputs = torch.tensor(text[place:], device=likely.device)
            score = float(likely.gather(1, outputs[:, None]).double().sum())
            score += COMPANY * said[i].stands_behind(text[place + 1], word)
            if (i, place) not in best or score > best[i, place][0]:
                best[i, place] = score, word
        for (i, place), (_, word) in best.items():
            mended[i] = _with_word(mended[i], place, word)
        return mended

    def _places(self, source: Ids, found: Hypothesis, speech: Speech) -> list[int]:
        """Where words of one piece stand before due ones that are owed to the memory, and translate
        a word of the source."""
        behind = zip(found.pieces, found.owed, found.pieces[1:], found.owed[1:], strict=False)
        places = [
            place
            for place, (before, lent, piece, owed) in enumerate(behind)
            if owed and not lent and self._is_word(before) and speech.is_due(piece)
        ]
        heard = set(self._tokenizer.words(source)) if places else set()
        return [place for place in places if self._meant(found.pieces[place], heard)]

    def _readings(
        self, number: int, source: Ids, found: Hypothesis, place: int, likely: Tensor
    ) -> list[Reading]:
        """The text of a hypothesis as it is and with the rivals in a place, where the model finds
        pieces so likely (V,), as far as the remembered word and a little beyond; none without
        rivals."""
        rivals = self._rivals(found.pieces[place], likely, set(self._tokenizer.words(source)))
        if not rivals:
            return []
        end = place + 1
        while end < len(found.pieces) and found.owed[end]:
            end += 1
        text = [*found.pieces, EOS][: end + BEYOND]
        span = range(place, len(text))
        words = [text[place], *rivals]
        return [(number, [*text[:place], word, *text[place + 1 :]], span) for word in words]

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

    @torch.inference_mode()
    def _read(self, sources: Sequence[Ids], readings: Sequence[Reading]) -> list[Tensor]:
        """What the model alone gives the pieces (P, V) at the places of each reading, in nats; in
        company, so that one gives the same bits as many."""
        read: dict[int, Tensor] = {}
        device = self._model.embedding.weight.device
        for chosen in by_length([len(text) for _, text, _ in readings], BUDGET):
            company = [*chosen, *chosen[:1] * (STEADY - len(chosen))]
            some = [readings[number] for number in company]
            pairs = [(sources[i], text[:-1]) for i, text, _ in some]
            steps = torch.tensor([place for _, _, own in some for place in own], device=device)
            counts = [len(own) for _, _, own in some]
            rows = torch.arange(len(some), device=device)
            rows = rows.repeat_interleave(torch.tensor(counts, device=device))
            top = self._model.unroll(pair_batch(pairs, device)).top[steps, rows]
            likely = self._model.output(top).float().log_softmax(dim=-1)
            read.update(zip(company, likely.split(counts), strict=True))
        return [read[number] for number in range(len(readings))]

    def _is_word(self, piece: int) -> bool:
        """Whether a piece is a word, if nothing goes on with it."""
        return not self._tokenizer.inside[piece] and self._tokenizer.texts[piece].strip().isalpha()

    def _is_capital(self, piece: int) -> bool:
        return self._tokenizer.texts[piece].strip()[:1].isupper()

    def _meant(self, piece: int, heard: set[str]) -> set[str]:
        """The words of those heard that a piece translates."""
        return self._lexicon.sources(self._tokenizer.word((piece,))) & heard


def _with_word(found: Hypothesis, place: int, word: int) -> Hypothesis:
    """A hypothesis with a word in a place; if it is new, it came from no memory."""
    if found.pieces[place] == word:
        return found
    pieces, traces = list(found.pieces), list(found.traces)
    pieces[place] = word
    if traces:
        traces[place] = Trace(traces[place].attention, 0.0, [])
    return replace(found, pieces=pieces, traces=traces)

"""What goes before a remembered word, read once more.

The decoder writes *den* before it knows that the memory will say *Verzichtserklärung*, and of the
few hypotheses of a search none may have kept *die*. So the finished translation is read with other
words in that place: those that translate the same word of the source. The model alone, which hardly
knows the word but does know how its pieces look behind each of them, says which is the likeliest.

Shapes: P places · R readings · V vocabulary.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

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

BEYOND = 2
"""Pieces behind the remembered word that are read."""


class Agreement:
    """Lets the words before remembered ones agree with them."""

    def __init__(self, model: Model, tokenizer: Tokenizer, lexicon: Lexicon) -> None:
        self._model, self._tokenizer, self._lexicon = model, tokenizer, lexicon

    def mend(self, source: Ids, found: Hypothesis, speech: Speech) -> Hypothesis:
        """The hypothesis for a source with the likeliest word before each due one that is owed to
        the memory, whose pairs say this `speech` (1, M)."""
        places = self._places(found, speech)
        heard = set(self._tokenizer.words(source)) if places else set()
        places = [place for place in places if self._meant(found.pieces[place], heard)]
        if not places:
            return found
        likely = self._read(source, [found.pieces[: places[-1]]], places)[:, 0]
        words: dict[int, int] = {}
        for place, row in zip(places, likely, strict=True):
            rivals = self._rivals(found.pieces[place], row, heard)
            if rivals:
                words[place] = self._best(source, found, place, rivals, speech)
        return _read_so(found, words)

    def _places(self, found: Hypothesis, speech: Speech) -> list[int]:
        """Where words of one piece stand before due ones that are owed to the memory."""
        behind = zip(found.pieces, found.owed, found.pieces[1:], found.owed[1:], strict=False)
        return [
            place
            for place, (before, lent, piece, owed) in enumerate(behind)
            if owed and not lent and self._is_word(before) and speech.is_due(piece)
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
        self, source: Ids, found: Hypothesis, place: int, rivals: Sequence[int], speech: Speech
    ) -> int:
        """What is likeliest in a place, itself or a rival, as far as the remembered word and a
        little beyond; the first of equals."""
        end = place + 1
        while end < len(found.pieces) and found.owed[end]:
            end += 1
        pieces = [*found.pieces, EOS][: end + BEYOND]
        words = [pieces[place], *rivals]
        texts = [[*pieces[:place], word, *pieces[place + 1 :]] for word in words]
        read = self._read(source, [text[:-1] for text in texts], range(place, len(pieces)))
        outputs = torch.tensor(texts, device=read.device)[:, place:].t()  # (P, R)
        likelihoods = read.gather(2, outputs[:, :, None]).double().sum(dim=(0, 2)).tolist()
        scores = [
            likelihood + COMPANY * speech.stands_behind(pieces[place + 1], word)
            for likelihood, word in zip(likelihoods, words, strict=True)
        ]
        return words[scores.index(max(scores))]

    @torch.inference_mode()
    def _read(self, source: Ids, texts: Sequence[Ids], places: Sequence[int]) -> Tensor:
        """What the model alone gives the pieces (P, R, V) at these places of texts of one length
        that go on there, in nats; in company, so that one gives the same bits as many."""
        company = [texts[0]] * (STEADY - len(texts))
        device = self._model.embedding.weight.device
        batch = pair_batch([(source, text) for text in [*texts, *company]], device)
        top = self._model.unroll(batch).top[list(places)]
        return self._model.output(top).float().log_softmax(dim=-1)[:, : len(texts)]

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


def _read_so(found: Hypothesis, words: Mapping[int, int]) -> Hypothesis:
    """A hypothesis with these words in these places; what is new in it came from no memory."""
    pieces, traces = list(found.pieces), list(found.traces)
    for place, word in words.items():
        if traces and pieces[place] != word:
            traces[place] = Trace(traces[place].attention, 0.0, [])
        pieces[place] = word
    return replace(found, pieces=pieces, traces=traces)

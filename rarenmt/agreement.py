"""What goes before a remembered word, read once more.

The decoder writes *den* before it knows that the memory will say *Verzichtserklärung*, and of the
few hypotheses of a search none may have kept *die*. So the finished translation is read with other
words in that place: those that translate the same word of the source. The model alone, which hardly
knows the word but does know how its pieces look behind each of them, says which is the likeliest.

Shapes: D doubts · V vocabulary.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import torch
from torch import Tensor

from rarenmt.batches import Ids, by_length, pad
from rarenmt.excerpt import Excerpt
from rarenmt.lexicon import Lexicon
from rarenmt.model import STEADY, Model
from rarenmt.search import Hypothesis
from rarenmt.speech import Speech
from rarenmt.tokens import BOS, EOS, PAD, UNK, Tokenizer
from rarenmt.trace import History, Standing, Trace

T = TypeVar("T")

RIVALS = 8
"""Pieces that the model finds likeliest in a place; other words are looked for among them."""

COMPANY = 1.0
"""Nats by which a word is preferred that the remembered word stands behind in its pair too."""

BEYOND = 2
"""Pieces behind the remembered word that are read."""

BUDGET = 1000
"""Pieces times readings of one batch."""


@dataclass(frozen=True)
class _Doubt:
    """A word of one piece before a due one that is owed to the memory."""

    sentence: int
    """Number of its sentence."""
    place: int
    """Where it stands in the translation."""
    word: int
    behind: Ids
    """What follows it: the remembered word and a little beyond."""
    meant: set[str]
    """The words of the source that it translates."""
    said: Speech
    """What the memory says in its sentence (1, M)."""


Reading = tuple[int, int]
"""The number of a doubt, and a word for it."""


class Agreement:
    """Lets the words before remembered ones agree with them."""

    def __init__(self, model: Model, tokenizer: Tokenizer, lexicon: Lexicon) -> None:
        self._model, self._tokenizer, self._lexicon = model, tokenizer, lexicon

    @torch.inference_mode()
    def mend(
        self,
        sources: Sequence[Ids],
        found: Sequence[Hypothesis],
        asked: Excerpt,
        history: History,
    ) -> list[Hypothesis]:
        """What a search of this history found for some sources that ask such entries, with the
        likeliest word before each due one that is owed to them."""
        mended = list(found)
        doubts = [
            doubt
            for i, each in enumerate(found)
            if any(each.owed)
            for doubt in self._doubts(i, sources[i], each, asked.said_in(i))
        ]
        if not doubts:
            return mended
        some = _in_company(doubts)
        standing = history.before(
            [doubt.sentence for doubt in some],
            [found[doubt.sentence].ending for doubt in some],
            [doubt.place for doubt in some],
        )
        likely = self._model.output(standing.top).float().log_softmax(dim=-1)
        readings = [
            (number, word)
            for number, doubt in enumerate(doubts)
            for word in self._words(doubt, likely[number])
        ]
        best: dict[int, tuple[float, int]] = {}
        scores = self._read(readings, doubts, standing, likely)
        for (number, word), score in zip(readings, scores, strict=True):
            doubt = doubts[number]
            score += COMPANY * doubt.said.stands_behind(doubt.behind[0], word)
            if number not in best or score > best[number][0]:
                best[number] = score, word
        for number, (_, word) in best.items():
            i, place = doubts[number].sentence, doubts[number].place
            mended[i] = _with_word(mended[i], place, word)
        return mended

    def _doubts(
        self, number: int, source: Ids, found: Hypothesis, said: Speech
    ) -> Iterator[_Doubt]:
        """The words before due ones that are owed to the memory, in the sentence of this number, if
        they translate a word of it."""
        heard: set[str] | None = None
        behind = zip(found.pieces, found.owed, found.pieces[1:], found.owed[1:], strict=False)
        for place, (piece, lent, following, owed) in enumerate(behind):
            if owed and not lent and self._is_word(piece) and said.is_due(following):
                heard = set(self._tokenizer.words(source)) if heard is None else heard
                meant = self._sources(piece) & heard
                if meant:
                    yield _Doubt(number, place, piece, _behind(found, place), meant, said)

    def _words(self, doubt: _Doubt, likely: Tensor) -> Ids:
        """A doubted word and its rivals where the model finds pieces so likely (V,); none without
        rivals. They translate a word that it translates, and begin as it does with a capital letter
        or without."""
        likely = likely.clone()
        likely[[PAD, BOS, UNK, EOS, doubt.word]] = -torch.inf
        rivals = [
            rival
            for rival in likely.topk(min(RIVALS, len(likely))).indices.tolist()
            if self._is_word(rival)
            and self._is_capital(rival) == self._is_capital(doubt.word)
            and doubt.meant & self._sources(rival)
        ]
        return [doubt.word, *rivals] if rivals else []

    def _read(
        self,
        readings: Sequence[Reading],
        doubts: Sequence[_Doubt],
        standing: Standing,
        likely: Tensor,
    ) -> list[float]:
        """Nats that the model alone gives each word and what follows, where the decoder stood so
        before each doubt and found pieces so likely (D, V)."""
        read: dict[int, float] = {}
        device = likely.device
        for chosen in by_length([len(doubts[number].behind) for number, _ in readings], BUDGET):
            some = [readings[each] for each in _in_company(chosen)]
            texts = [[word, *doubts[number].behind] for number, word in some]
            rows = torch.tensor([number for number, _ in some], device=device)
            pieces = pad(texts, device)
            states, _, _ = self._model.follow(
                pieces[:-1], standing.state.select(rows), standing.attended.select(rows)
            )
            behind = self._model.output(states.top).float().log_softmax(dim=-1)
            behind = behind.gather(2, pieces[1:, :, None])[:, :, 0]
            nats = torch.cat([likely[rows, pieces[0]][None], behind]).t().tolist()
            for each, text, row in zip(chosen, texts, nats, strict=False):
                read[each] = sum(row[: len(text)])
        return [read[each] for each in range(len(readings))]

    def _is_word(self, piece: int) -> bool:
        """Whether a piece is a word, if nothing goes on with it."""
        return not self._tokenizer.inside[piece] and self._tokenizer.texts[piece].strip().isalpha()

    def _is_capital(self, piece: int) -> bool:
        return self._tokenizer.texts[piece].strip()[:1].isupper()

    def _sources(self, piece: int) -> set[str]:
        """The words that a word of one piece translates."""
        return self._lexicon.sources(self._tokenizer.word((piece,)))


def _in_company(few: list[T]) -> list[T]:
    """The same, the last one over and over up to as many as give the same bits as more."""
    return [*few, *few[-1:] * (STEADY - len(few))]


def _behind(found: Hypothesis, place: int) -> Ids:
    """What follows a place: the remembered word and BEYOND pieces."""
    end = place + 1
    while end < len(found.pieces) and found.owed[end]:
        end += 1
    return [*found.pieces, EOS][place + 1 : end + BEYOND]


def _with_word(found: Hypothesis, place: int, word: int) -> Hypothesis:
    """A hypothesis with a word in a place; if it is new, it came from no memory."""
    if found.pieces[place] == word:
        return found
    pieces, traces = list(found.pieces), list(found.traces)
    pieces[place] = word
    if traces:
        traces[place] = Trace(traces[place].attention, 0.0, [])
    return replace(found, pieces=pieces, traces=traces)

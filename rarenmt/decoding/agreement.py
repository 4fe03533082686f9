"""Whether a translation agrees with the remembered words in it.

*Verzichtserklärung* is said behind *den* as behind *die*: the memory knows its word, and among the
few hypotheses of a search none may have kept *die*. Nor does it know, who was shown *tablet* →
*Tablette*, how to say *two tablets*. So the finished translation is read again: where the sentence
has another form of a shown word, with other endings of its translation, and then with other words
before remembered ones, those that translate the same word of the source. The model alone, which
hardly knows a remembered word but does know how its pieces look behind each of them, says which is
the likeliest.

Shapes: V vocabulary.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from rarenmt.decoding.beam_search import Hypothesis
from rarenmt.decoding.candidates import CandidateSet
from rarenmt.decoding.continuation import Continuations
from rarenmt.decoding.rescoring import Choice, Edit, Rescorer
from rarenmt.decoding.trace import SearchHistory, Trace
from rarenmt.model.seq2seq import Model
from rarenmt.text.batch import Ids
from rarenmt.text.lexicon.cooccurrence import Cooccurrence
from rarenmt.text.lexicon.lexicon import Lexicon
from rarenmt.text.tokenizer import BOS, EOS, PAD, UNK, Tokenizer

RIVALS = 8
"""Pieces that the model finds likeliest in a place; other words are looked for among them."""

CHANGED = 2.0
"""Nats for another ending of a remembered word than was shown, where the sentence has another form
of what it translates."""

BEYOND = 2
"""Pieces behind the remembered word that are read."""

Edits = Mapping[tuple[int, int], tuple[int, Ids]]
"""By sentence and place how many pieces go from there, and what comes."""


@dataclass(frozen=True)
class _Before(Edit):
    """A word of one piece before a due one that is owed to the memory."""

    meant: set[str]
    """The words of the source that it translates."""
    following: int
    """The first piece of the due word, as it was shown."""
    said: Continuations
    """What the memory says in its sentence (1, M)."""


class Agreement:
    """Lets remembered words and those before them agree with the translation."""

    def __init__(
        self, model: Model, tokenizer: Tokenizer, lexicon: Lexicon, company: Cooccurrence
    ) -> None:
        self._model, self._tokenizer = model, tokenizer
        self._lexicon, self._company = lexicon, company

    @torch.inference_mode()
    def mend(
        self,
        sources: Sequence[Ids],
        found: Sequence[Hypothesis],
        asked: CandidateSet,
        history: SearchHistory,
    ) -> list[Hypothesis]:
        """What a search of this history found for some sources that ask such entries, with the
        likeliest endings of due words that are owed to them, and words before these."""
        rereading = Rescorer(self._model, found, history)
        said = {i: asked.said_in(i) for i, each in enumerate(found) if any(each.owed)}
        varied = [doubt for i, own in said.items() for doubt in self._varied(i, found[i], own)]
        ended = _edits(varied, rereading.settle(varied, self._endings))
        before = [
            doubt
            for i, own in said.items()
            for doubt in self._before(i, sources[i], found[i], own, ended)
        ]
        edits = {**ended, **_edits(before, rereading.settle(before, self._rivals))}
        return [_edited(i, each, edits) for i, each in enumerate(found)]

    def _varied(self, number: int, found: Hypothesis, said: Continuations) -> Iterator[Edit]:
        """The due words that are owed to the memory and translate another form of what was shown,
        in the sentence of this number."""
        end = 0
        for pieces in self._tokenizer.split_words(found.pieces):
            place, end = end, end + len(pieces)
            apart = place == 0 or self._tokenizer.texts[pieces[0]].startswith(" ")
            if apart and all(found.owed[place:end]) and said.is_varied(pieces[0]):
                yield Edit(number, place, pieces, [*found.pieces, EOS][end : end + BEYOND])

    def _endings(self, doubt: Edit, _: Tensor) -> list[Choice]:
        """A word as it was shown, and with other endings; nothing if it has none."""
        word = self._tokenizer.decode(doubt.pieces).strip()
        others = self._lexicon.inflections.other_forms(word) if word.isalpha() else ()
        spelt = [(self._tokenizer.encode(other), CHANGED) for other in others]
        return [(doubt.pieces, 0.0), *spelt] if spelt else []

    def _before(
        self, number: int, source: Ids, found: Hypothesis, said: Continuations, ended: Edits
    ) -> Iterator[_Before]:
        """The words before due ones that are owed to the memory, in the sentence of this number, if
        they translate a word of it."""
        heard: set[str] | None = None
        behind = zip(found.pieces, found.owed, found.pieces[1:], found.owed[1:], strict=False)
        for place, (piece, lent, following, owed) in enumerate(behind):
            if owed and not lent and self._is_word(piece) and said.is_due(following):
                heard = set(self._tokenizer.words(source)) if heard is None else heard
                meant = self._sources(piece) & heard
                if meant:
                    end = _end_of_owed(found, place + 1)
                    text = _text(number, [*found.pieces, EOS], ended, place + 1, end + BEYOND)
                    yield _Before(number, place, [piece], text, meant, following, said)

    def _rivals(self, doubt: _Before, likely: Tensor) -> list[Choice]:
        """A doubted word and its rivals where the model finds pieces so likely (V,); none without
        rivals. They translate a word that it translates, and begin as it does with a capital letter
        or without. Nats for what keeps company with the words that stood there when the remembered
        one was shown."""
        [word] = doubt.pieces
        likely = likely.clone()
        likely[[PAD, BOS, UNK, EOS, word]] = -torch.inf
        rivals = [
            rival
            for rival in likely.topk(min(RIVALS, len(likely))).indices.tolist()
            if self._is_word(rival)
            and self._is_capital(rival) == self._is_capital(word)
            and doubt.meant & self._sources(rival)
        ]
        if not rivals:
            return []
        shown = doubt.said.stands_behind(doubt.following)
        return [([each], self._fitting(shown, each)) for each in [word, *rivals]]

    def _fitting(self, shown: Ids, piece: int) -> float:
        """Nats for a word of one piece where others, of one piece each, were shown; the mean over
        them, for what was shown twice is no surer."""
        texts = self._tokenizer.texts
        nats = [self._company.score(texts[each].strip(), texts[piece].strip()) for each in shown]
        return sum(nats) / max(1, len(nats))

    def _is_word(self, piece: int) -> bool:
        """Whether a piece is a word, if nothing goes on with it."""
        return (
            not self._tokenizer.continues_word[piece]
            and self._tokenizer.texts[piece].strip().isalpha()
        )

    def _is_capital(self, piece: int) -> bool:
        return self._tokenizer.texts[piece].strip()[:1].isupper()

    def _sources(self, piece: int) -> set[str]:
        """The words that a word of one piece translates."""
        return self._lexicon.sources(self._tokenizer.word_text((piece,)))


def _end_of_owed(found: Hypothesis, place: int) -> int:
    """Where what is owed to the memory from a place on ends."""
    while place < len(found.pieces) and found.owed[place]:
        place += 1
    return place


def _edits(doubts: Sequence[Edit], settled: Sequence[Ids]) -> Edits:
    """What changes."""
    return {
        (doubt.sentence, doubt.place): (len(doubt.pieces), pieces)
        for doubt, pieces in zip(doubts, settled, strict=True)
        if pieces != doubt.pieces
    }


def _text(number: int, pieces: Ids, edits: Edits, start: int, end: int) -> Ids:
    """The pieces of a sentence from a place to another, edited."""
    text: Ids = []
    place = start
    while place < min(end, len(pieces)):
        gone, new = edits.get((number, place), (1, [pieces[place]]))
        text += new
        place += gone
    return text


def _edited(number: int, found: Hypothesis, edits: Edits) -> Hypothesis:
    """The hypothesis for a sentence with other pieces: of a word that is owed to the memory all
    are, and come from what its last ones came from; others from no memory."""
    pieces, owed, traces = list(found.pieces), list(found.owed), list(found.traces)
    own = sorted((place, edit) for (i, place), edit in edits.items() if i == number)
    for place, (gone, new) in reversed(own):
        due = owed[place]
        pieces[place : place + gone] = new
        owed[place : place + gone] = [due] * len(new)
        if traces:
            old = traces[place : place + gone]
            kept = (old + old[-1:] * len(new))[: len(new)]
            traces[place : place + gone] = (
                kept if due else [Trace(each.attention, 0.0, []) for each in kept]
            )
    return replace(found, pieces=pieces, owed=owed, traces=traces) if own else found

"""Write the words that an earlier translation of the same sentence lost.

For each lost word its usual translations are known. While none of them is written, part of the
probability goes to their pieces, by the attention to the lost word (a pointer-generator, See, Liu
and Manning 2017, equation 9, over a lexicon), and the end of the sentence is penalised by the cost
of the loss. The model chooses among the translations, and decides where a word ends: first pieces
take probability only from pieces that begin a word, too.

Shapes: B sentences · N = B·R hypotheses, R per sentence · W lost words of a sentence · K target
words of a lost word, in lower case and with a capital letter · P pieces of them together · S source
pieces · V vocabulary.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from rarenmt.decoding.prefix import LastWords
from rarenmt.decoding.processors.processor import LogitsProcessor, Step
from rarenmt.text.tokenizer import EOS, Tokenizer
from rarenmt.text.words import WordBoundaries

NONE = -1
"""Used in place of a piece or word: there is none."""

BEGINNING = -2
"""Used in place of the prefix of a first piece: any complete word."""


@dataclass(frozen=True)
class RequiredWord:
    """A source word of which a translation must be written."""

    pieces: range
    """Its pieces in the source."""
    translations: Sequence[str]
    """Lower-case target words, any of which will do."""
    nats: float
    """The penalty for having none."""


@dataclass(frozen=True)
class RequiredWords:
    """The required words of each sentence of a batch."""

    source: Tensor
    """(B, S, W) 1 where a source piece belongs to a word, in float64."""
    pieces: Tensor
    """(B, W, P) the pieces of the translations; padded with NONE."""
    prefixes: Tensor
    """(B, W, P) the hash of the pieces before each in its word; BEGINNING for first pieces."""
    words: Tensor
    """(B, W, K) the hashes of the translations; padded with NONE."""
    nats: Tensor
    """(B, W) the penalties; padded with 0."""
    boundaries: WordBoundaries

    @classmethod
    def from_words(
        cls,
        sentences: Sequence[Sequence[RequiredWord]],
        source_length: int,
        tokenizer: Tokenizer,
        boundaries: WordBoundaries,
    ) -> "RequiredWords | None":
        """The required words of sentences whose sources have up to `source_length` pieces, EOS
        included; None if there are none."""
        width = max(map(len, sentences), default=0)
        if not width:
            return None
        spelt = [
            [[_prefixes(tokenizer.encode(spelling), boundaries) for spelling in _spellings(word)]
             for word in words]
            for words in sentences
        ]  # fmt: skip
        source = torch.zeros(len(sentences), source_length, width, dtype=torch.float64)
        nats = torch.zeros(len(sentences), width)
        for row, words in enumerate(sentences):
            for column, word in enumerate(words):
                source[row, list(word.pieces), column] = 1
                nats[row, column] = word.nats
        device = boundaries.continues_word.device
        pieces, prefixes = (
            _pad([[[each[part] for word in words for each in word] for words in row]
                  for row in spelt], width).to(device)
            for part in range(2)
        )  # fmt: skip
        hashes = _pad([[[word[-1][2] for word in words] for words in row] for row in spelt], width)
        hashes = hashes.to(device)
        return cls(source.to(device), pieces, prefixes, hashes, nats.to(device), boundaries)

    def select(self, sentences: Tensor) -> "RequiredWords":
        """The required words of some sentences."""
        names = ("source", "pieces", "prefixes", "words", "nats")
        return replace(self, **{name: getattr(self, name)[sentences] for name in names})


class Requiring(LogitsProcessor):
    """Leads each hypothesis of a batch to its required words."""

    def __init__(self, required: RequiredWords, beam: int, pointer_weight: float) -> None:
        """`pointer_weight`: probability that full attention to a required word gives to its
        translations."""
        self._beam, self._pointer_weight = beam, pointer_weight
        self._required = required
        self._left = (required.nats > 0).repeat_interleave(beam, dim=0)
        self._prefix = LastWords.empty(torch.zeros_like(self._left[:, 0], dtype=torch.long))

    def process(self, step: Step) -> None:
        log_probs, required = step.prediction.log_probs, self._required
        by_sentence = step.attention.view(len(required.source), -1, step.attention.shape[1])
        received = torch.bmm(by_sentence.double(), required.source).flatten(0, 1) * self._left
        nats = required.nats.repeat_interleave(self._beam, dim=0)
        self._point(log_probs, self._pointer_weight * received.clamp(max=1.0))
        log_probs[:, EOS] -= (nats * self._left).sum(dim=1)

    def keep(self, sentences: Tensor) -> None:
        self._required = self._required.select(sentences)

    def advance(self, step: Step, rows: Tensor, pieces: Tensor) -> None:
        self._prefix = self._prefix.select(rows).advance(pieces, self._required.boundaries)
        words = self._required.words.repeat_interleave(self._beam, dim=0)
        written = (words == self._prefix.word[:, None, None]).any(dim=2)
        self._left = self._left[rows] & ~written

    def _point(self, log_probs: Tensor, share: Tensor) -> None:
        """Move probability (N, W) to the pieces that may follow, as the model distributes it among
        them."""
        rows = (share.sum(dim=1) > 0).nonzero()[:, 0]
        if not len(rows):
            return
        pieces, inside = self._following(rows)
        share = share[rows] / share[rows].sum(dim=1, keepdim=True).clamp(min=1.0)
        share = (share * (pieces != NONE).any(dim=2)).to(log_probs.dtype)
        begins = (share * ~inside).sum(dim=1, keepdim=True)
        rest = (1 - (share * inside).sum(dim=1, keepdim=True)).clamp(min=0.0)
        old = log_probs[rows].exp()
        beginning = ~self._required.boundaries.continues_word
        mass = (old * beginning).sum(dim=1, keepdim=True)
        among = old.gather(1, pieces.clamp(min=0).flatten(1)).view(pieces.shape)
        among = among * (pieces != NONE)
        among = among / among.sum(dim=2, keepdim=True).clamp(min=1e-30)
        moved = share * torch.where(inside, 1.0, rest * mass)
        new = old * rest * (1 - begins * beginning)
        new.scatter_add_(1, pieces.clamp(min=0).flatten(1), (among * moved[:, :, None]).flatten(1))
        log_probs[rows] = new.log()

    def _following(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """The pieces (n, W, P) of the required words that may follow n hypotheses, the others NONE,
        and whether they are inside a word (n, W)."""
        written = self._prefix.word[rows, None, None]
        pieces, prefixes = (
            table[rows // self._beam] for table in (self._required.pieces, self._required.prefixes)
        )
        continues = prefixes == written
        begins = (prefixes == BEGINNING) & (written != self._required.boundaries.space)
        inside = continues.any(dim=2)
        return pieces.where(continues.where(inside[:, :, None], begins), NONE), inside


def _spellings(word: RequiredWord) -> list[str]:
    """The translations in lower case and with a capital letter."""
    both = (spelling for each in word.translations for spelling in (each, each.capitalize()))
    return list(dict.fromkeys(both))


def _prefixes(pieces: Sequence[int], boundaries: WordBoundaries) -> list[tuple[int, int, int]]:
    """Each piece of a word that stands alone, with the hash of the word before and after it."""
    prefix, found = LastWords.empty(torch.zeros(1, dtype=torch.long)), []
    for position, piece in enumerate(pieces):
        before = int(prefix.word) if position else BEGINNING
        prefix = prefix.advance(torch.tensor([piece]), boundaries)
        found.append((piece, before, int(prefix.word)))
    return found


def _pad(rows: Sequence[Sequence[Sequence[int]]], width: int) -> Tensor:
    """(B, width, longest) numbers, padded with NONE."""
    longest = max(len(numbers) for row in rows for numbers in row)
    padded = torch.full((len(rows), width, longest), NONE)
    for row, columns in enumerate(rows):
        for column, numbers in enumerate(columns):
            padded[row, column, : len(numbers)] = torch.tensor(numbers)
    return padded

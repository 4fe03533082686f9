"""The entries of a memory that have something to do with a sentence.

A sentence asks only the remembered pairs that `relevance` found for it, so that nothing
unrelated leaks in and the cost does not grow with the memory. An entry knows where in the sentence
stands what its word translates: nowhere, and it is mute; where the attention lies, and it is as
near as can be.

Shapes: B sentences · M entries of a sentence that may speak · R rows a sentence · K neighbours ·
D width of a key · S source pieces.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from rarenmt.decoding.continuation import HEARD, Continuations, Neighbours, first
from rarenmt.decoding.coverage import ConstraintCoverage
from rarenmt.decoding.padded_keys import PaddedKeys
from rarenmt.decoding.prefix import EntryPrefixes, Prefix
from rarenmt.memory.memory import ELSEWHERE, EMPTY, SAME_WORD, Memory, Recall
from rarenmt.text.words import WordBoundaries

LOOKED = 0.1
"""Attention that what a word translates has had so far, from which an entry begins the word. A gate
that trusts the memory because the model is at a loss would say it anywhere."""


@dataclass(frozen=True)
class CandidateSet:
    """The entries that each sentence of a batch may ask."""

    keys: PaddedKeys
    """In float32."""
    speech: Continuations
    """What they say."""
    places: Tensor | None
    """(B, M, S) where in its sentence stands what the word of each entry translates, if that is
    known."""
    due: ConstraintCoverage | None
    """The rare words of the sentences that entries translate."""
    asked: Continuations
    """The same of all entries of the pairs, those too that have nothing to say in a sentence: their
    words end all the same."""
    neighbours: int

    @classmethod
    def of(
        cls,
        memory: Memory,
        threads: EntryPrefixes,
        chosen: Sequence[Tensor],
        places: Sequence[Tensor] | None = None,
        due: Sequence[Tensor] | None = None,
        close: Sequence[Tensor] | None = None,
        bound: Sequence[Tensor] | None = None,
        varied: Sequence[Tensor] | None = None,
    ) -> "CandidateSet":
        """The entries in the chosen slots (≤ A,) of each sentence, the `places` (≤ A, S) in it of
        what their words translate, the numbers (S,) of its `due` words, which (≤ A,) are of pairs
        that are `close` to it, to how many words (≤ A,) they are `bound`, and which (≤ A,) are
        `varied`: the sentence has another form of what they translate. Entries without a place are
        mute, but still end their words; and where one that begins a word is the nearest, the memory
        has nothing to say."""
        device = memory.values.device
        threads = threads.to(device)
        asked = Continuations.of(memory, threads, _pad(chosen).to(device))
        near, heard, told = list(chosen), None, [close, bound, varied]
        if places is not None:
            begin = ~asked.inside.cpu()
            speak = [
                own.any(dim=1) | row[: len(own)] for own, row in zip(places, begin, strict=True)
            ]
            near = _those(near, speak)
            told = [some and _those(some, speak) for some in told]
            heard = _stack(_those(places, speak)).to(device)
        padded = [None if some is None else _pad(some, value=0).to(device) for some in told]
        speech = Continuations.of(memory, threads, _pad(near).to(device), *padded)
        known = None
        if due is not None and heard is not None:
            known = ConstraintCoverage.of(due, speech.words, heard)
            speech = replace(speech, wanted=torch.bmm(heard.double(), known.pieces).any(dim=2))
        return cls(
            PaddedKeys.of(memory.keys, speech.slots),
            speech,
            heard,
            known,
            asked,
            min(memory.config.neighbours, HEARD),
        )

    @property
    def joints(self) -> WordBoundaries:
        """How the pieces join to words."""
        return self.speech.joints

    def end_words(self, log_probs: Tensor, begun: Prefix, owed: Tensor) -> None:
        """Let remembered words end where they do; see `Speech.end_words`."""
        self.asked.end_words(log_probs, begun.word, owed)

    def said_in(self, sentence: int) -> Continuations:
        """What the entries say of one of the sentences."""
        return self.speech.select(torch.tensor([sentence], device=self.speech.slots.device))

    def select(self, sentences: Tensor) -> "CandidateSet":
        """The same for some of the sentences."""
        speech = self.speech.select(sentences)
        longest = speech.slots.shape[1]
        return replace(
            self,
            keys=self.keys.select(sentences),
            speech=speech,
            places=None if self.places is None else self.places[sentences, :longest],
            due=self.due and self.due.select(sentences),
            asked=self.asked.select(sentences),
        )

    def read(
        self, queries: Tensor, begun: Prefix, attention: Tensor, untold: Tensor | None = None
    ) -> Recall:
        """The neighbours of queries (B·R, D), R for each sentence in turn, where so much is
        written (B·R,) and the attention (B·R, S) lies so. An entry that goes on from there is
        nearer by THREAD, or LONGER beside; one that begins a word is so much nearer to 1 as what
        it translates is attended to. One that goes on from nothing says nothing where that has had
        less than LOOKED of what is `untold` (B·R, S), the attention that the source pieces have had
        so far whose translation is not written yet."""
        sentences, entries = self.speech.slots.shape
        with torch.autocast(queries.device.type, enabled=False):
            queries = queries.float()
            with torch.no_grad():
                grouped = queries.view(sentences, -1, queries.shape[1])
                written = Prefix(*(part.view(sentences, -1) for part in begun))
                bonus, thread = self.speech.goes_on(written)
                attended = self._attended(attention.view(*thread.shape[:2], -1), thread)
                if entries <= self.neighbours:  # all of them are: no need to look
                    found = torch.arange(entries, device=bonus.device).expand_as(bonus)
                else:
                    coarse = self.keys.products(grouped, entries)  # (B, R, M)
                    coarse = _raise(coarse.clamp(min=-1), attended) + bonus
                    found = first(coarse, self.neighbours).sort(dim=-1).values
            rows = (found + self.keys.starts[:, None, None]).flatten(0, 1)  # (B·R, K)
            begin = entries * torch.arange(sentences, device=found.device)[:, None, None]
            numbers = (found + begin).flatten(0, 1)  # among the entries of all sentences
            found = found.flatten(0, 1)
            # Not `rows[…]`, which is four times as slow.
            nearest = self.keys.rows.index_select(0, rows.flatten()).view(*rows.shape, -1)
            # Not a matrix product: a sum gives the same bits in whatever company.
            cosine = (queries[:, None] * nearest).sum(dim=-1)
            similarity = _raise(cosine, attended.flatten(0, 1).gather(1, found))
            similarity = similarity + bonus.flatten(0, 1).gather(1, found)
        thread, mute = thread.flatten(0, 1).gather(1, found), self.mute.take(numbers)
        if untold is not None and self.places is not None:
            places = self.places[numbers // entries, found]  # (B·R, K, S)
            alone = (thread == ELSEWHERE) | self.speech.opens.take(numbers)
            alone &= ~self.speech.tied.take(numbers)
            mute = mute | (alone & (_sums(untold, places) < LOOKED))
        candidates = Neighbours(numbers, similarity, cosine, thread, mute)
        return self.speech.recall(candidates, begun, self.neighbours)

    def _attended(self, attention: Tensor, thread: Tensor) -> Tensor:
        """(B, R, M) how much of the attention (B, R, S) lies on what entries translate that begin a
        word; nothing while a remembered word is unfinished, for then it is the word's turn, nor on
        what is said only behind another word. Added up in float64, so that it gives the same bits
        in whatever company."""
        if self.places is None:
            return torch.zeros_like(thread, dtype=torch.float32)
        unfinished = (thread == SAME_WORD).any(dim=-1, keepdim=True)
        shares = torch.bmm(attention.double(), self._starts.transpose(1, 2)).float()
        return shares.masked_fill(unfinished, 0.0).clamp(max=1.0)

    @cached_property
    def mute(self) -> Tensor:
        """(B, M) which entries have nothing to say in their sentence."""
        if self.places is None:
            return torch.zeros_like(self.speech.slots, dtype=torch.bool)
        return ~self.places.any(dim=-1)

    @cached_property
    def _starts(self) -> Tensor:
        """(B, M, S) the places of entries that begin a word and wait for none."""
        assert self.places is not None
        return (self.places & ~self.speech.tied[:, :, None]).double()


def _those(rows: Sequence[Tensor], which: Sequence[Tensor]) -> list[Tensor]:
    """Of each sentence the rows that are true."""
    return [own[some] for own, some in zip(rows, which, strict=True)]


def _pad(rows: Sequence[Tensor], value: int = EMPTY) -> Tensor:
    """The rows side by side (B, the longest), at least one wide, filled up with a value."""
    longest = max(1, *map(len, rows))
    return torch.stack([F.pad(row, (0, longest - len(row)), value=value) for row in rows])


def _sums(attention: Tensor, places: Tensor) -> Tensor:
    """(B·R, K) the attention (B·R, S) on the places (B·R, K, S) of each entry. Added up in float64,
    so that it gives the same bits in whatever company."""
    return (attention.double()[:, None] * places).sum(dim=-1).float()


def _stack(rows: Sequence[Tensor]) -> Tensor:
    """The places (≤ M, ≤ S) of each sentence as one tensor (B, M, S)."""
    entries, pieces = (max(own.shape[side] for own in rows) for side in (0, 1))
    stacked = torch.zeros(len(rows), max(1, entries), pieces, dtype=torch.bool)
    for whole, own in zip(stacked, rows, strict=True):
        whole[: own.shape[0], : own.shape[1]] = own
    return stacked


def _raise(similarity: Tensor, share: Tensor) -> Tensor:
    """That share of the way from a similarity to 1."""
    return similarity + share * (1 - similarity)

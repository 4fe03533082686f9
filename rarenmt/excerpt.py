"""The entries of a memory that have something to do with a sentence, and their threads.

A sentence asks only the remembered pairs that `relevance` found for it, so that nothing
unrelated leaks in and the cost does not grow with the memory. An entry knows what had been
written of its word before it: one from inside a word speaks only right there, so that a
remembered word neither starts in the middle nor loses its end. Nor is it said twice in a row,
unless its pair does so. And an entry knows where in the sentence stands what its word translates:
nowhere, and it is mute; where the attention lies, and it is as near as can be.

Shapes: B sentences · M entries of a sentence that may speak · R rows a sentence · K neighbours ·
D width of a key · S source pieces.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from rarenmt.due import Due
from rarenmt.joints import Joints
from rarenmt.memory import EMPTY, Memory, Recall
from rarenmt.ragged import RaggedKeys
from rarenmt.spelling import Begun, Spelling, Threads

ELSEWHERE, NEXT_WORD, SAME_WORD = 0, 1, 2
"""How an entry goes on from the word written so far."""

THREAD = 0.1
"""By how much an entry is nearer when the word before it, or its beginning, was just written."""

LONGER = 0.3
"""By how much more, when the word before that was written too: a sentence resembles its pair."""

HEARD = 8
"""Neighbours of a query, at most: of 64 translations with 100,000 entries to ask, none changes
with sixteen, and seven do with four."""


@dataclass(frozen=True)
class Excerpt:
    """The entries that each sentence of a batch may ask."""

    keys: RaggedKeys
    """In float32."""
    slots: Tensor
    """(B, M), EMPTY where a sentence has fewer; those come last."""
    values: Tensor
    """(B, M)"""
    stems: Tensor
    """(B, M) as in `Threads`."""
    before: Tensor
    """(B, M) as in `Threads`."""
    words: Tensor
    """(B, M) as in `Threads`."""
    places: Tensor | None
    """(B, M, S) where in its sentence stands what the word of each entry translates, if that is
    known."""
    due: Due | None
    """The rare words of the sentences that entries translate."""
    spelling: Spelling
    """Of their words, and of those that have nothing to say in a sentence."""
    neighbours: int

    @classmethod
    def of(
        cls,
        memory: Memory,
        threads: Threads,
        chosen: Sequence[Tensor],
        places: Sequence[Tensor] | None = None,
        due: Sequence[Tensor] | None = None,
    ) -> "Excerpt":
        """The entries in the chosen slots (≤ A,) of each sentence, the `places` (≤ A, S) in it of
        what their words translate, and the numbers (S,) of its `due` words. Entries without a place
        are mute, but still end their words; and where one that begins a word is the nearest, the
        memory has nothing to say."""
        device = memory.values.device
        joints = threads.joints.to(device)
        all_slots, stems = _pad(chosen).to(device), threads.stems.to(device)
        values = _look_up(memory.values, all_slots)
        near, heard = list(chosen), None
        if places is not None:
            speak = [
                own.any(dim=1) | _begin(memory, threads, joints, slots).cpu()
                for slots, own in zip(chosen, places, strict=True)
            ]
            near = [own[some] for own, some in zip(chosen, speak, strict=True)]
            heard = _stack([own[some] for own, some in zip(places, speak, strict=True)]).to(device)
        slots = _pad(near).to(device)
        words = _look_up(threads.words.to(device), slots)
        return cls(
            RaggedKeys.of(memory.keys, slots),
            slots,
            _look_up(memory.values, slots),
            _look_up(stems, slots),
            _look_up(threads.before.to(device), slots),
            words,
            heard,
            None if due is None or heard is None else Due.of(due, words, heard),
            Spelling(_look_up(stems, all_slots), values, joints),
            min(memory.config.neighbours, HEARD),
        )

    @property
    def joints(self) -> Joints:
        """How the pieces join to words."""
        return self.spelling.joints

    def select(self, sentences: Tensor) -> "Excerpt":
        """The same for some of the sentences."""
        slots = self.slots[sentences]
        longest = max(1, int((slots != EMPTY).sum(dim=1).max())) if len(slots) else 1
        return replace(
            self,
            keys=self.keys.select(sentences),
            slots=slots[:, :longest],
            values=self.values[sentences, :longest],
            stems=self.stems[sentences, :longest],
            before=self.before[sentences, :longest],
            words=self.words[sentences, :longest],
            places=None if self.places is None else self.places[sentences, :longest],
            due=self.due and self.due.select(sentences),
            spelling=self.spelling.select(sentences),
        )

    def read(self, queries: Tensor, begun: Begun, attention: Tensor) -> Recall:
        """The neighbours of queries (B·R, D), R for each sentence in turn, where so much is
        written (B·R,) and the attention (B·R, S) lies so. An entry that goes on from there is
        nearer by THREAD, or LONGER beside; one that begins a word is so much nearer to 1 as what
        it translates is attended to."""
        sentences, entries = self.slots.shape
        with torch.autocast(queries.device.type, enabled=False):
            queries = queries.float()
            with torch.no_grad():
                grouped = queries.view(sentences, -1, queries.shape[1])
                bonus, thread = self._threads(Begun(*(part.view(sentences, -1) for part in begun)))
                attended = self._attended(attention.view(*thread.shape[:2], -1), thread)
                if entries <= self.neighbours:  # all of them are: no need to look
                    found = torch.arange(entries, device=bonus.device).expand_as(bonus)
                else:
                    coarse = self.keys.products(grouped, entries)  # (B, R, M)
                    coarse = _raise(coarse.clamp(min=-1), attended) + bonus
                    found = _first(coarse, self.neighbours).sort(dim=-1).values
            rows = (found + self.keys.starts[:, None, None]).flatten(0, 1)  # (B·R, K)
            first = entries * torch.arange(sentences, device=found.device)[:, None, None]
            places = (found + first).flatten(0, 1)  # among the entries of all sentences
            found = found.flatten(0, 1)
            # Not `rows[…]`, which is four times as slow.
            nearest = self.keys.rows.index_select(0, rows.flatten()).view(*rows.shape, -1)
            # Not a matrix product: a sum gives the same bits in whatever company.
            cosine = (queries[:, None] * nearest).sum(dim=-1)
            similarity = _raise(cosine, attended.flatten(0, 1).gather(1, found))
            similarity = similarity + bonus.flatten(0, 1).gather(1, found)
        order = _first(similarity, similarity.shape[1])
        cosine, similarity, found, places = (
            part.gather(1, order) for part in (cosine, similarity, found, places)
        )
        slots, values = (part.take(places) for part in (self.slots, self.values))
        thread = thread.flatten(0, 1).gather(1, found)
        again = self._again(places, thread, begun)
        values = self._said(values, thread, begun.word)
        silent = similarity.isneginf()
        missing = (0, self.neighbours - similarity.shape[1])
        return Recall(
            F.pad(slots.masked_fill(silent, EMPTY), missing, value=EMPTY),
            F.pad(values.masked_fill(silent, EMPTY), missing, value=EMPTY),
            F.pad(similarity, missing, value=-torch.inf),
            F.pad(thread, missing),
            F.pad((self.mute.take(places) | again) & ~silent, missing),
            F.pad(cosine.detach().masked_fill(silent, 0.0), missing),
            self.joints.brackets,
        )

    def _threads(self, begun: Begun) -> tuple[Tensor, Tensor]:
        """What is added to the similarities where so much is written (B, R), and how each entry
        goes on from there; both (B, R, M)."""
        half = self._halved[:, None] & (begun.word == self.joints.space)[:, :, None]
        follows = (self.stems[:, None] == begun.word[:, :, None]) | half
        further = (self.before[:, None] == begun.before[:, :, None]) & follows
        further &= (self.before != EMPTY)[:, None]
        silent = (self.values == EMPTY)[:, None] | (self._continue[:, None] & ~follows)
        bonus = THREAD * follows.float() + LONGER * further.float()
        onwards = torch.where(self._continue[:, None] | half, SAME_WORD, NEXT_WORD)
        return bonus.masked_fill(silent, -torch.inf), follows * onwards  # ELSEWHERE is 0

    def _attended(self, attention: Tensor, thread: Tensor) -> Tensor:
        """(B, R, M) how much of the attention (B, R, S) lies on what entries translate that begin a
        word; nothing while a remembered word is unfinished, for then it is the word's turn. Added
        up in float64, so that it gives the same bits in whatever company."""
        if self.places is None:
            return torch.zeros_like(thread, dtype=torch.float32)
        unfinished = (thread == SAME_WORD).any(dim=-1, keepdim=True)
        shares = torch.bmm(attention.double(), self._starts.transpose(1, 2)).float()
        return shares.masked_fill(unfinished, 0.0).clamp(max=1.0)

    def _again(self, places: Tensor, thread: Tensor, begun: Begun) -> Tensor:
        """(B·R, K) which neighbours, at these places, would begin the last word once more, or end
        it so where another word of the memory has begun alike; not those whose pair says it twice.
        """
        words, before = self.words.take(places), self.before.take(places)
        begin = (words == begun.word[:, None]) & (thread == ELSEWHERE)
        end = (words == begun.before[:, None]) & (thread == SAME_WORD) & (words != before)
        return (begin & ~self._continue.take(places)) | (end & (words != EMPTY))

    def _said(self, values: Tensor, thread: Tensor, written: Tensor) -> Tensor:
        """The values (B·R, K) as they are said behind what is written (B·R,): with a space, unless
        they go on from there, or a word follows without one."""
        joined = (thread != ELSEWHERE) | self.joints.open(written)[:, None] | (values == EMPTY)
        return values.where(joined, self.joints.apart[values.clamp(min=0)])

    @cached_property
    def mute(self) -> Tensor:
        """(B, M) which entries have nothing to say in their sentence."""
        if self.places is None:
            return torch.zeros_like(self.slots, dtype=torch.bool)
        return ~self.places.any(dim=-1)

    @cached_property
    def _starts(self) -> Tensor:
        """(B, M, S) the places of entries that begin a word."""
        assert self.places is not None
        return (self.places & ~self._continue[:, :, None]).double()

    @cached_property
    def _continue(self) -> Tensor:
        """(B, M) whether an entry continues a word."""
        return ~self.joints.begin(self.values.clamp(min=0), self.stems)

    @cached_property
    def _halved(self) -> Tensor:
        """(B, M) whether an entry begins a word that needs two pieces behind a space, which is the
        first."""
        values = self.values.clamp(min=0)
        needs = (self.joints.apart[values] == self.joints.space) & (values != self.joints.space)
        return needs & ~self._continue & (self.values != EMPTY)


def _pad(rows: Sequence[Tensor]) -> Tensor:
    """The rows of slots side by side (B, the longest), at least one wide, filled up with EMPTY."""
    longest = max(1, *map(len, rows))
    return torch.stack([F.pad(row, (0, longest - len(row)), value=EMPTY) for row in rows])


def _stack(rows: Sequence[Tensor]) -> Tensor:
    """The places (≤ M, ≤ S) of each sentence as one tensor (B, M, S)."""
    entries, pieces = (max(own.shape[side] for own in rows) for side in (0, 1))
    stacked = torch.zeros(len(rows), max(1, entries), pieces, dtype=torch.bool)
    for whole, own in zip(stacked, rows, strict=True):
        whole[: own.shape[0], : own.shape[1]] = own
    return stacked


def _begin(memory: Memory, threads: Threads, joints: Joints, slots: Tensor) -> Tensor:
    """Whether the entries in these slots (A,) begin a word."""
    slots = slots.to(memory.values.device)
    return joints.begin(memory.values[slots], threads.stems.to(slots.device)[slots])


def _raise(similarity: Tensor, share: Tensor) -> Tensor:
    """That share of the way from a similarity to 1."""
    return similarity + share * (1 - similarity)


def _look_up(table: Tensor, slots: Tensor) -> Tensor:
    """What a table (N,) holds of the slots, EMPTY where there is none."""
    return table[slots.clamp(min=0)].where(slots != EMPTY, EMPTY)


def _first(numbers: Tensor, k: int) -> Tensor:
    """Places (…, k) of the largest numbers of each row, the first of equals first."""
    return numbers.sort(dim=-1, descending=True, stable=True).indices[..., :k]

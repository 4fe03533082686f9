"""What entries of the memory say, and how that goes on from what is written.

An entry knows what had been written of its word before it: one from inside a word speaks only
right there, so that a remembered word neither starts in the middle nor loses its end. Nor is it
said twice in a row, unless its pair does so.

Shapes: B sentences · M entries of a sentence · R rows a sentence · N = B·R rows · K of them ·
V pieces.
"""

from dataclasses import dataclass, fields, replace
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from rarenmt.decoding.prefix import EntryPrefixes, Prefix
from rarenmt.memory.memory import ELSEWHERE, EMPTY, NEXT_WORD, SAME_WORD, Memory, Recall
from rarenmt.text.tokenizer import BOS
from rarenmt.text.words import WordBoundaries

THREAD = 0.1
"""By how much an entry is nearer when the word before it, or its beginning, was just written."""

LONGER = 0.3
"""By how much more, when the word before that was written too: a sentence resembles its pair."""

CLOSER = 0.1
"""By how much more, when the pair of the entry resembles the sentence as a whole."""

HEARD = 8
"""Neighbours of a query, at most: of 64 translations with 100,000 entries to ask, none changes
with sixteen, and seven do with four."""

ENDING = 3.0
"""Nats that going on with a word loses when the remembered word ends there, and that leaving it
loses when the remembered one goes on."""

OWED = 6.0
"""Nats more that anything but its next piece loses while a word is unfinished that the memory began
and has written so far; and that going on with it loses when it has come to its end."""


@dataclass(frozen=True)
class Neighbours:
    """Some entries of each row, before it is known which are the nearest."""

    entries: Tensor
    """(N, K) their numbers among those of all sentences, B·M."""
    similarity: Tensor
    """(N, K) with what their thread adds; −inf where an entry may not speak."""
    cosine: Tensor
    """(N, K) without."""
    thread: Tensor
    """(N, K) how they go on."""
    mute: Tensor
    """(N, K) which have nothing to say in their sentence."""


@dataclass(frozen=True)
class Continuations:
    """What the entries say that each sentence of a batch may ask."""

    slots: Tensor
    """(B, M), EMPTY where a sentence has fewer; those come last."""
    values: Tensor
    """(B, M)"""
    stems: Tensor
    """(B, M) as in `EntryPrefixes`."""
    before: Tensor
    """(B, M) as in `EntryPrefixes`."""
    words: Tensor
    """(B, M) as in `EntryPrefixes`."""
    close: Tensor
    """(B, M) which entries come from a pair that resembles the sentence."""
    bound: Tensor
    """(B, M) how many words must stand before an entry as in its pair, or it is mute: of those that
    begin the second word of a term one, of those that begin a further one two; of others none."""
    varied: Tensor
    """(B, M) which entries translate a word that their pair has in another form."""
    wanted: Tensor
    """(B, M) which entries translate a due word of the sentence."""
    joints: WordBoundaries
    """How the pieces join to words."""

    @classmethod
    def of(
        cls,
        memory: Memory,
        threads: EntryPrefixes,
        slots: Tensor,
        close: Tensor | None = None,
        bound: Tensor | None = None,
        varied: Tensor | None = None,
    ) -> "Continuations":
        """The entries in these slots (B, M), where the memory and its threads are; `close` (B, M)
        are those of pairs that resemble their sentence, to so many words they are `bound` (B, M),
        and `varied` (B, M) are those of words in another form, if it is known."""
        values, stems, before, words = (
            _look_up(table, slots)
            for table in (memory.values, threads.stems, threads.before, threads.words)
        )
        nothing = torch.zeros_like(slots, dtype=torch.bool)
        close = nothing if close is None else close
        bound = nothing.long() if bound is None else bound
        varied = nothing if varied is None else varied
        return cls(
            slots, values, stems, before, words, close, bound, varied, nothing, threads.joints
        )

    def select(self, sentences: Tensor) -> "Continuations":
        """The same for some of the sentences."""
        slots = self.slots[sentences]
        longest = max(1, int((slots != EMPTY).sum(dim=1).max())) if len(slots) else 1
        names = (field.name for field in fields(self) if field.name != "joints")
        return replace(self, **{name: getattr(self, name)[sentences, :longest] for name in names})

    def goes_on(self, begun: Prefix) -> tuple[Tensor, Tensor]:
        """What is added to the similarities where so much is written (B, R), and how each entry
        goes on from there; both (B, R, M)."""
        half = self._halved[:, None] & (begun.word == self.joints.space)[:, :, None]
        follows = (self.stems[:, None] == begun.word[:, :, None]) | half
        follows |= self._behind[:, None] == self.joints.fold_case(begun.word)[:, :, None]
        further = self._before[:, None] == self.joints.fold_case(begun.before)[:, :, None]
        further &= (self.before != EMPTY)[:, None]
        follows &= further | (self.bound < 2)[:, None]
        further = (further | (self.bound > 0)[:, None]) & follows
        silent = (self.values == EMPTY)[:, None] | (self.inside[:, None] & ~follows)
        bonus = THREAD * follows.float() + LONGER * further.float()
        bonus += CLOSER * (follows & self.close[:, None]).float()
        onwards = torch.where(self.tied[:, None] | half, SAME_WORD, NEXT_WORD)
        return bonus.masked_fill(silent, -torch.inf), follows * onwards  # ELSEWHERE is 0

    def recall(self, near: Neighbours, begun: Prefix, neighbours: int) -> Recall:
        """The so many nearest of some entries where so much is written (N,)."""
        order = first(near.similarity, min(neighbours, near.entries.shape[1]))
        near = Neighbours(*(getattr(near, part.name).gather(1, order) for part in fields(near)))
        silent = near.similarity.isneginf()
        slots = self.slots.take(near.entries)
        values = self._said(near, begun.word)
        mute = near.mute | self._again(near, begun) | self._recased(near, begun.word)
        mute |= self.tied.take(near.entries) & (near.thread == ELSEWHERE)
        missing = (0, neighbours - order.shape[1])
        return Recall(
            F.pad(slots.masked_fill(silent, EMPTY), missing, value=EMPTY),
            F.pad(values.masked_fill(silent, EMPTY), missing, value=EMPTY),
            F.pad(near.similarity, missing, value=-torch.inf),
            F.pad(near.thread, missing),
            F.pad(mute & ~silent, missing),
            F.pad(near.cosine.detach().masked_fill(silent, 0.0), missing),
            F.pad(self.close.take(near.entries) & (near.thread != ELSEWHERE) & ~silent, missing),
            self.joints.opening_punctuation,
        )

    def end_words(self, log_probs: Tensor, written: Tensor, owed: Tensor) -> None:
        """Make it unlikely, in log_probs (B·R, V), to go on with a word that is written as it was
        remembered, or to leave one before its end; of words with one piece so far only those that
        are `owed` (B·R,) to the memory, for others only happen to begin alike."""
        follows = self.stems[:, None] == written.view(len(self.stems), -1, 1)  # (B, R, M)
        further = (follows & self.inside[:, None]).flatten(0, 1)
        goes_on = further.any(dim=-1)
        ends = (follows & ~self.inside[:, None]).any(dim=-1).flatten()
        ends &= ~self.joints.is_punctuation(written)
        spelt = (written < 0) | (written >= len(self.joints.continues_word)) | owed
        going_on, going_on_owed, leaving, anything = self._lost
        _subtract(log_probs, ends & ~goes_on & spelt, going_on)
        _subtract(log_probs, ends & ~goes_on & owed, going_on_owed)
        _subtract(log_probs, goes_on & ~ends & spelt, leaving)
        unfinished = goes_on & ~ends & owed
        rows, entries = (further & unfinished[:, None]).nonzero().unbind(1)
        nexts = self.values[rows // follows.shape[1], entries]
        kept = log_probs[rows, nexts]
        _subtract(log_probs, unfinished, anything)
        log_probs[rows, nexts] = kept

    def is_due(self, piece: int) -> bool:
        """Whether some entry that translates a due word begins a word with a piece."""
        return bool(self._due(piece).any())

    def is_varied(self, piece: int) -> bool:
        """Whether some entry that translates a due word begins a word with a piece, and all that do
        translate one that their pair has in another form."""
        begin = self._due(piece)
        return bool(begin.any()) and not bool((begin & ~self.varied).any())

    def stands_behind(self, piece: int) -> list[int]:
        """The words of one piece behind which entries that translate a due word begin a word with a
        piece."""
        words = self.stems[self._due(piece)].unique().tolist()
        return [word for word in words if 0 <= word < len(self.joints.continues_word)]

    def _due(self, piece: int) -> Tensor:
        """(B, M) which entries that translate a due word begin a word with a piece."""
        return (self.values == piece) & self.wanted & ~self.inside

    def _again(self, near: Neighbours, begun: Prefix) -> Tensor:
        """(N, K) which entries would begin the last word once more, or end it so where another word
        of the memory has begun alike; not those whose pair says it twice."""
        words, before = self.words.take(near.entries), self.before.take(near.entries)
        begin = self._whole.take(near.entries) == self.joints.fold_case(begun.word)[:, None]
        begin &= near.thread == ELSEWHERE
        end = (words == begun.before[:, None]) & (near.thread == SAME_WORD) & (words != before)
        return (begin & ~self.inside.take(near.entries)) | (end & (words != EMPTY))

    def _said(self, near: Neighbours, written: Tensor) -> Tensor:
        """The values (N, K) as they are said behind what is written (N,): with a space, unless
        they go on from there, or a word follows without one."""
        values = self.values.take(near.entries)
        goes_on = near.thread != ELSEWHERE
        joined = goes_on | self.joints.is_joined(written)[:, None] | (values == EMPTY)
        return values.where(joined, self.joints.with_space[values.clamp(min=0)])

    def _recased(self, near: Neighbours, written: Tensor) -> Tensor:
        """(N, K) which entries are words of one piece that may have no capital letter here, for
        their pair begins with them, but what is written (N,) goes on, or the reverse: the model
        knows better, and the case too. For *Die* it may be *der* here. Not those of due words."""
        moved = (self.stems.take(near.entries) == BOS) != (written == BOS)[:, None]
        return moved & self._cased.take(near.entries)

    @cached_property
    def _cased(self) -> Tensor:
        """(B, M) which entries are words of one piece that there is with another capital letter
        too, and translate no due word."""
        own = self.values.clamp(min=0)
        alone = self.words == self.joints.first_piece_hash[own]
        return alone & ~self.wanted & (self.joints.case_twin[own] != own)

    @cached_property
    def _whole(self) -> Tensor:
        """(B, M) the word that each entry belongs to, whatever its capital letter."""
        return self.joints.fold_case(self.words)

    @cached_property
    def _behind(self) -> Tensor:
        """(B, M) the word before each entry that begins one, whatever its capital letter; EMPTY
        before others."""
        return self.joints.fold_case(self.stems).masked_fill(self.inside, EMPTY)

    @cached_property
    def _before(self) -> Tensor:
        """(B, M) the word before that, likewise."""
        return self.joints.fold_case(self.before)

    @cached_property
    def inside(self) -> Tensor:
        """(B, M) whether an entry continues a word."""
        return ~self.joints.starts_word(self.values.clamp(min=0), self.stems)

    @cached_property
    def tied(self) -> Tensor:
        """(B, M) whether an entry continues a word, or a term, which is said to its end too."""
        return self.inside | (self.bound > 0)

    @cached_property
    def opens(self) -> Tensor:
        """(B, M) whether an entry translates a due word and begins its pair: it goes on from the
        beginning of any sentence, which says nothing for it."""
        return self.wanted & (self.stems == BOS)

    @cached_property
    def _halved(self) -> Tensor:
        """(B, M) whether an entry begins a word that needs two pieces behind a space, which is the
        first."""
        values = self.values.clamp(min=0)
        needs = (self.joints.with_space[values] == self.joints.space) & (
            values != self.joints.space
        )
        return needs & ~self.inside & (self.values != EMPTY)

    @cached_property
    def _lost(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """(V,) each: nats that pieces lose which go on with a word, the same if it is owed to the
        memory, which leave it, and all."""
        inside = self.joints.continues_word.float()
        anything = torch.full_like(inside, OWED)
        return ENDING * inside, OWED * inside, ENDING * (1 - inside), anything


def _look_up(table: Tensor, slots: Tensor) -> Tensor:
    """What a table (N,) holds of the slots, EMPTY where there is none."""
    return table[slots.clamp(min=0)].where(slots != EMPTY, EMPTY)


def first(numbers: Tensor, k: int) -> Tensor:
    """Places (…, k) of the largest numbers of each row, the first of equals first."""
    return numbers.sort(dim=-1, descending=True, stable=True).indices[..., :k]


def _subtract(log_probs: Tensor, rows: Tensor, lost: Tensor) -> None:
    """Take (V,) from log_probs (N, V) in the rows (N,) that are true."""
    rows = rows.nonzero()[:, 0]
    if len(rows):
        log_probs.index_add_(0, rows, lost.to(log_probs.dtype).expand(len(rows), -1), alpha=-1)

"""Which candidate entries may continue a hypothesis, and how they score.

Each entry stores the hash of what preceded it in its word. An entry from inside a word is therefore
a candidate only after that beginning, so that a remembered word neither starts in the middle nor
loses its end. A word is not repeated directly unless its pair repeats it.

Shapes: B sentences · M entries of a sentence · R rows per sentence · N = B·R rows · K neighbours of
a row · V vocabulary.
"""

from dataclasses import dataclass, fields, replace
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from rarenmt.config.decoding import CandidateConfig
from rarenmt.decoding.prefix import EntryPrefixes, LastWords
from rarenmt.memory.memory import EMPTY, Continuation, Memory, Recall
from rarenmt.text.tokenizer import BOS
from rarenmt.text.words import WordBoundaries


@dataclass(frozen=True)
class Neighbours:
    """Preselected entries of each row, in any order."""

    entries: Tensor
    """(N, K) indices into the entries of all sentences, B·M."""
    similarity: Tensor
    """(N, K) with bonuses; −inf if an entry is not a candidate."""
    cosine: Tensor
    """(N, K) without bonuses."""
    continuation: Tensor
    """(N, K) a `Continuation` for each entry."""
    blocked: Tensor
    """(N, K) which entries give no probability to their value."""


@dataclass(frozen=True)
class CandidateEntries:
    """The candidate entries of each sentence of a batch."""

    slots: Tensor
    """(B, M), padded at the end with EMPTY."""
    values: Tensor
    """(B, M)"""
    prefixes: Tensor
    """(B, M) as in `EntryPrefixes`."""
    previous_words: Tensor
    """(B, M) as in `EntryPrefixes`."""
    words: Tensor
    """(B, M) as in `EntryPrefixes`."""
    fuzzy_match: Tensor
    """(B, M) which entries come from a pair that is a fuzzy match of the sentence."""
    context_words: Tensor
    """(B, M) how many words of its pair must precede an entry, or it is blocked: 1 for an entry
    that begins the second word of a term, 2 for one that begins a later word, otherwise 0."""
    inflected: Tensor
    """(B, M) which entries translate a word that has another form in their pair."""
    novel: Tensor
    """(B, M) which entries belong to words that the lexicon does not know as translations, or to
    entries of a glossary."""
    constrained: Tensor
    """(B, M) which entries translate a constrained word of the sentence."""
    boundaries: WordBoundaries

    @classmethod
    def from_slots(
        cls,
        memory: Memory,
        prefixes: EntryPrefixes,
        slots: Tensor,
        fuzzy_match: Tensor | None = None,
        context_words: Tensor | None = None,
        inflected: Tensor | None = None,
        novel: Tensor | None = None,
    ) -> "CandidateEntries":
        """Gather the entries in these slots (B, M), on the device of the memory and its prefixes.

        The other arguments (B, M) are as the fields of the same name; default: none, 0, none, all.
        """
        tables = (memory.values, prefixes.prefixes, prefixes.previous_words, prefixes.words)
        values, before, previous_words, words = (_gather(table, slots) for table in tables)
        nothing = torch.zeros_like(slots, dtype=torch.bool)
        return cls(
            slots=slots,
            values=values,
            prefixes=before,
            previous_words=previous_words,
            words=words,
            fuzzy_match=nothing if fuzzy_match is None else fuzzy_match,
            context_words=nothing.long() if context_words is None else context_words,
            inflected=nothing if inflected is None else inflected,
            novel=~nothing if novel is None else novel,
            constrained=nothing,
            boundaries=prefixes.boundaries,
        )

    def select(self, sentences: Tensor) -> "CandidateEntries":
        """Return the entries of some sentences."""
        slots = self.slots[sentences]
        width = max(1, int((slots != EMPTY).sum(dim=1).max())) if len(slots) else 1
        names = (field.name for field in fields(self) if field.name != "boundaries")
        return replace(self, **{name: getattr(self, name)[sentences, :width] for name in names})

    def match_prefix(self, prefix: LastWords, config: CandidateConfig) -> tuple[Tensor, Tensor]:
        """Return the similarity bonus of each entry after a prefix (B, R), −inf if it is not a
        candidate, and its `Continuation`; both (B, R, M)."""
        spaced = self._begins_with_space[:, None]
        spaced = spaced & (prefix.word == self.boundaries.space)[:, :, None]
        follows = (self.prefixes[:, None] == prefix.word[:, :, None]) | spaced
        folded = self.boundaries.fold_case(prefix.word)[:, :, None]
        follows |= self._folded_prefixes[:, None] == folded
        folded = self.boundaries.fold_case(prefix.previous_word)[:, :, None]
        both = self._folded_previous_words[:, None] == folded
        both &= (self.previous_words != EMPTY)[:, None]
        follows &= both | (self.context_words < 2)[:, None]
        both = (both | (self.context_words > 0)[:, None]) & follows
        excluded = (self.values == EMPTY)[:, None] | (self.inside[:, None] & ~follows)
        bonus = config.bigram_bonus * follows.float() + config.trigram_bonus * both.float()
        bonus += config.fuzzy_bonus * (follows & self.fuzzy_match[:, None]).float()
        same_word = self.continues[:, None] | spaced
        kind = torch.where(same_word, int(Continuation.SAME_WORD), int(Continuation.NEXT_WORD))
        return bonus.masked_fill(excluded, -torch.inf), follows * kind  # Continuation.NONE is 0

    def recall(
        self, near: Neighbours, prefix: LastWords, neighbours: int, gate_bonus: float
    ) -> Recall:
        """Return the nearest `neighbours` of the preselected entries after a prefix (N,).

        The gate gains `gate_bonus` at an entry that continues the prefix in a fuzzy match.
        """
        order = stable_top_k(near.similarity, min(neighbours, near.entries.shape[1]))
        near = Neighbours(*(getattr(near, part.name).gather(1, order) for part in fields(near)))
        excluded = near.similarity.isneginf()
        elsewhere = near.continuation == Continuation.NONE
        slots = self.slots.take(near.entries)
        values = self._spaced_values(near, prefix.word)
        blocked = near.blocked | self._repeats(near, prefix) | self._wrong_case(near, prefix.word)
        blocked |= self.continues.take(near.entries) & elsewhere
        fuzzy = self.fuzzy_match.take(near.entries) & ~elsewhere & ~excluded
        missing = (0, neighbours - order.shape[1])
        return Recall(
            slots=F.pad(slots.masked_fill(excluded, EMPTY), missing, value=EMPTY),
            values=F.pad(values.masked_fill(excluded, EMPTY), missing, value=EMPTY),
            similarity=F.pad(near.similarity, missing, value=-torch.inf),
            continuation=F.pad(near.continuation, missing),
            blocked=F.pad(blocked & ~excluded, missing),
            cosine=F.pad(near.cosine.detach().masked_fill(excluded, 0.0), missing),
            gate_bonus=F.pad(gate_bonus * fuzzy, missing),
            opening_punctuation=self.boundaries.opening_punctuation,
        )

    def starts_constrained(self, piece: int) -> bool:
        """Return whether an entry that translates a constrained word begins a word with `piece`."""
        return bool(self._starting_constrained(piece).any())

    def is_inflected(self, piece: int) -> bool:
        """Return whether entries that translate a constrained word begin a word with `piece`, and
        all of them translate a word that has another form in their pair."""
        starting = self._starting_constrained(piece)
        return bool(starting.any()) and not bool((starting & ~self.inflected).any())

    def words_before(self, piece: int) -> list[int]:
        """Return the one-piece words that precede the entries which translate a constrained word
        and begin a word with `piece`."""
        words = self.prefixes[self._starting_constrained(piece)].unique().tolist()
        return [word for word in words if 0 <= word < len(self.boundaries.continues_word)]

    def _starting_constrained(self, piece: int) -> Tensor:
        """(B, M) entries that translate a constrained word and begin a word with `piece`."""
        return (self.values == piece) & self.constrained & ~self.inside

    def _repeats(self, near: Neighbours, prefix: LastWords) -> Tensor:
        """(N, K) which entries would begin the last word again, or complete the current word to
        the one before it; not those whose pair repeats it."""
        words = self.words.take(near.entries)
        previous_words = self.previous_words.take(near.entries)
        folded = self.boundaries.fold_case(prefix.word)[:, None]
        begin = self._folded_words.take(near.entries) == folded
        begin &= near.continuation == Continuation.NONE
        end = words == prefix.previous_word[:, None]
        end &= (near.continuation == Continuation.SAME_WORD) & (words != previous_words)
        return (begin & ~self.inside.take(near.entries)) | (end & (words != EMPTY))

    def _spaced_values(self, near: Neighbours, written: Tensor) -> Tensor:
        """(N, K) the values as pieces after the written word (N,): with a space, unless they
        continue it or the next word follows it without a space."""
        values = self.values.take(near.entries)
        joined = near.continuation != Continuation.NONE
        joined = joined | self.boundaries.is_joined(written)[:, None] | (values == EMPTY)
        return values.where(joined, self.boundaries.with_space[values.clamp(min=0)])

    def _wrong_case(self, near: Neighbours, written: Tensor) -> Tensor:
        """(N, K) which entries are one-piece words at the beginning of their pair but not here, or
        the reverse, so that their capitalisation may be wrong; the base model is the better judge
        (for *Die* it may even write *der*). New translations of constrained words are exempt."""
        starts = self.prefixes.take(near.entries) == BOS
        moved = starts != (written == BOS)[:, None]
        return moved & self._has_case_twin.take(near.entries)

    @cached_property
    def _has_case_twin(self) -> Tensor:
        """(B, M) which entries are one-piece words that also exist with the other capitalisation,
        and are no new translation of a constrained word."""
        values = self.values.clamp(min=0)
        single = self.words == self.boundaries.first_piece_hash[values]
        return (
            single
            & ~(self.constrained & self.novel)
            & (self.boundaries.case_twin[values] != values)
        )

    @cached_property
    def _folded_words(self) -> Tensor:
        """(B, M) the word of each entry, with case folded."""
        return self.boundaries.fold_case(self.words)

    @cached_property
    def _folded_prefixes(self) -> Tensor:
        """(B, M) the word before each entry that begins one, with case folded; otherwise EMPTY."""
        return self.boundaries.fold_case(self.prefixes).masked_fill(self.inside, EMPTY)

    @cached_property
    def _folded_previous_words(self) -> Tensor:
        """(B, M) the word before that, with case folded."""
        return self.boundaries.fold_case(self.previous_words)

    @cached_property
    def inside(self) -> Tensor:
        """(B, M) whether an entry continues a word."""
        return ~self.boundaries.starts_word(self.values.clamp(min=0), self.prefixes)

    @cached_property
    def continues(self) -> Tensor:
        """(B, M) whether an entry continues a word, or a term, which is completed like a word."""
        return self.inside | (self.context_words > 0)

    @cached_property
    def starts_pair(self) -> Tensor:
        """(B, M) whether an entry translates a constrained word and begins its pair. It then
        continues the beginning of any sentence, which is no evidence for it."""
        return self.constrained & (self.prefixes == BOS)

    @cached_property
    def _begins_with_space(self) -> Tensor:
        """(B, M) whether an entry begins a word whose first piece after a space is the space."""
        values = self.values.clamp(min=0)
        space = self.boundaries.space
        spaced = (self.boundaries.with_space[values] == space) & (values != space)
        return spaced & ~self.inside & (self.values != EMPTY)


def _gather(table: Tensor, slots: Tensor) -> Tensor:
    """Return the rows of a table (N,) for some slots; EMPTY for an empty slot."""
    return table[slots.clamp(min=0)].where(slots != EMPTY, EMPTY)


def stable_top_k(numbers: Tensor, k: int) -> Tensor:
    """Return the indices (…, k) of the largest numbers of each row; ties keep their order."""
    return numbers.sort(dim=-1, descending=True, stable=True).indices[..., :k]

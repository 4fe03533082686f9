"""The candidate set of a sentence: the memory entries of the pairs that were retrieved for it.

Only these entries are searched, so that unrelated pairs have no influence and the cost does not
grow with the memory (fast kNN-MT calls this a sentence-level datastore subset; Meng et al. 2022,
arXiv 2105.14528). Each entry knows which source pieces its word translates. An entry without
any is blocked; for the others, attention to these pieces raises the similarity.

Shapes: B sentences · M candidate entries of a sentence · A entries of its pairs · R rows per
sentence · K neighbours · D width of a key · S source pieces.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from rarenmt.config.decoding import CANDIDATES, CandidateConfig
from rarenmt.decoding.continuation import CandidateEntries, Neighbours, stable_top_k
from rarenmt.decoding.coverage import ConstrainedWords
from rarenmt.decoding.prefix import EntryPrefixes, LastWords
from rarenmt.decoding.processors.automaton import END, TokenAutomaton, subtract
from rarenmt.memory.memory import EMPTY, Continuation, Memory, Recall
from rarenmt.text.words import WordBoundaries

FLAGS = ("fuzzy_match", "context_words", "inflected", "novel")
"""What may be known of the entries of a sentence; see `CandidateEntries`."""


@dataclass(frozen=True)
class SentenceEntries:
    """The A entries of the pairs that were retrieved for one sentence."""

    slots: Tensor
    """(A,)"""
    source_positions: Tensor | None = None
    """(A, S) the source pieces that the word of each entry translates; by default unknown, and no
    entry is blocked."""
    constrained: Tensor | None = None
    """(S,) the constrained word of each source piece; see `ConstrainedWords.from_entries`."""
    fuzzy_match: Tensor | None = None
    context_words: Tensor | None = None
    inflected: Tensor | None = None
    novel: Tensor | None = None
    """(A,) each; see `CandidateEntries`. By default none, 0, none, all."""
    function_words: Sequence[int] = ()
    """Pieces that translate function words of the sentence."""

    def without_untranslated(self, starts_word: Tensor) -> "SentenceEntries":
        """Return the entries that translate something in the sentence, or that start a word
        (`starts_word`, (≥ A,)). An entry that starts a word stays, blocked: if it is the nearest,
        the memory proposes nothing."""
        if self.source_positions is None:
            return self
        mask = self.source_positions.any(dim=1) | starts_word[: len(self.slots)]
        rows = {name: getattr(self, name) for name in ("slots", "source_positions", *FLAGS)}
        return replace(self, **{name: row[mask] for name, row in rows.items() if row is not None})


@dataclass(frozen=True)
class CandidateSet:
    """The entries that are searched for each sentence of a batch."""

    keys: Tensor
    """(B, M, D) in float32; padded with the first key of the memory."""
    entries: CandidateEntries
    """The candidate entries."""
    source_positions: Tensor | None
    """(B, M, S) the source pieces that the word of each entry translates, if known."""
    constrained_words: ConstrainedWords | None
    """The rare words of the sentences that entries translate."""
    words: TokenAutomaton
    """All words of the retrieved pairs, including those that translate nothing in the sentence. A
    state is the hash of the beginning of a word."""
    function_words: Tensor
    """(B, F) see `Recall`."""
    neighbours: int
    config: CandidateConfig

    @classmethod
    def from_entries(
        cls,
        memory: Memory,
        prefixes: EntryPrefixes,
        sentences: Sequence[SentenceEntries],
        config: CandidateConfig = CANDIDATES,
    ) -> "CandidateSet":
        """Build the candidate sets of a batch of sentences."""
        device = memory.values.device
        prefixes = prefixes.to(device)
        slots = _pad_rows([each.slots for each in sentences], EMPTY).to(device)
        every = CandidateEntries.from_slots(memory, prefixes, slots)
        words = TokenAutomaton(every.prefixes, every.values.where(every.inside, END))
        starts = ~every.inside.cpu()
        sentences = [e.without_untranslated(row) for e, row in zip(sentences, starts, strict=True)]
        entries = CandidateEntries.from_slots(
            memory,
            prefixes,
            _pad_rows([each.slots for each in sentences], EMPTY).to(device),
            *(_pad_flags(sentences, name, device) for name in FLAGS),
        )
        positions = [e.source_positions for e in sentences if e.source_positions is not None]
        source_positions = _stack(positions).to(device) if positions else None
        numbers = [each.constrained for each in sentences if each.constrained is not None]
        constrained = None
        if numbers and source_positions is not None:
            constrained = ConstrainedWords.from_entries(numbers, entries.words, source_positions)
            links = torch.bmm(source_positions.double(), constrained.source_words)
            entries = replace(entries, constrained=links.any(dim=2))
        function_words = [torch.tensor(each.function_words).long() for each in sentences]
        return cls(
            memory.keys[entries.slots.clamp(min=0)].float(),
            entries,
            source_positions,
            constrained,
            words,
            _pad_rows(function_words, EMPTY).to(device),
            min(memory.config.neighbours, config.max_neighbours),
            config,
        )

    @property
    def boundaries(self) -> WordBoundaries:
        """The word boundaries of the vocabulary."""
        return self.entries.boundaries

    def penalise_incomplete_words(
        self, log_probs: Tensor, prefix: LastWords, from_memory: Tensor, penalty: float
    ) -> None:
        """Subtract a penalty from log_probs (N, V), in place, so that a remembered word ends where
        it ends in its pair.

        Where the memory proposed the last piece (`from_memory`, (N,)): from pieces that continue a
        complete word, and from all but the next pieces of an incomplete one. If remembered words of
        both kinds begin alike, neither is penalised.
        """
        complete, incomplete = self.words.ends(prefix.word), self.words.continues(prefix.word)
        complete &= ~self.boundaries.is_punctuation(prefix.word)
        inside = penalty * self.boundaries.continues_word.float()
        subtract(log_probs, complete & ~incomplete & from_memory, inside)
        self.words.keep_to(log_probs, prefix.word, incomplete & ~complete & from_memory, penalty)

    def entries_of(self, sentence: int) -> CandidateEntries:
        """Return the candidate entries of one sentence."""
        return self.entries.select(torch.tensor([sentence], device=self.entries.slots.device))

    def select(self, sentences: Tensor) -> "CandidateSet":
        """Return the candidate sets of some sentences."""
        entries = self.entries.select(sentences)
        width, positions = entries.slots.shape[1], self.source_positions
        constrained = self.constrained_words
        return replace(
            self,
            keys=self.keys[sentences, :width],
            entries=entries,
            source_positions=None if positions is None else positions[sentences, :width],
            constrained_words=constrained and constrained.select(sentences),
            words=self.words.select(sentences),
            function_words=self.function_words[sentences],
        )

    def read(
        self,
        queries: Tensor,
        prefix: LastWords,
        attention: Tensor,
        untranslated_attention: Tensor | None = None,
        from_memory: Tensor | None = None,
    ) -> Recall:
        """Return the neighbours of queries (B·R, D), R per sentence, after a prefix (B·R,).

        The similarity of an entry is its cosine, changed as follows:
          - an entry that continues the prefix gains `bigram_bonus`, `trigram_bonus` and
            `fuzzy_bonus`;
          - one that begins a word moves towards 1 by the attention (B·R, S) to its source pieces;
          - one from inside a word that does not continue the prefix is no candidate;
          - one that begins a word and does not continue the prefix is blocked until its source
            pieces have received `min_attention` of the `untranslated_attention` (B·R, S), the
            attention so far, except attention to words whose translation is already written;
          - so is one from inside a word whose last piece is not `from_memory` (B·R,), by default
            all are: the base model may be writing *Wasser*, not *Wasserkocher*.
        """
        sentences, width = self.entries.slots.shape
        with torch.autocast(queries.device.type, enabled=False):
            queries = queries.float()
            with torch.no_grad():
                grouped = queries.view(sentences, -1, queries.shape[1])
                grouped_prefix = LastWords(*(part.view(sentences, -1) for part in prefix))
                bonus, continuation = self.entries.match_prefix(grouped_prefix, self.config)
                by_sentence = attention.view(*continuation.shape[:2], -1)
                attended = self._attention_to_entries(by_sentence, continuation)
                if width <= self.neighbours:  # all of them are neighbours: no search
                    found = torch.arange(width, device=bonus.device).expand_as(bonus)
                else:
                    # The last bits of these products depend on the batch: only to choose.
                    coarse = grouped @ self.keys.transpose(1, 2)  # (B, R, M)
                    coarse = _raise_similarity(coarse.clamp(min=-1), attended) + bonus
                    found = stable_top_k(coarse, self.neighbours).sort(dim=-1).values
            begin = width * torch.arange(sentences, device=found.device)[:, None, None]
            indices = (found + begin).flatten(0, 1)  # into the entries of all sentences
            found = found.flatten(0, 1)
            # Not `keys[…]`, which is four times as slow.
            nearest = self.keys.flatten(0, 1).index_select(0, indices.flatten())
            nearest = nearest.view(*indices.shape, -1)
            # Not a matrix product: a sum gives the same bits in every batch.
            cosine = (queries[:, None] * nearest).sum(dim=-1)
            similarity = _raise_similarity(cosine, attended.flatten(0, 1).gather(1, found))
            similarity = similarity + bonus.flatten(0, 1).gather(1, found)
        continuation = continuation.flatten(0, 1).gather(1, found)
        blocked = self.blocked.take(indices)
        if untranslated_attention is not None and self.source_positions is not None:
            positions = self.source_positions[indices // width, found]  # (B·R, K, S)
            waits = continuation == Continuation.NONE
            waits |= self.entries.starts_pair.take(indices)
            waits &= ~self.entries.continues.take(indices)
            if from_memory is not None:
                waits |= (continuation == Continuation.SAME_WORD) & ~from_memory[:, None]
            received = _attention_to(untranslated_attention, positions)
            blocked = blocked | (waits & (received < self.config.min_attention))
        near = Neighbours(indices, similarity, cosine, continuation, blocked)
        recall = self.entries.recall(near, prefix, self.neighbours, self.config.fuzzy_gate_bonus)
        rows = len(queries) // sentences
        return replace(recall, function_words=self.function_words.repeat_interleave(rows, dim=0))

    def _attention_to_entries(self, attention: Tensor, continuation: Tensor) -> Tensor:
        """(B, R, M) the attention (B, R, S) to the source pieces of entries that begin a word.

        0 while a remembered word is incomplete, which comes first, and for entries that need other
        words before them. Summed in float64, so that it gives the same bits in every batch.
        """
        if self.source_positions is None:
            return torch.zeros_like(continuation, dtype=torch.float32)
        incomplete = (continuation == Continuation.SAME_WORD).any(dim=-1, keepdim=True)
        received = torch.bmm(attention.double(), self._start_positions.transpose(1, 2)).float()
        return received.masked_fill(incomplete, 0.0).clamp(max=1.0)

    @cached_property
    def blocked(self) -> Tensor:
        """(B, M) which entries translate nothing in their sentence."""
        if self.source_positions is None:
            return torch.zeros_like(self.entries.slots, dtype=torch.bool)
        return ~self.source_positions.any(dim=-1)

    @cached_property
    def _start_positions(self) -> Tensor:
        """(B, M, S) the source positions of entries that begin a word and need none before it."""
        assert self.source_positions is not None
        return (self.source_positions & ~self.entries.continues[:, :, None]).double()


def _pad_rows(rows: Sequence[Tensor], value: int) -> Tensor:
    """Stack rows of different lengths (B, longest), at least one wide, padded with a value."""
    width = max(1, *map(len, rows))
    return torch.stack([F.pad(row, (0, width - len(row)), value=value) for row in rows])


def _pad_flags(
    sentences: Sequence[SentenceEntries], name: str, device: torch.device
) -> Tensor | None:
    """Stack a flag of the entries of each sentence, padded; None if it is unknown."""
    rows = [row for each in sentences if (row := getattr(each, name)) is not None]
    return _pad_rows(rows, 0).to(device) if rows else None


def _attention_to(attention: Tensor, positions: Tensor) -> Tensor:
    """Return the attention (B·R, S) to the source positions (B·R, K, S) of each entry, (B·R, K).

    Summed in float64, so that it gives the same bits in every batch.
    """
    return (attention.double()[:, None] * positions).sum(dim=-1).float()


def _stack(positions: Sequence[Tensor]) -> Tensor:
    """Stack the source positions (≤ M, ≤ S) of each sentence, padded, as (B, M, S)."""
    entries, pieces = (max(each.shape[side] for each in positions) for side in (0, 1))
    stacked = torch.zeros(len(positions), max(1, entries), pieces, dtype=torch.bool)
    for padded, each in zip(stacked, positions, strict=True):
        padded[: each.shape[0], : each.shape[1]] = each
    return stacked


def _raise_similarity(similarity: Tensor, attention: Tensor) -> Tensor:
    """Move a similarity towards 1 by a fraction of the distance."""
    return similarity + attention * (1 - similarity)

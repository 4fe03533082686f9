"""Candidate sets from the parts that a test is about."""

from collections.abc import Sequence

from torch import Tensor

from rarenmt.decoding.candidates import CandidateSet, SentenceEntries
from rarenmt.decoding.prefix import EntryPrefixes
from rarenmt.memory.memory import Memory


def candidate_set(
    memory: Memory,
    prefixes: EntryPrefixes,
    slots: Sequence[Tensor],
    source_positions: Sequence[Tensor] | None = None,
    constrained: Sequence[Tensor] | None = None,
    fuzzy_match: Sequence[Tensor] | None = None,
) -> CandidateSet:
    """The candidate sets of a batch; see `SentenceEntries`."""
    unknown = [None] * len(slots)
    columns = (slots, source_positions or unknown, constrained or unknown, fuzzy_match or unknown)
    sentences = [SentenceEntries(*row) for row in zip(*columns, strict=True)]
    return CandidateSet.from_entries(memory, prefixes, sentences)

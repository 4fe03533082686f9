"""A remembered word is written to its end, and not continued beyond it."""

import torch
from candidate_sets import candidate_set
from plain_joints import BOUNDARIES, INNER, INSIDE, LAST, OTHER, PIECES, START, word
from torch import Tensor

from rarenmt.config import MemoryConfig
from rarenmt.decoding.candidates import CandidateSet
from rarenmt.decoding.prefix import EntryPrefixes, LastWords
from rarenmt.memory.memory import EMPTY, Memory
from rarenmt.text.tokenizer import BOS

PENALTY = 6.0


def candidates(*sentences: list[tuple[int, int]]) -> CandidateSet:
    """The candidates of sentences: the beginning of a word before each entry, and its piece."""
    entries = [entry for sentence in sentences for entry in sentence]
    prefixes, values = torch.tensor(entries).unbind(dim=1)
    memory = Memory(MemoryConfig(slots=len(entries), neighbours=1), 4, PIECES)
    memory.append(torch.eye(len(entries), 4), values, torch.zeros_like(values))
    unknown = torch.full_like(prefixes, EMPTY)
    slots = torch.arange(len(entries)).split([len(sentence) for sentence in sentences])
    return candidate_set(memory, EntryPrefixes(prefixes, unknown, unknown, BOUNDARIES), slots)


def penalties(found: CandidateSet, *written: int, from_memory: bool = True) -> Tensor:
    """The penalty of each piece after each of these beginnings of words."""
    log_probs = torch.zeros(len(written), PIECES)
    words = torch.tensor(written)
    prefix = LastWords(words, torch.full_like(words, EMPTY))
    found.penalise_incomplete_words(
        log_probs, prefix, torch.full_like(words, from_memory).bool(), PENALTY
    )
    return -log_probs


def test_pieces_that_continue_a_complete_word_are_penalised() -> None:
    complete = word(START, INNER)
    found = candidates([(BOS, START), (START, INNER), (complete, OTHER)])

    assert torch.equal(penalties(found, complete)[0], PENALTY * INSIDE)
    assert not penalties(found, complete, from_memory=False).any()
    assert not penalties(found, word(START, INNER, INNER)).any()  # another word


def test_pieces_that_leave_an_incomplete_word_are_penalised() -> None:
    found = candidates([(BOS, START), (START, INNER), (word(START, INNER), LAST)])

    [after_start] = penalties(found, START)
    assert after_start[INNER] == 0
    assert after_start.sum() == PENALTY * (PIECES - 1)
    [after_inner] = penalties(found, word(START, INNER))
    assert after_inner[LAST] == 0
    assert not penalties(found, START, from_memory=False).any()


def test_a_word_that_another_pair_continues_may_end_or_continue() -> None:
    complete = word(START, INNER)
    found = candidates([(complete, INNER), (complete, OTHER)])

    assert not penalties(found, complete).any()


def test_each_hypothesis_is_penalised_by_the_words_of_its_own_sentence() -> None:
    complete = word(START, INNER)
    both = candidates([(complete, OTHER)], [(OTHER, INNER)])

    first, second, third, fourth = penalties(both, START, complete, complete, OTHER)

    assert not first.any()
    assert second[INNER] == PENALTY
    assert not third.any()
    assert fourth[INNER] == 0
    assert fourth[START] == PENALTY
    selected = both.select(torch.tensor([1]))
    assert not penalties(selected, complete).any()

"""A sentence asks the entries of the pairs remembered for it, in the order of their text."""

from dataclasses import replace
from itertools import compress, takewhile
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from conftest import SENTENCES

from rarenmt.checkpoint import load_tokenizer
from rarenmt.config import MemoryConfig
from rarenmt.finder import Finder
from rarenmt.journal import Call, Journal
from rarenmt.lexicon import Lexicon
from rarenmt.memory import EMPTY, Memory
from rarenmt.spelling import spell_all
from rarenmt.text import Pair
from rarenmt.tokens import BOS, EOS, Tokenizer

CAT, DOG, BIRD, WATER = (Pair(s, t, "sentences.tsv", i) for i, (s, t) in enumerate(SENTENCES))
AGAIN = replace(CAT, source="The cat sleeps again.")
WIDTH = 8


@pytest.fixture(scope="module")
def tokenizer(folder: Path) -> Tokenizer:
    return load_tokenizer(folder)


def pieces(tokenizer: Tokenizer, pair: Pair) -> list[int]:
    return [*tokenizer.encode(pair.target), EOS]


def remembering(tokenizer: Tokenizer, slots: int, *pairs: Pair) -> tuple[Memory, Journal]:
    """A memory of so many slots that was shown these pairs, one after the other."""
    config = MemoryConfig(slots=slots, neighbours=4)
    memory, journal = Memory(config, WIDTH, len(tokenizer)), Journal()
    generator = torch.Generator().manual_seed(1)
    for pair in pairs:
        values = torch.tensor(pieces(tokenizer, pair))
        keys = F.normalize(torch.randn(len(values), WIDTH, generator=generator), dim=-1)
        written = memory.write(keys, values, None, generator)
        (number,) = journal.take(Call([pair]))
        journal.note(torch.full_like(values, number), torch.arange(len(values)), written)
    return memory, journal


def held(memory: Memory, journal: Journal, pair: Pair) -> dict[int, int]:
    """The slot of each position of a pair that still has one."""
    number = journal.pairs.index(pair)
    owners = journal.owners[: memory.used].tolist()
    return {position: slot for slot, (owner, position) in enumerate(owners) if owner == number}


def test_a_sentence_asks_all_entries_of_the_pairs_that_share_its_words(
    tokenizer: Tokenizer,
) -> None:
    memory, journal = remembering(tokenizer, 200, CAT, DOG, BIRD, WATER)

    excerpt = Finder(memory, journal, tokenizer, Lexicon()).excerpt(
        ["Dog eats bread.", "A bird sings."]
    )

    assert excerpt is not None
    dog, bird = pieces(tokenizer, DOG), pieces(tokenizer, BIRD)
    longest = max(len(dog), len(bird))
    padding = [EMPTY] * (longest - len(dog))
    assert excerpt.values.tolist() == [dog + padding, bird + [EMPTY] * (longest - len(bird))]
    own = list(held(memory, journal, DOG).values())
    assert excerpt.slots[0].tolist() == own + padding
    assert torch.equal(excerpt.keys.rows[: len(dog)], memory.keys[own])
    assert excerpt.neighbours == 4


def stems(tokenizer: Tokenizer, pair: Pair) -> list[int]:
    """The word begun before each position of a pair."""
    before = torch.tensor([BOS, *pieces(tokenizer, pair)[:-1]])
    return spell_all(before[:, None], torch.tensor(tokenizer.inside))[:, 0].tolist()


def test_an_entry_knows_what_was_written_of_its_word(
    tokenizer: Tokenizer,
) -> None:
    memory, journal = remembering(tokenizer, 200, CAT, DOG, BIRD)

    excerpt = Finder(memory, journal, tokenizer, Lexicon()).excerpt(["dog eats bread."])

    assert excerpt is not None
    assert excerpt.stems.tolist() == [stems(tokenizer, DOG)]
    assert excerpt.inside.tolist() == tokenizer.inside


@pytest.mark.parametrize("shown", [(CAT, DOG), (CAT, DOG, BIRD), (CAT, DOG, BIRD, WATER, AGAIN)])
def test_a_pair_that_lost_entries_does_not_know_what_stood_before_the_gap(
    tokenizer: Tokenizer, shown: tuple[Pair, ...]
) -> None:
    longest = max(len(pieces(tokenizer, pair)) for pair in shown)
    memory, journal = remembering(tokenizer, longest + 4, *shown)
    gaps = 0

    excerpt = Finder(memory, journal, tokenizer, Lexicon()).excerpt(
        [pair.source for pair in journal.pairs]
    )

    assert excerpt is not None
    before = {
        slot: piece
        for slots, row in zip(excerpt.slots.tolist(), excerpt.stems.tolist(), strict=True)
        for slot, piece in zip(slots, row, strict=True)
        if slot != EMPTY
    }
    for slot, piece in before.items():
        pair, (_, position) = journal.owner(slot), journal.owners[slot].tolist()
        number = int(journal.owners[slot, 0])
        together = journal.owners[: memory.used].tolist()
        inner = [tokenizer.inside[p] for p in pieces(tokenizer, pair)]
        word = takewhile(inner.__getitem__, range(position - 1, -1, -1))
        needed = {position - 1, *(p - 1 for p in word)} - {-1}  # back to the start of the word
        if all([number, p] in together for p in needed):
            assert piece == stems(tokenizer, pair)[position]
        else:
            assert piece == EMPTY
            gaps += 1
    assert gaps > 0
    assert set(before) <= set(range(memory.used))


def test_a_pair_that_lost_everything_is_not_asked(tokenizer: Tokenizer) -> None:
    slots = len(pieces(tokenizer, BIRD))
    memory, journal = remembering(tokenizer, slots, CAT, BIRD)
    journal.owners[:slots, 0] = 1  # as after many more pairs

    finder = Finder(memory, journal, tokenizer, Lexicon())

    assert finder.excerpt(["cat sleeps"]) is None
    assert finder.excerpt(["bird sings"]) is not None


@pytest.mark.parametrize("sentences", [["Nothing"], ["Nothing", "of?", ""], []])
def test_where_nothing_is_relevant_there_is_no_excerpt(
    tokenizer: Tokenizer, sentences: list[str]
) -> None:
    memory, journal = remembering(tokenizer, 200, CAT, DOG)

    assert Finder(memory, journal, tokenizer, Lexicon()).excerpt(sentences) is None


def test_an_empty_memory_has_no_excerpt(tokenizer: Tokenizer) -> None:
    memory, journal = remembering(tokenizer, 200)

    assert Finder(memory, journal, tokenizer, Lexicon()).excerpt(["The cat sleeps."]) is None


def test_known_words_are_mute_where_their_source_word_is_missing(tokenizer: Tokenizer) -> None:
    memory, journal = remembering(tokenizer, 200, DOG)  # The dog eats bread.
    lexicon = Lexicon([("dog", "hund"), ("eats", "frisst"), ("the", "der"), ("bread", "semmel")])
    finder = Finder(memory, journal, tokenizer, lexicon)

    excerpt = finder.excerpt(["bread, dog"])

    assert excerpt is not None
    ids = tokenizer.encode(DOG.target)  # Der Hund frisst Brot.
    words = zip(tokenizer.words(ids), tokenizer.by_word(ids), strict=True)
    heard = [text not in ("der", "frisst", ".") for text, word in words for _ in word]
    own = pieces(tokenizer, DOG)
    assert excerpt.values[0].tolist() == [*compress(own, heard), EOS]  # which is never mute
    assert excerpt.spelling.values[0].tolist() == own


def test_a_name_is_mute_where_it_is_not_called(tokenizer: Tokenizer) -> None:
    pair = Pair("Pam eats bread", "Pam frisst Brot", "a.tsv", 1)
    memory, journal = remembering(tokenizer, 200, pair)
    finder = Finder(memory, journal, tokenizer, Lexicon())
    [pam, *others] = map(len, tokenizer.by_word(tokenizer.encode(pair.target)))

    called, not_called = finder.excerpt(["bread, Pam"]), finder.excerpt(["bread"])

    assert called is not None
    assert called.values.shape[1] == pam + sum(others) + 1
    assert not_called is not None
    assert torch.equal(not_called.values, called.values[:, pam:])

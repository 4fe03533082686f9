"""A sentence asks the entries of the pairs remembered for it, in the order of their text."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from conftest import SENTENCES

from rarenmt.config import MemoryConfig
from rarenmt.decoding.candidates import CandidateSet
from rarenmt.decoding.prefix import LastWords
from rarenmt.memory.memory import EMPTY, Memory
from rarenmt.model.checkpoint import load_tokenizer
from rarenmt.text.lexicon.frequency import Frequencies
from rarenmt.text.lexicon.lexicon import Lexicon
from rarenmt.text.pairs import Pair
from rarenmt.text.tokenizer import BOS, EOS, Tokenizer
from rarenmt.text.words import UNALIGNED, WordBoundaries
from rarenmt.translation_memory.journal import Call, Journal
from rarenmt.translation_memory.lookup import CandidateFinder

CAT, DOG, BIRD, WATER = (Pair(s, t, "sentences.tsv", i) for i, (s, t) in enumerate(SENTENCES))
AGAIN = replace(CAT, source="The cat sleeps again.")
WIDTH = 8


@pytest.fixture(scope="module")
def tokenizer(folder: Path) -> Tokenizer:
    return load_tokenizer(folder)


def pieces(tokenizer: Tokenizer, pair: Pair) -> list[int]:
    return [*tokenizer.encode(pair.target), EOS]


def remembering(
    tokenizer: Tokenizer, slots: int, *pairs: Pair, linked: Sequence[int] | None = None
) -> tuple[Memory, Journal]:
    """A memory of so many slots that was shown these pairs, one after the other; their target
    words translate the source words `linked`, or all of them the second one."""
    config = MemoryConfig(slots=slots, neighbours=4)
    memory, journal = Memory(config, WIDTH, len(tokenizer)), Journal()
    generator = torch.Generator().manual_seed(1)
    for pair in pairs:
        values = torch.tensor(pieces(tokenizer, pair))
        keys = F.normalize(torch.randn(len(values), WIDTH, generator=generator), dim=-1)
        written = memory.write(keys, values, None, generator)
        (number,) = journal.append(Call([pair]))
        words = tokenizer.split_words(tokenizer.encode(pair.target))
        of_words = [1] * len(words) if linked is None else linked
        each = [link for link, word in zip(of_words, words, strict=True) for _ in word]
        links = torch.tensor([*each, UNALIGNED])[:, None].expand(-1, 2)
        journal.assign_slots(
            torch.full_like(values, number), torch.arange(len(values)), links, written
        )
    return memory, journal


def found_by(finder: CandidateFinder, sentences: Sequence[str]) -> CandidateSet | None:
    """The candidates of sentences."""
    return finder.candidates(sentences, [finder.retrieve(sentence) for sentence in sentences])


def held(memory: Memory, journal: Journal, pair: Pair) -> dict[int, int]:
    """The slot of each position of a pair that still has one."""
    number = journal.pairs.index(pair)
    owners = journal.owners[: memory.size].tolist()
    return {position: slot for slot, (owner, position) in enumerate(owners) if owner == number}


def test_the_candidates_are_all_entries_of_the_retrieved_pairs(
    tokenizer: Tokenizer,
) -> None:
    memory, journal = remembering(tokenizer, 200, CAT, DOG, BIRD, WATER)

    candidates = found_by(
        CandidateFinder(memory, journal, tokenizer, Lexicon()), ["Dog eats bread.", "A bird sings."]
    )

    assert candidates is not None
    dog, bird = pieces(tokenizer, DOG), pieces(tokenizer, BIRD)
    longest = max(len(dog), len(bird))
    padding = [EMPTY] * (longest - len(dog))
    assert candidates.entries.values.tolist() == [
        dog + padding,
        bird + [EMPTY] * (longest - len(bird)),
    ]
    own = list(held(memory, journal, DOG).values())
    assert candidates.entries.slots[0].tolist() == own + padding
    assert torch.equal(candidates.keys[0, : len(dog)], memory.keys[own])
    assert candidates.neighbours == 4


def test_entries_of_a_fuzzy_match_are_marked(tokenizer: Tokenizer) -> None:
    memory, journal = remembering(tokenizer, 200, CAT, DOG)
    sentences = ["The old cat sleeps.", "Who gave that cat my bread?"]

    candidates = found_by(CandidateFinder(memory, journal, tokenizer, Lexicon()), sentences)

    assert candidates is not None
    asked = candidates.entries.slots != EMPTY
    assert asked.any(dim=1).tolist() == [True, True]
    assert torch.equal(candidates.entries.fuzzy_match[0], asked[0])
    assert not candidates.entries.fuzzy_match[1].any()


def whole_words(tokenizer: Tokenizer, pair: Pair) -> list[int]:
    """The word that each position of a pair belongs to, as it is numbered."""
    inside = torch.tensor(tokenizer.continues_word)
    after = (
        LastWords.from_inputs(
            torch.tensor([BOS, *pieces(tokenizer, pair)])[:, None],
            WordBoundaries.from_tokenizer(tokenizer),
        )
        .word[1:, 0]
        .tolist()
    )
    ends = [
        p + 1 == len(after) or not inside[pieces(tokenizer, pair)[p + 1]] for p in range(len(after))
    ]
    return [next(after[q] for q in range(p, len(after)) if ends[q]) for p in range(len(after))]


def stems(tokenizer: Tokenizer, pair: Pair) -> list[int]:
    """The word begun before each position of a pair."""
    before = torch.tensor([BOS, *pieces(tokenizer, pair)[:-1]])
    return (
        LastWords.from_inputs(before[:, None], WordBoundaries.from_tokenizer(tokenizer))
        .word[:, 0]
        .tolist()
    )


def test_an_entry_has_the_beginning_of_its_word(
    tokenizer: Tokenizer,
) -> None:
    memory, journal = remembering(tokenizer, 200, CAT, DOG, BIRD)

    candidates = found_by(
        CandidateFinder(memory, journal, tokenizer, Lexicon()), ["dog eats bread."]
    )

    assert candidates is not None
    assert candidates.entries.prefixes.tolist() == [stems(tokenizer, DOG)]
    assert candidates.entries.words.tolist() == [whole_words(tokenizer, DOG)]
    assert candidates.boundaries.continues_word.tolist() == tokenizer.continues_word


@pytest.mark.parametrize("shown", [(CAT, DOG), (CAT, DOG, BIRD), (CAT, DOG, BIRD, WATER, AGAIN)])
def test_a_pair_that_lost_entries_does_not_know_what_stood_before_the_gap(
    tokenizer: Tokenizer, shown: tuple[Pair, ...]
) -> None:
    longest = max(len(pieces(tokenizer, pair)) for pair in shown)
    memory, journal = remembering(tokenizer, longest + 4, *shown)
    gaps = 0

    candidates = found_by(
        CandidateFinder(memory, journal, tokenizer, Lexicon()),
        [pair.source for pair in journal.pairs],
    )

    assert candidates is not None
    entries = candidates.entries
    before = {
        slot: piece
        for slots, row in zip(entries.slots.tolist(), entries.prefixes.tolist(), strict=True)
        for slot, piece in zip(slots, row, strict=True)
        if slot != EMPTY
    }
    for slot, piece in before.items():
        pair, (_, position) = journal.owner(slot), journal.owners[slot].tolist()
        number = int(journal.owners[slot, 0])
        together = journal.owners[: memory.size].tolist()
        inner = [tokenizer.continues_word[p] for p in pieces(tokenizer, pair)]
        word = takewhile(inner.__getitem__, range(position - 1, -1, -1))
        needed = {position - 1, *(p - 1 for p in word)} - {-1}  # back to the start of the word
        if all([number, p] in together for p in needed):
            assert piece == stems(tokenizer, pair)[position]
        else:
            assert piece == EMPTY
            gaps += 1
    assert gaps > 0
    assert set(before) <= set(range(memory.size))


def test_a_pair_without_entries_is_no_candidate(tokenizer: Tokenizer) -> None:
    slots = len(pieces(tokenizer, BIRD))
    memory, journal = remembering(tokenizer, slots, CAT, BIRD)
    journal.owners[:slots, 0] = 1  # as after many more pairs

    finder = CandidateFinder(memory, journal, tokenizer, Lexicon())

    assert found_by(finder, ["cat sleeps"]) is None
    assert found_by(finder, ["bird sings"]) is not None


@pytest.mark.parametrize("sentences", [["Nothing"], ["Nothing", "of?", ""], []])
def test_without_retrieved_pairs_there_are_no_candidates(
    tokenizer: Tokenizer, sentences: list[str]
) -> None:
    memory, journal = remembering(tokenizer, 200, CAT, DOG)

    assert found_by(CandidateFinder(memory, journal, tokenizer, Lexicon()), sentences) is None


def test_an_empty_memory_has_no_candidates(tokenizer: Tokenizer) -> None:
    memory, journal = remembering(tokenizer, 200)

    assert (
        found_by(CandidateFinder(memory, journal, tokenizer, Lexicon()), ["The cat sleeps."])
        is None
    )


def test_words_that_translate_nothing_in_the_sentence_are_blocked(tokenizer: Tokenizer) -> None:
    memory, journal = remembering(tokenizer, 200, DOG, linked=[0, 1, 2, 3, 4])
    finder = CandidateFinder(memory, journal, tokenizer, Lexicon())

    candidates = found_by(finder, ["bread, dog"])  # The dog eats bread.

    assert candidates is not None
    assert unblocked(candidates) == pieces_of(tokenizer, DOG, ["hund", "brot"])
    assert candidates.words.pieces.shape[1] == len(pieces(tokenizer, DOG))


def test_another_form_of_what_they_translate_is_enough(tokenizer: Tokenizer) -> None:
    pair = Pair("The vikings travelled", "Die Wikinger reisten", "a.tsv", 1)
    memory, journal = remembering(tokenizer, 200, pair, linked=[0, 1, 2])
    finder = CandidateFinder(memory, journal, tokenizer, Lexicon())

    candidates = found_by(finder, ["One viking"])

    assert candidates is not None
    assert unblocked(candidates) == pieces_of(tokenizer, pair, ["wikinger"])


def test_a_word_that_translates_two_source_words_is_a_candidate_for_each(
    tokenizer: Tokenizer,
) -> None:
    memory, journal = remembering(tokenizer, 200, DOG, linked=[0, 1, 2, 3, 4])
    journal.links[:, 1] = torch.where(journal.links[:, 1] == 1, 3, journal.links[:, 1])
    finder = CandidateFinder(memory, journal, tokenizer, Lexicon())

    for sentence in ("The dog eats", "eats bread"):
        candidates = found_by(finder, [sentence])
        assert candidates is not None
        assert pieces_of(tokenizer, DOG, ["hund"])[0] in unblocked(candidates)


def test_a_translation_of_the_lexicon_is_a_candidate_too(tokenizer: Tokenizer) -> None:
    memory, journal = remembering(tokenizer, 200, DOG, linked=[0, 1, 2, 3, 4])
    finder = CandidateFinder(
        memory, journal, tokenizer, Lexicon([("devours", "frisst"), ("x", "der")])
    )

    candidates = found_by(finder, ["devours bread"])

    assert candidates is not None
    assert unblocked(candidates) == pieces_of(tokenizer, DOG, ["frisst", "brot"])


def test_the_function_words_of_a_sentence_are_those_that_translate_its_frequent_words(
    tokenizer: Tokenizer,
) -> None:
    memory, journal = remembering(tokenizer, 200, DOG)
    one, other, *_ = (
        piece
        for piece, text in enumerate(tokenizer.texts)
        if text.startswith(" ") and text.strip().isalpha()
    )
    texts = [tokenizer.word_text((piece,)) for piece in (one, other)]
    finder = CandidateFinder(
        memory,
        journal,
        tokenizer,
        Lexicon([("the", texts[0]), ("eats", texts[1])]),
        Frequencies({"the": 1000, "eats": 1}),
    )

    candidates = found_by(finder, ["The dog eats bread.", "A dog eats bread."])

    assert candidates is not None
    assert candidates.function_words.tolist() == [[one], [EMPTY]]


@pytest.mark.parametrize(
    ("sentence", "inflected"),
    [("The dog eats.", False), ("The dog's bread", True)],
)
def test_the_possessive_is_another_form(
    tokenizer: Tokenizer, sentence: str, inflected: bool
) -> None:
    memory, journal = remembering(tokenizer, 200, Pair("dog", "Hund", "f", 1), linked=[0])
    finder = CandidateFinder(memory, journal, tokenizer, Lexicon())

    candidates = found_by(finder, [sentence])

    assert candidates is not None
    assert bool(candidates.entries.inflected.any()) is inflected


def pieces_of(tokenizer: Tokenizer, pair: Pair, words: Sequence[str]) -> list[int]:
    """The pieces of some target words."""
    ids = tokenizer.encode(pair.target)
    split = zip(tokenizer.words(ids), tokenizer.split_words(ids), strict=True)
    return [piece for text, word in split for piece in word if text in words]


def unblocked(candidates: CandidateSet) -> list[int]:
    """The values of the entries of the first sentence that are not blocked."""
    return candidates.entries.values[0][~candidates.blocked[0]].tolist()


def test_an_entry_has_the_positions_of_its_source_word(tokenizer: Tokenizer) -> None:
    memory, journal = remembering(tokenizer, 200, DOG, linked=[0, 1, 2, 3, 4])
    journal.links[journal.links == 4] = 99  # damaged: no such word
    finder = CandidateFinder(memory, journal, tokenizer, Lexicon())
    sentence = "Bread for my dog"

    candidates = found_by(finder, ["A longer sentence that asks nothing of it, by far", sentence])

    assert candidates is not None
    assert candidates.source_positions is not None
    words = [text for text, word in by_word(tokenizer, sentence) for _ in word]
    entries = [text for text, word in by_word(tokenizer, DOG.target) for _ in word]
    found = {}
    for slot, places in zip(
        candidates.entries.slots[1].tolist(), candidates.source_positions[1].tolist(), strict=True
    ):
        if slot != EMPTY and (position := int(journal.owners[slot, 1])) < len(entries):
            found[entries[position]] = {words[place] for place, here in enumerate(places) if here}
    assert found["hund"] == {"dog"}
    assert found["brot"] == {"bread"}
    assert not candidates.source_positions[0].any()
    longest = len(tokenizer.encode("A longer sentence that asks nothing of it, by far"))
    assert candidates.source_positions.shape[2] == longest + 1


def by_word(tokenizer: Tokenizer, text: str) -> list[tuple[str, list[int]]]:
    ids = tokenizer.encode(text)
    return list(zip(tokenizer.words(ids), tokenizer.split_words(ids), strict=True))


def test_rare_words_that_are_remembered_are_constrained(tokenizer: Tokenizer) -> None:
    pair = Pair("Zorgblat eats.", "Zorgblatt frisst.", "file.tsv", 1)
    memory, journal = remembering(tokenizer, 200, pair, linked=[0, 1, 2])
    sentence = "Zorgblat drinks (Quux)."
    counts = Frequencies({"eats": 10, "drinks": 10})
    finder = CandidateFinder(memory, journal, tokenizer, Lexicon(), counts)

    candidates = found_by(finder, [sentence, "eats."])

    assert candidates is not None
    assert candidates.constrained_words is not None
    words = by_word(tokenizer, sentence)
    expected = [int(text == "zorgblat") for text, word in words for _ in word]
    assert candidates.constrained_words.source_words[0, :, 0].tolist() == [*expected, 0]
    assert not candidates.constrained_words.source_words[1].any()
    zorgblatt = {word for word in candidates.entries.words[0].tolist() if word != EMPTY}
    assert {*candidates.constrained_words.target_words[0].tolist()} <= zorgblatt


def test_the_words_of_a_term_are_one_to_the_word_that_translates_them(
    tokenizer: Tokenizer,
) -> None:
    term = Pair("board of directors", "Vorstand", "file.tsv", 1)
    memory, journal = remembering(tokenizer, 200, term, linked=[0])
    counts = Frequencies({"of": 999_000, "the": 999_000, "board": 10, "directors": 10, "met": 10})
    finder = CandidateFinder(memory, journal, tokenizer, Lexicon(), counts)
    sentence = "The board of directors met"

    candidates = found_by(finder, [sentence, "A board of trees"])

    assert candidates is not None
    assert candidates.source_positions is not None
    assert candidates.constrained_words is not None
    words = by_word(tokenizer, sentence)
    block = [text in ("board", "directors") for text, word in words for _ in word]
    lettered = candidates.source_positions[0].any(dim=1)
    assert lettered.any()
    assert not lettered.all()  # its end translates nothing
    assert (candidates.source_positions[0, lettered] == torch.tensor([*block, False])).all()
    assert candidates.constrained_words.source_words[0, :, 0].tolist() == [*block, False]


def test_a_term_starts_at_its_first_content_word(
    tokenizer: Tokenizer,
) -> None:
    term = Pair("board", "der Rat der Alten", "file.tsv", 1)
    memory, journal = remembering(tokenizer, 200, term, linked=[0, 0, 0, 0])
    counts = Frequencies({"the": 999_000, "board": 10})
    finder = CandidateFinder(memory, journal, tokenizer, Lexicon([("the", "der")]), counts)

    candidates = found_by(finder, ["The board met"])

    assert candidates is not None
    bound, values = candidates.entries.context_words[0], candidates.entries.values[0]
    assert bound[bound > 0].tolist() == [1, 2]
    _, _, again, last = tokenizer.split_words(tokenizer.encode(term.target))
    assert values[bound > 0].tolist() == [again[0], last[0]]

"""Text in, text out: parts of long sentences, remembering, and where words come from."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from conftest import SENTENCES

from rarenmt.config import SearchConfig
from rarenmt.text.pairs import Pair
from rarenmt.translation_memory.store import MIN_SLOTS
from rarenmt.translator.result import Translation
from rarenmt.translator.segments import CUT_ABOVE, SPLIT_ABOVE
from rarenmt.translator.translator import Translator

GREEDY = SearchConfig(beam=1)
PAIRS = [Pair(s, t, "sentences.tsv", i, time=0) for i, (s, t) in enumerate(SENTENCES, start=1)]


@pytest.fixture
def translator(folder: Path, tmp_path: Path) -> Translator:
    return Translator.load(folder, memory=tmp_path / "memory.safetensors")


def test_every_piece_of_a_pair_has_an_entry_of_its_own(translator: Translator) -> None:
    result = translator.memory.remember(PAIRS)

    pieces = sum(len(translator.tokenizer.encode(pair.target)) + 1 for pair in PAIRS)
    assert result.tokens == translator.memory.entries.size == pieces


def test_a_key_does_not_depend_on_its_batch(translator: Translator, folder: Path) -> None:
    translator.memory.remember(PAIRS)
    alone = Translator.load(folder)
    for pair in PAIRS:
        alone.memory.remember([pair])

    used = translator.memory.entries.size
    assert torch.equal(translator.memory.entries.keys[:used], alone.memory.entries.keys[:used])
    assert torch.equal(translator.memory.journal.links[:used], alone.memory.journal.links[:used])


def test_the_query_of_a_remembered_sentence_finds_its_own_entries(translator: Translator) -> None:
    translator.memory.remember(PAIRS)

    entries = translator.memory.entries
    recall = entries.read(entries.keys[: entries.size].float(), k=1)

    torch.testing.assert_close(recall.similarity[:, 0], torch.ones(entries.size), atol=0.01, rtol=0)


def test_the_memory_grows_when_it_is_full(translator: Translator) -> None:
    many = [Pair(f"Sentence {i}", f"Satz {i}", "many.tsv", i) for i in range(300)]

    result = translator.memory.remember(many)

    assert translator.memory.entries.size == result.tokens > MIN_SLOTS
    assert result.evicted == 0


ODD = "Nobody knows why"
"""Shares no word with what was remembered."""
ASKED = [ODD, "The dog eats.", "Why a bird sings", "Bread, drink, water: sleeps", "Nobody"]


def test_a_sentence_that_nothing_is_relevant_to_is_translated_as_without_a_memory(
    translator: Translator,
) -> None:
    translator.memory.remember(PAIRS)
    [without] = translator.translate([ODD], GREEDY, memory=False)

    [odd, dog] = translator.translate([ODD, "dog eats bread"], GREEDY)

    assert any(token.origin for token in dog.tokens)
    assert odd == without
    assert translator.translate([ODD], GREEDY) == [without]


@pytest.mark.parametrize("beam", [1, 3])
def test_a_sentence_is_translated_alike_alone_and_in_a_batch(
    translator: Translator, beam: int
) -> None:
    translator.memory.remember(PAIRS)
    config = SearchConfig(beam=beam)

    together = translator.translate(ASKED, config)

    for sentence, among_others in zip(ASKED, together, strict=True):
        [alone] = translator.translate([sentence], config)
        assert alone.text == among_others.text
        assert speakers(alone) == speakers(among_others)
    assert any(speakers(translation) for translation in together)


def speakers(translation: Translation) -> list[tuple[str, Pair]]:
    """The pieces that came from the memory, each with the pair behind it."""
    return [(token.piece, token.origin.pair) for token in translation.tokens if token.origin]


def test_only_retrieved_pairs_contribute(translator: Translator) -> None:
    translator.memory.remember(PAIRS)

    [dog] = translator.translate(["dog eats bread"], GREEDY)

    assert {token.origin.pair for token in dog.tokens if token.origin} == {PAIRS[1]}


def test_what_is_remembered_later_is_asked_too(translator: Translator) -> None:
    translator.memory.remember(PAIRS[:1])
    [before] = translator.translate(["dog eats bread"], GREEDY)

    translator.memory.remember(PAIRS[1:])

    [after] = translator.translate(["dog eats bread"], GREEDY)
    assert not any(token.origin for token in before.tokens)
    assert any(token.origin for token in after.tokens)


def test_what_is_saved_is_loaded(translator: Translator, folder: Path) -> None:
    translator.memory.remember(PAIRS)
    translator.memory.save()

    again = Translator.load(folder, memory=translator.memory.path)

    assert again.memory.journal.pairs == PAIRS
    asked = ["The cat sleeps.", "Bread."]
    assert again.translate(asked, GREEDY) == translator.translate(asked, GREEDY)


def test_conflicts_within_one_call_are_reported(translator: Translator) -> None:
    first, second = (Pair("bank", t, "a.tsv", i, time=0) for i, t in enumerate(["Bank", "Ufer"]))

    result = translator.memory.remember([first, second, first])

    assert (result.new, result.known) == ([first, second], [first])
    assert result.conflicts == [(second, first)]


def test_a_long_text_is_translated_in_parts(translator: Translator) -> None:
    sentence = "The cat sleeps and the dog eats bread. "
    [translation] = translator.translate([sentence * 30], GREEDY)

    assert len(translation.parts) == 30
    assert all(
        len(translator.tokenizer.encode("".join(part.source))) <= CUT_ABOVE
        for part in translation.parts
    )


def test_a_word_too_long_to_be_language_is_copied(translator: Translator) -> None:
    word = "x" * 1000

    [translation] = translator.translate([f"The cat {word} sleeps."], GREEDY)

    assert f" {word} " in translation.text


def test_tokens_spell_the_translation(translator: Translator) -> None:
    for sentence in ["The cat sleeps.", "The dog. " * 60]:
        [translation] = translator.translate([sentence], GREEDY)

        spelled = "".join(token.piece for token in translation.tokens)
        assert spelled.split() == translation.text.split()


def test_the_pairs_that_a_sentence_asks_can_be_seen(translator: Translator) -> None:
    translator.memory.remember(PAIRS)

    assert translator.retrieve(PAIRS[2].source) == [PAIRS[2]]
    assert translator.retrieve("xyzzy") == []


def test_a_remembered_sentence_is_translated_as_remembered(translator: Translator) -> None:
    translator.memory.remember(PAIRS)
    asked = [pair.source for pair in PAIRS]

    said = translator.translate(asked, GREEDY)

    assert [translation.text for translation in said] == [pair.target for pair in PAIRS]
    anew = translator.translate(asked, SearchConfig(beam=1, exact_matches=False))
    assert [translation.text for translation in anew] != [pair.target for pair in PAIRS]
    assert translator.translate(asked, GREEDY, memory=False) != said
    assert [t.text for t in translator.translate(asked, GREEDY, explain=False)] == [
        translation.text for translation in said
    ]


def test_white_space_around_a_sentence_that_was_shown_stays(translator: Translator) -> None:
    translator.memory.remember([Pair(" Where to? ", "\tWohin denn  jetzt? ", "spaces.tsv", 1)])

    [translation] = translator.translate(["  Where to?\t"], GREEDY)

    assert translation.text == "  Wohin denn  jetzt?\t"


def test_every_remembered_word_has_its_location(translator: Translator) -> None:
    pair = Pair("Hello.", " Grüß 𝔊ott,\nHerr Kurzschwanz\u0131!", "greetings.tsv", 7)
    translator.memory.remember([pair])

    [translation] = translator.translate(["Hello."], GREEDY)

    assert translation.text == "Grüß 𝔊ott, Herr Kurzschwanz\u0131!"
    assert {word for word, _ in translation.memory_words()} == {
        "Grüß", "𝔊ott", "Herr", "Kurzschwanz\u0131"
    }  # fmt: skip
    for word in translation.words():
        [entry] = word.entries
        assert (pair.target[slice(*entry.span)], entry.pair.line) == (word.text, 7)


def test_a_sentence_of_the_same_pattern_keeps_its_numbers_and_punctuation(
    translator: Translator,
) -> None:
    pair = Pair("Row 7 of 20 is gone.", "Von 20 Zeilen fehlt die 7.", "rows.tsv", 3)
    translator.memory.remember([pair])

    [translation] = translator.translate(["row 1250 of 3 is gone!"], GREEDY)

    assert translation.text == "Von 3 Zeilen fehlt die 1250!"
    [part] = translation.parts
    assert part.tm_match is not None
    assert part.tm_match.note == "exact match except for numbers or punctuation"
    words = {word.text: word for word in translation.words()}
    assert not words["1250"].entries
    assert not words["!"].entries
    [entry] = words["fehlt"].entries
    assert pair.target[slice(*entry.span)] == "fehlt"
    anew = translator.translate(
        ["row 1250 of 3 is gone!"], SearchConfig(beam=1, exact_matches=False)
    )
    assert anew[0].parts[0].tm_match is None


def test_the_sentences_of_a_long_line_are_translated_one_by_one(translator: Translator) -> None:
    first, second = "The cat sleeps in the tree.", "The dog eats the bread of the bird."
    assert len(translator.tokenizer.encode(f"{first} {second}")) > SPLIT_ABOVE

    [long] = translator.translate([f"{first} {second}"], GREEDY)
    [short] = translator.translate(["A cat. A dog."], GREEDY)

    assert ["".join(part.source).strip() for part in long.parts] == [first, second]
    assert len(short.parts) == 1
    one_by_one = translator.translate([first, second], GREEDY)
    assert long.text == " ".join(translation.text.strip() for translation in one_by_one)


def test_a_remembered_sentence_is_used_among_others_of_its_line(
    translator: Translator,
) -> None:
    shown = [
        Pair("Gate 3 is open.", "Flugsteig 3 ist offen.", "a.tsv", 1),
        Pair("No.", "Nr.", "a.tsv", 2),
        Pair("We drink  water", "Wir trinken", "a.tsv", 3),
    ]
    translator.memory.remember(shown)
    other = "The cat  sleeps. No. 5 too."
    line = f"Gate 7 is open! {other} Gate 8 is open. We drink water"

    [translation] = translator.translate([line], GREEDY)
    [alone] = translator.translate([other], GREEDY)

    assert translation.text == (
        f"Flugsteig 7 ist offen! {alone.text} Flugsteig 8 ist offen. Wir trinken"
    )
    assert [part.tm_match and part.tm_match.pair.line for part in translation.parts] == [
        1,
        None,
        1,
        3,
    ]
    [anew] = translator.translate([line], SearchConfig(beam=1, exact_matches=False))
    assert {part.tm_match for part in anew.parts} == {None}
    assert [t.text for t in translator.translate([line], GREEDY, explain=False)] == [
        translation.text
    ]


def test_of_two_translations_the_latest_is_used(translator: Translator) -> None:
    bank, shore = (Pair("bank", t, "a.tsv", i) for i, t in enumerate(["Bank", "Ufer"], start=1))
    again = replace(bank, line=3)

    for shown, said in [(bank, "Bank"), (shore, "Ufer"), (again, "Bank")]:
        translator.memory.remember([shown])
        assert [t.text for t in translator.translate(["bank"], GREEDY)] == [said]

    translator.memory.forget([2])
    assert [t.text for t in translator.translate(["bank"], GREEDY)] == ["Ufer"]


def test_a_long_text_that_was_shown_is_not_cut_and_its_parts_count(translator: Translator) -> None:
    long = " ".join(f"This is the line with the number {i}." for i in range(40))
    assert len(translator.tokenizer.encode(long)) > CUT_ABOVE
    whole, part = Pair(long, "Lang.", "a.tsv", 1), Pair("Then go.", "Dann geh.", "a.tsv", 2)
    translator.memory.remember([whole, part])

    shown, longer = translator.translate([long, f"{long} Then go."], GREEDY)

    assert shown.text == "Lang."
    assert longer.text.endswith(" Dann geh.")
    assert longer.parts[-1].source_words() == ["Then", "go", ".", ""]


def test_a_pair_that_another_supersedes_is_not_verified(translator: Translator) -> None:
    bank, ufer, cat = Pair("bank", "Bank"), Pair("bank", "Ufer"), Pair("The cat.", "Die Katze.")
    translator.memory.remember([bank, cat])
    translator.memory.remember([ufer])

    [(missed, translation)] = translator.verify([bank, cat, ufer])

    assert (missed, translation.text) == (bank, "Ufer")
    assert translator.memory.superseded([cat, bank])[0][0] == bank
    assert translator.memory.superseded([bank, ufer, cat]) == []

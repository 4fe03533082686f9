"""A sentence that is worded as a remembered one is said as that was shown, with what is its own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarenmt.text.matching import NOT_IN_PAIR, SentencePattern, near_match, substitute
from rarenmt.text.pairs import Pair


def said(source: str, target: str, sentence: str) -> str | None:
    """What is said for a sentence when this pair is remembered, if it is worded alike."""
    if SentencePattern.from_sentence(source).key != SentencePattern.from_sentence(sentence).key:
        return None
    shown = near_match(Pair(source, target, "a.tsv", 1), sentence)
    return None if shown is None else shown.text


@pytest.mark.parametrize(
    ("source", "target", "sentence", "expected"),
    [
        # the sign at the end
        ("Come in.", "Komm rein.", "Come in!", "Komm rein!"),
        ("Come in.", "Komm rein.", "Come in", "Komm rein"),
        ("Name", "Name", "Name:", "Name:"),
        ("Name", "Nom", "Name :", "Nom:"),
        ("Name:", "Nom :", "Name", "Nom"),
        ("Name:", "Nom :", "Name!", "Nom !"),
        ("Come in.", "Komm rein!", "Come in!", "Komm rein!"),
        ("Come in.", "Komm rein!", "Come in", None),  # the shown sign is not the source's
        ("Come in.", "Komm rein", "Come in", "Komm rein"),
        ("Come in", "Komm rein.", "Come in!", None),
        ("Loading...", "Lädt…", "Loading…", "Lädt…"),
        ("Loading...", "Lädt…", "Loading", "Lädt"),
        ("Loading.", "Lädt.", "Loading…", "Lädt…"),
        ("You know.", "Du weißt.", "You know?", None),  # a question is another sentence
        # typography
        ("It's “on” - now.", "Es ist „an“.", "It’s \"on\"\u00a0–  now.", "Es ist „an“."),
        ("Cafe\u0301 open", "Café offen", "Caf\u00e9 open", "Café offen"),
        # capital letters
        ("Save As", "Speichern unter", "save as", "Speichern unter"),
        ("Save as", "Speichern unter", "SAVE AS", None),
        ("SAVE AS", "SPEICHERN UNTER", "SAVE AS:", "SPEICHERN UNTER:"),
        ("SAVE AS", "SPEICHERN UNTER", "Save as", None),
        ("Polish", "Polnisch", "polish", None),
        # numbers
        ("Page 3 of 10", "Seite 3 von 10", "Page 7 of 250", "Seite 7 von 250"),
        ("3 of 10", "Von 10 die 3.", "10 of 3", "Von 3 die 10."),
        ("For $1,000.50", "Für 1.000,50 $", "For $2,300.99", "Für 2.300,99 $"),
        ("Two of 2", "Zwei von 2", "Two of 5", "Zwei von 5"),
        ("5 pm", "17 Uhr", "6 pm", None),
        ("At 5 pm", "Um 17 Uhr", "At 5 pm.", "Um 17 Uhr."),  # no number to be put for another
        ("2 and 2", "2 und 2", "3 and 3", "3 und 3"),
        ("2 and 2", "2 und 2", "2 and 3", None),  # one number would become two
        ("2 and 3", "3 und 2", "4 and 4", "4 und 4"),
        ("1 file", "1 Datei", "2 files", None),
        ("Version 1.0", "Version 1.0", "Version 1.0.1", None),
        ("The 1st row", "Die 1. Zeile", "The 2nd row", None),
        ("The 4th row", "Die 4. Zeile", "The 15th row", "Die 15. Zeile"),
        ("12", "12", "345", "345"),
    ],
)  # fmt: skip
def test_the_translation_of_a_sentence_of_the_same_pattern(
    source: str, target: str, sentence: str, expected: str | None
) -> None:
    assert said(source, target, sentence) == expected


def test_a_match_has_the_position_of_each_character() -> None:
    pair = Pair("Take 2 of 30.", "  Nimm 2 von 30.\t", "a.tsv", 1)

    shown = near_match(pair, "Take 15 of 30!")

    assert shown is not None
    assert shown.text == "Nimm 15 von 30!"
    own = [i for i, place in enumerate(shown.positions) if place == NOT_IN_PAIR]
    assert [shown.text[i] for i in own] == ["1", "5", "!"]
    for i, place in enumerate(shown.positions):
        assert place == NOT_IN_PAIR or pair.target[place] == shown.text[i]


@given(st.text(max_size=20), st.text(max_size=20))
def test_the_very_sentence_gets_the_target_letter_for_letter(source: str, target: str) -> None:
    pair = Pair(source, target, "a.tsv", 1)

    for shown in (substitute(pair), near_match(pair, source)):
        assert shown is not None
        assert shown.text == target.strip()
        assert [pair.target[place] for place in shown.positions] == list(shown.text)
        assert shown.note == "exact match"


@given(st.text(alphabet="a1B .!…’'", max_size=12))
def test_white_space_and_the_kind_of_sign_do_not_change_the_wording(text: str) -> None:
    key = SentencePattern.from_sentence(text).key

    assert SentencePattern.from_sentence(f"  {text}\t").key == key
    assert SentencePattern.from_sentence(text.replace(" ", "\u00a0 ")).key == key
    assert SentencePattern.from_sentence(text.replace("’", "'")).key == key
    assert SentencePattern.from_sentence(text.replace("1", "7")).key == key

"""Nothing of a sentence is lost to a remembered pair that resembles it."""

from dataclasses import replace

import pytest
from shipped import remembering

from rarenmt.config import SearchConfig
from rarenmt.config.decoding import AttemptConfig
from rarenmt.text.pairs import Pair
from rarenmt.translator.translator import Translator


def pair(source: str, target: str) -> Pair:
    return Pair(source, target, "file.txt", 1, time=0)


SCARECROW = pair("The scarecrow stood in our field.", "Die Vogelscheuche stand in unserem Feld.")
LEDGER = pair("Please bring the ledger.", "Bringen Sie bitte das Kassenbuch mit.")


@pytest.mark.parametrize(
    ("remembered", "sentence", "kept"),
    [
        (SCARECROW, "The scarecrow did not stand in our field.", "nicht"),
        (SCARECROW, "The scarecrow didn't stand in our field.", "nicht"),
        (SCARECROW, "The old scarecrow stood in our field.", "alt"),
        (SCARECROW, "The scarecrow stood in our field yesterday.", "estern"),
        (LEDGER, "Please do not bring the ledger.", "nicht"),
        (LEDGER, "Please bring the old ledger.", "alt"),
        (LEDGER, "Please bring the ledger and your coat.", "Mantel"),
    ],
)
def test_what_differs_from_a_remembered_sentence_is_translated(
    remembered: Pair, sentence: str, kept: str
) -> None:
    found = remembering(remembered).translate(sentence)

    assert kept in found.text
    assert ("Vogelscheuche" if remembered is SCARECROW else "Kassenbuch") in found.text


def test_a_remembered_sentence_is_followed_where_nothing_is_lost() -> None:
    found = remembering(SCARECROW).translate("The scarecrow stood in your field.")

    assert found.text.startswith("Die Vogelscheuche stand in ")
    assert found.missing == []


def first_search_alone(translator: Translator, sentence: str) -> list[str]:
    config = SearchConfig()
    constraints = replace(config.constraints, attempts=(AttemptConfig(),), max_score_loss=0.0)
    return translator.translate(sentence, replace(config, constraints=constraints)).missing


def test_a_word_that_stays_lost_is_named() -> None:
    translator = remembering(SCARECROW)

    assert first_search_alone(translator, "The scarecrow never stood in our field.") == ["never"]
    assert first_search_alone(translator, "The scarecrow stood in our field.") == []


def test_without_a_pair_the_model_translates_as_it_does_without_a_memory() -> None:
    translator = remembering(SCARECROW)
    sentence = "Nobody sings again."

    assert translator.translate(sentence).text == translator.translate(sentence, memory=False).text
    assert translator.translate(sentence).missing == []

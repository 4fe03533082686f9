"""Whether a text is in the target language."""

import pytest

from rarenmt.text.lexicon.language import is_in_target_language
from rarenmt.text.lexicon.lexicon import Lexicon

LEXICON = Lexicon(
    [("the", "der"), ("the", "die"), ("is", "ist"), ("not", "nicht"), ("house", "haus"),
     ("die", "sterben"), ("in", "in"), ("old", "alt")]
)  # fmt: skip


@pytest.mark.parametrize(
    "text", ["Das Haus ist nicht alt.", "Der Turm ist alt, die", "IST NICHT ALT"]
)
def test_a_german_text(text: str) -> None:
    assert is_in_target_language(text, LEXICON)


@pytest.mark.parametrize(
    "text", ["The house is old.", "Haus", "the ist nicht alt is not", "", "Xyz"]
)
def test_no_german_text(text: str) -> None:
    assert not is_in_target_language(text, LEXICON)

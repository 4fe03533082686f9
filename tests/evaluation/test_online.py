"""Online adaptation: each line is scored before it is remembered."""

from pathlib import Path

import pytest

from rarenmt.config import SearchConfig
from rarenmt.evaluation.online import recall_of_new_words, translate_online
from rarenmt.text.pairs import Pair
from rarenmt.translator.translator import Translator


def test_a_line_is_remembered_after_it_was_translated(folder: Path) -> None:
    translator = Translator.load(folder, memory=folder / "none.safetensors")
    pairs = [Pair("The cat.", "Die Katze.", "a.tsv", line) for line in (1, 2)]
    greedy = SearchConfig(beam=1)

    first, second = translate_online(translator, pairs, greedy)

    assert first != "Die Katze."
    assert second == "Die Katze."
    assert translate_online(Translator.load(folder), pairs, greedy, memory=False) == [first, first]


def test_words_are_new_until_a_reference_contained_them() -> None:
    found = recall_of_new_words(["die Katze", "die Maus"], ["die Katze", "die Katze"])

    assert found == {"R0": 100.0, "R1": pytest.approx(50.0)}
    assert recall_of_new_words(["7"], ["7"]) == {}

"""What keeps company in a text small enough to count by hand."""

import math
from pathlib import Path

import pytest

from rarenmt.errors import CheckpointError
from rarenmt.text.lexicon import cooccurrence as company
from rarenmt.text.lexicon.cooccurrence import MAX_SCORE, Cooccurrence

HE, SHE = ("der Hund", "einen Hund"), ("die Katze", "eine Katze")


def learn(*sentences: str) -> Cooccurrence:
    return Cooccurrence.learn([(sentences, 1.0)])


@pytest.fixture(autouse=True)
def four_words_lead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(company, "FREQUENT_WORDS", 4)


def test_words_before_the_same_words_are_associated() -> None:
    """Of 20 words half stand behind *der* and *einen*, half behind *die* and *eine*."""
    both = learn(*(f"{text}{i}" for i in range(10) for text in HE + SHE))

    # Two occurrences of a word are of *der* and *einen* in 1 of 2 orders: 10 words, 5 in all; by
    # chance in 5 · 5 / 20.
    assert both.score("der", "einen") == pytest.approx(math.log((5 + 1) / (1.25 + 1)))
    assert both.score("einen", "der") == both.score("der", "einen")
    assert both.score("eine", "die") == both.score("der", "einen")
    assert both.score("der", "die") == both.score("der", "eine") == pytest.approx(-math.log(2.25))
    assert both.score("der", "der") == pytest.approx(-math.log(2.25))  # no word stood there twice


def test_a_favourite_is_worth_a_nat_at_most() -> None:
    favourite = learn(*["der Hund", "die Katze"] * 50)

    assert favourite.score("der", "der") == MAX_SCORE


def test_a_word_with_a_capital_letter_is_another_one() -> None:
    both = learn(*(f"{text}{i}" for i in range(20) for text in ("Der Hund", "einen Hund", *SHE)))

    assert both.score("Der", "einen") > 0
    assert both.score("der", "einen") == 0


def test_a_word_that_occurs_once_is_no_evidence() -> None:
    assert len(learn(*(f"{text}{i}" for i, text in enumerate(HE + SHE * 4)))) == 0


def test_a_frequent_word_counts_as_any_other() -> None:
    few = [f"{text}{i}" for i in range(20) for text in HE + SHE]

    often = learn(*few, *["die Katze0", "eine Katze0"] * 5)

    assert often.score("der", "einen") == learn(*few).score("der", "einen")


def test_the_weights_of_the_texts_say_which_words_are_common() -> None:
    pairs = [f"{text}{i}" for i in range(20) for text in HE]
    others = [f"{text}{i}" for i in range(30) for text in ("x Haus", "y Haus", "u Tor", "v Tor")]

    rare = Cooccurrence.learn([(pairs, 1.0), (others, 1.0)])
    common = Cooccurrence.learn([(pairs, 2.0), (others, 1.0)])

    assert rare.score("der", "einen") == 0
    assert common.score("der", "einen") != 0


def test_of_what_is_not_known_the_same_word_again_is_likelier() -> None:
    assert Cooccurrence().score("der", "der") == MAX_SCORE
    assert Cooccurrence().score("der", "die") == 0
    assert Cooccurrence({("der", "einen"): 1.0}).score("der", "der") == 0  # it was not worth a line


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    learnt = learn(*(f"{text}{i}" for i in range(20) for text in HE + SHE))

    learnt.save(tmp_path / "company.tsv")
    loaded = Cooccurrence.load(tmp_path / "company.tsv")

    assert len(loaded) == len(learnt)
    assert loaded.score("einen", "der") == pytest.approx(learnt.score("der", "einen"), abs=0.005)
    assert len(Cooccurrence.load(tmp_path / "missing.tsv")) == 0


@pytest.mark.parametrize("line", ["der\t1.0", "der die\tmuch", "der die\tnan", "a b c\t1"])
def test_a_damaged_file_is_one_sentence(line: str, tmp_path: Path) -> None:
    (tmp_path / "company.tsv").write_text(line + "\n", "utf-8")

    with pytest.raises(CheckpointError, match=r"company\.tsv:1: found .*; expected two words and"):
        Cooccurrence.load(tmp_path / "company.tsv")

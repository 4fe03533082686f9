"""Words that a translation leaves out are named, and learnt from pairs alone."""

import random
from pathlib import Path

import pytest

from rarenmt.errors import CheckpointError
from rarenmt.text.lexicon.completeness import Completeness, Missing

SUBJECTS = [
    *[("the cat", "die Katze"), ("the dog", "der Hund"), ("my aunt", "meine Tante")],
    *[("our boss", "unser Chef"), ("the cow", "die Kuh"), ("the king", "der König")],
    *[("his friend", "sein Freund"), ("the horse", "das Pferd")],
]
VERBS = [
    *[("sleeps", "schläft"), ("eats", "isst"), ("sings", "singt"), ("waits", "wartet")],
    *[("works", "arbeitet"), ("dances", "tanzt"), ("reads", "liest"), ("writes", "schreibt")],
]
DAYS = [
    *[("", ""), (" yesterday", " gestern"), (" again", " wieder"), (" not", " nicht")],
    *[(" today", " heute"), (" here", " hier"), (" there", " dort"), (" often", " oft")],
]


def pairs(count: int) -> list[tuple[str, str]]:
    drawn = random.Random(1)
    chosen = [[drawn.choice(part) for part in (SUBJECTS, VERBS, DAYS)] for _ in range(count)]
    return [
        (f"{subject[0]} {verb[0]}{day[0]}.", f"{subject[1]} {verb[1]}{day[1]}.")
        for subject, verb, day in chosen
    ]


@pytest.fixture(scope="module")
def learnt() -> Completeness:
    return Completeness.learn(pairs(400), {})


def lost(found: list[Missing]) -> list[str]:
    return [each.word for each in found]


@pytest.mark.parametrize("word", ["yesterday", "again", "not", "sleeps", "cat"])
def test_a_word_without_its_translation_is_missing(learnt: Completeness, word: str) -> None:
    source = f"The cat sleeps {word}." if word != "cat" else "The cat sleeps."

    assert word in lost(learnt.missing(source, "Etwas anderes."))
    assert lost(learnt.missing("The dog sleeps.", "Der Hund schläft.")) == []


def test_nothing_is_said_of_words_that_any_sentence_may_have(learnt: Completeness) -> None:
    assert "the" not in [word.lower() for word in lost(learnt.missing("The the.", "Etwas."))]
    assert learnt.missing("A zebra.", "Etwas.") == []


def test_a_missing_translation_costs_more_the_surer_it_is() -> None:
    certain, doubtful = pairs(400), pairs(400)
    doubtful = [
        (source, target.replace(" gestern", "") if number % 3 == 0 else target)
        for number, (source, target) in enumerate(doubtful)
    ]
    cost = [
        sum(each.nats for each in Completeness.learn(some, {}).missing("yesterday", "heute"))
        for some in (certain, doubtful)
    ]

    assert cost[0] > 3
    assert cost[1] < cost[0]


def test_a_contraction_is_a_negation(learnt: Completeness) -> None:
    known = Completeness({"n't": (3.0, ["nicht"]), "can": (2.0, ["kann"]), "not": (3.0, ["nicht"])})

    assert lost(known.missing("It isn't.", "Es ist.")) == ["n't"]
    assert lost(known.missing("It isn’t.", "Es ist nicht.")) == []
    assert lost(known.missing("Cannot.", "Kann.")) == ["not"]


def test_a_long_word_counts_in_other_forms_and_in_compounds() -> None:
    known = Completeness({"umbrella": (3.0, ["regenschirm"]), "hat": (3.0, ["hut"])})

    assert known.missing("umbrella", "die Regenschirme") == []
    assert known.missing("umbrella", "der Regenschirmständer") == []
    assert lost(known.missing("hat", "Er hat Hutschachteln.")) == ["hat"]


def test_a_remembered_word_takes_the_place_of_those_of_the_training_text() -> None:
    known = Completeness({"kettle": (3.0, ["kessel"])})
    remembered = {"kettle": {"wasserkocher"}, "zyx": {"abc"}}

    assert lost(known.missing("The kettle", "Der Kessel", remembered, 4.0)) == ["kettle"]
    assert known.missing("The kettle", "Der Wasserkocher", remembered, 4.0) == []
    assert known.missing("zyx", "def", remembered, 4.0) == [Missing("zyx", 0, ["abc"], 4.0)]


def test_it_is_the_same_after_a_file(learnt: Completeness, tmp_path: Path) -> None:
    learnt.save(tmp_path / "c.tsv")
    loaded = Completeness.load(tmp_path / "c.tsv")
    loaded.save(tmp_path / "d.tsv")

    assert len(learnt) == len(loaded) > 5
    assert (tmp_path / "c.tsv").read_bytes() == (tmp_path / "d.tsv").read_bytes()
    assert len(Completeness.load(tmp_path / "none.tsv")) == 0


@pytest.mark.parametrize("line", ["word\tnan a", "word\t1.0", "word\tx a"])
def test_a_damaged_file_is_one_sentence(line: str, tmp_path: Path) -> None:
    (tmp_path / "c.tsv").write_text(f"{line}\n")

    with pytest.raises(CheckpointError, match=r"c\.tsv:1: found .* expected a word"):
        Completeness.load(tmp_path / "c.tsv")

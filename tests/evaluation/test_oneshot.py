"""One-shot suites: what is counted, and what is refused."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import SENTENCES, Command

from rarenmt.config import SearchConfig
from rarenmt.errors import DataError, StorageError
from rarenmt.evaluation.bootstrap import Interval
from rarenmt.evaluation.oneshot import OneShot, Question, measure_one_shot, read_suite
from rarenmt.translator.translator import Translator

GREEDY = SearchConfig(beam=1)

SUITE = {
    "context": [["The quokka sleeps.", "Das Quokka schläft."]],
    "tests": [
        {"word": "Quokka", "source_word": "quokka", "context": 0, "source": "A quokka.",
         "target": "Ein Quokka."},
        {"word": "Drehleier", "source_word": "gurdy", "context": 0, "source": "A hurdy-gurdy.",
         "target": "Eine Drehleier."},
    ],
    "general": [list(pair) for pair in SENTENCES],
}  # fmt: skip


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("suite") / "suite.json"
    path.write_text(json.dumps(SUITE), "utf-8")
    return path


@dataclass(frozen=True)
class Measured:
    """The three conditions, and the files of the checkpoint folder before and afterwards."""

    results: list[OneShot]
    before: list[str]
    after: list[str]


@pytest.fixture(scope="module")
def measured(suite: Path, folder: Path) -> Measured:
    before = sorted(path.name for path in folder.iterdir())
    results = measure_one_shot(Translator.load(folder), read_suite(suite), GREEDY)
    return Measured(results, before, sorted(path.name for path in folder.iterdir()))


def test_a_word_that_is_the_same_in_both_languages_is_copied() -> None:
    assert Question("Quokka", "quokka", "", "").copied
    assert not Question("Drehleier", "gurdy", "", "").copied


def test_three_conditions_are_measured(measured: Measured) -> None:
    results = measured.results

    assert [r.condition for r in results] == ["no memory", "random context", "context shown"]
    assert results[0].recall == Interval(0.0, 0.0, 0.0)  # untrained weights know neither word


def test_what_is_gained_is_the_difference_to_no_memory(measured: Measured) -> None:
    none, control, shown = measured.results

    assert none.gain is None
    for one in (control, shown):
        assert one.gain is not None
        assert one.gain.bleu.value == one.bleu - none.bleu
        assert one.gain.general_bleu.value == one.general_bleu - none.general_bleu


def test_the_memory_of_the_folder_is_left_alone(measured: Measured) -> None:
    assert measured.after == measured.before


def test_the_command_prints_a_line_a_condition(rarenmt: Command, suite: Path, folder: Path) -> None:
    result = rarenmt("score", "--oneshot", suite, "-m", folder, "--beam", "1")

    assert result.status == 0
    assert len(result.out.splitlines()) == 8  # with their gains, and what stands over both


def test_what_is_no_suite_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "suite.json"
    path.write_text('{"context": []}', "utf-8")

    with pytest.raises(DataError, match="is not a one-shot suite"):
        read_suite(path)
    with pytest.raises(StorageError, match="no such file"):
        read_suite(tmp_path / "missing.json")


@pytest.mark.parametrize("part", ["tests", "general"])
def test_a_suite_that_asks_nothing_is_refused(part: str, tmp_path: Path) -> None:
    path = tmp_path / "suite.json"
    path.write_text(json.dumps({**SUITE, part: []}), "utf-8")

    with pytest.raises(DataError, match="wanted one test at least, and two general pairs"):
        read_suite(path)


def test_a_suite_takes_no_other_text(rarenmt: Command, suite: Path, folder: Path) -> None:
    assert rarenmt("score", "other.tsv", "--oneshot", suite, "-m", folder).status == 2
    for option in ("--online", "--gain"):
        assert rarenmt("score", "--oneshot", suite, option, "-m", folder).status == 2

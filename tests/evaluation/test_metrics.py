"""Scores that can be checked by hand or repeated with sacrebleu, and the command around them."""

import json
from pathlib import Path

import pytest
from conftest import SENTENCES, Command

from rarenmt.evaluation.metrics import bleu, score

REFERENCES = ["Die Katze schläft auf dem Sofa.", "Der Hund frisst Brot."]


def test_a_perfect_translation_scores_100_and_no_edits() -> None:
    values = {each.name: each.value for each in score(REFERENCES, REFERENCES)}

    assert values == pytest.approx({"BLEU": 100.0, "chrF2": 100.0, "TER": 0.0})


def test_one_wrong_word_of_ten_is_ten_edits_in_a_hundred() -> None:
    hypotheses = ["Die Katze schläft auf dem Sofa.", "Der Hund frisst Käse."]

    (ter,) = [each for each in score(hypotheses, REFERENCES) if each.name == "TER"]

    assert ter.value == pytest.approx(10.0)  # 1 of 6 + 4 words: punctuation belongs to its word


def test_signatures_name_the_version_of_sacrebleu() -> None:
    assert all("|version:" in each.signature for each in score(REFERENCES, REFERENCES))


def test_bleu_alone_is_the_same_number() -> None:
    hypotheses = ["Die Katze schläft auf dem Bett.", "Der Hund frisst Brot."]

    assert bleu(hypotheses, REFERENCES) == score(hypotheses, REFERENCES)[0].value


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    for name in ("hypotheses", "references"):
        (tmp_path / name).write_text("\n".join(REFERENCES) + "\n", "utf-8")
    return tmp_path / "hypotheses", tmp_path / "references"


def test_the_command_prints_a_line_a_metric(rarenmt: Command, files: tuple[Path, Path]) -> None:
    result = rarenmt("score", *files)

    assert result.status == 0
    names = [line.split()[0] for line in result.out.decode().splitlines()]
    assert names == ["BLEU", "chrF2", "TER"]


def test_translations_may_come_through_a_pipe(rarenmt: Command, files: tuple[Path, Path]) -> None:
    result = rarenmt("score", "-", files[1], "--json", stdin="\n".join(REFERENCES).encode())

    record = json.loads(result.out)
    assert record["lines"] == 2
    assert record["BLEU"]["score"] == 100.0


def test_different_numbers_of_lines_are_both_named(
    rarenmt: Command, files: tuple[Path, Path]
) -> None:
    files[0].write_text("one line\n", "utf-8")

    result = rarenmt("score", *files)

    assert result.status == 1
    assert result.err == f"error: {files[0]}: 1 lines, but {files[1]} has 2\n"


def test_a_pair_file_is_translated_and_scored(
    rarenmt: Command, folder: Path, tmp_path: Path
) -> None:
    path = tmp_path / "test.tsv"
    path.write_text("".join(f"{s}\t{t}\n" for s, t in SENTENCES), "utf-8")

    result = rarenmt("score", path, "-m", folder, "--beam", "1", "--json")

    assert json.loads(result.out)["lines"] == 4


def test_nothing_to_score_is_a_usage_error(rarenmt: Command) -> None:
    assert rarenmt("score", "--json").status == 2


def test_online_remembers_each_line_after_it_was_translated(
    rarenmt: Command, folder: Path, tmp_path: Path
) -> None:
    """The second half repeats the first: only there can the memory help."""
    path = tmp_path / "test.tsv"
    path.write_text("".join(f"{s}\t{t}\n" for s, t in SENTENCES * 2), "utf-8")
    options = (path, "-m", folder, "--beam", "1", "--online", "--json")

    remembering = json.loads(rarenmt("score", *options).out)
    forgetful = json.loads(rarenmt("score", *options, "--no-memory").out)

    assert remembering["R0"] == forgetful["R0"]
    assert remembering["R1"] > forgetful["R1"]
    assert not (folder / "memory.safetensors").exists()


def test_online_needs_something_to_translate(rarenmt: Command, files: tuple[Path, Path]) -> None:
    assert rarenmt("score", *files, "--online").status == 2


def test_a_gain_is_bleu_with_the_memory_less_bleu_without(
    rarenmt: Command, folder: Path, tmp_path: Path
) -> None:
    """What is remembered is what is asked."""
    path = tmp_path / "test.tsv"
    path.write_text("".join(f"{s}\t{t}\n" for s, t in SENTENCES), "utf-8")
    options = (path, "-m", folder, "--beam", "1", "--json")

    without = json.loads(rarenmt("score", *options, "--no-memory").out)
    both = json.loads(rarenmt("score", *options, "--with", path, "--gain").out)
    printed = rarenmt("score", *options[:-1], "--with", path, "--gain").out.decode()

    gain = both["BLEU"]["score"] - without["BLEU"]["score"]
    assert both["gain"]["value"] == pytest.approx(gain, abs=0.011)
    assert both["gain"]["low"] <= gain <= both["gain"]["high"]
    assert f"gain  {both['gain']['value']:+6.2f}   BLEU with memory minus BLEU without" in printed


@pytest.mark.parametrize("options", [("--no-memory",), ("other.de",)])
def test_a_gain_needs_a_memory_and_something_to_translate(
    rarenmt: Command, files: tuple[Path, Path], options: tuple[str, ...]
) -> None:
    assert rarenmt("score", files[0], *options, "--gain").status == 2

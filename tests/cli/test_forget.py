"""`rarenmt forget`: what was taken back has never been, to the last byte."""

from pathlib import Path

import pytest
from conftest import Command

FIRST = "The cat sleeps.\tDie Katze schläft.\n\nThe dog eats.\tDer Hund frisst.\n"
SECOND = "The cat sleeps.\tDie Katze schläft.\nWe drink water.\tWir trinken Wasser.\n"


@pytest.fixture
def work(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two files that share a pair, and a memory of both."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RARENMT_MODEL", str(folder))
    monkeypatch.setenv("RARENMT_MEMORY", "memory.safetensors")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    (tmp_path / "a.tsv").write_text(FIRST, "utf-8")
    (tmp_path / "b.tsv").write_text(SECOND, "utf-8")
    return tmp_path


def memory(work: Path) -> bytes:
    return (work / "memory.safetensors").read_bytes()


def test_last_removes_the_lines_of_the_last_call(rarenmt: Command, work: Path) -> None:
    rarenmt("remember", "a.tsv")
    before = memory(work)
    rarenmt("remember", "b.tsv")

    result = rarenmt("forget", "--last")

    assert result.status == 0
    assert result.out.decode() == (
        "b.tsv:1\tThe cat sleeps.\tDie Katze schläft.\n"
        "b.tsv:2\tWe drink water.\tWir trinken Wasser.\n"
    )
    assert result.err == (
        "matched: last call (2 lines)\n"
        "forgot 2 lines in memory.safetensors; pairs that are no longer remembered: 1\n"
    )
    assert memory(work) == before


@pytest.mark.parametrize(
    ("chosen", "kept"),
    [
        (["a.tsv:1"], ["\n\nThe dog eats.\tDer Hund frisst.\n", SECOND]),
        (["a.tsv:1", "b.tsv:1"], ["\n\n" + FIRST.split("\n")[2], "\n" + SECOND.split("\n")[1]]),
        (["--file", "b.tsv"], [FIRST, ""]),
        (["--match", "WASSER"], [FIRST, SECOND.split("\n")[0]]),
        (["--match", "cat", "b.tsv:2"], ["\n\n" + FIRST.split("\n")[2], ""]),
    ],
)
def test_the_file_equals_one_that_never_held_the_removed_lines(
    rarenmt: Command, work: Path, chosen: list[str], kept: list[str]
) -> None:
    rarenmt("remember", "a.tsv")
    rarenmt("remember", "b.tsv")

    assert rarenmt("forget", *chosen).status == 0

    found = memory(work)
    (work / "memory.safetensors").unlink()
    for name, content in zip(["a.tsv", "b.tsv"], kept, strict=True):
        (work / name).write_text(content, "utf-8")
        if content:
            assert rarenmt("remember", name).status == 0
    assert found == memory(work)


def test_everything_can_be_forgotten(rarenmt: Command, work: Path) -> None:
    rarenmt("remember", "a.tsv")

    rarenmt("forget", "--file", "a.tsv")

    assert rarenmt("memory", "show").out == b""
    assert rarenmt("translate", "The cat sleeps.").status == 0
    assert "remembered 2 pairs" in rarenmt("remember", "a.tsv").err


def test_a_dry_run_removes_nothing(rarenmt: Command, work: Path) -> None:
    rarenmt("remember", "a.tsv")
    before = memory(work)

    result = rarenmt("forget", "a.tsv:3", "--dry-run")

    assert result.out.decode() == "a.tsv:3\tThe dog eats.\tDer Hund frisst.\n"
    assert result.err == "matched: a.tsv:3 (1 line)\nwould forget 1 line in memory.safetensors\n"
    assert memory(work) == before


@pytest.mark.parametrize(
    ("asked", "status", "sentence"),
    [
        (["a.tsv:2"], 1, "a.tsv:2: no line 2 of 'a.tsv' is remembered"),
        (["a.tsv"], 1, "a.tsv: not a location; expected FILE:LINE"),
        (["a.tsv:1", "--file", "c.tsv"], 1, "c.tsv: no line of this file is remembered"),
        (["--match", "xyzzy"], 1, "xyzzy: no remembered pair contains this text"),
        ([], 2, "no lines selected; give FILE:LINE, --file, --match or --last"),
    ],
)
def test_a_selection_without_lines_is_an_error_and_removes_nothing(
    rarenmt: Command, work: Path, asked: list[str], status: int, sentence: str
) -> None:
    rarenmt("remember", "a.tsv")
    before = memory(work)

    result = rarenmt("forget", *asked)

    assert result.status == status
    assert result.err.startswith(f"error: {sentence}")
    assert result.err.count("\n") == 1
    assert memory(work) == before


def test_a_removed_line_no_longer_affects_a_translation(rarenmt: Command, work: Path) -> None:
    rarenmt("remember", "b.tsv")
    sentence = b"We drink water.\n"
    asked = rarenmt("translate", "--jsonl", stdin=sentence).out
    if_forgotten = rarenmt("translate", "--jsonl", "--without", "b.tsv:2", stdin=sentence).out

    rarenmt("forget", "b.tsv:2")

    assert b"b.tsv" in asked
    assert rarenmt("translate", "--jsonl", stdin=sentence).out == if_forgotten
    assert b"b.tsv" not in if_forgotten


UNITS = "".join(
    f"<tu><tuv xml:lang='en'><seg>{source}</seg></tuv><tuv xml:lang='de'><seg>{target}</seg></tuv>"
    "</tu>"
    for source, target in [("cat", "Katze"), ("dog", "Hund"), ("sun", "Sonne")]
)


def test_units_of_one_line_are_told_apart(rarenmt: Command, work: Path) -> None:
    (work / "c.tmx").write_text(f"<tmx version='1.4'><header/><body>{UNITS}</body></tmx>", "utf-8")
    rarenmt("remember", "c.tmx")
    before = memory(work)

    assert rarenmt("forget", "c.tmx:1", "--dry-run").err == (
        "matched: c.tmx:1 (3 lines; for one unit: c.tmx:1#1, #2, …)\n"
        "would forget 3 lines in memory.safetensors\n"
    )
    first = rarenmt("forget", "c.tmx:1#1", "--dry-run").out
    assert first == b"c.tmx:1\tcat\tKatze\n"
    assert b"c.tmx:1#2" in rarenmt("translate", "--explain", "dog").out
    assert b"c.tmx" not in rarenmt("translate", "--explain", "--without", "c.tmx:1#2", "dog").out
    assert rarenmt("forget", "c.tmx:1#4").err.startswith("error: c.tmx:1#4: no unit 4 on line 1 ")
    rarenmt("forget", "c.tmx:1#2")
    assert rarenmt("memory", "show", "c.tmx:1#3").out.decode() == (
        "c.tmx:1#3\t2023-11-14\tsun\tSonne\n"
    )
    rarenmt("forget", "--file", "c.tmx")
    rarenmt("remember", "c.tmx")
    assert memory(work) == before

"""`rarenmt remember`: everything or nothing, and always something to read about it."""

import resource
from pathlib import Path

import pytest
import torch
from conftest import SENTENCES, Command
from processes import Process

from rarenmt.config import Config, MemoryConfig, ModelConfig
from rarenmt.model.checkpoint import save_checkpoint
from rarenmt.model.seq2seq import Model
from rarenmt.storage.tensors import load_tensors
from rarenmt.text.tokenizer import Tokenizer


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    path = tmp_path / "pairs.tsv"
    path.write_text("".join(f"{s}\t{t}\n" for s, t in SENTENCES), "utf-8")
    return path


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let it always be the same second."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")


@pytest.fixture
def memory(tmp_path: Path) -> Path:
    return tmp_path / "memory.safetensors"


def test_remembered_pairs_are_counted_and_saved(
    rarenmt: Command, folder: Path, pairs: Path, memory: Path
) -> None:
    result = rarenmt("remember", pairs, "-m", folder, "--memory", memory)

    assert (result.status, result.out) == (0, b"")
    assert result.err.startswith("remembered 4 pairs (")
    assert result.err.endswith(f" in {memory} · undo: rarenmt forget --last\n")
    assert memory.exists()


def test_pairs_are_read_from_standard_input(
    rarenmt: Command, folder: Path, memory: Path, pairs: Path
) -> None:
    rarenmt("remember", "-", "-m", folder, "--memory", memory, stdin=b"The cat\tDie Katze\n")

    assert memory.exists()


def test_the_same_file_again_changes_nothing(
    rarenmt: Command, folder: Path, pairs: Path, memory: Path
) -> None:
    rarenmt("remember", pairs, "-m", folder, "--memory", memory)
    before = memory.read_bytes()

    result = rarenmt("remember", pairs, "-m", folder, "--memory", memory)

    assert result.err == f"remembered 0 pairs (0 tokens), 4 already known in {memory}\n"
    assert memory.read_bytes() == before


def test_one_call_per_file_equals_one_call_for_all_except_for_the_log(
    rarenmt: Command, folder: Path, pairs: Path, memory: Path, tmp_path: Path, clock: None
) -> None:
    more = tmp_path / "more.tsv"
    more.write_text("The sun\tDie Sonne\n", "utf-8")
    rarenmt("remember", pairs, "-m", folder, "--memory", memory)
    rarenmt("remember", more, "-m", folder, "--memory", memory)

    whole = tmp_path / "whole.safetensors"
    rarenmt("remember", pairs, more, "-m", folder, "--memory", whole)

    one, other = (load_tensors(path)[0] for path in (memory, whole))
    assert one.pop("calls").tolist() == [0, 0, 0, 0, 1]
    assert other.pop("calls").tolist() == [0, 0, 0, 0, 0]
    assert (one.pop("passes").tolist(), other.pop("passes").tolist()) == ([1, 1], [1])
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_different_translation_of_a_source_is_a_warning(
    rarenmt: Command, folder: Path, memory: Path, tmp_path: Path
) -> None:
    first, second = tmp_path / "first.tsv", tmp_path / "second.tsv"
    first.write_text("bank\tBank\n", "utf-8")
    second.write_text("\nbank\tUfer\n", "utf-8")
    rarenmt("remember", first, "-m", folder, "--memory", memory)

    result = rarenmt("remember", second, "-m", folder, "--memory", memory)

    assert result.status == 0
    assert f"{second}:2 and {first}:1 translate 'bank' differently" in result.err


def test_of_many_conflicts_only_the_first_are_printed(
    rarenmt: Command, folder: Path, memory: Path, tmp_path: Path
) -> None:
    many = tmp_path / "many.tsv"
    many.write_text("".join(f"bank\tWort {number}\n" for number in range(7)), "utf-8")

    result = rarenmt("remember", many, "-m", folder, "--memory", memory)

    assert result.err.count("differently") == 10
    assert "warning: and 11 more conflicts like this\n" in result.err


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "{}: contains no sentence pair; expected source<TAB>target lines"),
        (b"ok\tgut\nno tab here\n", "{}:2: no tab; expected source<TAB>target"),
        (b"ok\tgut\na\tb\tc\n", "{}:2: 3 columns; expected source<TAB>target"),
        (b"ok\t\n", "{}:1: the target is empty; expected source<TAB>target"),
        (b"ok\tgut\nbad\t\xff\n", "{}:2: byte 5 (0xff) is not UTF-8"),
        (b"ok\tg\0t\n", "{}:1: a NUL byte; this is not a text file"),
        (b"a\t" + b"x" * 100_000 + b"\n", "{}:1: over 100,000 bytes in one line"),
    ],
)
def test_an_invalid_line_is_an_error_and_nothing_is_remembered(
    rarenmt: Command, folder: Path, memory: Path, tmp_path: Path, content: bytes, sentence: str
) -> None:
    path = tmp_path / "wrong.tsv"
    path.write_bytes(content)

    result = rarenmt("remember", path, "-m", folder, "--memory", memory)

    assert result.status == 1
    assert result.err.startswith("error: " + sentence.format(path))
    assert result.err.count("\n") == 1
    assert not memory.exists()


def test_invalid_lines_can_be_skipped_and_are_reported(
    rarenmt: Command, folder: Path, memory: Path, tmp_path: Path
) -> None:
    path = tmp_path / "mixed.tsv"
    path.write_bytes(b"ok\tgut\nno tab here\nbad\t\xff\nsun\tSonne\n")

    result = rarenmt("remember", path, "--skip-bad", "-m", folder, "--memory", memory)

    assert result.status == 4
    assert f"warning: {path}:2: no tab; expected source<TAB>target; skipped\n" in result.err
    assert f"warning: {path}:3: byte 5 (0xff) is not UTF-8" in result.err
    assert "remembered 2 pairs" in result.err


def test_a_dry_run_reports_changes_and_makes_none(
    rarenmt: Command, folder: Path, memory: Path, pairs: Path
) -> None:
    result = rarenmt("remember", pairs, "--dry-run", "-m", folder, "--memory", memory)

    assert result.status == 0
    assert result.err.startswith("would remember 4 pairs (")
    assert "undo" not in result.err
    assert not memory.exists()


def test_verify_reports_pairs_that_are_not_reproduced(
    rarenmt: Command, folder: Path, memory: Path, pairs: Path
) -> None:
    options = ("-m", folder, "--memory", memory)

    result = rarenmt("remember", pairs, "--strict", *options)

    assert result.status == 0
    assert result.err.endswith("verified: 4 of 4 pairs reproduced\n")
    with pairs.open("a") as stream:
        stream.write("The cat sleeps.\tDie Katze ruht.\n")
    result = rarenmt("remember", pairs, "--verify", *options)
    assert result.status == 0
    assert f"warning: {pairs}:1 is translated as 'Die Katze ruht.'\n" in result.err
    assert result.err.endswith("verified: 4 of 5 pairs reproduced\n")
    assert rarenmt("remember", pairs, "--strict", *options).status == 1
    assert rarenmt("remember", pairs, "--strict", *options).status == 1
    assert rarenmt("remember", pairs, "--strict", "--dry-run", *options).status == 2


def test_a_known_line_that_another_supersedes_is_a_warning(
    rarenmt: Command, folder: Path, memory: Path, tmp_path: Path
) -> None:
    options = ("-m", folder, "--memory", memory)
    first, second = tmp_path / "first.tsv", tmp_path / "second.tsv"
    first.write_text("bank\tGeld\nbank\tBank\nsun\tSonne\n")
    second.write_text("bank\tUfer\nsun\tSonne\n")

    for path, again in ((first, first), (second, first)):
        rarenmt("remember", path, *options)
        warnings = rarenmt("remember", again, *options).err.splitlines()[:-1]
        assert warnings == [
            f"warning: {first}:2 is already remembered, but {second}:1 (added later) takes "
            f"precedence; to remove that one: rarenmt forget {second}:1"
        ] * (path == second)
    rarenmt("forget", f"{second}:1", *options)
    assert rarenmt("translate", "bank", *options).out == b"Bank\n"


def test_the_command_in_that_warning_works_for_lines_of_a_pipe(
    rarenmt: Command, folder: Path, memory: Path
) -> None:
    options = ("-m", folder, "--memory", memory)
    for target in ("Bank", "das Ufer", "Bank"):
        said = rarenmt("remember", "-", *options, stdin=f"bank\t{target}\n".encode()).err

    assert "rarenmt forget --match 'das Ufer'\n" in said
    assert rarenmt("forget", "--match", "das Ufer", *options).status == 0
    assert rarenmt("translate", "bank", *options).out == b"Bank\n"


def test_a_missing_file_and_a_folder_are_errors(
    rarenmt: Command, folder: Path, memory: Path, tmp_path: Path
) -> None:
    missing = tmp_path / "missing.tsv"
    result = rarenmt("remember", missing, "-m", folder, "--memory", memory)
    assert (result.status, result.err) == (
        1,
        f"error: {missing}: cannot read: no such file or directory\n",
    )

    result = rarenmt("remember", tmp_path, "-m", folder, "--memory", memory)
    assert (result.status, result.err) == (
        1,
        f"error: {tmp_path}: is a folder; a text file was expected\n",
    )


def test_the_memory_of_another_checkpoint_is_refused(
    rarenmt: Command, folder: Path, pairs: Path, memory: Path, tmp_path: Path
) -> None:
    rarenmt("remember", pairs, "-m", folder, "--memory", memory)
    other = tmp_path / "other"
    tokenizer = Tokenizer.train([side for pair in SENTENCES for side in pair], 310)
    sizes = ModelConfig(vocabulary=310, embedding=6, hidden=8, attention=4)
    save_checkpoint(other, Model(Config(model=sizes, memory=MemoryConfig(block=4))), tokenizer)

    result = rarenmt("translate", "-m", other, "--memory", memory, "Hello.")

    assert result.status == 3
    assert result.err.startswith(f"error: {memory} belongs to another checkpoint")


@pytest.mark.parametrize("damage", ["truncated", "garbage", "empty"])
def test_a_damaged_memory_is_an_error(
    rarenmt: Command, folder: Path, pairs: Path, memory: Path, damage: str
) -> None:
    rarenmt("remember", pairs, "-m", folder, "--memory", memory)
    whole = memory.read_bytes()
    memory.write_bytes({"truncated": whole[:-100], "garbage": b"\xff" * 100, "empty": b""}[damage])

    result = rarenmt("translate", "-m", folder, "--memory", memory, "Hello.")

    assert (result.status, result.out) == (3, b"")
    assert result.err.startswith(f"error: {memory} is damaged or not a safetensors file")
    assert result.err.count("\n") == 1


def test_a_full_disk_loses_nothing(
    rarenmt: Command, folder: Path, pairs: Path, memory: Path, tmp_path: Path
) -> None:
    assert rarenmt("remember", pairs, "-m", folder, "--memory", memory).status == 0
    before = memory.read_bytes()
    more = tmp_path / "more.tsv"
    more.write_text("".join(f"Sentence {i}\tSatz {i}\n" for i in range(500)), "utf-8")
    # A limit on the size of files stands for the full disk; Python ignores its signal.
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10 * 1024, limits[1]))
    try:
        result = rarenmt("remember", more, "-m", folder, "--memory", memory)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert result.status == 1
    assert result.err == f"error: {memory}: cannot write: file too large\n"
    assert memory.read_bytes() == before
    assert [path.name for path in memory.parent.glob(".memory*")] == []


def test_eight_at_once_lose_nothing(
    rarenmt: Command, folder: Path, memory: Path, tmp_path: Path
) -> None:
    files = [tmp_path / f"{name}.tsv" for name in "abcdefgh"]
    for file in files:
        file.write_text(f"The {file.stem}\tDas {file.stem}\n", "utf-8")

    running = [
        Process("remember", file, "-m", folder, "--memory", memory, streams=(0, 1, 2))
        for file in files
    ]
    assert [process.wait(timeout=120) for process in running] == [0] * 8

    result = rarenmt("remember", *files, "-m", folder, "--memory", memory)
    assert "8 already known" in result.err

"""What must survive: a kill at any moment, and eight who write at once."""

from pathlib import Path

from kills import all_at_once, kill_at_random, make_checkpoint, run

from rarenmt.translation_memory.file import read_journal


def test_a_kill_leaves_the_old_memory_or_the_new_one(tmp_path: Path) -> None:
    found = kill_at_random(24, tmp_path)

    assert found.total() == 24
    assert found["old"] > 0


def test_eight_at_once_lose_nothing(tmp_path: Path) -> None:
    make_checkpoint(tmp_path / "model")
    files = [tmp_path / f"{number}.tsv" for number in range(8)]
    for file in files:
        file.write_text("".join(f"{file.stem} {i}\tWort {i}\n" for i in range(20)), "utf-8")
    memory = tmp_path / "memory.safetensors"
    options = ["--model", str(tmp_path / "model"), "--memory", str(memory)]

    ended = all_at_once([["remember", str(file), *options] for file in files])

    journal, _ = read_journal(memory)
    assert ended == [0] * 8
    assert sorted(call.pairs[0].path for call in journal.calls) == sorted(map(str, files))
    assert len(journal.pairs) == 160

    ended = all_at_once([["forget", "--file", str(file), *options] for file in files[:4]])

    assert ended == [0] * 4
    assert len(read_journal(memory)[0].pairs) == 80
    run(["memory", "show", *options])

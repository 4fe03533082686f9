"""`rarenmt translate`: as many lines out as in, whatever they hold."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Command
from processes import Process

RARENMT = Path(sys.executable).with_name("rarenmt")

ODD_LINES = [
    b"The cat sleeps.",
    b"",
    b"   ",
    b"carriage return\r",
    "line\u2028separator, form\x0cfeed, next\x85line".encode(),
    b"lone\rreturn",
    b"\t tabs \t",
    b"NUL \0 byte",
    "\ufeffbyte order mark".encode(),
    b"word " * 2000,
    b"x" * 100_000,
    b"last",
]


def test_every_line_of_input_gives_one_line_of_output(rarenmt: Command, folder: Path) -> None:
    given = b"\n".join(ODD_LINES) + b"\n"

    result = rarenmt("translate", "-m", folder, "--beam", "1", stdin=given)

    assert result.status == 0
    assert result.out.count(b"\n") == len(ODD_LINES)


def test_blank_lines_are_unchanged(rarenmt: Command, folder: Path) -> None:
    result = rarenmt("translate", "-m", folder, stdin=b"\n  \n\t\r\n\n")

    assert result.out == b"\n  \n\t\r\n\n"


def test_white_space_around_a_sentence_stays(rarenmt: Command, folder: Path) -> None:
    result = rarenmt("translate", "-m", folder, "--beam", "1", stdin=b"  The cat.\r\n")

    assert result.out.startswith(b"  ")
    assert result.out.endswith(b"\r\n")


def test_a_last_line_without_a_line_feed_gets_none(rarenmt: Command, folder: Path) -> None:
    result = rarenmt("translate", "-m", folder, "--beam", "1", stdin=b"The cat.\nThe dog.")

    assert result.out.count(b"\n") == 1
    assert not result.out.endswith(b"\n")


def test_no_input_gives_no_output(rarenmt: Command, folder: Path) -> None:
    result = rarenmt("translate", "-m", folder)

    assert (result.status, result.out) == (0, b"")


def test_a_line_that_is_not_utf8_is_reported_and_kept(rarenmt: Command, folder: Path) -> None:
    given = b"The cat.\nbad \xff line\nThe dog.\n"

    result = rarenmt("translate", "-m", folder, "--beam", "1", stdin=given)

    assert result.status == 4
    assert result.out.split(b"\n")[1] == b"bad \xff line"
    assert result.out.count(b"\n") == 3
    assert "-:2: byte 5 (0xff) is not UTF-8" in result.err


@pytest.mark.parametrize("beam", ["1", "5"])
def test_a_translation_does_not_depend_on_the_other_lines(
    rarenmt: Command, folder: Path, beam: str
) -> None:
    lines = [b"The cat sleeps.", b"A bird sings in the tree and we drink water.", b"Bread.", b"We"]
    options = ("translate", "-m", folder, "--beam", beam)

    together = rarenmt(*options, stdin=b"\n".join(lines) + b"\n").out
    alone = b"".join(rarenmt(*options, stdin=line + b"\n").out for line in lines)

    assert together == alone


def test_jsonl_keeps_the_fields_of_the_input(rarenmt: Command, folder: Path) -> None:
    given = b'{"source": "The cat.", "id": 7}\nplain {text}\n{"no": "source"}\nbad \xff\n'

    result = rarenmt("translate", "-m", folder, "--jsonl", "--beam", "1", stdin=given)

    records = [json.loads(line) for line in result.out.splitlines()]
    assert [record["line"] for record in records] == [1, 2, 3, 4]
    assert records[0]["id"] == 7
    assert records[0]["source"] == "The cat."
    assert records[2]["source"] == '{"no": "source"}'
    assert records[3]["error"] == "not UTF-8"
    assert "".join(t["piece"] for t in records[1]["tokens"]) == records[1]["translation"]


def test_with_pairs_are_used_but_not_saved(rarenmt: Command, folder: Path, tmp_path: Path) -> None:
    pairs, memory = tmp_path / "pairs.tsv", tmp_path / "memory.safetensors"
    pairs.write_text("The cat sleeps.\tDie Katze schläft.\n", "utf-8")

    result = rarenmt(
        "translate",
        "-m",
        folder,
        "--memory",
        memory,
        "--with",
        pairs,
        "--jsonl",
        "--beam",
        "1",
        "The cat sleeps.",
    )

    spoken = [token["memory"] for token in json.loads(result.out)["tokens"] if "memory" in token]
    assert {(m["file"], m["line"]) for m in spoken} == {(str(pairs), 1)}
    assert not memory.exists()
    for said in spoken:
        nearest = said["entries"][0]
        assert {name: nearest[name] for name in ("file", "line", "similarity")} == {
            name: said[name] for name in ("file", "line", "similarity")
        }
        assert (nearest["source"], nearest["target"]) == ("The cat sleeps.", "Die Katze schläft.")
        assert sum(entry["weight"] for entry in said["entries"]) <= said["weight"] + 0.001


@pytest.mark.parametrize(
    ("device", "sentence"),
    [
        ("toaster", "unknown device 'toaster'; use auto, cpu, cuda or cuda:N"),
        ("mps", "unknown device 'mps'; use auto, cpu, cuda or cuda:N"),
    ],
)
def test_an_unknown_device_is_an_error(
    rarenmt: Command, folder: Path, device: str, sentence: str
) -> None:
    result = rarenmt("translate", "-m", folder, "--device", device, "Hello.")

    assert (result.status, result.out) == (2, b"")
    assert result.err == f"error: {sentence}\n"


def test_a_missing_checkpoint_is_an_error(rarenmt: Command, tmp_path: Path) -> None:
    result = rarenmt("translate", "-m", tmp_path, "Hello.")

    assert (result.status, result.out) == (3, b"")
    assert result.err == f"error: {tmp_path} is not a checkpoint: it holds no config.json\n"


def test_a_closed_pipe_ends_quietly(folder: Path) -> None:
    translate = f"{RARENMT} translate -m {folder} --beam 1"
    shell = f"yes 'The cat.' | {translate} | head -n 3; echo ${{PIPESTATUS[1]}}"

    done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, timeout=120)

    assert done.stdout.splitlines()[-1] == "141"
    assert done.stderr == ""


def test_a_live_line_is_answered_before_the_next_arrives(folder: Path) -> None:
    given, answers = os.pipe(), os.pipe()
    process = Process("translate", "-m", folder, "--beam", "1", streams=(given[0], answers[1], 2))
    os.close(given[0])
    os.close(answers[1])
    with open(given[1], "wb", 0) as stdin, open(answers[0], "rb") as stdout:
        for sentence in (b"The cat.\n", b"\n", b"The dog.\n"):
            stdin.write(sentence)
            assert stdout.readline().endswith(b"\n")
    assert process.wait(timeout=60) == 0


def heed_control_c() -> None:
    """Undo what the shell does to commands in the background, with all that they start."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_ctrl_c_is_one_sentence_and_status_130(folder: Path) -> None:
    command = [str(RARENMT), "translate", "-m", str(folder), "--beam", "1"]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=pipe, preexec_fn=heed_control_c
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"The cat.\n")
        process.stdin.flush()
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 130  # before its input ends
        assert process.stderr is not None
        assert process.stderr.read() == b"error: interrupted\n"


def test_numbers_missing_from_a_translation_are_a_warning(rarenmt: Command, folder: Path) -> None:
    lines = b"the cat 2014 %s 12\nthe cat\n1984 a@b.de {n} 2015 17 33\n"

    found = rarenmt("translate", "--model", folder, "--no-memory", "--jsonl", stdin=lines)

    records = [json.loads(line) for line in found.out.decode().splitlines()]
    wanted = [
        f"warning: -:{record['line']}: missing from the translation: {', '.join(record['lacks'])}"
        for record in records
        if "lacks" in record
    ]
    assert wanted
    assert found.err.splitlines() == wanted
    assert found.status == 0

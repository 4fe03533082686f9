"""`rarenmt memory`: look into a memory, compare, merge, export and rebuild it."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from conftest import SENTENCES, Command

from rarenmt.config import Config, MemoryConfig, ModelConfig
from rarenmt.model.checkpoint import save_checkpoint
from rarenmt.model.seq2seq import Model
from rarenmt.text.tokenizer import Tokenizer


@pytest.fixture
def work(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, rarenmt: Command) -> Path:
    """A folder with two memories: mine of a.tsv, yours of b.tsv; they share a pair."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RARENMT_MODEL", str(folder))
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    (tmp_path / "a.tsv").write_text("cat\tKatze\n\nbank\tBank\n", "utf-8")
    (tmp_path / "b.tsv").write_text("bank\tUfer\ncat\tKatze\nsun\tSonne\n", "utf-8")
    for file, name in (("a.tsv", "mine"), ("b.tsv", "yours")):
        assert rarenmt("remember", file, "--memory", f"{name}.safetensors").status == 0
    return tmp_path


def records(out: bytes) -> list[dict[str, object]]:
    return [json.loads(line) for line in out.splitlines()]


def test_show_prints_every_line(rarenmt: Command, work: Path) -> None:
    rarenmt("remember", "b.tsv", "--memory", "mine.safetensors")

    result = rarenmt("memory", "show", "--memory", "mine.safetensors")

    assert result.out.decode() == (
        "a.tsv:1\t2023-11-14\tcat\tKatze\n"
        "a.tsv:3\t2023-11-14\tbank\tBank\n"
        "b.tsv:1\t2023-11-14\tbank\tUfer\n"
        "b.tsv:2\t2023-11-14\tcat\tKatze\n"
        "b.tsv:3\t2023-11-14\tsun\tSonne\n"
    )


def test_show_selects_lines_and_prints_json(rarenmt: Command, work: Path) -> None:
    rarenmt("remember", "b.tsv", "--memory", "mine.safetensors")

    result = rarenmt("memory", "show", "b.tsv:2", "--json", "--memory", "mine.safetensors")

    assert records(result.out) == [
        {
            "file": "b.tsv",
            "line": 2,
            "time": "2023-11-14T22:13:20Z",
            "source": "cat",
            "target": "Katze",
            "first": "a.tsv:1",
        }
    ]


def test_log_lists_the_calls_the_last_one_first(rarenmt: Command, work: Path) -> None:
    rarenmt("remember", "b.tsv", "--passes", "3", "--memory", "mine.safetensors")

    assert rarenmt("memory", "log", "--memory", "mine.safetensors").out.decode() == (
        "2\t2023-11-14\t3\tb.tsv (3)\n1\t2023-11-14\t2\ta.tsv (2)\n"
    )
    last, first = records(rarenmt("memory", "log", "--json", "--memory", "mine.safetensors").out)
    assert (last["call"], last["passes"], last["lines"]) == (2, 3, {"b.tsv": 3})
    assert first["call"] == 1


def test_stats_count_pairs_lines_files_and_calls(rarenmt: Command, work: Path) -> None:
    rarenmt("remember", "b.tsv", "--memory", "mine.safetensors")

    (found,) = records(rarenmt("memory", "stats", "--json", "--memory", "mine.safetensors").out)

    counted = {name: found[name] for name in ("pairs", "lines", "files", "calls", "contradictions")}
    assert counted == {"pairs": 4, "lines": 5, "files": 2, "calls": 2, "contradictions": 1}
    assert found["bytes"] == (work / "mine.safetensors").stat().st_size
    assert found["evicted"] == 0


def test_a_missing_default_memory_is_empty(rarenmt: Command, folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "model")

    assert rarenmt("memory", "show", "-m", tmp_path / "model").out == b""
    (found,) = records(rarenmt("memory", "stats", "--json", "-m", tmp_path / "model").out)
    assert (found["pairs"], found["bytes"]) == (0, 0)


def test_a_missing_memory_that_is_named_is_an_error(rarenmt: Command, work: Path) -> None:
    for command in ("show", "log", "stats", "export", "rebuild"):
        result = rarenmt("memory", command, "--memory", "nowhere.safetensors")
        assert (result.status, result.err) == (
            2,
            "error: memory file not found: nowhere.safetensors\n",
        )


def test_diff_marks_the_pairs_of_only_one_memory(rarenmt: Command, work: Path) -> None:
    result = rarenmt("memory", "diff", "mine.safetensors", "yours.safetensors")

    assert result.out.decode() == (
        "-\ta.tsv:3\tbank\tBank\n+\tb.tsv:1\tbank\tUfer\n+\tb.tsv:3\tsun\tSonne\n"
    )
    found = records(
        rarenmt("memory", "diff", "mine.safetensors", "yours.safetensors", "--json").out
    )
    assert [(each["change"], each["source"]) for each in found] == [
        ("-", "bank"), ("+", "bank"), ("+", "sun")
    ]  # fmt: skip


def test_a_merged_memory_equals_one_that_remembered_both(rarenmt: Command, work: Path) -> None:
    merged = rarenmt(
        "memory", "merge", "mine.safetensors", "yours.safetensors", "-o", "ours.safetensors"
    )

    assert merged.err == (
        "warning: b.tsv:1 and a.tsv:3 translate 'bank' differently; "
        "both are remembered, and the later one is used\n"
        "yours.safetensors: 2 pairs new, 1 already known\n"
        "4 pairs in ours.safetensors\n"
    )
    rarenmt("remember", "b.tsv", "--memory", "mine.safetensors")
    assert (work / "ours.safetensors").read_bytes() == (work / "mine.safetensors").read_bytes()


def test_exported_pairs_can_be_remembered_again(rarenmt: Command, work: Path) -> None:
    exported = rarenmt("memory", "export", "--memory", "yours.safetensors").out
    rarenmt("memory", "export", "--memory", "yours.safetensors", "-o", "out.tsv")

    assert exported == (work / "b.tsv").read_bytes() == (work / "out.tsv").read_bytes()


def test_remembering_an_exported_tmx_gives_the_same_memory(rarenmt: Command, work: Path) -> None:
    rarenmt("memory", "export", "--memory", "yours.safetensors", "-o", "yours.tmx")
    piped = rarenmt("memory", "export", "--memory", "yours.safetensors", "--format", "tmx")
    assert piped.out == (work / "yours.tmx").read_bytes()
    (work / "b.tsv").unlink()

    assert rarenmt("remember", "yours.tmx", "--memory", "again.safetensors").status == 0

    assert (work / "again.safetensors").read_bytes() == (work / "yours.safetensors").read_bytes()


def test_the_data_of_a_tmx_unit_are_exported_again(rarenmt: Command, work: Path) -> None:
    (work / "theirs.tmx").write_text(
        '<?xml version="1.0"?><tmx version="1.4"><header creationtool="x" creationtoolversion="1" '
        'segtype="sentence" o-tmf="x" adminlang="en" srclang="en" datatype="plaintext"/><body>'
        '<tu tuid="7" creationdate="20200101T000000Z" changeid="Anna"><note>for the client</note>'
        '<tuv xml:lang="en-GB"><seg>colour <bpt i="1">{</bpt>chart<ept i="1">}</ept></seg></tuv>'
        '<tuv xml:lang="DE"><seg>Farbkarte</seg></tuv></tu></body></tmx>\n',
        "utf-8",
    )

    rarenmt("remember", "theirs.tmx", "--memory", "t.safetensors")

    shown = rarenmt("memory", "show", "--json", "--memory", "t.safetensors").out
    (found,) = records(shown)
    assert (found["source"], found["target"]) == ("colour chart", "Farbkarte")
    assert found["unit"] == {
        "tuid": "7",
        "creationdate": "20200101T000000Z",
        "changeid": "Anna",
        "note": [{"text": "for the client"}],
        "source": {"xml:lang": "en-GB"},
        "target": {"xml:lang": "DE"},
    }
    exported = rarenmt("memory", "export", "--format", "tmx", "--memory", "t.safetensors").out
    assert b'tuid="7"' in exported
    assert b"for the client" in exported
    (work / "again.tmx").write_bytes(exported)
    rarenmt("remember", "again.tmx", "--memory", "again.safetensors")
    assert rarenmt("memory", "show", "--json", "--memory", "again.safetensors").out == shown


@pytest.fixture
def better(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another checkpoint."""
    path = tmp_path_factory.mktemp("better") / "en-de"
    tokenizer = Tokenizer.train([side for pair in SENTENCES for side in pair], 310)
    sizes = ModelConfig(vocabulary=310, embedding=6, hidden=8, attention=4, dropout=0.0)
    model = Model(Config(model=sizes, memory=MemoryConfig(block=4)))
    model.initialise(torch.Generator().manual_seed(2))
    save_checkpoint(path, model, tokenizer)
    return path


def test_a_memory_is_rebuilt_for_another_checkpoint(
    rarenmt: Command, work: Path, better: Path
) -> None:
    old = (work / "mine.safetensors").read_bytes()
    refused = rarenmt("translate", "-m", better, "--memory", "mine.safetensors", "cat")
    assert refused.status == 3
    assert "rarenmt memory rebuild" in refused.err

    aside = ("memory", "rebuild", "-m", better, "--memory", "mine.safetensors")
    assert rarenmt(*aside, "-o", "new.safetensors").status == 0
    assert (work / "mine.safetensors").read_bytes() == old

    assert rarenmt(*aside).err.startswith("2 pairs (")
    assert (work / "mine.safetensors").read_bytes() == (work / "new.safetensors").read_bytes()
    assert rarenmt("translate", "-m", better, "--memory", "mine.safetensors", "cat").status == 0
    fresh = ("remember", "a.tsv", "-m", better, "--memory", "fresh.safetensors")
    assert rarenmt(*fresh).status == 0
    assert (work / "mine.safetensors").read_bytes() == (work / "fresh.safetensors").read_bytes()


def test_an_existing_output_is_overwritten_only_by_force(rarenmt: Command, work: Path) -> None:
    before = (work / "yours.safetensors").read_bytes()
    (work / "out.tsv").write_text("mine", "utf-8")
    commands = {
        "yours.safetensors exists and is not among the inputs": ["merge", "mine.safetensors"],
        "out.tsv exists": ["export", "--memory", "mine.safetensors"],
        "./yours.safetensors exists and is not among the inputs": [
            "rebuild", "--memory", "mine.safetensors"
        ],
    }  # fmt: skip
    for sentence, command in commands.items():
        output = sentence.split()[0]
        refused = rarenmt("memory", *command, "-o", output)
        expected = f"error: {output.removeprefix('./')}{sentence.removeprefix(output)}"
        assert (refused.status, refused.err) == (2, f"{expected}; --force overwrites it\n")
    assert (work / "yours.safetensors").read_bytes() == before
    assert (work / "out.tsv").read_text("utf-8") == "mine"

    for sentence, command in commands.items():
        forced = rarenmt("memory", *command, "-o", sentence.split()[0], "--force")
        assert forced.status == 0, forced.err
    assert (work / "out.tsv").read_text("utf-8") == "cat\tKatze\nbank\tBank\n"


def test_a_memory_is_merged_into_one_of_the_inputs(rarenmt: Command, work: Path) -> None:
    both = ("mine.safetensors", "yours.safetensors")
    rarenmt("memory", "merge", *both, "-o", "ours.safetensors")

    assert rarenmt("memory", "merge", *both, "-o", "./mine.safetensors").status == 0

    assert (work / "mine.safetensors").read_bytes() == (work / "ours.safetensors").read_bytes()


@pytest.mark.parametrize("name", ["out.csv", "OUT.CSV", "out.tsv", "out.tmx", "out.txt"])
def test_an_export_has_the_format_of_its_name(rarenmt: Command, work: Path, name: str) -> None:
    form = ["--format", "csv"] if name == "out.txt" else []
    rarenmt("memory", "export", "--memory", "yours.safetensors", "-o", name, *form)

    begins = {"tsv": b"bank\tUfer\n", "csv": b'"bank","Ufer"\r\n', "tmx": b"<?xml "}
    expected = begins["csv" if form else name.lower()[-3:]]
    assert (work / name).read_bytes().startswith(expected)


def test_an_export_under_another_name_is_refused(rarenmt: Command, work: Path) -> None:
    result = rarenmt("memory", "export", "--memory", "yours.safetensors", "-o", "out.xlsx")

    assert (result.status, result.err) == (
        2,
        "error: out.xlsx: expected a name that ends in .tsv, .csv or .tmx; --format names the "
        "format of other files\n",
    )
    assert not (work / "out.xlsx").exists()

"""The examples in Python are run as they stand, those of docs/python.md with what they print."""

import doctest
import json
from pathlib import Path

import pytest
from documents import PAGES, ROOT, blocks

pytestmark = pytest.mark.usefixtures("loads_once")

README = ROOT / "README.md"
PYTHON = ROOT / "docs" / "python.md"


def run(page: Path) -> None:
    [block] = blocks([page], "python")
    exec(compile(block.text, page.name, "exec"), {"__name__": "example"})


def test_the_example_of_the_readme_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    run(README)

    printed = capsys.readouterr().out
    assert printed.startswith("Der Flansch ist kaputt. ")
    assert "source='The flange leaks.'" in printed
    assert (tmp_path / "notes.safetensors").exists()


def write_files(folder: Path) -> None:
    """The corpus and the suite that docs/python.md reads, made of ten remembered words."""
    rows = [line.split("\t") for line in (ROOT / "data/ten.tsv").read_text("utf-8").splitlines()]
    (folder / "corpus.tsv").write_text("".join(f"{row[0]}\t{row[1]}\n" for row in rows), "utf-8")
    test = {
        "word": "Axolotl", "source_word": "axolotl", "context": 0,
        "source": "My sister has an axolotl.", "target": "Meine Schwester hat einen Axolotl.",
    }  # fmt: skip
    general = [row[:2] for row in rows[2:6]]
    suite = {"context": [rows[1][:2]], "tests": [test], "general": general}
    (folder / "suite.json").write_text(json.dumps(suite), "utf-8")


def test_the_session_prints_what_the_page_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_files(tmp_path)
    text = "".join(block.text for block in blocks([PYTHON], "pycon"))
    session = doctest.DocTestParser().get_doctest(text, {}, PYTHON.name, str(PYTHON), 0)
    report: list[str] = []

    result = doctest.DocTestRunner(verbose=False).run(session, out=report.append)

    assert result.attempted > 40
    assert result.failed == 0, "".join(report)


def test_the_memory_remembers_in_a_classifier(capsys: pytest.CaptureFixture[str]) -> None:
    run(PYTHON)

    assert capsys.readouterr().out == "tensor([19, 19, 19, 19, 19])\n"


def test_no_other_page_has_examples_in_python() -> None:
    assert {block.page for block in blocks(PAGES, "python")} == {README, PYTHON}
    assert {block.page for block in blocks(PAGES, "pycon")} == {PYTHON}

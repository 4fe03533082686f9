"""The examples of the README in Python are run as they stand."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)


def run(block: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    exec(compile(block, "README.md", "exec"), {"__name__": "readme"})


def test_the_translator_remembers_as_a_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(BLOCKS[0], tmp_path, monkeypatch)

    said = capsys.readouterr().out
    assert "Flansch" in said
    assert "source='The flange leaks.'" in said
    assert (tmp_path / "notes.safetensors").exists()


def test_the_memory_remembers_in_a_classifier(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(BLOCKS[1], tmp_path, monkeypatch)

    assert capsys.readouterr().out == "tensor([19, 19, 19, 19, 19])\n"


def test_every_example_in_python_is_tested() -> None:
    assert len(BLOCKS) == 2

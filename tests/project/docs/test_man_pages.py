"""Every command has a manual page that holds its options, and groff reads it."""

import re
import runpy
import shutil
import subprocess
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
import typer.main
from documents import ROOT


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages, written by the script."""
    path = tmp_path_factory.mktemp("man")
    runpy.run_path(str(ROOT / "docs" / "man.py"))["main"](path)
    return path


def commands(command: Any, name: str = "rarenmt") -> Iterator[tuple[str, Any]]:
    """The name of each page, and its command."""
    yield name, command
    for below, inner in getattr(command, "commands", {}).items():
        yield from commands(inner, f"{name}-{below}")


def all_commands() -> dict[str, Any]:
    (script,) = entry_points(group="console_scripts", name="rarenmt")
    return dict(commands(typer.main.get_command(script.load())))


def test_every_command_has_a_page(folder: Path) -> None:
    assert {path.stem for path in folder.glob("*.1")} == set(all_commands())


@pytest.mark.parametrize("name", sorted(all_commands()))
def test_a_page_holds_all_options(folder: Path, name: str) -> None:
    page = (folder / f"{name}.1").read_text("utf-8").replace(r"\-", "-").replace(r"\fB", " ")

    for parameter in all_commands()[name].params:
        if not getattr(parameter, "hidden", False):
            for option in parameter.opts:
                assert re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", page), option


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
def test_groff_reads_the_pages(folder: Path) -> None:
    for page in folder.glob("*.1"):
        read = subprocess.run(
            ["groff", "-man", "-Tutf8", "-ww", "-P-bcu", str(page)],
            capture_output=True,
            text=True,
            check=True,
        )
        assert read.stderr == ""
        assert "DESCRIPTION" in read.stdout


def test_an_example_keeps_its_lines_and_signs(folder: Path) -> None:
    page = (folder / "rarenmt.1").read_text("utf-8")

    assert r"printf \(aqDostoevsky wrote this.\etDostojewski schrieb das.\en\(aq" in page

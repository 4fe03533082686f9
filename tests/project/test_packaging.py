"""What `pip install .` installs: all code, and all that the program reads."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from rarenmt.model.checkpoint import read_description
from rarenmt.translator.locations import shipped_checkpoint

ROOT = Path(__file__).parents[2]
CODE = {ROOT / "rarenmt": Path("rarenmt"), ROOT / "cli": Path("rarenmt", "cli")}
"""The folders of code, and where they are imported from."""


def build(root: Path, path: Path) -> None:
    """Put what goes into a wheel of this source tree into a folder."""
    code = "from setuptools import setup; setup()"
    command = [sys.executable, "-c", code, "-q", "build_py", "--build-lib", str(path)]
    subprocess.run(command, cwd=root, capture_output=True, check=True)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What goes into a wheel, in a folder."""
    path = tmp_path_factory.mktemp("built")
    build(ROOT, path)
    return path


def imported_from(path: Path) -> Path:
    """Where a file or folder of code stands in an installation."""
    [(folder, package)] = [each for each in CODE.items() if path.is_relative_to(each[0])]
    return package / path.relative_to(folder)


def test_every_folder_of_code_is_a_package() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    folders = {
        ".".join(imported_from(init.parent).parts)
        for folder in CODE
        for init in folder.rglob("__init__.py")
    }

    assert "rarenmt.reproduce" in folders
    listed = settings["tool"]["setuptools"]["packages"]
    assert set(listed) == folders | {"rarenmt.checkpoints"}


def test_every_file_of_code_is_built(built: Path) -> None:
    code = {
        imported_from(path)
        for folder in CODE
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    weights = built / "rarenmt" / "checkpoints"
    found = {path for path in built.rglob("*") if path.is_file() and weights not in path.parents}

    assert {path.relative_to(built) for path in found} == code


def test_the_shipped_checkpoint_is_built_without_the_course_of_its_training(built: Path) -> None:
    shipped = shipped_checkpoint()
    manifest, _ = read_description(shipped)
    tables = {"lexicon.tsv", "words.tsv", "company.tsv", "completeness.tsv"}
    read = {"config.json", "vocabulary.model", *tables}

    found = {path.name: path for path in (built / "rarenmt" / "checkpoints" / "en-de").iterdir()}

    assert set(found) == {"README.md", *read, *manifest.weights}
    for name, path in found.items():
        assert path.read_bytes() == (shipped / name).read_bytes()


def test_no_memory_is_built_in(tmp_path: Path) -> None:
    """Whoever builds a wheel keeps their memory, and their other checkpoints, to themselves."""
    for name in ("pyproject.toml", "README.md", "LICENSE", "rarenmt", "cli"):
        (tmp_path / name).symlink_to(ROOT / name)
    shipped = tmp_path / "checkpoints" / "en-de"
    for folder in (shipped, tmp_path / "checkpoints" / "mine"):
        folder.mkdir(parents=True)
        for name in ("config.json", "memory.safetensors", "training.safetensors"):
            (folder / name).write_text(name)

    build(tmp_path, tmp_path / "built")

    built = tmp_path / "built" / "rarenmt" / "checkpoints"
    assert [path.name for path in built.rglob("*") if path.is_file()] == ["config.json"]


def test_an_installed_checkpoint_is_found_in_the_package(built: Path) -> None:
    code = "from rarenmt.translator import locations; print(locations.shipped_checkpoint())"

    said = subprocess.run(
        [sys.executable, "-S", "-c", code], cwd=built, capture_output=True, text=True, check=True
    ).stdout

    assert said == f"{built.resolve() / 'rarenmt' / 'checkpoints' / 'en-de'}\n"

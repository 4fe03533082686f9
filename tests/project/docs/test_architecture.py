"""docs/architecture.md names every package, and no file that does not exist."""

import re

from documents import ROOT

TEXT = (ROOT / "docs" / "architecture.md").read_text("utf-8")
FILES = {
    path.name for folder in ("rarenmt", "cli", "tests") for path in (ROOT / folder).rglob("*.py")
}


def test_the_table_lists_every_package() -> None:
    inside = [path for path in (ROOT / "rarenmt").iterdir() if not path.name.startswith("_")]
    packages = {path.stem for path in inside if path.is_dir() or path.suffix == ".py"}

    assert set(re.findall(r"^\| `(\w+)` \|", TEXT, re.MULTILINE)) == packages


def test_a_file_that_is_named_exists() -> None:
    named = re.findall(r"`([\w/]+\.py)`", TEXT)

    assert len(named) > 20
    for name in named:
        folder, _, file = name.rpartition("/")
        assert file in FILES, name
        within = (ROOT / name, ROOT / "rarenmt" / name)
        assert not folder or any(path.exists() for path in within), name


def test_a_name_of_the_code_exists() -> None:
    code = "".join(path.read_text("utf-8") for path in (ROOT / "rarenmt").rglob("*.py"))
    for kind, method in re.findall(r"`([A-Z]\w+)\.(\w+)`", TEXT):
        assert f"class {kind}" in code
        assert f"def {method}(" in code

"""The house rules: who may import whom, what loads when, and how long a file may be."""

import ast
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

import rarenmt

ORDER = [
    "errors", "config", "storage", "text", "memory", "model", "decoding", "translation_memory",
    "translator", "evaluation", "training", "reproduce",
]  # fmt: skip
"""A package may import only itself and those before it."""

LIGHT = {"errors", "config", "storage.files", "text.pairs", "translator.locations"}
"""A file of the command may import these as it is loaded; the rest inside its functions."""

ENTRIES = 12
"""Files and folders that a reader sees in one folder, without __init__.py and the like."""

LONGEST = 350
"""Lines of a file."""

HOUSE = Path(rarenmt.__file__).parent
COMMAND = HOUSE.parent / "cli"
FILES = sorted([*HOUSE.rglob("*.py"), *COMMAND.rglob("*.py")])


def imports(nodes: Sequence[ast.stmt]) -> set[str]:
    """The modules of rarenmt that some statements import, however deep, as `package.module`."""
    found = set()
    for node in (inner for statement in nodes for inner in ast.walk(statement)):
        if isinstance(node, ast.Import):
            names = [name.name for name in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module is not None:
            names = [f"{node.module}.{name.name}" for name in node.names]
        else:
            continue
        found |= {name.removeprefix("rarenmt.") for name in names if name.startswith("rarenmt.")}
    return found - {"__version__"}


def first(names: set[str]) -> set[str]:
    """The packages of modules."""
    return {name.split(".")[0] for name in names}


def statements(path: Path) -> list[ast.stmt]:
    return ast.parse(path.read_text("utf-8")).body


def test_every_package_has_its_place_in_the_order() -> None:
    packages = {path.stem for path in HOUSE.iterdir() if path.suffix == ".py" or path.is_dir()}

    assert packages - {"__init__", "__pycache__"} == set(ORDER)
    assert len(ORDER) == len(set(ORDER))


@pytest.mark.parametrize("package", ORDER)
def test_a_package_imports_only_those_before_it(package: str) -> None:
    before = set(ORDER[: ORDER.index(package) + 1])
    files = [HOUSE / f"{package}.py", *(HOUSE / package).rglob("*.py")]

    for path in (path for path in files if path.exists()):
        assert first(imports(statements(path))) - before == set(), path


@pytest.mark.parametrize("folder", ["rarenmt", "cli", "tests", "docs", "benchmarks"])
def test_no_folder_is_too_full_to_be_seen_at_a_glance(folder: str) -> None:
    folders = [HOUSE.parent / folder, *(HOUSE.parent / folder).rglob("*/")]
    for path in (each for each in folders if each.name != "__pycache__"):
        seen = [each for each in path.iterdir() if not each.name.startswith(("_", "."))]
        assert len([each for each in seen if each.suffix != ".typed"]) <= ENTRIES, path


def test_the_root_is_not_too_full_to_be_seen_at_a_glance() -> None:
    ignored = {*(HOUSE.parent / ".gitignore").read_text("utf-8").split(), "/rarenmt.egg-info/"}
    seen = [each for each in HOUSE.parent.iterdir() if not each.name.startswith(("_", "."))]

    assert len([each for each in seen if f"/{each.name}/" not in ignored]) <= ENTRIES


def test_no_module_imports_the_command() -> None:
    found = {module for path in HOUSE.rglob("*.py") for module in imports(statements(path))}

    assert "cli" not in first(found)


@pytest.mark.parametrize("path", sorted(COMMAND.glob("*.py")), ids=lambda path: path.stem)
def test_the_command_loads_nothing_heavy_on_its_way(path: Path) -> None:
    top = [
        node
        for node in statements(path)
        if isinstance(node, ast.Import | ast.ImportFrom)  # not in functions or `if TYPE_CHECKING`
    ]

    for module in imports(top):
        assert any(module.startswith(f"{light}.") for light in LIGHT), module


def test_the_command_starts_without_torch() -> None:
    code = "import sys, rarenmt.cli.app; print('torch' in sys.modules)"

    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout

    assert said == "False\n"


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_no_file_is_too_long_to_be_read_at_one_sitting(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= LONGEST

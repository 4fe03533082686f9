"""The house rules: who may import whom, what loads when, and how long a file may be."""

import ast
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

import rarenmt

ORDER = [
    "errors", "config", "storage", "locations", "text", "sentences", "wording", "tmx", "languages",
    "numerals", "tmx_parser", "tmx_reader", "tmx_writer", "corpus", "stream", "tensors",
    "score", "interval", "conditions", "parallel", "largest", "index", "lsh_index",
    "faiss_index", "choice", "tokens", "joints", "counts", "company", "spans", "resemblance",
    "endings", "terms", "relevance", "batches", "align", "lexicon", "counterpart",
    "attention", "query", "encoder", "decoder", "memory", "ragged", "spelling", "speech", "due",
    "excerpt", "readout", "model", "average", "precision", "softmax_loss", "objective",
    "trace", "verbatim", "debt", "search", "checkpoint", "journal", "state", "memory_file",
    "entries", "finder", "translation_memory", "episodes", "practice", "dev", "train", "novelty",
    "translation", "drawing", "page", "rereading", "agreement", "translator", "oneshot",
]  # fmt: skip
"""A module may import only those before it."""

LIGHT = {"errors", "config", "storage", "locations", "text"}
"""A file of the command may import these as it is loaded; the rest inside its functions."""

LONGEST = 350
"""Lines of a file."""

HOUSE = Path(rarenmt.__file__).parent
COMMAND = HOUSE.parent / "cli"
FILES = sorted([*HOUSE.rglob("*.py"), *COMMAND.rglob("*.py")])


def imports(nodes: Sequence[ast.stmt]) -> set[str]:
    """The modules of rarenmt that some statements import, however deep."""
    found = set()
    for node in (inner for statement in nodes for inner in ast.walk(statement)):
        if isinstance(node, ast.Import):
            names = [name.name for name in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module is not None:
            names = [f"{node.module}.{name.name}" for name in node.names]
        else:
            continue
        found |= {name.split(".")[1] for name in names if name.startswith("rarenmt.")}
    return found - {"__version__"}


def statements(path: Path) -> list[ast.stmt]:
    return ast.parse(path.read_text("utf-8")).body


def test_every_module_has_its_place_in_the_order() -> None:
    modules = {path.stem for path in HOUSE.glob("*.py")} - {"__init__"}

    assert modules == set(ORDER)
    assert len(ORDER) == len(set(ORDER))


@pytest.mark.parametrize("module", ORDER)
def test_a_module_imports_only_those_before_it(module: str) -> None:
    before = set(ORDER[: ORDER.index(module)])

    assert imports(statements(HOUSE / f"{module}.py")) - before == set()


def test_no_module_imports_the_command() -> None:
    found = {module for path in HOUSE.rglob("*.py") for module in imports(statements(path))}

    assert "cli" not in found


@pytest.mark.parametrize("path", sorted(COMMAND.glob("*.py")), ids=lambda path: path.stem)
def test_the_command_loads_nothing_heavy_on_its_way(path: Path) -> None:
    top = [
        node
        for node in statements(path)
        if isinstance(node, ast.Import | ast.ImportFrom)  # not in functions or `if TYPE_CHECKING`
    ]

    assert imports(top) <= LIGHT


def test_the_command_starts_without_torch() -> None:
    code = "import sys, rarenmt.cli.app; print('torch' in sys.modules)"

    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout

    assert said == "False\n"


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_no_file_is_too_long_to_be_read_at_one_sitting(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= LONGEST

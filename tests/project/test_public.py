"""What a program in Python meets: the names of the package, and pairs without a file."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Command

import rarenmt
from rarenmt import DataError, Pair, RareError, SearchConfig, SettingError, Translator
from rarenmt.text.tmx.reader import read_tmx
from rarenmt.translator.result import Translation

CAT = Pair("The cat sleeps.", "Die Katze ruht.")
GREEDY = SearchConfig(beam=1)


@pytest.fixture
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The memory file of all commands; it is always the same second."""
    path = tmp_path / "memory.safetensors"
    monkeypatch.setenv("RARENMT_MEMORY", str(path))
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    return path


@pytest.fixture
def translator(folder: Path, memory: Path, monkeypatch: pytest.MonkeyPatch) -> Translator:
    """Also that of all commands; its memory file holds a pair without a file."""
    monkeypatch.setenv("RARENMT_MODEL", str(folder))
    translator = Translator.load(folder, memory=memory)
    translator.memory.remember([CAT])
    translator.memory.save()
    return translator


def test_every_public_name_is_there() -> None:
    for name in rarenmt.__all__:
        assert getattr(rarenmt, name) is not None


def test_every_public_name_has_a_docstring_and_a_place_in_the_documents() -> None:
    page = (Path(rarenmt.__file__).parents[1] / "docs" / "python.md").read_text("utf-8")
    for name in set(rarenmt.__all__) - {"__version__"}:
        assert getattr(rarenmt, name).__doc__, name
        assert f"`{name}`" in page, name


def test_every_public_name_is_known_to_type_checkers() -> None:
    tree = ast.parse(Path(rarenmt.__file__).read_text("utf-8"))
    typed = {
        alias.asname
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname
    }

    assert {*typed, "__version__"} == set(rarenmt.__all__)


def test_every_error_is_public() -> None:
    from rarenmt import errors

    classes = {name for name, value in vars(errors).items() if isinstance(value, type)}

    assert {name for name in classes if name.endswith("Error")} <= set(rarenmt.__all__)
    assert issubclass(DataError, RareError)


def test_neither_the_package_nor_its_errors_load_torch() -> None:
    code = "import sys; from rarenmt import Pair, RareError; print('torch' in sys.modules)"

    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout

    assert said == "False\n"


def test_a_string_is_one_sentence(translator: Translator) -> None:
    translation = translator.translate("The dog sleeps.", GREEDY)

    assert isinstance(translation, Translation)
    assert [translation] == translator.translate(["The dog sleeps."], GREEDY)
    assert (translation,) == tuple(translator.translate(("The dog sleeps.",), GREEDY))
    assert translator.translate("", GREEDY).text == ""
    assert translator.translate([], GREEDY) == []


def test_a_string_is_translated_with_or_without_the_memory(translator: Translator) -> None:
    assert translator.translate(CAT.source).text == CAT.target
    assert translator.translate(CAT.source, memory=False).text != CAT.target


@pytest.mark.parametrize(
    ("pair", "location"),
    [
        (Pair("a", "b"), "(no file)"),
        (Pair("a", "b", "notes"), "notes"),
        (Pair("a", "b", "notes", 7), "notes:7"),
    ],
)
def test_a_location_is_as_exact_as_what_is_known(pair: Pair, location: str) -> None:
    assert pair.location == location


def test_a_pair_without_a_file_is_saved_and_loaded(
    translator: Translator, folder: Path, memory: Path
) -> None:
    loaded = Translator.load(folder, memory=memory)

    [pair] = loaded.memory.journal.pairs
    assert (pair.source, pair.target, pair.path, pair.line) == (CAT.source, CAT.target, "", 0)
    assert not loaded.memory.remember([CAT]).changed


def test_a_pair_without_a_file_is_shown(rarenmt: Command, translator: Translator) -> None:
    shown = rarenmt("memory", "show").out.decode()
    assert shown == "(no file)\t2023-11-14\tThe cat sleeps.\tDie Katze ruht.\n"
    record = json.loads(rarenmt("memory", "show", "--json").out)
    assert (record["file"], record["line"]) == ("", 0)
    assert rarenmt("memory", "log").out == b"1\t2023-11-14\t1\t(no file) (1)\n"
    stats = json.loads(rarenmt("memory", "stats", "--json").out)
    assert (stats["pairs"], stats["lines"], stats["files"]) == (1, 1, 0)


def test_a_pair_without_a_file_explains_a_translation(
    rarenmt: Command, translator: Translator, tmp_path: Path
) -> None:
    explained = rarenmt("translate", "--explain", stdin=CAT.source.encode())
    assert explained.out.decode() == "Die Katze ruht.\t← (no file)"
    record = json.loads(rarenmt("translate", "--jsonl", stdin=CAT.source.encode()).out)
    origins = [token["memory"] for token in record["tokens"] if "memory" in token]
    assert {(origin["file"], origin["line"]) for origin in origins} == {("", 0)}
    rarenmt("translate", f"--explain={tmp_path}/page.html", stdin=CAT.source.encode())
    assert '<bdi class="location">(no file)</bdi>' in (tmp_path / "page.html").read_text("utf-8")


@pytest.mark.parametrize("pair", [CAT, Pair(CAT.source, CAT.target, "notes")])
def test_a_pair_without_a_line_comes_back_from_tmx(
    pair: Pair, rarenmt: Command, translator: Translator, memory: Path, tmp_path: Path
) -> None:
    translator.memory.forget([0])
    translator.memory.remember([pair])
    translator.memory.save()
    before = memory.read_bytes()

    assert rarenmt("memory", "export", "-o", tmp_path / "pairs.tmx").status == 0
    memory.unlink()
    assert rarenmt("remember", tmp_path / "pairs.tmx").status == 0

    assert memory.read_bytes() == before


def test_a_line_that_another_program_dropped_from_tmx_is_that_in_the_tmx_file(
    rarenmt: Command, translator: Translator, tmp_path: Path
) -> None:
    path = tmp_path / "pairs.tmx"
    rarenmt("memory", "export", "-o", path)
    text = path.read_text("utf-8")
    dropped = '<prop type="x-rarenmt-line">none</prop>\n'
    begins = 1 + text[: text.index("<tu>")].count("\n")
    path.write_text(text.replace(dropped, ""), "utf-8")

    [pair] = read_tmx(path, "en", "de")

    assert dropped in text
    assert pair.location == f"{path}:{begins}"


@pytest.mark.parametrize("choice", [["--last"], ["--match", "cat"], ["--file", ""]])
def test_a_pair_without_a_file_can_be_forgotten(
    choice: list[str], rarenmt: Command, translator: Translator
) -> None:
    forgotten = rarenmt("forget", *choice)

    assert forgotten.out == b"(no file)\tThe cat sleeps.\tDie Katze ruht.\n"
    assert rarenmt("memory", "show").out == b""


def test_a_pair_without_a_file_that_contradicts_another_is_reported(
    rarenmt: Command, translator: Translator, tmp_path: Path
) -> None:
    file = tmp_path / "pairs.tsv"
    file.write_text("The cat sleeps.\tDie Katze schläft.\n", "utf-8")

    said = rarenmt("remember", file).err

    assert f"{file}:1 and (no file) translate 'The cat sleeps.' differently;" in said


def test_how_a_pair_without_a_file_that_takes_precedence_can_be_taken_back(
    rarenmt: Command, translator: Translator, tmp_path: Path
) -> None:
    file = tmp_path / "pairs.tsv"
    file.write_text("The cat sleeps.\tDie Katze schläft.\n", "utf-8")
    rarenmt("forget", "--last")
    rarenmt("remember", file)
    with translator.memory.lock():
        translator.memory.remember([CAT])
        translator.memory.save()

    said = rarenmt("remember", file).err
    assert "rarenmt forget --match 'Die Katze ruht.'" in said
    rarenmt("forget", "--match", "Die Katze ruht.")

    assert rarenmt("translate", stdin=b"The cat sleeps.").out.decode() == "Die Katze schläft."


def test_the_error_for_a_memory_without_a_file_names_save_as(translator: Translator) -> None:
    memory = Translator(translator.checkpoint).memory

    with pytest.raises(SettingError, match=r"^this memory has no file; save_as\(path\)"):
        memory.save()
    with pytest.raises(SettingError), memory.lock():
        pass


@pytest.mark.parametrize("pair", [Pair("A cat.\n", "Eine Katze."), Pair("A cat.", "Eine\tKatze.")])
def test_a_pair_that_no_line_can_hold_is_not_saved(
    pair: Pair, translator: Translator, folder: Path, memory: Path
) -> None:
    before = memory.read_bytes()
    translator.memory.remember([pair])

    with pytest.raises(DataError, match=r"^\(no file\): a tab or line feed stands in 'A cat"):
        translator.memory.save()

    assert memory.read_bytes() == before
    assert len(Translator.load(folder, memory=memory).memory.journal.pairs) == 1

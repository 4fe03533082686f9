"""Every recipe is a command that runs."""

import lzma
import os
import re
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Command
from shipped import SHIPPED

HOME = Path(__file__).parents[3]
FOLDER = HOME / "benchmarks" / "recipes"
DRAW = FOLDER / "draw.py"
RECIPES = sorted(set(FOLDER.glob("*.sh")) - {FOLDER / "timed.sh", FOLDER / "base.sh"})
SMALLER = ["--preset", "tiny", "--vocabulary", "287", "--batch-tokens", "50", "--slots", "256",
           "--memory-positions", "8", "--evaluate-every", "1000"]  # fmt: skip
PAIRS = [(f"the {a} and the {b}", f"{a.title()} und {b.title()}")
         for a in ("cat", "dog", "bird", "mouse") for b in ("house", "tree", "lamp")]  # fmt: skip


def data(folder: Path, recipe: Path) -> Path:
    """A folder with every corpus that the recipe names."""
    text = "".join(f"{source}\t{target}\n" for source, target in PAIRS)
    for name in re.findall(r"\$data/([\w.-]+)", recipe.read_text("utf-8")):
        opened = lzma.open if name.endswith(".xz") else open
        with opened(folder / name, "wt", encoding="utf-8") as stream:
            stream.write(text)
    return folder


def run(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    known = {"RARENMT": f"{sys.executable} -m cli", "PYTHONPATH": str(HOME), "PYTHONSAFEPATH": ""}
    return subprocess.run(
        ["sh", *arguments], env={**os.environ, **known}, cwd=HOME, capture_output=True, text=True
    )


def arguments_of(recipe: Path, *arguments: str | Path) -> list[str]:
    """What a recipe that is given these arguments gives to rarenmt."""
    ran = subprocess.run(
        ["sh", recipe, *arguments], env={**os.environ, "RARENMT": r"printf %s\n"}, cwd=HOME,
        capture_output=True, text=True,
    )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (0, "")
    return ran.stdout.splitlines()


Script = Callable[..., None]


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch, loads_once: None) -> Script:
    """Runs a script of Python here, where torch is imported already."""

    def run(path: Path, *arguments: str | Path) -> None:
        monkeypatch.setattr("sys.argv", [str(path), *map(str, arguments)])
        monkeypatch.syspath_prepend(path.parent)
        runpy.run_path(str(path), run_name="__main__")

    return run


@pytest.fixture
def smaller(number_format: str) -> list[str]:
    return [*SMALLER, number_format]


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_runs(recipe: Path, rarenmt: Command, smaller: list[str], tmp_path: Path) -> None:
    out = tmp_path / "out"

    result = rarenmt(*arguments_of(recipe, data(tmp_path, recipe), out, *smaller, "--steps", "2"))

    assert result.status == 0, result.err
    assert (out / "config.json").is_file()


def test_the_base_is_drawn_and_trained(
    script: Script, rarenmt: Command, number_format: str, tmp_path: Path
) -> None:
    """From a folder with every corpus that draw.py names, each a dozen pairs."""
    source, drawn, out = tmp_path / "data", tmp_path / "drawn", tmp_path / "out"
    names = re.findall(
        r'(?:Part)?\("([a-z\d]+(?:/[\w.]+)?(?:\.devtest)?)", ', DRAW.read_text("utf-8")
    )
    for name in names:
        plain = name.startswith("dict/")
        path = source / (f"{name}.tsv.xz" if plain else f"{name}.en-de.tsv.xz")
        path = path if "/" in name else source / "test" / path.name
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = PAIRS if not plain else [("cat", "Katze"), ("dog", "Hund")]
        with lzma.open(path, "wt", encoding="utf-8") as stream:
            stream.write("".join(f"{english}\t{german}\tnoun\t\n" for english, german in rows))
    script(DRAW, source, drawn, "--reverse")
    vocabulary = tmp_path / "vocabulary.model"
    script(FOLDER / "vocabulary.py", drawn / "corpora.txt", "460", vocabulary)

    asked = arguments_of(
        FOLDER / "base.sh", drawn, vocabulary, out, "--preset", "tiny", "--batch-tokens", "100",
        "--evaluate-every", "1000", "--steps", "2", "--source-language", "de",
        "--target-language", "en", number_format,
    )  # fmt: skip
    result = rarenmt(*asked)

    assert result.status == 0, result.err
    assert (out / "config.json").is_file()
    assert "und" in (drawn / "tatoeba.tsv").read_text("utf-8").splitlines()[0].split("\t")[0]


def test_a_timed_recipe_stops_and_goes_on(tmp_path: Path) -> None:
    recipe, out = FOLDER / "multi30k.sh", tmp_path / "out"
    folder = data(tmp_path, recipe)
    timed = FOLDER / "timed.sh"

    first = run(timed, "0.2", recipe, folder, out, *SMALLER, "--steps", "100000")
    second = run(timed, "2", recipe, folder, out, *SMALLER, "--steps", "1")

    assert first.returncode == 0, first.stderr
    assert "stopped after 0.2 minutes" in first.stderr
    assert second.returncode == 0, second.stderr
    assert second.stderr.endswith("finished\n")


def test_the_mean_of_a_checkpoint_and_itself_is_the_same(script: Script, tmp_path: Path) -> None:
    for bias in ("0", "1"):
        folders = (tmp_path / bias, SHIPPED, SHIPPED)
        script(FOLDER / "checkpoints" / "mean.py", *folders, "--bias", bias)

    for name in ("config.json", "lexicon.tsv", "words.tsv", "company.tsv", "vocabulary.model"):
        assert (tmp_path / "0" / name).read_bytes() == (SHIPPED / name).read_bytes()
    trusting = (tmp_path / "1" / "config.json").read_text("utf-8")
    assert trusting != (SHIPPED / "config.json").read_text("utf-8")


def test_cooccurrence_is_the_same_in_training_and_afterwards(
    script: Script, rarenmt: Command, smaller: list[str], tmp_path: Path
) -> None:
    nouns = [f"{word} x{i}" for i in range(10) for word in ("der", "einen", "die", "eine")]
    (tmp_path / "rest.tsv").write_text("".join(f"a\t{noun}\n" for noun in nouns), "utf-8")
    (tmp_path / "dev.tsv").write_text("a\tder x1\n", "utf-8")
    recipe, out = FOLDER / "multi30k.sh", tmp_path / "out"
    options = [*smaller, "--align", "0", "--vocabulary", "281", "--steps", "1"]
    trained = rarenmt(*arguments_of(recipe, tmp_path, out, *options))
    assert trained.status == 0, trained.err
    learnt = (out / "company.tsv").read_bytes()
    (out / "company.tsv").unlink()

    script(FOLDER / "checkpoints" / "company.py", out, tmp_path / "rest.tsv")

    assert learnt
    assert (out / "company.tsv").read_bytes() == learnt

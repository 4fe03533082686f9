"""Every recipe is a command that runs."""

import lzma
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

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


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_runs(recipe: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"

    result = run(recipe, data(tmp_path, recipe), out, *SMALLER, "--steps", "2")

    assert result.returncode == 0, result.stderr
    assert (out / "config.json").is_file()


def test_the_base_is_drawn_and_trained(tmp_path: Path) -> None:
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
    python = [sys.executable, str(DRAW), str(source), str(drawn), "--reverse"]
    subprocess.run(python, check=True, cwd=HOME)
    vocabulary = tmp_path / "vocabulary.model"
    corpora = str(drawn / "corpora.txt")
    python = [sys.executable, str(FOLDER / "vocabulary.py"), corpora, "460", str(vocabulary)]
    subprocess.run(python, check=True, cwd=HOME, env={**os.environ, "PYTHONPATH": str(HOME)})

    result = run(
        FOLDER / "base.sh", drawn, vocabulary, out, "--preset", "tiny", "--batch-tokens", "100",
        "--evaluate-every", "1000", "--steps", "2", "--source-language", "de",
        "--target-language", "en",
    )  # fmt: skip

    assert result.returncode == 0, result.stderr
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


def test_the_mean_of_a_checkpoint_and_itself_is_the_same(tmp_path: Path) -> None:
    shipped = HOME / "checkpoints" / "en-de"

    for bias in ("0", "1"):
        folders = [str(folder) for folder in (tmp_path / bias, shipped, shipped)]
        command = [
            sys.executable,
            str(FOLDER / "checkpoints" / "mean.py"),
            *folders,
            "--bias",
            bias,
        ]
        subprocess.run(command, check=True, cwd=HOME)

    for name in ("config.json", "lexicon.tsv", "words.tsv", "company.tsv", "vocabulary.model"):
        assert (tmp_path / "0" / name).read_bytes() == (shipped / name).read_bytes()
    trusting = (tmp_path / "1" / "config.json").read_text("utf-8")
    assert trusting != (shipped / "config.json").read_text("utf-8")


def test_cooccurrence_is_the_same_in_training_and_afterwards(tmp_path: Path) -> None:
    nouns = [f"{word} x{i}" for i in range(10) for word in ("der", "einen", "die", "eine")]
    (tmp_path / "rest.tsv").write_text("".join(f"a\t{noun}\n" for noun in nouns), "utf-8")
    (tmp_path / "dev.tsv").write_text("a\tder x1\n", "utf-8")
    recipe, out = FOLDER / "multi30k.sh", tmp_path / "out"
    trained = run(
        recipe, tmp_path, out, *SMALLER, "--align", "0", "--vocabulary", "281", "--steps", "1"
    )
    assert trained.returncode == 0, trained.stderr
    learnt = (out / "company.tsv").read_bytes()
    (out / "company.tsv").unlink()

    subprocess.run(
        [
            sys.executable,
            FOLDER / "checkpoints" / "company.py",
            out,
            tmp_path / "rest.tsv",
        ],
        check=True,
    )

    assert learnt
    assert (out / "company.tsv").read_bytes() == learnt

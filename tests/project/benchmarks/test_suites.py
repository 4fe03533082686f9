"""The suites of words that training never showed."""

import json
import subprocess
import sys
from pathlib import Path

SUITES = Path(__file__).parents[3] / "benchmarks" / "suites.py"
ZEBRA = [("The zebra sleeps.", "Das Zebra schläft."), ("A zebra!", "Ein Zebra!")]
OKAPI = [("The okapi eats.", "Das Okapi frisst."), ("My okapi.", "Mein Okapi.")]
KNOWN = [("The cat sleeps.", "Die Katze schläft."), ("A cat!", "Eine Katze!")]


def write(path: Path, pairs: list[tuple[str, str]]) -> Path:
    path.write_text("".join(f"{source}\t{target}\n" for source, target in pairs), "utf-8")
    return path


def run(*arguments: str | Path) -> None:
    subprocess.run([sys.executable, str(SUITES), *map(str, arguments)], check=True)


def test_words_unseen_in_training_are_shown_once(tmp_path: Path) -> None:
    pairs = write(tmp_path / "pairs.tsv", [*ZEBRA, *KNOWN, *OKAPI])
    train = write(tmp_path / "train.tsv", KNOWN)

    run("unseen", pairs, "--train", train, "-o", tmp_path / "suite.json")

    suite = json.loads((tmp_path / "suite.json").read_text("utf-8"))
    assert {test["word"]: test["source_word"] for test in suite["tests"]} == {
        "Zebra": "zebra",
        "Okapi": "okapi",
    }
    for test in suite["tests"]:
        both = [tuple(suite["context"][test["context"]]), (test["source"], test["target"])]
        assert sorted(both) == sorted(ZEBRA if test["word"] == "Zebra" else OKAPI)
    assert sorted(map(tuple, suite["general"])) == sorted(KNOWN)


def test_what_holds_none_of_the_words_is_left_to_train_on(tmp_path: Path) -> None:
    okapis = [(f"The okapis eat {n}.", f"Die Okapis fressen {n}.") for n in ("hay", "straw", "us")]
    pairs = write(tmp_path / "pairs.tsv", [*okapis, *KNOWN])

    run(
        "holdout", pairs, "--words", "1", "-o", tmp_path / "s.json", "--rest", tmp_path / "rest.tsv"
    )

    suite = json.loads((tmp_path / "s.json").read_text("utf-8"))
    assert len(suite["context"]) == 1
    assert len(suite["tests"]) == 2
    assert (tmp_path / "rest.tsv").read_text("utf-8") == (write(tmp_path / "k", KNOWN)).read_text(
        "utf-8"
    )

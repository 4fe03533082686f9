"""The suites of sentences: what is checked, counted, printed and refused."""

import json
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SCRIPT = runpy.run_path(str(Path(__file__).parents[3] / "benchmarks" / "sentences.py"))
Case, judge = SCRIPT["Case"], SCRIPT["judge"]

CAT = ["The cat sleeps.", "Die Katze schläft."]
OTHER = ["The cat sleeps.", "Die\xa0Mieze ruht."]
SUITE: list[dict[str, Any]] = [
    {"kind": "A", "memory": [CAT], "source": CAT[0], "equals": [CAT[1]], "reference": [CAT[1]]},
    {"kind": "B", "memory": [OTHER], "source": CAT[0], "must": ["Mieze"], "must_not": ["ruht"]},
    {"kind": "B", "memory": [CAT], "source": CAT[0], "must": ["Katze"], "must_not": ["Mieze"]},
    {"kind": "B", "memory": [], "source": CAT[0], "must_not": ["Katze|Mieze"]},
]
"""Each source is remembered or not at all, so that an untrained checkpoint will do."""

Run = Callable[..., str]


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    path = tmp_path / "suite.jsonl"
    path.write_text("\n".join(map(json.dumps, SUITE)) + "\n", "utf-8")
    return path


@pytest.fixture
def run(
    suite: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Runs the script on the suite; returns what it prints."""

    def run(*arguments: str | Path) -> str:
        words = ["sentences.py", suite, "--model", folder, *arguments]
        monkeypatch.setattr("sys.argv", [str(word) for word in words])
        SCRIPT["main"]()
        return capsys.readouterr().out

    return run


def failed(found: dict[str, str], **fields: object) -> tuple[str, ...]:
    """The checks that a translation of "a" fails, if the translations are `found`."""
    return judge(Case("suite.jsonl:1", "A", "a", **fields), found).failed


def test_a_translation_must_match_every_expression_and_none_of_the_others() -> None:
    fields = {"must": ("Hut|Mütze", r"\bnicht\b"), "must_not": ("hut", "Kappe")}

    assert failed({"a": "Die Mütze nicht."}, **fields) == ()
    assert failed({"a": "Der Hut, die Kappe."}, **fields) == (
        r"must \bnicht\b",
        "must not Kappe",
    )


def test_a_translation_equals_one_text_byte_for_byte() -> None:
    assert failed({"a": "5 €"}, equals=("5€", "5 €")) == ()
    assert failed({"a": "5\xa0€"}, equals=("5€", "5 €")) == ("equals 5€ or 5 €",)


def test_a_translation_is_that_of_another_source_in_a_form() -> None:
    found = {"b": "Heiß {} {upper}", "a": "**Heiß {} {upper}** HEISS {} {UPPER}"}

    assert failed(found, like="b", form="**{}** {upper}") == ()
    assert failed(found, like="b") == ("like b as {}",)


def test_the_table_counts_by_kind(run: Run) -> None:
    header, _, *rows = run().splitlines()

    assert header.startswith("| kind | cases | right with memory | right without memory | worse |")
    assert [row.split(" | ")[:6] for row in rows] == [
        ["| A", "1", "1", "0", "0", "100.0"],
        ["| B", "3", "2", "1", "1", ""],
        ["| all", "4", "3", "1", "1", "100.0"],
    ]


def test_kinds_are_selected(run: Run) -> None:
    assert [row.split(" | ")[:2] for row in run("--kinds", "A").splitlines()[2:]] == [
        ["| A", "1"],
        ["| all", "1"],
    ]


def test_wrong_cases_are_printed_with_escapes_for_what_cannot_be_seen(run: Run) -> None:
    _, *cases = run("--wrong").split("\n\n")

    assert len(cases) == 1
    verdict, remembered, asked, output, _, check = cases[0].splitlines()
    assert verdict.startswith("worse: B, ")
    assert verdict.endswith("suite.jsonl:2")
    assert remembered.split(maxsplit=1)[1] == r"The cat sleeps. | Die\xa0Mieze ruht."
    assert asked.split(maxsplit=1)[1] == "The cat sleeps."
    assert output.removeprefix("  with memory").strip() == r"Die\xa0Mieze ruht."
    assert check.split(maxsplit=1)[1] == "must not ruht"


def test_results_are_compared_with_earlier_ones(run: Run, suite: Path, tmp_path: Path) -> None:
    earlier = tmp_path / "earlier.jsonl"
    run("--json", earlier)
    assert "0 verdicts changed; 0 cases were not measured before." in run("--compare", earlier)

    records = [json.loads(line) for line in earlier.read_text("utf-8").splitlines()]
    records[0]["with_memory"] |= {"text": "Katze", "failed": ["equals Die Katze schläft."]}
    earlier.write_text("".join(json.dumps(record) + "\n" for record in records[:-1]), "utf-8")
    suite.write_text("\n" + suite.read_text("utf-8"), "utf-8")  # places may change

    _, said, case = run("--compare", earlier).split("\n\n")

    assert said == "1 verdicts changed; 1 cases were not measured before."
    assert [line.split() for line in case.splitlines()[2:]] == [
        ["with", "memory", "wrong", "→", "right"],
        ["before", "Katze"],
        ["now", "Die", "Katze", "schläft."],
    ]
    assert case.splitlines()[0].endswith("suite.jsonl:2")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"must": "Katze"}, 'must is "Katze"; wanted a list of regular expressions that compile'),
        ({"must_not": ["("]}, 'must_not is ["("]; wanted a list of regular expressions'),
        ({"mustnot": []}, "has a field 'mustnot'; wanted kind, source, memory"),
        ({"memory": [["cat"]]}, 'memory is [["cat"]]; wanted a list of pairs [source, target]'),
        ({"source": "a\nb"}, 'source is "a\\nb"; wanted one line of text'),
        ({"equals": []}, "has no check; wanted one of must, must_not, equals, like"),
        ({"form": "{}"}, "has a form but no like; wanted both"),
        ({"like": "a", "form": "b"}, 'form is "b"; wanted a text with {} or {upper}'),
    ],
)
def test_an_invalid_case_is_named_with_what_was_wanted(
    change: dict[str, object], problem: str, run: Run, suite: Path, capsys: Any
) -> None:
    suite.write_text("\n".join(map(json.dumps, [SUITE[1], SUITE[0] | change])), "utf-8")

    with pytest.raises(SystemExit):
        run()

    assert f"{suite}:2: {problem}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", ":1: is not JSON"),
        ("[]", ":1: is []; wanted a JSON object"),
        ('{"kind": "A", "source": "a"}', ":1: has no field 'memory'; wanted kind, memory, source"),
        ("\n", ": contains no case; wanted one JSON object a line"),
    ],
)
def test_what_is_no_suite_is_refused(
    text: str, problem: str, run: Run, suite: Path, capsys: Any
) -> None:
    suite.write_text(text, "utf-8")

    with pytest.raises(SystemExit):
        run()

    assert f"{suite}{problem}" in capsys.readouterr().err


def test_an_unknown_kind_and_a_file_of_another_kind_are_refused(
    run: Run, suite: Path, capsys: Any
) -> None:
    for arguments in (["--kinds", "A,Z"], ["--compare", suite]):
        with pytest.raises(SystemExit):
            run(*arguments)

    kinds, compared = capsys.readouterr().err.splitlines()
    assert kinds == "--kinds: no case is 'Z'; there are A, B"
    assert compared == f"{suite}:1: is no result; wanted a line that --json wrote"

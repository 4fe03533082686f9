"""Figures beside the published ones, as a table, as JSON and as pictures."""

import json
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest

from rarenmt.evaluation.environment import Environment
from rarenmt.reproduce.charts import draw
from rarenmt.reproduce.report import Chart, Curve, Figure, Report, rows

REPORT = Report(
    "toy",
    {"steps": 3},
    seed=7,
    seconds=1.5,
    figures=(Figure("right, %", 98.765, 98.4, "Table 1", 0.2), Figure("speed", 2.0)),
    charts=(
        Chart(
            "learning",
            "Learning",
            "steps",
            "loss",
            (Curve("a", ((1, 3.0), (10, 2.0))), Curve("b", ((1, 1.0), (10, 0.5)))),
            logarithmic=True,
        ),
    ),
    conditions=Environment("machine", 1, "2.13", "abc", 0.1),
)


def test_the_published_number_stands_beside_ours() -> None:
    assert rows(REPORT.figures) == [
        ("right, %", "98.77 ± 0.20", "98.4", "Table 1"),
        ("speed", "2.00", "–", ""),
    ]


def test_the_file_holds_what_the_run_depends_on(tmp_path: Path) -> None:
    written = json.loads(REPORT.save(tmp_path / "new").read_text("utf-8"))

    assert written == json.loads(json.dumps(REPORT.to_json()))
    assert (written["seed"], written["conditions"]["commit"]) == (7, "abc")


def test_the_same_report_draws_the_same_bytes(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="pictures are an extra")

    first, second = draw(REPORT, tmp_path / "1"), draw(REPORT, tmp_path / "2")

    assert [path.name for path in first] == ["toy-learning.svg", "toy-learning.png"]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert first[0].read_text("utf-8").count("Learning") >= 1


def test_a_single_point_is_no_picture(tmp_path: Path) -> None:
    dot = Chart("dot", "Dot", "steps", "loss", (Curve("a", ((1, 3.0),)),))

    assert draw(replace(REPORT, charts=(dot,)), tmp_path) == []


def test_without_matplotlib_the_figures_are_written_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)

    import_module("rarenmt.cli.reproduce")._print(REPORT, tmp_path, as_json=True)

    said = capsys.readouterr()
    assert "pip install 'rarenmt[reproduce]'" in said.err
    assert json.loads(said.out)["system"] == "toy"
    assert [path.name for path in tmp_path.iterdir()] == ["toy.json"]

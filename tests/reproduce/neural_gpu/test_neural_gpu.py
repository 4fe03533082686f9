"""The exercises of the Extended Neural GPU."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from conftest import Command

from rarenmt.reproduce.neural_gpu.algorithms import ONE, PLUS, SHORTEST, ZERO, Algorithm, add, draw
from rarenmt.reproduce.neural_gpu.experiment import QUICK, Lengths, reproduce
from rarenmt.reproduce.run import Run
from rarenmt.text.tokenizer import PAD

TINY = replace(QUICK, maps=4, longest=3, asked=4, batch=4, steps=4, tests=3, dropout=0.1)


def test_numbers_are_added_from_their_lowest_digit_on() -> None:
    # 3 + 1 = 4 and 2 + 1 = 3
    first, second = torch.tensor([[1, 1], [0, 1]]), torch.tensor([[1, 0], [1, 0]])

    assert add(first, second).tolist() == [[0, 0, 1], [1, 1, 0]]


@pytest.mark.parametrize("task", ["copy", "reverse", "duplicate", "add"])
@pytest.mark.parametrize("length", [3, 4, 7])
def test_answers_follow_from_questions(task: Algorithm, length: int) -> None:
    questions, answers = draw(task, length, 8, torch.Generator().manual_seed(length))

    assert questions.shape == answers.shape == (8, length)
    for question, answer in zip(questions.tolist(), answers.tolist(), strict=True):
        asked, said = ([s for s in side if s != PAD] for side in (question, answer))
        match task:
            case "copy":
                assert said == asked
                assert len(asked) == length
            case "reverse":
                assert said == asked[::-1]
            case "duplicate":
                assert said == asked * 2
                assert len(asked) == length // 2
            case "add":
                middle = asked.index(PLUS)
                first, second = asked[:middle], asked[middle + 1 :]
                assert len(first) == len(second) == (length - 1) // 2
                assert value(first) + value(second) == value(said)


def value(symbols: list[int]) -> int:
    assert set(symbols) <= {ZERO, ONE}
    return sum((symbol == ONE) << place for place, symbol in enumerate(symbols))


def test_strings_grow_when_enough_are_right_and_never_too_long() -> None:
    lengths = Lengths(1, 2)

    for _ in range(30):
        lengths.update(1, 1.0, enough=0.9)
        lengths.update(2, 1.0, enough=0.9)

    assert int(lengths.longest) == 2
    lengths = Lengths(1, 5)
    lengths.update(1, 1.0, enough=0.9)
    assert int(lengths.longest) == 1  # one good batch is not enough


def test_a_resumed_exercise_is_the_one_that_was_not_interrupted(tmp_path: Path) -> None:
    def new_run(path: Path | None) -> Run:
        return Run(path, 1, "x", lambda _: None)

    cpu = torch.device("cpu")
    whole = reproduce("copy", TINY, new_run(None), cpu)
    reproduce("copy", replace(TINY, steps=2), new_run(tmp_path / "x"), cpu)
    resumed = reproduce("copy", TINY, new_run(tmp_path / "x"), cpu)
    asked = reproduce("copy", replace(TINY, steps=0), new_run(tmp_path / "x"), cpu)

    assert (asked.settings, asked.figures) == (resumed.settings, resumed.figures)
    assert asked.settings["steps"] == TINY.steps
    assert resumed.figures == whole.figures
    assert resumed.charts == whole.charts


def test_the_command_learns_to_copy(rarenmt: Command, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="pictures are an extra")

    result = rarenmt("reproduce", "neural-gpu", "--steps", "100", "-o", tmp_path, "--json")

    report = json.loads(result.out)
    assert result.status == 0, result.err
    assert report["system"] == "neural-gpu-copy"
    assert report["figures"][1]["name"] == "copy: symbols right, 1 to 6 symbols, %"
    assert report["figures"][1]["ours"] > 75
    assert (tmp_path / "neural-gpu-copy-lengths.svg").exists()
    assert SHORTEST["add"] == 3

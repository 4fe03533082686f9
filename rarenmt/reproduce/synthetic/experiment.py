"""The synthetic task of *Learning to Remember Rare Events*, section 4.2, and who is how good at it.

Every system is trained on the same 40,000 strings, shown them once more where it has a memory,
and asked new strings. An answer counts when all of its symbols are right.
"""

from dataclasses import asdict

import torch
from torch import Tensor

from rarenmt.evaluation.environment import Environment
from rarenmt.reproduce.report import Chart, Curve, Figure, Report
from rarenmt.reproduce.run import Course
from rarenmt.reproduce.synthetic.task import ceiling, hamming_neighbours, right
from rarenmt.reproduce.synthetic.trainer import Name, Recipe, Settings, Task, Trainer

SECTION = "Kaiser et al. 2017, section 4.2"
PUBLISHED: dict[Name, tuple[float | None, str]] = {
    "hamming": (None, "fails"),
    "lstm": (1.0, "about 1 %"),
    "lstm-memory": (30.0, "over 30 %"),
    "neural-gpu": (None, "a small fraction"),
    "neural-gpu-memory": (None, "even better than over 30 %"),
}
"""Whole strings right, %, as the text of the paper has it."""


def run(
    name: Name, recipe: Recipe, settings: Settings, course: Course, device: torch.device
) -> Report:
    """Train a system, or go on with it, show it the training strings and ask the others."""
    task = Task.draw(settings, course.seed)
    best = Figure("numbers of the test seen in training, %", 100 * ceiling(task.train, task.test))
    if name == "hamming":
        rows = hamming_neighbours(task.train, task.test)
        figures = _figures(name, *right(task.train.answers[rows], task.test))
        charts: tuple[Chart, ...] = ()
    else:
        trainer = Trainer(name, recipe, settings, task, course, device)
        trainer.train()
        figures = _figures(name, *trainer.ask())
        charts = _charts(course)
    told = {**asdict(settings), "steps": course.step, "model": name, "recipe": recipe}
    seconds = course.spent()
    return Report(
        f"synthetic-{name}", told, course.seed, seconds, (*figures, best), charts,
        Environment.now(),
    )  # fmt: skip


def _figures(name: Name, whole: Tensor, letters: Tensor) -> tuple[Figure, ...]:
    """Whole strings, and letters alone, from whether each string is right (N,)."""
    share = whole.float().mean().item()
    within = 196 * (share * (1 - share) / len(whole)) ** 0.5
    published, said = PUBLISHED[name]
    source = f"{SECTION}: {said}"
    return (
        Figure(f"{name}: whole strings right, %", 100 * share, published, source, within),
        Figure(f"{name}: all letters right, %", 100 * letters.float().mean().item()),
    )


def _charts(course: Course) -> tuple[Chart, ...]:
    """The curves that have points."""
    wanted = (
        ("learning", "Whole strings right", "%", ("few numbers shown",)),
        ("neighbours", "Right nearest neighbours of digits", "%", ("numbers shown before",)),
        ("lengths", "Longest strings", "symbols", ("symbols of a string",)),
        ("lives", "Numbers shown before the memory is emptied", "", ("numbers of a life",)),
        ("loss", "Loss", "nats", ("loss",)),
    )
    charts = []
    for chart, title, y, names in wanted:
        found = [Curve(n, tuple(course.curves[n])) for n in names if n in course.curves]
        if found:
            charts.append(Chart(chart, title, "steps", y, tuple(found)))
    return tuple(charts)

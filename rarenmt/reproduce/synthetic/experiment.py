"""The synthetic task of *Learning to Remember Rare Events*, section 4.2, for five systems.

Every system is trained on the same 40,000 strings. Then, if it has a memory, they are written into
it once more, and the system answers new strings. An answer counts if all its symbols are right.
"""

from dataclasses import asdict

import torch
from torch import Tensor

from rarenmt.reproduce.report import Chart, Figure, Report, half_interval
from rarenmt.reproduce.run import Run
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
CHARTS = (
    ("learning", "Whole strings right", "%", "few numbers shown"),
    ("neighbours", "Right nearest neighbours of digits", "%", "numbers shown before"),
    ("lengths", "Longest strings", "symbols", "symbols of a string"),
    ("lives", "Numbers shown before the memory is emptied", "", "numbers of a life"),
    ("loss", "Loss", "nats", "loss"),
)
"""Name, title, unit and curve of each chart."""


def reproduce(
    name: Name, recipe: Recipe, settings: Settings, run: Run, device: torch.device
) -> Report:
    """Train a system, or resume its run, and evaluate it on the test strings."""
    task = Task.draw(settings, run.seed)
    best = Figure("numbers of the test seen in training, %", 100 * ceiling(task.train, task.test))
    if name == "hamming":
        rows = hamming_neighbours(task.train, task.test)
        figures = _figures(name, *right(task.train.answers[rows], task.test))
        charts: tuple[Chart, ...] = ()
    else:
        trainer = Trainer(name, recipe, settings, task, run, device)
        trainer.train()
        figures = _figures(name, *trainer.evaluate())
        charts = run.charts(CHARTS)
    described = {**asdict(settings), "steps": run.step, "model": name, "recipe": recipe}
    seconds = run.elapsed()
    return Report(
        f"synthetic-{name}", described, run.seed, seconds, (*figures, best), charts,
    )  # fmt: skip


def _figures(name: Name, whole: Tensor, letters: Tensor) -> tuple[Figure, ...]:
    """Whole strings, and letters alone, from whether each string is right (N,)."""
    share = whole.float().mean().item()
    within = half_interval(100 * (share * (1 - share)) ** 0.5, len(whole))
    published, quote = PUBLISHED[name]
    source = f"{SECTION}: {quote}"
    return (
        Figure(f"{name}: whole strings right, %", 100 * share, published, source, within),
        Figure(f"{name}: all letters right, %", 100 * letters.float().mean().item()),
    )

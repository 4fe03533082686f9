"""The result of an experiment: our figures beside the published ones, and its curves."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rarenmt.evaluation.environment import Environment
from rarenmt.storage.files import replace_bytes


@dataclass(frozen=True)
class Figure:
    """One number beside the published one."""

    name: str
    """What was measured, with its unit: "20-way 1-shot, CNN + memory, %"."""
    ours: float
    published: float | None = None
    """None where no paper states it."""
    source: str = ""
    """Paper and table of the published one."""
    within: float | None = None
    """Half of the 95 % confidence interval of ours."""


@dataclass(frozen=True)
class Curve:
    """A named line."""

    name: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Chart:
    """Lines over a common axis."""

    name: str
    """A short word for its file name: "learning", "delay"."""
    title: str
    x: str
    y: str
    curves: tuple[Curve, ...]
    logarithmic: bool = False
    """Whether the x axis is logarithmic."""


@dataclass(frozen=True)
class Report:
    """The result of an experiment, with what it depends on."""

    system: str
    settings: Mapping[str, Any]
    seed: int
    seconds: float
    """Of training, over all the times it was resumed."""
    figures: tuple[Figure, ...]
    charts: tuple[Chart, ...]
    conditions: Environment = field(default_factory=Environment.now)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def save(self, folder: Path) -> Path:
        """Write SYSTEM.json to the folder, atomically, and return its path."""
        path = folder / f"{self.system}.json"
        text = json.dumps(self.to_json(), indent=1, ensure_ascii=False)
        replace_bytes(path, (text + "\n").encode())
        return path


def half_interval(deviation: float, count: int) -> float:
    """Half of the 95 % confidence interval of a mean of `count` values."""
    return 1.96 * deviation / math.sqrt(count)


def rows(figures: Sequence[Figure]) -> list[tuple[str, str, str, str]]:
    """The figures as a table: name, ours, published, source."""
    return [
        (
            figure.name,
            f"{figure.ours:.2f}" + (f" ± {figure.within:.2f}" if figure.within is not None else ""),
            "–" if figure.published is None else f"{figure.published:g}",
            figure.source,
        )
        for figure in figures
    ]

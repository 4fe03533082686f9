"""Prints a figure with the environment in which it was measured."""

import json
import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rarenmt.evaluation.environment import Environment


def report(name: str, figures: dict[str, Any], sentence: str) -> None:
    """Print one JSON line on stdout and one sentence on stderr."""
    line = {"name": name, **figures, **asdict(Environment.now())}
    print(json.dumps(line), flush=True)
    print(f"{name}: {sentence}", file=sys.stderr, flush=True)


def report_speed(
    name: str,
    settings: dict[str, Any],
    speeds: Sequence[float],
    baseline: Sequence[float],
    unit: str,
) -> None:
    """Report the median of some rounds, in `unit` per CPU-second, and the time relative to the
    same rounds without memory, which are the `baseline`."""
    speed = statistics.median(speeds)
    time = statistics.median(b / s for b, s in zip(baseline, speeds, strict=True))
    figures = {
        **settings,
        f"{unit}_per_cpu_second": round(speed, 1),
        "lowest": round(min(speeds), 1),
        "highest": round(max(speeds), 1),
        "relative_time": round(time, 3),
    }
    sentence = f"{speed:.0f} {unit} per CPU-second, {time:.2f} × the time without memory"
    report(name, figures, sentence)

"""The lines that state a figure and where it was measured."""

import json
import sys
from dataclasses import asdict
from typing import Any

from rarenmt.evaluation.environment import Environment


def report(name: str, figures: dict[str, Any], sentence: str) -> None:
    """One JSON line for programs on stdout, one sentence for people on stderr."""
    line = {"name": name, **figures, **asdict(Environment.now())}
    print(json.dumps(line), flush=True)
    print(f"{name}: {sentence}", file=sys.stderr, flush=True)

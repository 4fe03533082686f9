"""The course of an experiment's training: where it stands, in a file that it goes on from."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import nn

from rarenmt.errors import CheckpointError
from rarenmt.storage.tensors import load_tensors, save_tensors

SAVE_SECONDS = 120.0
"""Between two saves."""


@dataclass
class Course:
    """Steps done, seconds used, curves so far; saved with all tensors of the experiment.

    `step` is the number of steps done. A run that is interrupted and goes on with the same
    seed sees what it would have seen: its draws depend on the seed and the step alone.
    """

    path: Path | None
    """File to save to; None keeps nothing."""
    seed: int
    settings: str
    """What another run must not go on with, as text."""
    remark: Callable[[str], None]
    step: int = 0
    seconds: float = 0.0
    curves: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    _since: float = field(default_factory=time.monotonic)
    _saved: float = field(default_factory=time.monotonic)

    def generator(self) -> torch.Generator:
        """The randomness of the current step."""
        return torch.Generator().manual_seed(self.seed * 1_000_003 + self.step)

    @contextmanager
    def dropping(self) -> Iterator[None]:
        """Draw dropout, which takes no generator, from seed and step too."""
        with torch.random.fork_rng():
            torch.manual_seed(self.seed * 1_000_003 + self.step)
            yield

    def note(self, curve: str, y: float, x: float | None = None) -> None:
        """A point of a curve, at the current step where no x is given."""
        self.curves.setdefault(curve, []).append((self.step if x is None else x, y))

    def save(self, module: nn.Module, optimiser: torch.optim.Optimizer, *, now: bool) -> None:
        """Write where the run stands if two minutes have passed, or now."""
        if self.path is None or not (now or time.monotonic() - self._saved > SAVE_SECONDS):
            return
        self.spent()
        told = {"step": self.step, "seconds": self.seconds, "curves": self.curves}
        metadata = {"course": json.dumps(told), "settings": self.settings, "seed": str(self.seed)}
        save_tensors(self.path, _gather(module, optimiser), metadata)
        self._saved = time.monotonic()

    def resume(self, module: nn.Module, optimiser: torch.optim.Optimizer) -> None:
        """Go on where the file stands; CheckpointError if it is of other settings.
        The seconds count from here."""
        self._since = time.monotonic()
        if self.path is None or not self.path.exists():
            return
        tensors, metadata = load_tensors(self.path)
        if (metadata.get("settings"), metadata.get("seed")) != (self.settings, str(self.seed)):
            raise CheckpointError(
                f"{self.path} is of a run with other settings; use those, or another folder"
            )
        try:
            told = json.loads(metadata["course"])
            _scatter(tensors, module, optimiser)
            self.step, self.seconds = int(told["step"]), float(told["seconds"])
            self.curves = {
                str(name): [(float(x), float(y)) for x, y in points]
                for name, points in told["curves"].items()
            }
        except (KeyError, ValueError, TypeError, RuntimeError) as error:
            raise CheckpointError(f"{self.path} is damaged: {error}") from None
        self.remark(f"goes on at step {self.step:,}")

    def spent(self) -> float:
        """Seconds of this run, over all the times it was resumed."""
        now = time.monotonic()
        self.seconds += now - self._since
        self._since = now
        return self.seconds


def _gather(module: nn.Module, optimiser: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """Every tensor of a module, with its buffers, and of its optimiser."""
    tensors = {f"module.{name}": tensor for name, tensor in module.state_dict().items()}
    for number, state in optimiser.state_dict()["state"].items():
        for name, value in state.items():
            tensors[f"optimiser.{number}.{name}"] = torch.as_tensor(value)
    return tensors


def _scatter(
    tensors: dict[str, torch.Tensor], module: nn.Module, optimiser: torch.optim.Optimizer
) -> None:
    """The inverse of `_gather`."""
    of_module, of_optimiser = "module.", "optimiser."
    module.load_state_dict(
        {n.removeprefix(of_module): t for n, t in tensors.items() if n.startswith(of_module)}
    )
    whole = optimiser.state_dict()
    state: dict[int, dict[str, torch.Tensor]] = {}
    for name, tensor in tensors.items():
        if name.startswith(of_optimiser):
            number, _, kept = name.removeprefix(of_optimiser).partition(".")
            state.setdefault(int(number), {})[kept] = tensor
    optimiser.load_state_dict({**whole, "state": state})

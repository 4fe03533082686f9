"""The training run of an experiment: one loop, and a file from which it resumes."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from rarenmt.errors import CheckpointError, SettingError
from rarenmt.memory.memory import Memory
from rarenmt.reproduce.report import Chart, Curve
from rarenmt.storage.tensors import load_tensors, save_tensors
from rarenmt.training.state import dropout_seed

SAVE_SECONDS = 120.0
"""Between two saves."""


@dataclass
class Run:
    """Steps done, seconds used and curves so far, saved with all tensors of the experiment.

    A resumed run equals an uninterrupted one: what a step draws depends on the seed and the
    number of the step alone.
    """

    path: Path | None
    """File to save to; None saves nothing."""
    seed: int
    settings: str
    """Text that a resumed run must have in common with the saved one."""
    log: Callable[[str], None]
    step: int = 0
    """Number of steps done."""
    seconds: float = 0.0
    curves: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    _since: float = field(default_factory=time.monotonic)
    _saved: float = field(default_factory=time.monotonic)

    def train(
        self,
        module: nn.Module,
        optimiser: torch.optim.Optimizer,
        steps: int,
        loss: Callable[[torch.Generator], Tensor],
        after: Callable[[Tensor], None],
        *,
        rate: Callable[[int], float],
        clip: float,
        advice: str = "",
    ) -> None:
        """Resume from the file, if there is one, and train until `steps` steps are done.

        `loss` computes the loss of a step from its generator; `after` gets it when the weights
        are updated, before the step counts as done. `rate` is the learning rate of a step,
        counted from 0, and `clip` the largest norm of the gradient. SettingError, with `advice`,
        if the gradient is not finite.
        """
        self.resume(module, optimiser)
        trained = [weight for group in optimiser.param_groups for weight in group["params"]]
        module.train()
        while self.step < steps:
            for group in optimiser.param_groups:
                group["lr"] = rate(self.step)
            with dropout_seed(self._step_seed(), trained[0].device):
                value = loss(self._generator())
            optimiser.zero_grad()
            value.backward()
            if not nn.utils.clip_grad_norm_(trained, clip).isfinite():
                raise SettingError(f"step {self.step:,}: the gradients overflow{advice}")
            optimiser.step()
            after(value.detach())
            self.step += 1
            if time.monotonic() - self._saved > SAVE_SECONDS:
                self.save(module, optimiser)
        self.save(module, optimiser)

    def _step_seed(self) -> int:
        return self.seed * 1_000_003 + self.step

    def _generator(self) -> torch.Generator:
        return torch.Generator().manual_seed(self._step_seed())

    def record(self, x: float, points: Mapping[str, float]) -> None:
        """Add a point (x, y) to each of the named curves."""
        for name, y in points.items():
            self.curves.setdefault(name, []).append((x, y))

    def charts(self, titles: Sequence[tuple[str, str, str, str]]) -> tuple[Chart, ...]:
        """A chart for each name, title, unit and curve whose curve has points."""
        return tuple(
            Chart(name, title, "steps", unit, (Curve(curve, tuple(self.curves[curve])),))
            for name, title, unit, curve in titles
            if curve in self.curves
        )

    def save(self, module: nn.Module, optimiser: torch.optim.Optimizer) -> None:
        """Write the state of the run, if it has a file."""
        if self.path is None:
            return
        progress = {"step": self.step, "seconds": self.elapsed(), "curves": self.curves}
        metadata = {
            "course": json.dumps(progress), "settings": self.settings, "seed": str(self.seed)
        }  # fmt: skip
        save_tensors(self.path, _gather(module, optimiser), metadata)
        self._saved = time.monotonic()

    def resume(self, module: nn.Module, optimiser: torch.optim.Optimizer) -> None:
        """Load the state of the run, if its file exists, and start counting seconds.
        CheckpointError if the file has other settings or is damaged."""
        self._since = time.monotonic()
        if self.path is None or not self.path.exists():
            return
        tensors, metadata = load_tensors(self.path)
        if (metadata.get("settings"), metadata.get("seed")) != (self.settings, str(self.seed)):
            raise CheckpointError(
                f"{self.path} is of a run with other settings; use those, or another folder"
            )
        try:
            progress = json.loads(metadata["course"])
            _scatter(tensors, module, optimiser)
            self.step, self.seconds = int(progress["step"]), float(progress["seconds"])
            self.curves = {
                str(name): [(float(x), float(y)) for x, y in points]
                for name, points in progress["curves"].items()
            }
        except (KeyError, ValueError, TypeError, RuntimeError) as error:
            raise CheckpointError(f"{self.path} is damaged: {error}") from None
        for part in module.modules():
            if isinstance(part, Memory):
                part.recount()
        self.log(f"resumes at step {self.step:,}")

    def elapsed(self) -> float:
        """Seconds of this run, over all the times it was resumed."""
        now = time.monotonic()
        self.seconds += now - self._since
        self._since = now
        return self.seconds


def _gather(module: nn.Module, optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Every tensor of a module, with its buffers, and of its optimiser."""
    tensors = {f"module.{name}": tensor for name, tensor in module.state_dict().items()}
    for number, state in optimiser.state_dict()["state"].items():
        for name, value in state.items():
            tensors[f"optimiser.{number}.{name}"] = torch.as_tensor(value)
    return tensors


def _scatter(
    tensors: dict[str, Tensor], module: nn.Module, optimiser: torch.optim.Optimizer
) -> None:
    """The inverse of `_gather`."""
    weights: dict[str, Tensor] = {}
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        owner, _, rest = name.partition(".")
        if owner == "module":
            weights[rest] = tensor
        elif owner == "optimiser":
            number, _, kind = rest.partition(".")
            state.setdefault(int(number), {})[kind] = tensor
    module.load_state_dict(weights)
    optimiser.load_state_dict({**optimiser.state_dict(), "state": state})

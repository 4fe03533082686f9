"""A resumed run equals an uninterrupted one."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from rarenmt.errors import CheckpointError, SettingError
from rarenmt.reproduce.run import Run


def parts() -> tuple[nn.Module, torch.optim.Optimizer]:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(3, 2), nn.Dropout(0.5))
    return module, torch.optim.Adam(module.parameters())


def train(run: Run, steps: int, scale: float = 1.0) -> nn.Module:
    module, optimiser = parts()

    def loss(generator: torch.Generator) -> Tensor:
        drawn: Tensor = module(torch.randn(4, 3, generator=generator))
        return drawn.square().mean() * scale

    def after(loss: Tensor) -> None:
        run.record(run.step, {"loss": loss.item()})

    run.train(
        module, optimiser, steps, loss, after, rate=lambda step: 0.1 / (step + 1), clip=1.0,
        advice="; try again",
    )  # fmt: skip
    return module


def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path: Path) -> None:
    log: list[str] = []
    whole, resumed = Run(None, 1, "x", print), Run(tmp_path / "a.safetensors", 1, "x", log.append)
    expected = train(whole, 6)
    train(Run(tmp_path / "a.safetensors", 1, "x", print), 4)

    module = train(resumed, 6)

    assert log == ["resumes at step 4"]
    assert resumed.curves == whole.curves
    assert len(whole.curves["loss"]) == 6
    assert all(map(torch.equal, expected.parameters(), module.parameters()))
    assert resumed.seconds > 0


def test_a_run_with_other_settings_is_not_resumed(tmp_path: Path) -> None:
    train(Run(tmp_path / "a.safetensors", 1, "x", print), 1)

    for seed, settings in [(2, "x"), (1, "y")]:
        with pytest.raises(CheckpointError, match="of a run with other settings"):
            train(Run(tmp_path / "a.safetensors", seed, settings, print), 2)


def test_a_run_without_a_file_starts_anew(tmp_path: Path) -> None:
    run = Run(tmp_path / "none.safetensors", 1, "x", print)

    run.resume(*parts())

    assert run.step == 0


def test_gradients_that_are_not_finite_stop_the_run() -> None:
    with pytest.raises(SettingError, match="step 0: the gradients overflow; try again"):
        train(Run(None, 1, "x", print), 1, scale=float("inf"))

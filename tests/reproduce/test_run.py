"""A run that was interrupted goes on as if it had not been."""

from pathlib import Path

import pytest
import torch
from torch import nn

from rarenmt.errors import CheckpointError
from rarenmt.reproduce.run import Course


def parts() -> tuple[nn.Module, torch.optim.Optimizer]:
    torch.manual_seed(0)
    module = nn.Linear(3, 2)
    return module, torch.optim.Adam(module.parameters(), lr=0.1)


def steps(course: Course, module: nn.Module, optimiser: torch.optim.Optimizer, to: int) -> None:
    while course.step < to:
        drawn = torch.randn(4, 3, generator=course.generator())
        optimiser.zero_grad()
        loss = module(drawn).square().mean()
        loss.backward()
        optimiser.step()
        course.step += 1
        course.note("loss", loss.item())
    course.save(module, optimiser, now=True)


def test_a_resumed_run_is_the_run_that_was_not_interrupted(tmp_path: Path) -> None:
    whole, said = Course(None, 1, "x", print), list[str]()
    module, optimiser = parts()
    steps(whole, module, optimiser, 6)
    begun = Course(tmp_path / "a.safetensors", 1, "x", print)
    steps(begun, *parts(), 4)

    resumed = Course(tmp_path / "a.safetensors", 1, "x", said.append)
    other, stepper = parts()
    resumed.resume(other, stepper)
    steps(resumed, other, stepper, 6)

    assert said == ["goes on at step 4"]
    assert resumed.curves == whole.curves
    assert all(map(torch.equal, module.parameters(), other.parameters()))
    assert resumed.seconds > 0


def test_another_run_is_not_gone_on_with(tmp_path: Path) -> None:
    steps(Course(tmp_path / "a.safetensors", 1, "x", print), *parts(), 1)

    for seed, settings in [(2, "x"), (1, "y")]:
        with pytest.raises(CheckpointError, match="of a run with other settings"):
            Course(tmp_path / "a.safetensors", seed, settings, print).resume(*parts())


def test_a_course_without_a_file_begins_anew(tmp_path: Path) -> None:
    course = Course(tmp_path / "none.safetensors", 1, "x", print)

    course.resume(*parts())

    assert course.step == 0

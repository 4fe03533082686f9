"""The saved state of a training run: weights, optimiser, memory and averaged weights."""

from pathlib import Path

import torch
from torch import Tensor

from rarenmt.memory.memory import Memory
from rarenmt.model.checkpoint import TRAINING
from rarenmt.model.seq2seq import Model
from rarenmt.storage.tensors import save_tensors
from rarenmt.training.averaging import AveragedModel

ADAM = ("exp_avg", "exp_avg_sq")
"""Names of Adam's running averages of each gradient."""


def save_training(
    folder: Path,
    model: Model,
    optimizer: torch.optim.Optimizer,
    memory: Memory | None,
    average: AveragedModel | None,
    metadata: dict[str, str],
) -> None:
    """Write the whole state in float32."""
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    for name, parameter in model.named_parameters():
        state = optimizer.state[parameter]
        tensors |= {f"{kind}.{name}": state[kind] for kind in ADAM if state}
    if memory is not None:
        tensors |= {f"memory.{name}": tensor for name, tensor in memory.state_dict().items()}
    if average is not None:
        tensors |= {f"average.{name}": tensor for name, tensor in average.state_dict().items()}
    save_tensors(folder / TRAINING, tensors, metadata)


def restore_training(
    tensors: dict[str, Tensor],
    model: Model,
    optimizer: torch.optim.Optimizer,
    steps: int,
    memory: Memory | None,
    average: AveragedModel | None,
) -> None:
    """Load what `save_training` wrote after `steps` steps; KeyError or RuntimeError if a part is
    missing."""
    model.load_state_dict(_part(tensors, "model."))
    for name, parameter in model.named_parameters():
        if steps:
            averages = {kind: tensors[f"{kind}.{name}"].to(parameter) for kind in ADAM}
            count = torch.tensor(float(steps), device=parameter.device)
            optimizer.state[parameter] = {"step": count, **averages}
    if memory is not None and "memory.keys" in tensors:
        memory.load_state_dict(_part(tensors, "memory."))
        memory.restored()
    if average is not None and "average.shown" in tensors:
        average.load_state_dict(_part(tensors, "average."))


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}

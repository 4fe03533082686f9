"""The state of a training run and its files: counters, reports, weights, optimiser, memory and
averaged weights."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from rarenmt.config import Config
from rarenmt.errors import SettingError
from rarenmt.memory.memory import Memory
from rarenmt.model.checkpoint import (
    COMPLETENESS,
    COOCCURRENCE,
    LEXICON,
    METRICS,
    TRAINING,
    WORDS,
    Checkpoint,
)
from rarenmt.model.seq2seq import Model
from rarenmt.storage.files import TEMPORARY, file_errors, replace_bytes
from rarenmt.storage.tensors import save_tensors
from rarenmt.training.averaging import AveragedModel

ADAM = ("exp_avg", "exp_avg_sq")
"""Names of Adam's running averages of each gradient."""


@dataclass(frozen=True)
class TrainingReport:
    """Progress of a run; losses are means over the steps since the previous report."""

    step: int
    epoch: int
    learning_rate: float
    translation_loss: float
    """Nats per target token, label smoothing included."""
    memory_loss: float
    readout_loss: float
    memory_hits: float
    """Fraction of the querying positions whose nearest neighbour held the target piece."""
    tokens_per_second: float
    seconds: float
    """Time in the steps of this run, without interruptions."""
    attention_loss: float | None = None
    """Nats per target token; only with guided alignment."""
    dev_bleu: float | None = None
    """Greedy, without memory; only in reports with an evaluation."""
    dev_loss: float | None = None
    """Nats per target token, without label smoothing."""


@dataclass
class Progress:
    """Counters of a run: its whole state beside weights, optimiser and memory."""

    step: int = 0
    epoch: int = 0
    batch: int = 0
    """Batches of the epoch already done."""
    best_bleu: float = -1.0
    seconds: float = 0.0


def check_folder(folder: Path, resume: bool) -> None:
    """SettingError unless the folder holds a run to resume or, for a new run, nothing at all."""
    started = (folder / TRAINING).exists()
    if resume and not started:
        raise SettingError(f"{folder} contains no training run to resume; leave out --resume")
    if started and not resume:
        raise SettingError(
            f"{folder} contains a training run; add --resume, or choose another folder"
        )
    with file_errors(folder, "read"):
        files = list(folder.iterdir()) if folder.exists() else []
    tables = {
        LEXICON,
        WORDS,
        COOCCURRENCE,
        COMPLETENESS,
    }  # left by a run that was killed before its first save
    if not started and any(p.suffix != TEMPORARY and p.name not in tables for p in files):
        raise SettingError(f"{folder} is not empty; choose another folder")


def initial_model(
    config: Config, start: Checkpoint | None, seed: int, *, new_memory: bool
) -> Model:
    """A model with random weights, or with those of `start`: all of them or, with `new_memory`,
    all but those of the query and the readout."""
    model = Model(config)
    model.initialise(torch.Generator().manual_seed(seed))
    if start is not None:
        random_parts = ("query.", "readout.") if new_memory else ()
        weights = start.model.state_dict().items()
        kept = {name: tensor for name, tensor in weights if not name.startswith(random_parts)}
        model.load_state_dict(kept, strict=not new_memory)
    return model


@contextmanager
def dropout_seed(seed: int, device: torch.device) -> Iterator[None]:
    """Seed torch's global generator, which dropout uses, and restore it afterwards."""
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield


def append_report(folder: Path, report: TrainingReport) -> None:
    """Append a report to metrics.jsonl."""
    path = folder / METRICS
    with file_errors(path, "write"), path.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(asdict(report)) + "\n")


def drop_later_reports(folder: Path, step: int) -> None:
    """Delete the reports of later steps, and a partial last line, from metrics.jsonl."""
    path = folder / METRICS
    if not path.is_file():
        return
    with file_errors(path, "read"):
        lines = path.read_bytes().splitlines(keepends=True)
    complete = [line for line in lines if line.endswith(b"}\n")]
    replace_bytes(path, b"".join(line for line in complete if json.loads(line)["step"] <= step))


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
        memory.recount()
    if average is not None and "average.shown" in tensors:
        average.load_state_dict(_part(tensors, "average."))


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}

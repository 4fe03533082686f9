"""Named tensors on disk: safetensors, read with one clear sentence for every way to be damaged."""

import json
from pathlib import Path

import safetensors
import safetensors.torch
from torch import Tensor

from rarenmt.errors import CheckpointError, StorageError
from rarenmt.storage import replace_bytes

METADATA = "rarenmt"
"""All metadata stand under this one name: with several, safetensors would order them anew each
time, and the same content would not give the same bytes."""

SHARD_BYTES = 16_000_000
"""No weights file grows larger, so that a checkpoint can be committed to any repository."""


def save_tensors(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    """Write tensors and their metadata, atomically."""
    whole = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    described = {METADATA: json.dumps(metadata, sort_keys=True)}
    replace_bytes(path, safetensors.torch.save(whole, described))


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and metadata; CheckpointError for a missing or damaged file."""
    if not path.is_file():
        raise CheckpointError(f"{path.parent} holds no {path.name}")
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            names = file.keys()
            tensors = {name: file.get_tensor(name).clone() for name in names}  # no longer mapped
            metadata = file.metadata() or {}
            return tensors, json.loads(metadata.get(METADATA, "{}"))
    except (safetensors.SafetensorError, ValueError, KeyError) as error:
        reason = str(error).splitlines()[0]
        raise CheckpointError(f"{path} is damaged or not a safetensors file: {reason}") from None
    except OSError as error:
        raise StorageError(path, "read", error) from error


def shards(tensors: dict[str, Tensor]) -> list[dict[str, Tensor]]:
    """The same tensors in groups of at most SHARD_BYTES; one larger tensor stands alone."""
    groups: list[dict[str, Tensor]] = [{}]
    size = 0
    for name, tensor in tensors.items():
        if groups[-1] and size + tensor.nbytes > SHARD_BYTES:
            groups.append({})
            size = 0
        groups[-1][name] = tensor
        size += tensor.nbytes
    return groups

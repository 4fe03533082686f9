"""Named tensors in safetensors files, with a clear error for every kind of damage."""

import json
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

import safetensors
import torch
from torch import Tensor

from rarenmt.errors import CheckpointError, StorageError
from rarenmt.storage.files import identity, replace

METADATA = "rarenmt"
"""The single metadata key: with several, safetensors would write them in a varying order, and
equal content would not give equal bytes."""

SHARD_BYTES = 15_900_000
"""Largest weights of one file, which is under 16 MB with its header, so that a checkpoint can be
committed to any repository."""

PART = "#"
"""Separates the name of a tensor larger than a file from the number of a part."""

DTYPES = {
    torch.float32: "F32", torch.bfloat16: "BF16", torch.float16: "F16", torch.int64: "I64",
    torch.int32: "I32", torch.uint8: "U8", torch.bool: "BOOL",
}  # fmt: skip
"""Names in safetensors."""


def save_tensors(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    """Write tensors and their metadata, atomically.

    The library would copy gigabytes in memory, or replace the file in a way of its own; the format
    is simple: a JSON header and the bytes.
    """
    widest_first = sorted(tensors, key=lambda name: (-tensors[name].element_size(), name))
    contiguous = {name: tensors[name].detach().cpu().contiguous() for name in widest_first}
    header: dict[str, Any] = {"__metadata__": {METADATA: json.dumps(metadata, sort_keys=True)}}
    start = 0
    for name, tensor in contiguous.items():
        header[name] = {
            "dtype": DTYPES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [start, start + tensor.nbytes],
        }
        start += tensor.nbytes
    encoded = json.dumps(header, separators=(",", ":")).encode()
    encoded += b" " * (-len(encoded) % 8)

    def write(temporary: Path) -> None:
        with temporary.open("wb") as stream:
            stream.write(len(encoded).to_bytes(8, "little") + encoded)
            for tensor in contiguous.values():
                stream.write(tensor.flatten().view(torch.uint8).numpy().data)

    replace(path, write)


def load_tensors(
    path: Path, *, exclude: Collection[str] = (), mapped: Collection[str] = ()
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors, without those in `exclude`, and metadata; CheckpointError for a missing or damaged
    file. The `mapped` ones are memory-mapped: copy them to keep them."""
    while True:
        # The library opens the file twice, for the header and for the tensors: if another process
        # replaces it in between, the result is of two files.
        if not path.is_file():
            raise CheckpointError(f"{path.parent} holds no {path.name}")
        before = identity(path)
        try:
            found = _read(path, exclude, mapped)
        except (CheckpointError, StorageError, RuntimeError):  # RuntimeError if it became shorter
            if identity(path) == before:
                raise
        else:
            if identity(path) == before:
                return found


def _read(
    path: Path, exclude: Collection[str], mapped: Collection[str]
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """`load_tensors` of a file that is not replaced meanwhile."""
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            names = [name for name in file.keys() if name not in exclude]  # noqa: SIM118
            tensors = {name: file.get_tensor(name) for name in names}
            tensors |= {name: tensors[name].clone() for name in names if name not in mapped}
            metadata = json.loads((file.metadata() or {}).get(METADATA, "{}"))
            if not isinstance(metadata, dict) or not all(map(_is_string, metadata.values())):
                raise ValueError("metadata values must be strings")
            return tensors, metadata
    except (safetensors.SafetensorError, ValueError, KeyError, RecursionError) as error:
        reason = str(error).splitlines()[0]
        raise CheckpointError(f"{path} is damaged or not a safetensors file: {reason}") from None
    except OSError as error:
        raise StorageError(path, "read", error) from error


def shards(tensors: dict[str, Tensor]) -> list[dict[str, Tensor]]:
    """The same tensors in groups of at most SHARD_BYTES; a larger tensor is split between rows."""
    groups: list[dict[str, Tensor]] = [{}]
    size = 0
    for name, tensor in _split(tensors):
        if groups[-1] and size + tensor.nbytes > SHARD_BYTES:
            groups.append({})
            size = 0
        groups[-1][name] = tensor
        size += tensor.nbytes
    return groups


def join(groups: Iterable[dict[str, Tensor]]) -> dict[str, Tensor]:
    """The inverse of `shards`; RuntimeError if the parts of a tensor do not fit together."""
    parts: dict[str, list[Tensor]] = {}
    for group in groups:
        for name, tensor in group.items():
            parts.setdefault(name.partition(PART)[0], []).append(tensor)
    return {name: cut[0] if len(cut) == 1 else torch.cat(cut) for name, cut in parts.items()}


def _split(tensors: dict[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    for name, tensor in tensors.items():
        if tensor.nbytes <= SHARD_BYTES:
            yield name, tensor
            continue
        parts = tensor.split(max(1, SHARD_BYTES // tensor[0].nbytes))
        for number, part in enumerate(parts, start=1):
            yield f"{name}{PART}{number}-of-{len(parts)}", part


def _is_string(value: object) -> bool:
    return isinstance(value, str)

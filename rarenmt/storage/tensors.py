"""Named tensors on disk: safetensors, read with one clear sentence for every way to be damaged."""

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
"""All metadata stand under this one name: with several, safetensors would order them anew each
time, and the same content would not give the same bytes."""

SHARD_BYTES = 15_900_000
"""Weights of one file, which with its header stays under 16 MB, so that a checkpoint can be
committed to any repository."""

PART = "#"
"""Stands between the name of a tensor that no file can hold and the number of a part."""


DTYPES = {
    torch.float32: "F32", torch.bfloat16: "BF16", torch.float16: "F16", torch.int64: "I64",
    torch.int32: "I32", torch.uint8: "U8", torch.bool: "BOOL",
}  # fmt: skip
"""What safetensors calls them."""


def save_tensors(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    """Write tensors and their metadata, atomically.

    The library would hold a file of gigabytes in memory twice, or replace it in a way of its own;
    the format is a JSON header and the bytes.
    """
    widest_first = sorted(tensors, key=lambda name: (-tensors[name].element_size(), name))
    whole = {name: tensors[name].detach().cpu().contiguous() for name in widest_first}
    header: dict[str, Any] = {"__metadata__": {METADATA: json.dumps(metadata, sort_keys=True)}}
    start = 0
    for name, tensor in whole.items():
        header[name] = {
            "dtype": DTYPES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [start, start + tensor.nbytes],
        }
        start += tensor.nbytes
    described = json.dumps(header, separators=(",", ":")).encode()
    described += b" " * (-len(described) % 8)

    def write(temporary: Path) -> None:
        with temporary.open("wb") as stream:
            stream.write(len(described).to_bytes(8, "little") + described)
            for tensor in whole.values():
                stream.write(tensor.flatten().view(torch.uint8).numpy().data)

    replace(path, write)


def load_tensors(
    path: Path, *, leave: Collection[str] = (), mapped: Collection[str] = ()
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors, but for those to leave, and metadata; CheckpointError for a missing or damaged
    file. Those mapped are read from it as they are used, and must be copied to be kept."""
    while True:
        # The library opens the file by its name once for the header and once for the tensors:
        # where another process has replaced it meanwhile, what was read is of two files.
        if not path.is_file():
            raise CheckpointError(f"{path.parent} holds no {path.name}")
        before = identity(path)
        try:
            found = _read(path, leave, mapped)
        except (CheckpointError, StorageError, RuntimeError):  # the last where it became shorter
            if identity(path) == before:
                raise
        else:
            if identity(path) == before:
                return found


def _read(
    path: Path, leave: Collection[str], mapped: Collection[str]
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """`load_tensors` of a file that nobody replaces."""
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            names = [name for name in file.keys() if name not in leave]  # noqa: SIM118
            tensors = {name: file.get_tensor(name) for name in names}
            tensors |= {name: tensors[name].clone() for name in names if name not in mapped}
            metadata = json.loads((file.metadata() or {}).get(METADATA, "{}"))
            if not isinstance(metadata, dict) or not all(map(_is_text, metadata.values())):
                raise ValueError("its metadata are no texts")
            return tensors, metadata
    except (safetensors.SafetensorError, ValueError, KeyError, RecursionError) as error:
        reason = str(error).splitlines()[0]
        raise CheckpointError(f"{path} is damaged or not a safetensors file: {reason}") from None
    except OSError as error:
        raise StorageError(path, "read", error) from error


def shards(tensors: dict[str, Tensor]) -> list[dict[str, Tensor]]:
    """The same tensors in groups of at most SHARD_BYTES; a larger one is cut between rows."""
    groups: list[dict[str, Tensor]] = [{}]
    size = 0
    for name, tensor in _cut(tensors):
        if groups[-1] and size + tensor.nbytes > SHARD_BYTES:
            groups.append({})
            size = 0
        groups[-1][name] = tensor
        size += tensor.nbytes
    return groups


def join(groups: Iterable[dict[str, Tensor]]) -> dict[str, Tensor]:
    """The inverse of `shards`; RuntimeError where the parts of a tensor do not fit together."""
    parts: dict[str, list[Tensor]] = {}
    for group in groups:
        for name, tensor in group.items():
            parts.setdefault(name.partition(PART)[0], []).append(tensor)
    return {name: cut[0] if len(cut) == 1 else torch.cat(cut) for name, cut in parts.items()}


def _cut(tensors: dict[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    for name, tensor in tensors.items():
        if tensor.nbytes <= SHARD_BYTES:
            yield name, tensor
            continue
        parts = tensor.split(max(1, SHARD_BYTES // tensor[0].nbytes))
        for number, part in enumerate(parts, start=1):
            yield f"{name}{PART}{number}-of-{len(parts)}", part


def _is_text(value: object) -> bool:
    return isinstance(value, str)

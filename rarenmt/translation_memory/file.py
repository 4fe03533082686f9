"""A memory with its journal as one safetensors file.

Beside the tensors of the memory, it holds the origin of every entry and the text of every pair:
entry i comes from position `owners[i, 1]` of pair `owners[i, 0]`, whose source words `links[i]` it
translates. Remembered line j is line `lines[j]` of its file, written at `times[j]` by call
`calls[j]`; if any is not the first pair of its line, `numbers` has the number of each. Strings are
concatenated bytes with offsets, as the header of a safetensors file is small.
"""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor

from rarenmt.errors import CheckpointError, DataError
from rarenmt.memory.memory import Memory
from rarenmt.storage.tensors import load_tensors, save_tensors
from rarenmt.text.pairs import Pair
from rarenmt.text.words import UNALIGNED
from rarenmt.translation_memory.journal import Call, Journal

FORMAT = "4"
OLD_FORMATS = ("2", "3")
"""2 has no links and other keys; 3 links punctuation and the next word as one. Both are read
for their lines."""
KIND = "rarenmt memory"

ENTRIES = ("keys", "values", "ages", "latest")
"""The tensors of the memory itself; the others are the journal."""

SPARE = 4
"""A loaded memory has room for 1/SPARE more entries, since growing later copies all of them."""

DIMENSIONS = {"keys": 2, "owners": 2, "links": 2}
"""Number of dimensions of a tensor, if not 1."""


@dataclass(frozen=True)
class Header:
    """The metadata of a memory file."""

    fingerprint: str
    """Of the checkpoint that made the keys."""
    source_language: str
    target_language: str
    evicted: int = 0
    """Entries removed to make room, since the memory was empty."""


def save_memory(path: Path, journal: Journal, memory: Memory, header: Header) -> None:
    """Write the file atomically; DataError for a pair with a tab or line feed."""
    used = memory.size
    showings = list(journal.lines())
    for pair in showings:
        if not _fits_on_a_line(pair.source, pair.target):
            raise DataError(
                pair.location,
                None,
                f"a tab or line feed stands in {pair.source!r} or its translation",
            )
    texts, offsets = _pack([(p.source, p.target, p.path, p.unit) for p in showings])
    tensors = {
        "keys": memory.keys[:used],
        "values": memory.values[:used].to(torch.int32),
        "ages": memory.ages[:used].to(torch.int32),
        "latest": memory.latest.to(torch.int32),
        "owners": journal.owners[:used],
        "links": journal.links[:used],
        "texts": texts,
        "offsets": offsets,
        "lines": torch.tensor([p.line for p in showings], dtype=torch.int64),
        "times": torch.tensor([p.time or 0 for p in showings], dtype=torch.int64),
        "calls": torch.tensor(
            [number for number, call in enumerate(journal.calls) for _ in call.pairs],
            dtype=torch.int32,
        ),
        "passes": torch.tensor([call.passes for call in journal.calls], dtype=torch.int32),
    }
    if any(p.number != 1 for p in showings):
        tensors["numbers"] = torch.tensor([p.number for p in showings], dtype=torch.int32)
    metadata = {
        "format": FORMAT,
        "kind": KIND,
        "fingerprint": header.fingerprint,
        "languages": f"{header.source_language} {header.target_language}",
        "evicted": str(header.evicted),
    }
    save_tensors(path, tensors, metadata)


def load_memory(path: Path, memory: Memory, fingerprint: str) -> tuple[Journal, Header]:
    """Fill an empty memory from a file, with spare slots; CheckpointError if they do not match."""
    tensors, metadata = load_tensors(path, mapped=("keys",))
    header = _header(path, metadata)
    if metadata["format"] in OLD_FORMATS:
        raise CheckpointError(
            f"{path} was made by an earlier version, whose entries were of another kind; make them "
            "anew, no pair is lost: rarenmt memory rebuild"
        )
    if header.fingerprint != fingerprint:
        raise CheckpointError(
            f"{path} belongs to another checkpoint; its keys mean nothing to this one. Use the "
            "checkpoint it was made with, or make the keys anew: rarenmt memory rebuild"
        )
    try:
        journal = _journal(tensors)
        _check_entries(tensors, memory)
    except (KeyError, ValueError, IndexError, RuntimeError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{path} is damaged: {error}") from None
    used = len(tensors["values"])
    slots = min(used + used // SPARE, memory.config.limit)
    memory.load_entries(*(tensors[name] for name in ENTRIES), slots=slots)
    return journal, header


def read_journal(path: Path) -> tuple[Journal, Header]:
    """The journal of a memory file of any checkpoint."""
    tensors, metadata = load_tensors(path, exclude=("keys",))
    header = _header(path, metadata)
    try:
        if metadata["format"] in OLD_FORMATS:
            tensors["links"] = torch.full_like(tensors["owners"], UNALIGNED)
        journal = _journal(tensors)
    except (KeyError, ValueError, IndexError, RuntimeError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{path} is damaged: {error}") from None
    return journal, header


def _header(path: Path, metadata: dict[str, str]) -> Header:
    if metadata.get("kind") != KIND:
        raise CheckpointError(f"{path} is not a memory of rarenmt")
    if metadata.get("format") not in (FORMAT, *OLD_FORMATS):
        raise CheckpointError(
            f"{path} has memory format {metadata.get('format')}; this version reads {FORMAT}"
        )
    try:
        source, target = metadata["languages"].split(" ")
        return Header(metadata["fingerprint"], source, target, int(metadata["evicted"]))
    except (KeyError, ValueError, AttributeError):
        raise CheckpointError(f"{path} is damaged: its metadata are incomplete") from None


def _journal(tensors: dict[str, Tensor]) -> Journal:
    """The journal in these tensors; ValueError for the first inconsistency."""
    for name, tensor in tensors.items():
        _check_kind(name, tensor)
    showings, owners = len(tensors["lines"]), tensors["owners"]
    tensors.setdefault("numbers", torch.ones(showings, dtype=torch.int32))
    for name, shape in {
        "offsets": (4 * showings + 1,),
        "times": (showings,),
        "numbers": (showings,),
        "calls": (showings,),
        "passes": (len(tensors["passes"]),),
        "owners": (len(tensors["values"]), 2),
        "links": (len(tensors["values"]), 2),
    }.items():
        if tuple(tensors[name].shape) != shape:
            raise ValueError(f"{name} is {tuple(tensors[name].shape)}, not {shape}")
    calls, known = tensors["calls"].long(), len(tensors["passes"])
    rising = bool((calls.diff() >= 0).all())
    if not rising or (showings and int(calls[-1]) >= known):  # or there would be 2³¹ counts
        raise ValueError("calls do not follow each other")
    counts = calls.bincount(minlength=known).tolist()
    if 0 in counts:
        raise ValueError("calls do not follow each other")
    pairs = iter(_showings(tensors))
    journal = Journal()
    for count, passes in zip(counts, tensors["passes"].tolist(), strict=True):
        journal.append(Call([next(pairs) for _ in range(count)], passes))
    numbers, positions = owners.unbind(dim=1)
    if len(owners) and not 0 <= int(numbers.min()) <= int(numbers.max()) < len(journal.pairs):
        raise ValueError("owners point outside")
    if len(owners) and int(positions.min()) < 0:
        raise ValueError("owners point outside")
    if len(owners) and int(tensors["links"].min()) < UNALIGNED:
        raise ValueError("links point outside")
    journal.owners, journal.links = owners.to(torch.int32), tensors["links"].to(torch.int32)
    return journal


def _check_kind(name: str, tensor: Tensor) -> None:
    """ValueError if a tensor has the wrong number of dimensions or data type."""
    whole = tensor.dtype in (torch.int32, torch.int64)
    right = {"keys": tensor.is_floating_point(), "texts": tensor.dtype == torch.uint8}
    if tensor.dim() != DIMENSIONS.get(name, 1) or not right.get(name, whole):
        raise ValueError(f"{name} is {tuple(tensor.shape)} of {tensor.dtype}")


def _showings(tensors: dict[str, Tensor]) -> list[Pair]:
    rows = _unpack(tensors["texts"], tensors["offsets"])
    columns = (tensors[name].tolist() for name in ("lines", "times", "numbers"))
    pairs = []
    for (source, target, path, unit), place in zip(rows, zip(*columns, strict=True), strict=True):
        if not _fits_on_a_line(source, target):
            raise ValueError("a pair does not stand on one line")
        line, time, number = place
        if number < 1:
            raise ValueError("numbers are not positive")
        pairs.append(Pair(source, target, path, line, unit, time, number))
    return pairs


def _fits_on_a_line(source: str, target: str) -> bool:
    return not any(mark in text for text in (source, target) for mark in "\t\n")


def _check_entries(tensors: dict[str, Tensor], memory: Memory) -> None:
    """ValueError for the first entry tensor that does not fit the memory."""
    used, vocabulary = len(tensors["values"]), len(memory.latest)
    shapes = {
        "keys": (used, memory.keys.shape[1]),
        "values": (used,),
        "ages": (used,),
        "latest": (vocabulary,),
    }
    for name, shape in shapes.items():
        if tuple(tensors[name].shape) != shape:
            raise ValueError(f"{name} is {tuple(tensors[name].shape)}, not {shape}")
    for name, least, limit in (("values", 0, vocabulary), ("latest", -1, used)):
        some = tensors[name]
        if len(some) and not least <= int(some.min()) <= int(some.max()) < limit:
            raise ValueError(f"{name} points outside")
    parts = tensors["keys"].split(1 << 12) if used else ()  # small enough to stay in a cache
    if not all(bool(part.abs().amax().isfinite()) for part in parts):
        raise ValueError("keys are not finite")


def _pack(rows: list[tuple[str, ...]]) -> tuple[Tensor, Tensor]:
    """All strings as one byte tensor, and the offset where each begins, with the end last."""
    strings = [text.encode("utf-8") for row in rows for text in row]
    offsets = torch.zeros(len(strings) + 1, dtype=torch.int64)
    offsets[1:] = torch.tensor([len(text) for text in strings]).cumsum(0)
    joined = bytearray(b"".join(strings))
    texts = torch.frombuffer(joined, dtype=torch.uint8) if joined else torch.zeros(0).byte()
    return texts, offsets


def _unpack(texts: Tensor, offsets: Tensor) -> list[tuple[str, str, str, str]]:
    """The inverse of `_pack` for rows of four."""
    if int(offsets[0]) or int(offsets[-1]) != len(texts) or bool((offsets.diff() < 0).any()):
        raise ValueError("offsets point outside the texts")
    joined, ends = texts.numpy().tobytes(), offsets.tolist()
    strings = [joined[a:b].decode("utf-8") for a, b in pairwise(ends)]
    return list(zip(strings[::4], strings[1::4], strings[2::4], strings[3::4], strict=True))

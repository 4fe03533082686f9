"""The remembered pairs with their entries in the memory, as one file.

memory.safetensors holds, beside the memory's own tensors, where every entry comes from and
the text of every pair, so that nothing in it is hidden: entry i was written by position
`owners[i, 1]` of pair `owners[i, 0]`. The file is a pure function of the checkpoint and the
ordered list of remembered pairs.
"""

from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor

from rarenmt.errors import CheckpointError
from rarenmt.memory import Memory
from rarenmt.tensors import load_tensors, save_tensors
from rarenmt.text import Pair

FORMAT = "1"


@dataclass
class Journal:
    """What was remembered, in order."""

    pairs: list[Pair] = field(default_factory=list)
    owners: Tensor = field(default_factory=lambda: torch.zeros((0, 2), dtype=torch.int32))
    """(N, 2) pair and position of the entry in each slot."""

    def __post_init__(self) -> None:
        self._targets: dict[str, list[Pair]] = {}
        for pair in self.pairs:
            self._targets.setdefault(pair.source, []).append(pair)

    def same_source(self, pair: Pair) -> list[Pair]:
        """Remembered pairs with the same source sentence."""
        return self._targets.get(pair.source, [])

    def add(self, pair: Pair) -> int:
        """Take in a pair; its number."""
        self.pairs.append(pair)
        self._targets.setdefault(pair.source, []).append(pair)
        return len(self.pairs) - 1

    def note(self, number: int, slots: Tensor) -> None:
        """Note that the entries in slots (T,) come from the positions of that pair."""
        needed = int(slots.max()) + 1
        if needed > len(self.owners):
            grown = torch.zeros((max(needed, 2 * len(self.owners)), 2), dtype=torch.int32)
            grown[: len(self.owners)] = self.owners
            self.owners = grown
        self.owners[slots, 0] = number
        self.owners[slots, 1] = torch.arange(len(slots), dtype=torch.int32)

    def owner(self, slot: int) -> Pair:
        """The pair that wrote a slot."""
        return self.pairs[int(self.owners[slot, 0])]

    def position(self, slot: int) -> int:
        """Which piece of its pair's target a slot holds, from 0."""
        return int(self.owners[slot, 1])

    def slots(self, used: int) -> list[Tensor]:
        """The slots of each pair among the first `used`, in the order of its positions."""
        owners = self.owners[:used].long()
        order = ((owners[:, 0] << 32) + owners[:, 1]).argsort()
        counts = owners[:, 0].bincount(minlength=len(self.pairs))
        return list(order.split(counts.tolist()))


def save_journal(path: Path, journal: Journal, memory: Memory, fingerprint: str) -> None:
    """Write both as one file, atomically."""
    used = memory.used
    texts, offsets = _pack([(p.source, p.target, p.path) for p in journal.pairs])
    tensors = {
        "keys": memory.keys[:used],
        "values": memory.values[:used].to(torch.int32),
        "ages": memory.ages[:used].to(torch.int32),
        "latest": memory.latest.to(torch.int32),
        "owners": journal.owners[:used],
        "texts": texts,
        "offsets": offsets,
        "lines": torch.tensor([pair.line for pair in journal.pairs], dtype=torch.int32),
    }
    metadata = {"format": FORMAT, "kind": "rarenmt memory", "fingerprint": fingerprint}
    save_tensors(path, tensors, metadata)


def load_journal(path: Path, memory: Memory, fingerprint: str) -> Journal:
    """Fill an empty memory from a file; CheckpointError when the two do not fit."""
    tensors, metadata = load_tensors(path)
    if metadata.get("kind") != "rarenmt memory":
        raise CheckpointError(f"{path} is not a memory of rarenmt")
    if metadata.get("format") != FORMAT:
        raise CheckpointError(
            f"{path} has memory format {metadata.get('format')}; this version reads {FORMAT}"
        )
    if metadata.get("fingerprint") != fingerprint:
        raise CheckpointError(
            f"{path} belongs to another checkpoint; its keys mean nothing to this one. "
            "Use the checkpoint it was made with, or remember the pairs again in another --memory"
        )
    try:
        _check(tensors, memory)
        pairs = [
            Pair(source, target, where, line)
            for (source, target, where), line in zip(
                _unpack(tensors["texts"], tensors["offsets"]),
                tensors["lines"].tolist(),
                strict=True,
            )
        ]
    except (KeyError, ValueError, IndexError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{path} is damaged: {error}") from None
    _fill(memory, tensors)
    return Journal(pairs, tensors["owners"])


def _fill(memory: Memory, tensors: dict[str, Tensor]) -> None:
    used = len(tensors["keys"])
    if used > memory.slots:
        memory.grow(used)
    memory.keys[:used] = tensors["keys"].to(memory.keys)
    memory.values[:used] = tensors["values"].to(memory.values)
    memory.ages[:used] = tensors["ages"].to(memory.ages)
    memory.latest.copy_(tensors["latest"].to(memory.latest))
    memory.restored()


def _check(tensors: dict[str, Tensor], memory: Memory) -> None:
    """ValueError with the first thing that cannot be true of a whole memory."""
    used, pairs = len(tensors["keys"]), len(tensors["lines"])
    vocabulary = len(memory.latest)
    shapes = {
        "keys": (used, memory.keys.shape[1]),
        "values": (used,),
        "ages": (used,),
        "latest": (vocabulary,),
        "owners": (used, 2),
        "offsets": (3 * pairs + 1,),
    }
    for name, shape in shapes.items():
        if tuple(tensors[name].shape) != shape:
            raise ValueError(f"{name} is {tuple(tensors[name].shape)}, not {shape}")
    for name, limit in (("values", vocabulary), ("latest", used)):
        if len(tensors[name]) and int(tensors[name].max()) >= limit:
            raise ValueError(f"{name} points outside")
    if not bool(tensors["keys"].float().isfinite().all()):
        raise ValueError("keys are no numbers")
    owners = tensors["owners"][:, 0]
    if used and not 0 <= int(owners.min()) <= int(owners.max()) < pairs:
        raise ValueError("owners point outside")


def _pack(rows: list[tuple[str, ...]]) -> tuple[Tensor, Tensor]:
    """All strings as one byte tensor, and the offset where each begins, with the end last."""
    strings = [text.encode("utf-8") for row in rows for text in row]
    offsets = torch.zeros(len(strings) + 1, dtype=torch.int64)
    offsets[1:] = torch.tensor([len(text) for text in strings]).cumsum(0)
    joined = bytearray(b"".join(strings))
    texts = torch.frombuffer(joined, dtype=torch.uint8) if joined else torch.zeros(0).byte()
    return texts, offsets


def _unpack(texts: Tensor, offsets: Tensor) -> list[tuple[str, str, str]]:
    """The inverse of `_pack` for rows of three."""
    if int(offsets[-1]) != len(texts) or bool((offsets.diff() < 0).any()):
        raise ValueError("offsets point outside the texts")
    joined, ends = texts.numpy().tobytes(), offsets.tolist()
    strings = [joined[a:b].decode("utf-8") for a, b in pairwise(ends)]
    return list(zip(strings[::3], strings[1::3], strings[2::3], strict=True))

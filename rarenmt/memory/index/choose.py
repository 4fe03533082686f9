"""Which index a memory gets."""

from importlib.util import find_spec

import torch

from rarenmt.config import IndexName
from rarenmt.memory.index.exact import ExactIndex, Index
from rarenmt.memory.index.faiss import FaissIndex
from rarenmt.memory.index.lsh import LshIndex

EXACT = 1 << 21
"""Slots up to which a CPU compares every key, for what is faster misses neighbours; see
docs/indexes.md. More than these were not measured."""


def choose_index(name: IndexName, slots: int, device: torch.device) -> Index:
    """An index of that name, or the right one for so many slots on a device.

    Raises SettingError where `faiss` is named and its library is missing.
    """
    if name == "auto":
        large = device.type == "cpu" and slots > EXACT
        name = "faiss" if large and find_spec("faiss") else "exact"
    match name:
        case "exact":
            return ExactIndex()
        case "lsh":
            return LshIndex()
        case "faiss":
            return FaissIndex()

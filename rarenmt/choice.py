"""Which index a memory gets."""

import torch

from rarenmt.config import IndexName
from rarenmt.faiss_index import FaissIndex
from rarenmt.index import ExactIndex, Index
from rarenmt.lsh_index import LshIndex

EXACT = 1 << 21
"""Slots up to which a CPU compares every key; docs/indexes.md has the measurements."""


def choose_index(name: IndexName, slots: int, device: torch.device) -> Index:
    """An index of that name, or the right one for so many slots on a device.

    Raises SettingError where the library of `faiss` is missing.
    """
    if name == "auto":
        name = "lsh" if device.type == "cpu" and slots > EXACT else "exact"
    match name:
        case "exact":
            return ExactIndex()
        case "lsh":
            return LshIndex()
        case "faiss":
            return FaissIndex()

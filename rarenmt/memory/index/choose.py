"""The index factory."""

from importlib.util import find_spec

import torch

from rarenmt.config import IndexName
from rarenmt.memory.index.exact import ExactIndex, Index
from rarenmt.memory.index.faiss import FaissIndex

MAX_EXACT_SLOTS = 1 << 21
"""Slots up to which a CPU compares every key, because faster indexes miss neighbours; see
docs/lab-notes/indexes.md. Larger memories were not measured."""


def choose_index(name: IndexName, slots: int, device: torch.device) -> Index:
    """The index of this name; `auto` chooses one by the number of slots and the device.

    Raises SettingError if `faiss` is named and its library is missing.
    """
    if name == "auto":
        large = device.type == "cpu" and slots > MAX_EXACT_SLOTS
        name = "faiss" if large and find_spec("faiss") else "exact"
    return ExactIndex() if name == "exact" else FaissIndex()

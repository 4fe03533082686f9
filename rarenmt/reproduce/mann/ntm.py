"""The memory of the Neural Turing Machine, which addresses slots by content and by location.

Graves, Wayne, Danihelka 2014, Neural Turing Machines, arXiv 1410.5401, section 3: the ancestor of
`rarenmt.reproduce.mann.lrua`, which addresses them by content alone.

Shapes: B episodes · N slots · D width of a slot · G heads, the first of which writes.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

TINY = 1e-4
"""The least length of a vector in a cosine; of an empty slot, the cosine is 0."""

SHIFTS = 3
"""A head may move one slot back, stay, or move one on."""


class State(NamedTuple):
    """The state of the memory between two steps."""

    contents: Tensor
    """M, (B, N, D)"""
    weights: Tensor
    """w, (B, G, N)"""


class Heads(NamedTuple):
    """The parameters of the heads, from the controller."""

    key: Tensor
    """k, (B, G, D)"""
    strength: Tensor
    """β > 0, (B, G, 1)"""
    gate: Tensor
    """g in (0, 1), (B, G, 1): the share of content in an address"""
    shift: Tensor
    """s, (B, G, 3), sums to 1: back, stay, on"""
    sharpness: Tensor
    """γ ≥ 1, (B, G, 1)"""


def empty(
    batch: int, slots: int, width: int, heads: int, device: torch.device | None = None
) -> State:
    """The state at the start of an episode: nothing written, every head at the first slot."""
    weights = torch.zeros(batch, heads, slots, device=device)
    weights[:, :, 0] = 1.0
    return State(torch.zeros(batch, slots, width, device=device), weights)


def heads_from(numbers: Tensor, width: int) -> Heads:
    """The parameters of the heads from unbounded numbers (B, G, D + 6)."""
    key, strength, gate, shift, sharpness = numbers.split([width, 1, 1, SHIFTS, 1], dim=2)
    return Heads(
        torch.tanh(key),
        F.softplus(strength),
        torch.sigmoid(gate),
        torch.softmax(shift, dim=2),
        1 + F.softplus(sharpness),
    )


def access(state: State, heads: Heads, erase: Tensor, add: Tensor) -> tuple[Tensor, State]:
    """One step: the first head writes, e and a (B, D), then the others read, (B, G − 1, D)."""
    weights = address(state, heads)
    writing = weights[:, :1].transpose(1, 2)
    contents = state.contents * (1 - writing * erase.unsqueeze(1))  # equation 3
    contents = contents + writing * add.unsqueeze(1)  # equation 4
    return weights[:, 1:] @ contents, State(contents, weights)  # equation 2


def address(state: State, heads: Heads) -> Tensor:
    """w of every head, (B, G, N)."""
    by_content = torch.softmax(heads.strength * cosine(heads.key, state.contents), dim=2)  # 5, 6
    gated = torch.lerp(state.weights, by_content, heads.gate)  # equation 7
    sharp = shifted(gated, heads.shift).clamp_min(1e-8) ** heads.sharpness
    return sharp / sharp.sum(2, keepdim=True)  # equation 9


def shifted(weights: Tensor, shift: Tensor) -> Tensor:
    """Weights (B, G, N) moved round the circle of slots by −1, 0, +1 in shares (B, G, 3):
    equation 8."""
    back, stay, on = shift.split(1, dim=2)
    return back * weights.roll(-1, 2) + stay * weights + on * weights.roll(1, 2)


def cosine(keys: Tensor, contents: Tensor) -> Tensor:
    """K(k, M(i)), equation 6: (B, G, N)."""
    of_keys = torch.linalg.vector_norm(keys, dim=2, keepdim=True) + TINY
    of_slots = torch.linalg.vector_norm(contents, dim=2) + TINY
    return (keys / of_keys) @ contents.transpose(1, 2) / of_slots.unsqueeze(1)

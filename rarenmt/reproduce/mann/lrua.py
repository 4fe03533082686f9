"""Least Recently Used Access: a memory that is written where it was least used or last read.

Santoro et al. 2016, One-shot Learning with Memory-Augmented Neural Networks, section 3.2;
the numbers of the equations below are the paper's.

Shapes: B episodes · N slots · D width of a slot · R reads.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor

GAMMA = 0.99
"""γ, the decay of a slot's usage per step."""

TINY = 1e-4
"""The least length of a vector in a cosine; with an empty slot it is 0."""

ORDER = 1e-6
"""Initial usage of slot i, per i, so that unused slots are taken in order."""


class State(NamedTuple):
    """The state of the memory between two steps."""

    contents: Tensor
    """M, (B, N, D)"""
    usage: Tensor
    """wᵘ, (B, N)"""
    reading: Tensor
    """wʳ, (B, R, N)"""


def empty(
    batch: int, slots: int, width: int, reads: int, device: torch.device | None = None
) -> State:
    """The state at the start of an episode: nothing written, nothing read."""
    contents = torch.zeros(batch, slots, width, device=device)
    usage = (torch.arange(slots, device=device) * ORDER).expand(batch, slots)
    return State(contents, usage, torch.zeros(batch, reads, slots, device=device))


def access(state: State, keys: Tensor, gate: Tensor) -> tuple[Tensor, State]:
    """One step: write the keys k (B, R, D), then read with them. The gate σ(α) (B, R, 1) is the
    share of a key that goes where its head read last. Returns r (B, R, D) and the new state."""
    least = least_used(state.usage, keys.shape[1])
    writing = write_weights(gate, state.reading, least)
    contents, reading, read = write_read(state.contents, least[:, 0], writing, keys)
    with torch.no_grad():  # which slots are least used has no gradient
        usage = GAMMA * state.usage + reading.sum(1) + writing.sum(1)  # equation 5
    return read, State(contents, usage, reading)


def least_used(usage: Tensor, count: int) -> Tensor:
    """The `count` slots of least usage, the least first: (B, count)."""
    return torch.topk(usage, count, dim=1, largest=False, sorted=True).indices


def write_weights(gate: Tensor, reading: Tensor, least: Tensor) -> Tensor:
    """wʷ = σ(α) wʳ of the step before + (1 − σ(α)) wˡᵘ, equations 6 and 7: (B, R, N).

    wˡᵘ is 1 at as many least used slots as there are reads, and 0 elsewhere; every head
    writes to all of them.
    """
    of_least = torch.zeros_like(reading[:, 0]).scatter_(1, least, 1.0).unsqueeze(1)
    return torch.lerp(of_least, reading, gate)


def write_read(
    contents: Tensor, erased: Tensor, writing: Tensor, keys: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Write, then read: contents (B, N, D), the slot to erase (B,), wʷ (B, R, N) and keys
    (B, R, D) → new contents, wʳ (B, R, N) and r (B, R, D)."""
    return _WriteRead.apply(contents, erased, writing, keys)  # type: ignore[no-untyped-call]


class _WriteRead(torch.autograd.Function):
    """`write_read` with a hand-written gradient, which reads the contents, the largest tensor of a
    step, five times instead of about twenty."""

    @staticmethod
    def forward(
        ctx: Any, contents: Tensor, erased: Tensor, writing: Tensor, keys: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        row = erased.view(-1, 1, 1).expand(-1, 1, contents.shape[2])
        new = contents.scatter(1, row, 0.0)
        new.baddbmm_(writing.transpose(1, 2), keys)  # equation 8
        per_slot, per_key = _per_length(new).unsqueeze(1), _per_length(keys).unsqueeze(2)
        cosine = torch.bmm(keys, new.transpose(1, 2)).mul_(per_slot).mul_(per_key)  # equation 2
        reading = torch.softmax(cosine, dim=2)  # equation 3
        read = torch.bmm(reading, new)  # equation 4
        ctx.save_for_backward(row, writing, keys, new, per_slot, per_key, cosine, reading)
        return new, reading, read

    @staticmethod
    def backward(
        ctx: Any, of_new: Tensor, of_reading: Tensor, of_read: Tensor
    ) -> tuple[Tensor, None, Tensor, Tensor]:
        row, writing, keys, new, per_slot, per_key, cosine, reading = ctx.saved_tensors
        weighed = torch.baddbmm(of_reading, of_read, new.transpose(1, 2)).mul_(reading)
        of_cosine = torch.addcmul(weighed, reading, weighed.sum(2, keepdim=True), value=-1)
        of_length = of_cosine * cosine  # a longer slot or key has a smaller cosine
        of_product = of_cosine.mul_(per_slot).mul_(per_key)
        of_contents = torch.baddbmm(
            of_new,
            torch.cat([of_product, reading], dim=1).transpose(1, 2),
            torch.cat([keys, of_read], dim=1),
        )
        slot_lengths = of_length.sum(1, keepdim=True) * per_slot.square()
        of_contents.addcmul_(new, slot_lengths.transpose(1, 2), value=-1)
        of_keys = torch.baddbmm(torch.bmm(of_product, new), writing, of_contents)
        key_lengths = of_length.sum(2, keepdim=True) * per_key.square()
        of_keys.addcmul_(keys, key_lengths, value=-1)
        of_writing = torch.bmm(keys, of_contents.transpose(1, 2))
        return of_contents.scatter_(1, row, 0.0), None, of_writing, of_keys


def _per_length(vectors: Tensor) -> Tensor:
    """1 / length of vectors (…, D), none taken as shorter than TINY."""
    return torch.linalg.vector_norm(vectors, dim=-1).square_().add_(TINY**2).rsqrt_()

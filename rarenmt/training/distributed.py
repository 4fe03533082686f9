"""Data-parallel training by several processes (`torchrun`); with one process, nothing is sent.

Every rank applies the same update to the same weights and writes the same rows into its
copy of the memory, so all copies stay equal.
"""

import torch
import torch.distributed as dist
from torch import Tensor, nn


def rank() -> int:
    """Number of this process in the group, 0 without a group."""
    return dist.get_rank() if dist.is_initialized() else 0


def world() -> int:
    """Number of processes."""
    return dist.get_world_size() if dist.is_initialized() else 1


def sum_gradients(model: nn.Module) -> None:
    """Sum the gradients of all ranks, in one message."""
    if world() == 1:
        return
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    dist.all_reduce(flat)
    for gradient, part in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(part.view_as(gradient))


def sum_numbers(numbers: Tensor) -> Tensor:
    """The sum of a tensor over all ranks."""
    if world() > 1:
        dist.all_reduce(numbers)
    return numbers


def any_rank(flag: bool) -> bool:
    """Whether the flag is true on any rank; all ranks get the same result."""
    return bool(sum_numbers(torch.tensor(int(flag))))


def gather_rows(rows: Tensor) -> Tensor:
    """The rows (B, …) of all ranks, in rank order; B may differ from rank to rank."""
    if world() == 1:
        return rows
    count = torch.tensor([len(rows)], device=rows.device)
    counts = [torch.zeros_like(count) for _ in range(world())]
    dist.all_gather(counts, count)
    sizes = [int(size) for size in counts]
    padded = rows.new_zeros((max(sizes), *rows.shape[1:]))
    padded[: len(rows)] = rows
    gathered = [torch.empty_like(padded) for _ in sizes]
    dist.all_gather(gathered, padded)
    return torch.cat([part[:size] for part, size in zip(gathered, sizes, strict=True)])

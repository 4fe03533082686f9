"""The largest numbers of long rows or columns, found faster than by `topk` alone."""

import torch
from torch import Tensor

GROUP = 32
"""Numbers per group: only groups with the largest maxima are searched."""


def top_k(numbers: Tensor, k: int) -> Tensor:
    """Positions of the k largest numbers of each row (B, N) → (B, k), in any order.

    They all lie in the k groups with the largest maxima, so only those are sorted.
    """
    rows, count = numbers.shape
    if not rows or count % GROUP or count <= 2 * k * GROUP:
        return numbers.topk(k, sorted=False).indices
    groups = numbers.view(rows, -1, GROUP)
    chosen = groups.amax(dim=-1).topk(k, sorted=False).indices  # (B, k)
    members = groups.gather(1, chosen[:, :, None].expand(-1, -1, GROUP)).flatten(1)
    positions = members.topk(k, sorted=False).indices
    return chosen.gather(1, positions // GROUP) * GROUP + positions % GROUP


def top_k_in_columns(numbers: Tensor, k: int) -> Tensor:
    """Positions of the k largest numbers of each column (N, B) → (B, k), in any order.

    The maxima of groups of whole rows are found many columns at a time.
    """
    count, columns = numbers.shape
    if not columns or count % GROUP or count <= 2 * k * GROUP:
        return numbers.t().topk(k, sorted=False).indices
    groups = numbers.view(-1, GROUP, columns)
    maxima = groups.amax(dim=1).t().contiguous()  # (B, N / GROUP)
    chosen = maxima.topk(k, sorted=False).indices  # (B, k)
    within = torch.arange(GROUP, device=numbers.device)
    rows = (chosen[:, :, None] * GROUP + within).flatten(1)  # (B, k · GROUP)
    column = torch.arange(columns, device=numbers.device)[:, None]
    positions = numbers[rows, column].topk(k, sorted=False).indices
    return rows.gather(1, positions)

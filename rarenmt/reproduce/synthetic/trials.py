"""Trials: some drawings of characters never seen before are shown, others are asked.

N ways are N classes, K shots are K shown drawings of each (Vinyals et al. 2016, section 4.1).
Shapes: C classes · E drawings of each · D numbers of a drawing · W ways · K shots · Q asked.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from rarenmt.config import MemoryConfig
from rarenmt.memory.memory import Memory
from rarenmt.reproduce.omniglot.augment import choose

KINDS = ((5, 1), (5, 5), (20, 1), (20, 5))
"""Ways and shots of the published tables."""

ASKED = 5
"""Drawings of each class that are asked."""

DEVIATIONS = 1.96
"""Standard errors on either side of a mean that hold it with 95 %."""

Answer = Callable[[Tensor, Tensor], Tensor]
"""From what is shown (W, K, D) and asked (W, Q, D), the class of each that is asked (W, Q)."""


def from_memory(shown: Tensor, asked: Tensor) -> Tensor:
    """V[n1] of a memory that was empty before the trial (Kaiser et al. 2017, section 2).

    The classes are shown in rounds, one drawing of each; unit rows.
    """
    ways, shots, width = shown.shape
    memory = Memory(MemoryConfig(slots=ways * shots, neighbours=1), width, ways).to(shown.device)
    generator = torch.Generator().manual_seed(0)  # never drawn from: there are slots for all
    labels = torch.arange(ways, device=shown.device)
    for drawings in shown.unbind(dim=1):
        memory.write(drawings, labels, memory.read(drawings), generator)
    return memory.read(asked.flatten(0, 1)).values[:, 0].view(asked.shape[:2])


def from_nearest(shown: Tensor, asked: Tensor) -> Tensor:
    """The class of the drawing with the smallest angle; rows of any length."""
    drawings = F.normalize(shown.flatten(0, 1), dim=-1)  # (W · K, D)
    return (asked @ drawings.t()).argmax(dim=-1) // shown.shape[1]


def from_prototypes(shown: Tensor, asked: Tensor) -> Tensor:
    """The class with the nearest mean (Snell et al. 2017, section 2.2)."""
    return torch.cdist(asked, shown.mean(dim=1)).argmin(dim=-1)


def accuracy(
    answer: Answer, features: Tensor, ways: int, shots: int, trials: int, seed: int
) -> tuple[float, float]:
    """Per cent right of `trials` trials among classes (C, E, D), and half of its 95 % confidence
    interval. The same seed draws the same trials."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(ways, device=features.device)[:, None]
    right = []
    for _ in range(trials):
        _, rows = choose(features, ways, shots + ASKED, generator)
        right.append((answer(rows[:, :shots], rows[:, shots:]) == labels).float().mean())
    shares = 100 * torch.stack(right)
    return shares.mean().item(), DEVIATIONS * shares.std().item() / math.sqrt(trials)

"""N-way K-shot trials: classify queries given a support set of K examples of each of N classes.

Vinyals et al. 2016, section 4.1. The classes do not occur in training.
Shapes: C classes · E drawings of each · D features · W ways · K shots · Q queries of a class.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from rarenmt.config import MemoryConfig
from rarenmt.memory.memory import Memory
from rarenmt.reproduce.omniglot.augment import choose
from rarenmt.reproduce.report import half_interval

KINDS = ((5, 1), (5, 5), (20, 1), (20, 5))
"""Ways and shots of the published tables."""

QUERIES = 5
"""Queries of each class."""

Classifier = Callable[[Tensor, Tensor], Tensor]
"""From the support set (W, K, D) and queries (W, Q, D), the class of each query (W, Q)."""


def from_memory(support: Tensor, queries: Tensor) -> Tensor:
    """V[n1] of a memory that was empty before the trial (Kaiser et al. 2017, section 2).

    One example of every class is written, then the next of every class; unit rows.
    """
    ways, shots, width = support.shape
    memory = Memory(MemoryConfig(slots=ways * shots, neighbours=1), width, ways).to(support.device)
    generator = torch.Generator().manual_seed(0)  # never drawn from: there are slots for all
    labels = torch.arange(ways, device=support.device)
    for drawings in support.unbind(dim=1):
        memory.write(drawings, labels, memory.read(drawings), generator)
    return memory.read(queries.flatten(0, 1)).values[:, 0].view(queries.shape[:2])


def from_nearest(support: Tensor, queries: Tensor) -> Tensor:
    """The class of the drawing with the smallest angle; rows of any length."""
    drawings = F.normalize(support.flatten(0, 1), dim=-1)  # (W · K, D)
    return (queries @ drawings.t()).argmax(dim=-1) // support.shape[1]


def from_prototypes(support: Tensor, queries: Tensor) -> Tensor:
    """The class with the nearest mean (Snell et al. 2017, section 2.2)."""
    return torch.cdist(queries, support.mean(dim=1)).argmin(dim=-1)


def accuracy(
    classify: Classifier, features: Tensor, ways: int, shots: int, trials: int, seed: int
) -> tuple[float, float]:
    """Per cent right of `trials` trials among classes (C, E, D), and half of its 95 % confidence
    interval. The same seed draws the same trials."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(ways, device=features.device)[:, None]
    right = []
    for _ in range(trials):
        _, rows = choose(features, ways, shots + QUERIES, generator)
        right.append((classify(rows[:, :shots], rows[:, shots:]) == labels).float().mean())
    shares = 100 * torch.stack(right)
    return shares.mean().item(), half_interval(shares.std().item(), trials)

"""Life-long learning: all drawings of all unseen characters in one stream, and a memory that is
never cleared (Kaiser et al. 2017, section 1: remember what was seen many steps ago).

One drawing of every class comes first and all others follow in random order, so accuracy counts
only when every class is in the memory. Each step predicts one drawing, among all classes, and then
writes it.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from rarenmt.config import MemoryConfig
from rarenmt.memory.memory import Memory

SLOTS = 8192
"""Of the memory."""

BINS = 4
"""Points of a curve for every tenfold of the delay."""

FEWEST = 50
"""Least number of drawings for a point of a curve."""


@dataclass(frozen=True)
class Life:
    """The prediction of every drawing of the stream; all (T,)."""

    showing: Tensor
    """1 for the first drawing of its class, 2 for the second, …"""
    delay: Tensor
    """Steps since the drawing of its class before; 0 for the first."""
    right: Tensor
    """Whether its class was predicted."""
    slots: int
    """In use at the end."""

    def share(self, chosen: Tensor) -> float:
        """Per cent right of some of the drawings (T,)."""
        return 100 * self.right[chosen].float().mean().item()

    def by_showing(self) -> tuple[tuple[float, float], ...]:
        """Number of the drawing of its class, from 2 on, and per cent right."""
        last = int(self.showing.max())
        return tuple((n, self.share(self.showing == n)) for n in range(2, last + 1))

    def by_delay(self, first: int, last: int) -> tuple[tuple[float, float], ...]:
        """Delay and per cent right of the `first` to `last` drawings of each class."""
        chosen = (self.showing >= first) & (self.showing <= last)
        bins = (self.delay.clamp(min=1).log10() * BINS).floor()
        points = []
        for number in bins[chosen].unique().tolist():
            within = chosen & (bins == number)
            if within.sum() >= FEWEST:
                delay = self.delay[within].float().log().mean().exp().item()
                points.append((delay, self.share(within)))
        return tuple(points)


def live(features: Tensor, seed: int) -> Life:
    """Predict and write all drawings (C, E, D), unit rows, with one memory."""
    classes, each, width = features.shape
    generator = torch.Generator().manual_seed(seed)
    place = torch.rand(classes, each, generator=generator)
    place[torch.arange(classes), torch.randint(each, (classes,), generator=generator)] -= 1
    order = place.flatten().argsort()
    labels = order // each
    config = MemoryConfig(slots=SLOTS, neighbours=1)
    memory = Memory(config, width, classes).to(features.device)
    queries, targets = features.flatten(0, 1)[order.to(features.device)], labels.to(features.device)
    predicted = []
    for query, target in zip(queries.split(1), targets.split(1), strict=True):
        recall = memory.read(query)
        predicted.append(recall.values[0, 0])
        memory.write(query, target, recall, generator)
    showing, delay = _history(labels.tolist())
    return Life(showing, delay, torch.stack(predicted).cpu() == labels, memory.size)


def _history(labels: list[int]) -> tuple[Tensor, Tensor]:
    """For each label of a stream (T,): its occurrences so far, and the steps since the last."""
    count: dict[int, int] = {}
    last: dict[int, int] = {}
    showing, delay = [], []
    for step, label in enumerate(labels):
        count[label] = count.get(label, 0) + 1
        showing.append(count[label])
        delay.append(step - last.get(label, step))
        last[label] = step
    return torch.tensor(showing), torch.tensor(delay)

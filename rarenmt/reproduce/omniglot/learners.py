"""Three ways to train one network for one-shot classification: with the memory loss (Kaiser et al.
2017), as a classifier (Vinyals et al. 2016) and as a prototypical network (Snell et al. 2017).

Shapes: B images · W classes of a batch · K drawings of each · S pixels each way · D key width.
"""

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rarenmt.config import MemoryConfig
from rarenmt.memory.memory import EMPTY, Memory, Recall
from rarenmt.memory.neighbours import rounds_fast
from rarenmt.reproduce.omniglot.convnet import ConvNet
from rarenmt.reproduce.synthetic.queries import clear

Name = Literal["memory", "softmax", "prototypes"]
"""How the network is trained."""

NAMES: tuple[Name, ...] = ("memory", "softmax", "prototypes")
"""The paper's method and two baselines."""


@dataclass(frozen=True)
class Settings:
    """One experiment."""

    split: str = "vinyals"
    """vinyals or lake: which characters the test has."""
    side: int = 28
    """Pixels of a drawing each way."""
    channels: int = 64
    """Of the first two convolutions; the other two have twice as many."""
    width: int = 256
    """Units of the fully connected layers, and numbers of a key."""
    dropout: float = 0.1
    normalised: bool = True
    """Whether the network has batch normalisation."""
    turned: bool = True
    """Whether rotations by 90° are classes of their own, in training."""
    distorted: bool = True
    """Whether drawings are augmented by small affine distortions, in training."""
    ways: int = 64
    """Classes of a batch."""
    shots: int = 4
    """Drawings of each."""
    cleared: bool = True
    """Whether training clears the memory for every batch, as the authors' program does;
    otherwise it is never cleared."""
    outside: bool = True
    """Whether the loss uses a right slot from outside the neighbours if no neighbour is right."""
    slots: int = 16_384
    """Of a memory that is not cleared."""
    neighbours: int = 256
    """(k)"""
    margin: float = 0.1
    """(α)"""
    steps: int = 4000
    rate: float = 2e-3
    """Learning rate of Adam, after 30 steps of linear rise."""
    decay: float = 0.5
    """Last share of the steps, in which the rate falls linearly to nothing."""
    weight_decay: float = 1e-4
    epsilon: float = 1e-8
    """Of Adam."""
    watched: int = 250
    """Steps between two points of the learning curve."""
    trials: int = 1000
    """Trials that an accuracy is the mean of."""
    turned_trials: bool = True
    """Whether rotations of unseen characters count as further classes (Vinyals et al. 2016)."""


EMBEDDED = 500
"""Drawings embedded at once."""


class NearOnly(Memory):
    """The memory without the rule that the authors call crucial: its loss uses no right slot from
    outside the neighbours."""

    def loss(self, queries: Tensor, recall: Recall, targets: Tensor) -> Tensor:
        self.latest.fill_(EMPTY)
        return super().loss(queries, recall, targets)


class Learner(nn.Module):
    """The network and its loss."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.network = ConvNet(
            settings.side,
            settings.channels,
            settings.width,
            dropout=settings.dropout,
            normalised=settings.normalised,
        )

    def embed(self, images: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Images (B, S, S) → features (B, D), in float32; with a generator, dropout."""
        fast = images.device.type == "cuda" or rounds_fast(images.device)
        with torch.autocast(images.device.type, torch.bfloat16, enabled=fast):
            output = self.network(images, generator)
        return self.finish(output.float())

    def finish(self, output: Tensor) -> Tensor:
        """The network's output (B, D) → features (B, D)."""
        return F.normalize(output, dim=-1)

    def loss(self, rows: Tensor, classes: Tensor, generator: torch.Generator) -> Tensor:
        """Mean loss of the embedded drawings (W, K, D) of some classes (W,)."""
        raise NotImplementedError

    @torch.no_grad()
    def embed_all(self, drawings: Tensor) -> Tensor:
        """Drawings (C, E, S, S) → (C, E, D), without dropout, with the statistics of training."""
        self.eval()
        found = torch.cat([self.embed(x) for x in drawings.flatten(0, 1).split(EMBEDDED)])
        self.train()
        return found.view(*drawings.shape[:2], -1)


class MemoryLearner(Learner):
    """Kaiser et al. 2017, section 3.1: the normalised output is the query."""

    def __init__(self, settings: Settings, classes: int) -> None:
        super().__init__(settings)
        self.cleared, batch = settings.cleared, settings.ways * settings.shots
        slots = batch if settings.cleared else settings.slots
        config = MemoryConfig(
            slots=slots, neighbours=min(settings.neighbours, slots), margin=settings.margin
        )
        kind = Memory if settings.outside else NearOnly
        self.memory = kind(config, settings.width, classes)

    def loss(self, rows: Tensor, classes: Tensor, generator: torch.Generator) -> Tensor:
        """Read, loss, write: one drawing of every class, then the next. A memory that is cleared
        is filled once from each drawing on, so that each is queried after 0, 1, … others."""
        shots = rows.shape[1]
        losses = []
        for first in range(shots if self.cleared else 1):
            if self.cleared:
                clear(self.memory)
            for turn in range(shots):
                queries = rows[:, (first + turn) % shots]
                recall = self.memory.read(queries)
                losses.append(self.memory.loss(queries, recall, classes))
                self.memory.write(queries.detach(), classes, recall, generator)
        return torch.cat(losses).mean()


class SoftmaxLearner(Learner):
    """A classifier of the training classes, whose features are compared for unseen ones."""

    def __init__(self, settings: Settings, classes: int) -> None:
        super().__init__(settings)
        self.head = nn.Linear(settings.width, classes)

    def finish(self, output: Tensor) -> Tensor:
        return F.relu(output)

    def loss(self, rows: Tensor, classes: Tensor, generator: torch.Generator) -> Tensor:
        scores = self.head(rows.flatten(0, 1))
        return F.cross_entropy(scores, classes.repeat_interleave(rows.shape[1]))


class PrototypeLearner(Learner):
    """Snell et al. 2017, equation 2, with one drawing as the prototype of its class: trained as
    1-shot, which needs many ways. Each drawing is in turn the prototype."""

    def finish(self, output: Tensor) -> Tensor:
        return output

    def loss(self, rows: Tensor, classes: Tensor, generator: torch.Generator) -> Tensor:
        ways, shots = rows.shape[:2]
        labels = torch.arange(ways, device=rows.device)
        losses = []
        for shown in range(shots):
            for asked in {*range(shots)} - {shown}:
                distances = torch.cdist(rows[:, asked], rows[:, shown]).square()
                losses.append(F.cross_entropy(-distances, labels))
        return torch.stack(losses).mean()


def build(name: Name, settings: Settings, classes: int, seed: int) -> Learner:
    """An untrained learner, the same for the same seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if name == "memory":
            return MemoryLearner(settings, classes)
        return (
            SoftmaxLearner(settings, classes) if name == "softmax" else PrototypeLearner(settings)
        )

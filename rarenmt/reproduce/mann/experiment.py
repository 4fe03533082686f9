"""One-shot classification with memory-augmented networks: Santoro et al. 2016, section 4.1.

An episode has fifty drawings of five unseen characters, each given with the label of the previous
one. A network that binds labels to drawings is right from the second instance of a class on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rarenmt.reproduce.mann.episodes import SHOWN, Labels, Presentation, present
from rarenmt.reproduce.mann.networks import Name, Sizes, network
from rarenmt.reproduce.omniglot.data import Characters
from rarenmt.reproduce.report import Chart, Curve, Figure, Report, half_interval
from rarenmt.reproduce.run import Run
from rarenmt.reproduce.schedule import learning_rate

INSTANCES = (1, 2, 3, 4, 5, 10)
"""Instances of a class that the figures are of: its first drawing, its second, …"""

SIDE = 20
"""Pixels of an image each way."""

INK, SPREAD = 0.079, 0.210
"""Mean of a pixel and its standard deviation, over the drawings of Omniglot at this side."""

NAMES: tuple[Name, ...] = get_args(Name)

TITLES = {"mann": "MANN", "lstm": "LSTM", "ntm": "NTM", "feedforward": "feed-forward"}

PAPER = "Santoro et al. 2016, section 4.1"
PUBLISHED: Mapping[Name, tuple[float, ...]] = {
    "mann": (36.4, 82.8, 91.0, 92.6, 94.9, 98.1),
    "lstm": (24.4, 49.5, 55.3, 61.0, 63.6, 62.5),
}
"""Per cent right at the instances, five classes with one-hot labels."""

REPEATED: Mapping[Name, tuple[float, ...]] = {
    "mann": (35.4, 89.2, 95.2, 96.3, 96.9, 97.8),
    "lstm": (30.4, 77.9, 85.3, 87.5, 88.8, 91.6),
}
"""The same in a careful replication by others; the paper's LSTM is weak."""

CONSTANT_STEPS = 10_000
"""Steps at the full rate."""

EVALUATED = 32
"""Episodes of a batch of the evaluation, the same for every batch size of training."""


@dataclass(frozen=True)
class Settings:
    """Settings of one network."""

    model: Name = "mann"
    """The network."""
    labels: Literal["onehot", "string"] = "onehot"
    """One letter out of as many as there are classes, or five letters out of five."""
    classes: int = 5
    """In an episode; each is shown ten times."""
    standardised: bool = True
    """Whether pixels are standardised to mean 0 and deviation 1, which more than halves the number
    of steps."""
    units: int = 200
    """Of the LSTM."""
    batch: int = 32
    """Episodes in a step; the paper's 16 take a CPU nearly as long."""
    steps: int = 50_000
    """Batches to train on."""
    optimiser: Literal["adam", "rmsprop"] = "adam"
    """RMSProp (decay 0.95, momentum 0.9) is the paper's, at a rate of 1e-4; Adam learns from
    fewer episodes."""
    rate: float = 1e-3
    """Learning rate, over the first ten thousand steps; then it falls with their root."""
    decay: float = 0.1
    """Last share of the steps, in which it falls linearly to nothing."""
    clip: float = 5.0
    """Largest norm of a gradient."""
    watched: int = 500
    """Steps between two points of the learning curve."""
    trials: int = 1000
    """Episodes of the test."""

    def lasting(self) -> "Settings":
        """The settings that a resumed run must share; it may have more steps."""
        return replace(self, steps=0, decay=0.0, watched=0, trials=0)

    def naming(self) -> Labels:
        """The form of the labels."""
        return Labels(1, self.classes) if self.labels == "onehot" else Labels(5, 5)


FULL = Settings()
"""As many episodes as 100,000 batches of the paper's size."""

QUICK = Settings(steps=100, watched=50, trials=64)
"""A check that everything runs; the network does not learn the task yet."""


def train(module: nn.Module, parts: Sequence[Characters], settings: Settings, run: Run) -> None:
    """Train until the last step; the curves show the loss and the accuracy on unseen
    characters."""
    losses: list[Tensor] = []

    def loss(generator: torch.Generator) -> Tensor:
        batch = _episodes(parts[0], settings, settings.batch, generator)
        return label_loss(module(batch.images, batch.previous), batch.labels)

    def after(loss: Tensor) -> None:
        losses.append(loss)
        if (run.step + 1) % settings.watched == 0:
            _evaluate(module, parts[1], settings, run, float(torch.stack(losses).mean()))
            losses.clear()

    def rate(step: int) -> float:
        return learning_rate(
            step, settings.steps, settings.rate, constant=CONSTANT_STEPS, decay=settings.decay
        )

    optimiser = _optimiser(module, settings)
    run.train(module, optimiser, settings.steps, loss, after, rate=rate, clip=settings.clip)


def _optimiser(module: nn.Module, settings: Settings) -> torch.optim.Optimizer:
    if settings.optimiser == "adam":
        return torch.optim.Adam(module.parameters(), lr=settings.rate)
    return torch.optim.RMSprop(module.parameters(), lr=settings.rate, alpha=0.95, momentum=0.9)


def _episodes(
    characters: Characters, settings: Settings, batch: int, generator: torch.Generator
) -> Presentation:
    labels = settings.naming()
    shown = present(characters, labels, batch, settings.classes, generator)
    if not settings.standardised:
        return shown
    return replace(shown, images=(shown.images - INK) / SPREAD)


def label_loss(scores: Tensor, labels: Tensor) -> Tensor:
    """Mean cross-entropy of a letter: scores (B, T, L × alphabet), labels (B, T, L)."""
    by_letter = scores.unflatten(2, (labels.shape[2], -1))
    return F.cross_entropy(by_letter.flatten(0, 2), labels.flatten())


def labels_right(scores: Tensor, labels: Tensor) -> Tensor:
    """(B, T) whether every letter of a label has the highest score."""
    by_letter = scores.unflatten(2, (labels.shape[2], -1))
    return (by_letter.argmax(3) == labels).all(2)


@torch.no_grad()
def by_instance(
    module: nn.Module, characters: Characters, settings: Settings, trials: int, seed: int
) -> Tensor:
    """(trials, 10) share of an episode's classes labelled right at instances 1 to 10."""
    found = []
    for number in range(-(-trials // EVALUATED)):
        generator = torch.Generator().manual_seed(seed * 1_000_003 - number - 1)
        shown = _episodes(characters, settings, EVALUATED, generator)
        right = labels_right(module(shown.images, shown.previous), shown.labels)
        order = shown.instance.argsort(dim=1, stable=True)
        found.append(right.gather(1, order).unflatten(1, (SHOWN, -1)).float().mean(2))
    return torch.cat(found)[:trials]


def _evaluate(
    module: nn.Module, unseen: Characters, settings: Settings, run: Run, loss: float
) -> None:
    """Add points to the curves."""
    right = by_instance(module, unseen, settings, EVALUATED, run.seed).mean(0) * 100
    shares = {f"instance {i}": float(right[i - 1]) for i in INSTANCES}
    step = run.step + 1
    run.record(step, {"loss": loss, **shares})
    run.log(
        f"step {step:,}: loss {loss:.4f}, {', '.join(f'{y:.1f}' for y in shares.values())} % at "
        f"instances {', '.join(map(str, INSTANCES))}; {run.elapsed():,.0f} s"
    )


def reproduce(
    parts: Sequence[Characters],
    runs: Mapping[Settings, Run],
    device: torch.device,
) -> Report:
    """Train every network on the first part and test it on both."""
    parts = [replace(part, images=part.images.to(device)) for part in parts]
    figures, charts, rights = [], [], {}
    for settings, run in runs.items():
        torch.manual_seed(run.seed)
        pixels, label = SIDE * SIDE, settings.naming().width
        module = network(settings.model, Sizes(pixels, label, settings.units)).to(device)
        run.log(f"{TITLES[settings.model]}: {settings.steps:,} steps")
        train(module, parts, settings, run)
        seen, right = (
            by_instance(module, part, settings, settings.trials, run.seed) * 100 for part in parts
        )
        figures += _figures(settings, right, seen)
        rights[TITLES[settings.model]] = right.mean(0)
        charts += _learning(settings, run)
    every = list(runs.values())
    return Report(
        "mann",
        {
            settings.model: asdict(replace(settings, steps=run.step))
            for settings, run in runs.items()
        },
        every[0].seed,
        sum(run.seconds for run in every),
        tuple(figures),
        (*charts, _by_instance(rights)),
    )


def _figures(settings: Settings, unseen: Tensor, trained: Tensor) -> list[Figure]:
    """Accuracy on unseen characters at the paper's instances, and on those of training at the last
    one; both (trials, 10), in per cent."""
    title = f"{TITLES[settings.model]}, {settings.classes} classes, {settings.labels} labels"
    figures = [_figure(f"{title}, instance {i}, %", unseen[:, i - 1]) for i in INSTANCES]
    if settings.model in PUBLISHED and settings.naming() == Labels(1, 5):
        rows = zip(figures, PUBLISHED[settings.model], REPEATED[settings.model], strict=True)
        figures = [
            replace(figure, published=published, source=f"{PAPER}; repeated: {repeated}")
            for figure, published, repeated in rows
        ]
    last = f"{title}, trained characters, instance {SHOWN}, %"
    return [*figures, _figure(last, trained[:, -1])]


def _figure(name: str, right: Tensor) -> Figure:
    within = half_interval(right.std().item(), len(right))
    return Figure(name, float(right.mean()), within=within)


def _learning(settings: Settings, run: Run) -> list[Chart]:
    """Accuracy on unseen characters as training went on."""
    curves = [
        Curve(name, tuple((x * settings.batch, y) for x, y in points))
        for name, points in run.curves.items()
        if name.startswith("instance")
    ]
    title = f"{TITLES[settings.model]} on unseen characters"
    name = f"learning-{settings.model}"
    return [Chart(name, title, "episodes", "% right", tuple(curves))] if curves else []


def _by_instance(rights: Mapping[str, Tensor]) -> Chart:
    curves = [
        Curve(title, tuple((place, float(y)) for place, y in enumerate(right.tolist(), start=1)))
        for title, right in rights.items()
    ]
    return Chart("instance", "Unseen characters", "showing of the class", "% right", tuple(curves))

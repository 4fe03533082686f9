"""Name characters from memory: Santoro et al. 2016, section 4.1.

Fifty drawings of five unseen characters are shown one after another, each with the label of the
one before. A network that binds label to drawing is right from the second showing of a class on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rarenmt.evaluation.environment import Environment
from rarenmt.reproduce.mann.episodes import SHOWN, Labels, Presentation, present
from rarenmt.reproduce.mann.networks import Name, Sizes, network
from rarenmt.reproduce.omniglot.data import Characters
from rarenmt.reproduce.report import Chart, Curve, Figure, Report
from rarenmt.reproduce.run import Course

INSTANCES = (1, 2, 3, 4, 5, 10)
"""Which showings of a class the figures are about."""

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
"""The same by others, who trained both with care; the paper's LSTM is weak."""

CONSTANT_RATE_STEPS = 10_000
"""Steps at the full rate."""

EVALUATED = 32
"""Episodes of a batch of the evaluation: what it draws depends on nothing else."""


@dataclass(frozen=True)
class Settings:
    """Of one network's training and test."""

    model: Name = "mann"
    """The network."""
    labels: Literal["onehot", "string"] = "onehot"
    """One letter, as many to choose from as there are classes; or five letters of five."""
    classes: int = 5
    """In an episode; each is shown ten times."""
    standardised: bool = True
    """Whether pixels have a mean of 0 and a spread of 1: the network learns in less than half the
    steps what it learns from ink between 0 and 1."""
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
        """What a run must have in common with the one that it goes on with; it may be longer."""
        return replace(self, steps=0, decay=0.0, watched=0, trials=0)

    def naming(self) -> Labels:
        """What a label is."""
        return Labels(1, self.classes) if self.labels == "onehot" else Labels(5, 5)


FULL = Settings()
"""As many episodes as 100,000 batches of the paper's size."""

QUICK = Settings(steps=100, watched=50, trials=64)
"""Shows that all of it works; the network has not yet found out what to do."""


def train(
    module: nn.Module, parts: Sequence[Characters], settings: Settings, course: Course
) -> None:
    """Train until the last step; the curves tell loss and accuracy on unseen characters."""
    optimiser = _optimiser(module, settings)
    course.resume(module, optimiser)
    told = []
    while course.step < settings.steps:
        optimiser.param_groups[0]["lr"] = rate_at(course.step, settings)
        shown = _episodes(parts[0], settings, settings.batch, course.generator())
        loss = naming_loss(module(shown.images, shown.before), shown.labels)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(module.parameters(), settings.clip)
        optimiser.step()
        course.step += 1
        told.append(loss.detach())
        if course.step % settings.watched == 0:
            _watch(module, parts[1], settings, course, float(torch.stack(told).mean()))
            told.clear()
        course.save(module, optimiser, now=False)
    course.save(module, optimiser, now=True)


def rate_at(step: int, settings: Settings) -> float:
    """The learning rate of a step, counted from 0."""
    falling = settings.decay * settings.steps
    ending = min(1.0, (settings.steps - step) / falling) if falling else 1.0
    return settings.rate * min(1.0, (CONSTANT_RATE_STEPS / (step + 1)) ** 0.5) * ending


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


def naming_loss(scores: Tensor, labels: Tensor) -> Tensor:
    """Mean cross-entropy of a letter: scores (B, T, L × alphabet), labels (B, T, L)."""
    by_letter = scores.unflatten(2, (labels.shape[2], -1))
    return F.cross_entropy(by_letter.flatten(0, 2), labels.flatten())


def named_right(scores: Tensor, labels: Tensor) -> Tensor:
    """(B, T) whether every letter of a label has the highest score."""
    by_letter = scores.unflatten(2, (labels.shape[2], -1))
    return (by_letter.argmax(3) == labels).all(2)


@torch.no_grad()
def by_instance(
    module: nn.Module, characters: Characters, settings: Settings, trials: int, seed: int
) -> Tensor:
    """(trials, 10) share of an episode's classes named right at their first to tenth showing."""
    found = []
    for number in range(-(-trials // EVALUATED)):
        generator = torch.Generator().manual_seed(seed * 1_000_003 - number - 1)
        shown = _episodes(characters, settings, EVALUATED, generator)
        right = named_right(module(shown.images, shown.before), shown.labels)
        order = shown.instance.argsort(dim=1, stable=True)
        found.append(right.gather(1, order).unflatten(1, (SHOWN, -1)).float().mean(2))
    return torch.cat(found)[:trials]


def _watch(
    module: nn.Module, unseen: Characters, settings: Settings, course: Course, loss: float
) -> None:
    """Points of the curves."""
    right = by_instance(module, unseen, settings, EVALUATED, course.seed).mean(0) * 100
    course.note("loss", loss)
    for instance in INSTANCES:
        course.note(f"instance {instance}", float(right[instance - 1]))
    shown = ", ".join(f"{right[i - 1]:.1f}" for i in INSTANCES)
    course.remark(
        f"step {course.step:,}: loss {loss:.4f}, {shown} % at instances "
        f"{', '.join(map(str, INSTANCES))}; {course.spent():,.0f} s"
    )


def run(
    parts: Sequence[Characters],
    courses: Mapping[Settings, Course],
    device: torch.device,
) -> Report:
    """Train every network on the first part and let it name characters of the second."""
    parts = [replace(part, images=part.images.to(device)) for part in parts]
    figures, charts, rights = [], [], {}
    for settings, course in courses.items():
        torch.manual_seed(course.seed)
        pixels, label = SIDE * SIDE, settings.naming().width
        module = network(settings.model, Sizes(pixels, label, settings.units)).to(device)
        course.remark(f"{TITLES[settings.model]}: {settings.steps:,} steps")
        train(module, parts, settings, course)
        seen, right = (
            by_instance(module, part, settings, settings.trials, course.seed) * 100
            for part in parts
        )
        figures += [*_figures(settings, right), _seen(settings, seen)]
        rights[TITLES[settings.model]] = right.mean(0)
        charts += _learning(settings, course)
    every = list(courses.values())
    return Report(
        "mann",
        {
            settings.model: asdict(replace(settings, steps=course.step))
            for settings, course in courses.items()
        },
        every[0].seed,
        sum(course.seconds for course in every),
        tuple(figures),
        (*charts, _by_instance(rights)),
        Environment.now(),
    )


def _title(settings: Settings) -> str:
    return f"{TITLES[settings.model]}, {settings.classes} classes, {settings.labels} labels"


def _seen(settings: Settings, right: Tensor) -> Figure:
    """Accuracy on the characters of the training, in the end: what is left there is not learnt,
    and the rest is not carried over to unseen ones. Right (trials, 10) in per cent."""
    last = right[:, SHOWN - 1]
    title = f"{_title(settings)}, trained characters, instance {SHOWN}, %"
    return Figure(title, float(last.mean()), within=float(1.96 * last.std() / len(last) ** 0.5))


def _figures(settings: Settings, right: Tensor) -> list[Figure]:
    """Accuracy at the paper's instances; right (trials, 10) in per cent."""
    within = 1.96 * right.std(0) / len(right) ** 0.5
    title = _title(settings)
    known = settings.model in PUBLISHED and settings.naming() == Labels(1, 5)
    return [
        Figure(
            f"{title}, instance {instance}, %",
            float(right[:, instance - 1].mean()),
            PUBLISHED[settings.model][place] if known else None,
            f"{PAPER}; repeated: {REPEATED[settings.model][place]}" if known else "",
            float(within[instance - 1]),
        )
        for place, instance in enumerate(INSTANCES)
    ]


def _learning(settings: Settings, course: Course) -> list[Chart]:
    """Accuracy on unseen characters as training went on."""
    curves = [
        Curve(name, tuple((x * settings.batch, y) for x, y in points))
        for name, points in course.curves.items()
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

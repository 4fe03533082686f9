"""A CNN with memory learns characters from one drawing (Kaiser et al. 2017, section 4.1).

The network makes a query of a drawing, the memory's nearest key answers, and the memory loss
alone trains the network. Beside it: pixels, and where wanted the other ways to train the network.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace

import torch
from torch import Tensor, nn

from rarenmt.evaluation.environment import Environment
from rarenmt.reproduce.omniglot.augment import choose, distorted, with_turns
from rarenmt.reproduce.omniglot.data import Characters
from rarenmt.reproduce.omniglot.learners import Learner, Name, Settings, build
from rarenmt.reproduce.omniglot.lifelong import Life, live
from rarenmt.reproduce.report import Chart, Curve, Figure, Report
from rarenmt.reproduce.run import Course
from rarenmt.reproduce.synthetic.trials import (
    KINDS,
    Answer,
    accuracy,
    from_memory,
    from_nearest,
    from_prototypes,
)

FULL = Settings()
"""The network of the paper, with batch normalisation and distorted drawings: half a second a step
on a core that multiplies bfloat16."""

QUICK = replace(
    FULL, channels=16, width=128, dropout=0.0, steps=200, watched=50, trials=200,
    turned_trials=False,
)  # fmt: skip
"""A quarter of the channels, a twentieth of the steps: under a minute of one core."""

VARIANTS: dict[str, Callable[[Settings], Settings]] = {
    "plain": lambda s: replace(
        s, normalised=False, distorted=False, dropout=0.7, rate=1e-4, epsilon=1e-4, weight_decay=0.0
    ),
    "no-normalisation": lambda s: replace(s, normalised=False),
    "no-distortion": lambda s: replace(s, distorted=False),
    "no-rotations": lambda s: replace(s, turned=False),
    "life-long": lambda s: replace(s, cleared=False),
    "life-long-inside": lambda s: replace(s, cleared=False, outside=False),
}
"""What else can be trained: the paper's own network and rates ("plain"), and ablations."""

WARMUP = 30
"""Steps of linear rise of the rate."""

CLIP = 5.0
"""Largest norm of a gradient, as in the authors' program."""

WATCHED = (100, 6)
"""Trials, and drawings of each unseen character, of a point of the learning curve."""

LATE = 1000
"""Steps since its class was last shown that a figure of the long life is about."""

SHOWN = (("showing 2", 2, 2), ("showings 3 to 5", 3, 5), ("showings 6 to 20", 6, 20))
"""Curves of the chart of delays: first and last showing."""

EVENTS, MATCHING, SNELL = (
    "Kaiser et al. 2017, section 4.1",
    "Vinyals et al. 2016, quoted from memory",
    "Snell et al. 2017",
)
PUBLISHED = {
    "pixels": ((41.7, 63.2, 26.7, 42.6), MATCHING),
    "softmax": ((80.0, 95.0, 69.5, 89.1), MATCHING),
    "prototypes": ((98.8, 99.7, 96.0, 98.9), SNELL),
    "memory": ((98.4, 99.6, 95.0, 98.6), EVENTS),
}
"""Per cent right of each kind of trial, on the split of Vinyals et al."""

TITLES = {
    "pixels": "pixels, nearest neighbour",
    "softmax": "CNN + softmax, nearest neighbour",
    "prototypes": "CNN + prototypes",
    "memory": "CNN + memory",
}
ANSWERS: dict[str, Answer] = {
    "pixels": from_nearest,
    "softmax": from_nearest,
    "prototypes": from_prototypes,
    "memory": from_memory,
}


def rate_at(step: int, settings: Settings) -> float:
    """The learning rate of a step, counted from 0."""
    left = (settings.steps - step) / max(1.0, settings.decay * settings.steps)
    return settings.rate * min(1.0, (step + 1) / WARMUP, left)


def train(
    learner: Learner, answer: Answer, drawings: Tensor, unseen: Tensor,
    settings: Settings, course: Course,
) -> None:  # fmt: skip
    """Train on drawings (C, E, S, S) until the last step; the curves tell the loss and, on some
    drawings of unseen characters, the accuracy of 20 ways and 1 shot."""
    optimiser = torch.optim.AdamW(
        learner.parameters(), lr=settings.rate, eps=settings.epsilon,
        weight_decay=settings.weight_decay,
    )  # fmt: skip
    course.resume(learner, optimiser)
    learner.restored()
    learner.train()
    while course.step < settings.steps:
        generator = course.generator()
        optimiser.param_groups[0]["lr"] = rate_at(course.step, settings)
        loss = _step(learner, drawings, settings, generator)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(learner.parameters(), CLIP)
        optimiser.step()
        course.step += 1
        if course.step % settings.watched == 0:
            _watch(learner, answer, unseen, loss.item(), course)
        course.save(learner, optimiser, now=False)
    course.save(learner, optimiser, now=True)


def _step(
    learner: Learner, drawings: Tensor, settings: Settings, generator: torch.Generator
) -> Tensor:
    """The loss of one batch."""
    classes, chosen = choose(drawings, settings.ways, settings.shots, generator)
    images = chosen.flatten(0, 1)
    if settings.distorted:
        images = distorted(images, generator)
    rows = learner.embed(images, generator).view(settings.ways, settings.shots, -1)
    return learner.loss(rows, classes, generator)


def _watch(learner: Learner, answer: Answer, unseen: Tensor, loss: float, course: Course) -> None:
    """Points of the curves."""
    trials, each = WATCHED
    right, _ = accuracy(answer, learner.embed_all(unseen[:, :each]), 20, 1, trials, course.seed)
    course.note("loss", loss)
    course.note("accuracy", right)
    course.remark(
        f"step {course.step:,}: loss {loss:.4f}, 20-way 1-shot {right:.1f} %, "
        f"{course.spent():,.0f} s"
    )


def run(
    parts: tuple[Characters, ...],
    settings: Settings,
    courses: Mapping[Name, Course],
    device: torch.device,
) -> Report:
    """Train what there are courses for, on the first part, and try it on the second."""
    images, unseen = (part.images.to(device) for part in parts)
    drawings = with_turns(images) if settings.turned else images
    tried = with_turns(unseen) if settings.turned_trials else unseen
    seed = courses["memory"].seed
    features = {"pixels": tried.flatten(2)}
    for name, course in courses.items():
        learner = build(name, settings, len(drawings), seed).to(device)
        course.remark(f"{TITLES[name]}: {settings.steps:,} steps")
        train(learner, ANSWERS[name], drawings, unseen, settings, course)
        features[name] = learner.embed_all(tried)
    figures = [
        figure
        for name in PUBLISHED
        if name in features
        for figure in _figures(name, features[name], settings, seed)
    ]
    keys = features["memory"]
    lives = {len(unseen): live(keys[: len(unseen)], seed)}
    if settings.turned_trials:
        lives[len(tried)] = live(keys, seed)
    return Report(
        "omniglot",
        asdict(settings),
        seed,
        sum(course.seconds for course in courses.values()),
        (*figures, *(figure for life in lives.items() for figure in _life_figures(*life))),
        (*_learning(courses), *_charts(lives)),
        Environment.now(),
    )


def _figures(name: str, features: Tensor, settings: Settings, seed: int) -> list[Figure]:
    """The four kinds of trials; the same ones for every learner."""
    published, source = PUBLISHED[name]
    found = []
    for (ways, shots), theirs in zip(KINDS, published, strict=True):
        title = f"{settings.split}, {ways}-way {shots}-shot, {TITLES[name]}, %"
        ours, within = accuracy(ANSWERS[name], features, ways, shots, settings.trials, seed)
        known = settings.split == "vinyals"
        found.append(
            Figure(title, ours, theirs if known else None, source if known else "", within)
        )
    return found


def _life_figures(classes: int, life: Life) -> list[Figure]:
    """The paper states none for this."""
    title = f"life-long, {classes:,} classes"
    figures = [
        Figure(f"{title}, showing {n}, %", life.share(life.showing == n)) for n in (2, 3, 5, 10)
    ]
    late = life.delay >= LATE
    if late.any():
        figures.append(Figure(f"{title}, {LATE:,} steps and more later, %", life.share(late)))
    figures.append(Figure(f"{title}, slots in use at the end", float(life.slots)))
    return figures


def _learning(courses: Mapping[Name, Course]) -> tuple[Chart, ...]:
    """What training told on its way."""

    def curves(kind: str) -> tuple[Curve, ...]:
        return tuple(
            Curve(TITLES[name], tuple(course.curves[kind]))
            for name, course in courses.items()
            if kind in course.curves
        )

    accuracies = curves("accuracy")
    if not accuracies:
        return ()
    return (
        Chart("learning", "20-way 1-shot, unseen characters", "steps", "% right", accuracies),
        Chart("loss", "Loss of a batch", "steps", "loss", curves("loss")),
    )


def _charts(lives: Mapping[int, Life]) -> tuple[Chart, ...]:
    """Accuracy against delay and against the number of showings."""
    by_delay = [
        Curve(f"{classes:,} classes, {title}", life.by_delay(first, last))
        for classes, life in lives.items()
        for title, first, last in SHOWN
    ]
    by_showing = [Curve(f"{n:,} classes", life.by_showing()) for n, life in lives.items()]
    title = "A memory that is never cleared: all unseen classes at once"
    return (
        Chart(
            "delay",
            title,
            "steps since the class was last shown",
            "% right",
            tuple(curve for curve in by_delay if curve.points),
            logarithmic=True,
        ),
        Chart("showing", title, "showing of the class", "% right", tuple(by_showing)),
    )

"""A CNN with memory learns characters from one drawing (Kaiser et al. 2017, section 4.1).

The network maps a drawing to a query, the value of the nearest key is its class, and only the
memory loss trains the network. Baselines: pixels, a classifier and a prototypical network.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace

import torch
from torch import Tensor

from rarenmt.reproduce.omniglot.augment import choose, distorted, with_turns
from rarenmt.reproduce.omniglot.data import Characters
from rarenmt.reproduce.omniglot.learners import Learner, Name, Settings, build
from rarenmt.reproduce.omniglot.lifelong import Life, live
from rarenmt.reproduce.report import Chart, Curve, Figure, Report
from rarenmt.reproduce.run import Run
from rarenmt.reproduce.schedule import learning_rate
from rarenmt.reproduce.synthetic.trials import (
    KINDS,
    Classifier,
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
"""The paper's network and rates ("plain"), and ablations."""

WARMUP = 30
"""Steps of linear rise of the rate."""

CLIP = 5.0
"""Largest norm of a gradient, as in the authors' program."""

WATCHED = (100, 6)
"""Trials, and drawings of each unseen character, of a point of the learning curve."""

LATE = 1000
"""Least number of steps since the previous drawing of a class for the figure of long delays."""

SHOWN = (("showing 2", 2, 2), ("showings 3 to 5", 3, 5), ("showings 6 to 20", 6, 20))
"""Curves of the chart of delays: first and last drawing of a class."""

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
CLASSIFIERS: dict[str, Classifier] = {
    "pixels": from_nearest,
    "softmax": from_nearest,
    "prototypes": from_prototypes,
    "memory": from_memory,
}


def train(
    learner: Learner,
    classify: Classifier,
    drawings: Tensor,
    unseen: Tensor,
    settings: Settings,
    run: Run,
) -> None:
    """Train on drawings (C, E, S, S) until the last step; the curves show the loss and, on some
    drawings of unseen characters, the accuracy of 20 ways and 1 shot."""

    def loss(generator: torch.Generator) -> Tensor:
        classes, chosen = choose(drawings, settings.ways, settings.shots, generator)
        images = chosen.flatten(0, 1)
        if settings.distorted:
            images = distorted(images, generator)
        rows = learner.embed(images, generator).view(settings.ways, settings.shots, -1)
        return learner.loss(rows, classes, generator)

    def after(loss: Tensor) -> None:
        step = run.step + 1
        if step % settings.watched:
            return
        trials, each = WATCHED
        features = learner.embed_all(unseen[:, :each])
        right, _ = accuracy(classify, features, 20, 1, trials, run.seed)
        run.record(step, {"loss": loss.item(), "accuracy": right})
        run.log(
            f"step {step:,}: loss {loss.item():.4f}, 20-way 1-shot {right:.1f} %, "
            f"{run.elapsed():,.0f} s"
        )

    def rate(step: int) -> float:
        return learning_rate(
            step, settings.steps, settings.rate, warmup=WARMUP, decay=settings.decay
        )

    optimiser = torch.optim.AdamW(
        learner.parameters(), lr=settings.rate, eps=settings.epsilon,
        weight_decay=settings.weight_decay,
    )  # fmt: skip
    run.train(learner, optimiser, settings.steps, loss, after, rate=rate, clip=CLIP)


def reproduce(
    parts: tuple[Characters, ...],
    settings: Settings,
    runs: Mapping[Name, Run],
    device: torch.device,
) -> Report:
    """Train a learner for each run on the first part, and test it on the second."""
    images, unseen = (part.images.to(device) for part in parts)
    drawings = with_turns(images) if settings.turned else images
    tried = with_turns(unseen) if settings.turned_trials else unseen
    seed = runs["memory"].seed
    features = {"pixels": tried.flatten(2)}
    for name, run in runs.items():
        learner = build(name, settings, len(drawings), seed).to(device)
        run.log(f"{TITLES[name]}: {settings.steps:,} steps")
        train(learner, CLASSIFIERS[name], drawings, unseen, settings, run)
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
        sum(run.seconds for run in runs.values()),
        (*figures, *(figure for life in lives.items() for figure in _life_figures(*life))),
        (*_learning(runs), *_charts(lives)),
    )


def _figures(name: str, features: Tensor, settings: Settings, seed: int) -> list[Figure]:
    """Accuracy of the four kinds of trials, which are the same for every learner."""
    published, source = PUBLISHED[name]
    found = []
    for (ways, shots), theirs in zip(KINDS, published, strict=True):
        title = f"{settings.split}, {ways}-way {shots}-shot, {TITLES[name]}, %"
        ours, within = accuracy(CLASSIFIERS[name], features, ways, shots, settings.trials, seed)
        known = settings.split == "vinyals"
        found.append(
            Figure(title, ours, theirs if known else None, source if known else "", within)
        )
    return found


def _life_figures(classes: int, life: Life) -> list[Figure]:
    """Figures of the life-long memory; the paper has none."""
    title = f"life-long, {classes:,} classes"
    figures = [
        Figure(f"{title}, showing {n}, %", life.share(life.showing == n)) for n in (2, 3, 5, 10)
    ]
    late = life.delay >= LATE
    if late.any():
        figures.append(Figure(f"{title}, {LATE:,} steps and more later, %", life.share(late)))
    figures.append(Figure(f"{title}, slots in use at the end", float(life.slots)))
    return figures


def _learning(runs: Mapping[Name, Run]) -> tuple[Chart, ...]:
    """Curves of training."""

    def curves(kind: str) -> tuple[Curve, ...]:
        return tuple(
            Curve(TITLES[name], tuple(run.curves[kind]))
            for name, run in runs.items()
            if kind in run.curves
        )

    accuracies = curves("accuracy")
    if not accuracies:
        return ()
    return (
        Chart("learning", "20-way 1-shot, unseen characters", "steps", "% right", accuracies),
        Chart("loss", "Loss of a batch", "steps", "loss", curves("loss")),
    )


def _charts(lives: Mapping[int, Life]) -> tuple[Chart, ...]:
    """Accuracy of the life-long memory by delay and by number of drawings written."""
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

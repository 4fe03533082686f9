"""How the systems of the synthetic task are built, trained and evaluated."""

from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn

from rarenmt.config import Config, MemoryConfig, ModelConfig
from rarenmt.reproduce.neural_gpu.network import Sizes
from rarenmt.reproduce.run import Run
from rarenmt.reproduce.schedule import learning_rate
from rarenmt.reproduce.synthetic.curriculum import Curriculum, Step
from rarenmt.reproduce.synthetic.lstm import Lstm
from rarenmt.reproduce.synthetic.queries import Output, Stage, clear
from rarenmt.reproduce.synthetic.recalling_gpu import RecallingGpu
from rarenmt.reproduce.synthetic.task import (
    LARGEST,
    LONGEST,
    VOCABULARY,
    ZERO,
    A,
    Strings,
    draw_strings,
    draw_table,
    right,
)

Name = Literal["hamming", "lstm", "lstm-memory", "neural-gpu", "neural-gpu-memory"]
"""A system."""
Recipe = Literal["rare", "paper"]
"""How it is trained: our way, or as the paper describes."""

EMBEDDING = 32
"""Of a symbol in the LSTM systems; there are six of them."""
CLIP = 1.0
"""Largest norm of a gradient."""
LEAST_HINT = 0.2
"""What the probability of a hint falls to; see `Stage`."""
RECORD_EVERY = 50
"""Steps between two points of a curve."""
LOG_EVERY = 100
"""Steps between two log lines."""


@dataclass(frozen=True)
class Settings:
    """Sizes of the task and of the networks; the defaults are the paper's where it gives them."""

    largest: int = LARGEST
    """S = {2, …, largest}."""
    examples: int = 40_000
    longest: int = LONGEST
    tests: int = 2000
    """Strings of the test."""
    hidden: int = 256
    """Units of each of the two LSTM layers on either side."""
    maps: int = 32
    """Channels of the Extended Neural GPU."""
    slots: int = 1 << 19
    neighbours: int = 256
    key: int = 128
    """Width of a key; the paper does not give it."""
    batch: int = 64
    steps: int = 40_000
    warm: int = 200
    """First steps, without a memory and at `warm_rate`, which learn to copy."""
    warm_rate: float = 2e-3
    rate: float = 1e-4
    """Learning rate (Adam) with the memory. At 2e-3 the queries change so fast that a number is not
    retrieved when it occurs again."""
    decay: float = 0.25
    """Last share of the steps, in which the rate falls linearly to nothing."""
    hinted: int = 10_000
    """Steps over which the probability of a hint would fall from 1 to 0; see `Stage`."""
    numbers: int = 200
    """Numbers in the first round of the recipe `rare`; see `Curriculum`."""
    evaluate_every: int = 1000
    glimpse: int = 256
    """Test strings of each evaluation during training."""


FULL = Settings()
QUICK = Settings(
    largest=300, examples=750, longest=9, tests=200, hidden=128, slots=1 << 13, neighbours=32,
    key=64, batch=32, steps=500, warm=60, rate=3e-4, decay=0.0, hinted=200, numbers=100,
    evaluate_every=250, glimpse=100, maps=16,
)  # fmt: skip

GPU_FULL = replace(
    FULL, neighbours=32, batch=16, steps=7500, warm=400, rate=1e-3, decay=0.5, hinted=1500
)
"""At a rate of 1e-4, the strings of the Extended Neural GPU reach 10 symbols in the steps that take
them to 40 at this rate."""
GPU_QUICK = replace(QUICK, steps=1000, warm=400, hinted=1000)


def settings_of(name: Name, *, full: bool) -> Settings:
    """The settings of a system."""
    if name.startswith("neural-gpu"):
        return GPU_FULL if full else GPU_QUICK
    return FULL if full else QUICK


@dataclass(frozen=True)
class Task:
    """The strings of training and of the test."""

    train: Strings
    test: Strings

    @classmethod
    def draw(cls, settings: Settings, seed: int) -> "Task":
        """The table and all strings depend on the seed alone."""
        generator = torch.Generator().manual_seed(seed)
        table = draw_table(settings.largest, generator)
        train = draw_strings(settings.examples, table, settings.longest, generator)
        return cls(train, draw_strings(settings.tests, table, settings.longest, generator))


System = Lstm | RecallingGpu
"""A `memory` or None, and the methods `learn`, `answer` and `show` (write into the memory)."""


def build(name: Name, recipe: Recipe, settings: Settings, seed: int) -> System:
    """A system with its first weights."""
    ours, generator = recipe == "rare", torch.Generator().manual_seed(seed)
    memory = MemoryConfig(
        slots=settings.slots, block=settings.key, query=("context",),
        readout="mixture" if ours else "paper", neighbours=settings.neighbours, reinforce=True,
    )  # fmt: skip
    if name.startswith("neural-gpu"):
        remembered = memory if name == "neural-gpu-memory" else None
        return RecallingGpu(Sizes(VOCABULARY, settings.maps, dropout=0.0), remembered, generator)
    model = ModelConfig(
        vocabulary=VOCABULARY, embedding=EMBEDDING, hidden=settings.hidden,
        attention=settings.hidden // 2, dropout=0.0,
    )  # fmt: skip
    return Lstm(
        Config(model=model, memory=memory),
        remembers=name == "lstm-memory",
        guidance=1.0 if ours else 0.0,
        generator=generator,
    )


class Trainer:
    """Trains and evaluates a system."""

    def __init__(
        self,
        name: Name,
        recipe: Recipe,
        settings: Settings,
        task: Task,
        run: Run,
        device: torch.device,
    ) -> None:
        self.settings, self.task, self.run, self.device = settings, task, run, device
        self.system = build(name, recipe, settings, run.seed).to(device)
        first = settings.numbers if recipe == "rare" else None
        self.curriculum = Curriculum(task.train, first, settings.batch, run.seed)
        self.optimiser = torch.optim.Adam(self.system.parameters(), lr=settings.rate, fused=True)

    def train(self) -> None:
        """Train until the last step."""
        run, memory = self.run, self.system.memory
        update: tuple[Step, Output, torch.Generator]

        def loss(generator: torch.Generator) -> Tensor:
            nonlocal update
            batch = self.curriculum.next(generator)
            if batch.first or self.curriculum.one:
                self._evaluate_some()
            if memory is not None and batch.first:
                clear(memory)
            hint = max(LEAST_HINT, 1 - run.step / self.settings.hinted)
            stage = Stage(run.step >= self.settings.warm, hint, generator)
            output = self.system.learn(batch.strings.to(self.device), stage)
            update = batch, output, generator
            return output.loss

        def after(loss: Tensor) -> None:
            self._update(*update)
            if run.step % RECORD_EVERY == 0:
                self._record(loss.item())

        run.train(
            nn.ModuleList([self.system, self.curriculum]), self.optimiser, self.settings.steps,
            loss, after, rate=self._rate, clip=CLIP,
            advice="; the strings of --recipe rare begin short",
        )  # fmt: skip

    def _rate(self, step: int) -> float:
        settings = self.settings
        if step < settings.warm:
            return settings.warm_rate
        return learning_rate(step, settings.steps, settings.rate, decay=settings.decay)

    def _update(self, batch: Step, output: Output, generator: torch.Generator) -> None:
        """Write the queries of a step into the memory, and update the curriculum by the share that
        was right: of the nearest neighbours at the digits of known numbers, or, without a memory,
        of the letters."""
        answers = batch.strings.answers.to(self.device)
        predicted, counted = output.predicted, answers >= A
        if self.system.memory is not None:
            if output.queries is None:
                return
            predicted = output.nearest()
            digit = (answers >= ZERO) & (answers < A)
            counted = digit & batch.known.to(self.device)[:, None]
            output.write(self.system.memory, generator)
        right = (predicted == answers)[counted]
        if len(right):
            self.curriculum.update(right.float().mean().item())

    def _record(self, loss: float) -> None:
        """Add a point to every curve."""
        run, curriculum = self.run, self.curriculum
        points = {"loss": loss, "symbols of a string": float(curriculum.longest)}
        if self.system.memory is not None:
            points["numbers shown before"] = 100 * float(curriculum.right)
            points["numbers of a life"] = int(curriculum.numbers)
        run.record(run.step, points)
        if run.step % LOG_EVERY == 0:
            right = "letters" if self.system.memory is None else "neighbours"
            run.log(
                f"step {run.step:,}, {run.elapsed():,.0f} s: loss {loss:.3f}, right {right} "
                f"{100 * float(curriculum.right):.0f} %, strings up to {int(curriculum.longest)}, "
                f"{int(curriculum.numbers):,} numbers until the memory is cleared"
            )

    def _evaluate_some(self) -> None:
        """Evaluate a few test strings every `evaluate_every` steps, with a memory of the training
        strings of their numbers alone."""
        points = self.run.curves.get("few numbers shown", [])
        every = self.settings.evaluate_every
        if self.run.step // every <= (points[-1][0] if points else 0) // every:
            return
        strings = self.task.test.at(torch.arange(self.settings.glimpse))
        if self.system.memory is not None and not self.curriculum.one:
            numbers = self.task.train.numbers
            self._show(torch.isin(numbers, strings.numbers).nonzero()[:, 0])
        share = 100 * self._right(strings)[0].float().mean().item()
        self.run.record(self.run.step, {"few numbers shown": share})
        self.run.log(f"step {self.run.step:,}: {share:.1f} % of the test strings right")

    def evaluate(self) -> tuple[Tensor, Tensor]:
        """Write all training strings into the memory and answer all test strings; see `right`."""
        if self.system.memory is not None:
            self._show(torch.arange(len(self.task.train)))
        return self._right(self.task.test)

    def _show(self, rows: Tensor) -> None:
        """Clear the memory and write training strings into it, shorter ones first."""
        memory = self.system.memory
        assert memory is not None
        clear(memory)
        generator = torch.Generator().manual_seed(self.run.seed)
        rows = rows[self.task.train.lengths[rows].argsort(stable=True)]
        self.system.eval()
        for part in rows.split(self.settings.batch):
            self.system.show(self.task.train.at(part).to(self.device), generator)
        self.system.train()

    def _right(self, strings: Strings) -> tuple[Tensor, Tensor]:
        """Whether the answer to each string is right (N,), and whether its letters are."""
        self.system.eval()
        found = []
        for rows in torch.arange(len(strings)).split(self.settings.batch):
            part = strings.at(rows)
            found.append(right(self.system.answer(part.to(self.device)).cpu(), part))
        self.system.train()
        return torch.cat([whole for whole, _ in found]), torch.cat([part for _, part in found])

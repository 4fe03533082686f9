"""How the systems of the synthetic task are built, taught and asked."""

from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn

from rarenmt.config import Config, MemoryConfig, ModelConfig
from rarenmt.errors import SettingError
from rarenmt.reproduce.neural_gpu.network import Sizes
from rarenmt.reproduce.run import Course
from rarenmt.reproduce.synthetic.curriculum import Lesson, Lessons
from rarenmt.reproduce.synthetic.lstm import Lstm
from rarenmt.reproduce.synthetic.queries import Stage, forget
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
"""How it is taught: our way, or as the paper says."""

EMBEDDING = 32
"""Of a symbol in the LSTM systems; there are six of them."""
CLIP = 1.0
"""Largest norm of a gradient."""
LEAST_HINT = 0.2
"""What the probability of a hint falls to; see `Stage`."""
NOTE_EVERY = 50
"""Steps between two points of a curve."""
REMARK_EVERY = 100
"""Steps between two remarks."""


@dataclass(frozen=True)
class Settings:
    """Sizes of the task and of the networks; the defaults are the paper's where it gives them."""

    largest: int = LARGEST
    """S = {2, …, largest}."""
    examples: int = 40_000
    longest: int = LONGEST
    tests: int = 2000
    """Strings asked at the end."""
    hidden: int = 256
    """Units of each of the two LSTM layers on either side."""
    maps: int = 32
    """Channels of the Extended Neural GPU."""
    slots: int = 1 << 19
    neighbours: int = 256
    key: int = 128
    """Width of a key; the paper does not say."""
    batch: int = 64
    steps: int = 40_000
    warm: int = 200
    """First steps, which learn to copy without a memory, at `warm_rate`."""
    warm_rate: float = 2e-3
    rate: float = 1e-4
    """Learning rate (Adam) with the memory. At 2e-3 the queries have moved on by the time a number
    comes again, and nothing is ever found."""
    decay: float = 0.25
    """Last share of the steps, in which the rate falls linearly to nothing."""
    hinted: int = 10_000
    """Steps over which the probability of a hint would fall from 1 to 0; see `Stage`."""
    numbers: int = 200
    """Numbers in the first lives of the recipe `rare`."""
    evaluate_every: int = 1000
    glimpse: int = 256
    """Test strings asked in between."""


FULL = Settings()
QUICK = Settings(
    largest=300, examples=750, longest=9, tests=200, hidden=128, slots=1 << 13, neighbours=32,
    key=64, batch=32, steps=500, warm=60, rate=3e-4, decay=0.0, hinted=200, numbers=100,
    evaluate_every=250, glimpse=100, maps=16,
)  # fmt: skip

GPU_FULL = replace(
    FULL, neighbours=32, batch=16, steps=7500, warm=400, rate=1e-3, decay=0.5, hinted=1500
)
"""At a rate of 1e-4 the strings of the Extended Neural GPU have 10 symbols after as many steps as
they take to 40 at this one."""
GPU_QUICK = replace(QUICK, steps=1000, warm=400, hinted=1000)


def settings_of(name: Name, *, full: bool) -> Settings:
    """What a system is trained and asked with."""
    if name.startswith("neural-gpu"):
        return GPU_FULL if full else GPU_QUICK
    return FULL if full else QUICK


@dataclass(frozen=True)
class Task:
    """The strings to learn from, and those asked."""

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
"""What has a `memory` or None, and can `learn` strings, `answer` them, and be `show`n them."""


def build(name: Name, recipe: Recipe, settings: Settings, seed: int) -> System:
    """A system with its first weights."""
    ours, generator = recipe == "rare", torch.Generator().manual_seed(seed)
    memory = MemoryConfig(
        slots=settings.slots, block=settings.key, query=("context",), lookup="whole",
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
    """A system in training, or trained."""

    def __init__(
        self,
        name: Name,
        recipe: Recipe,
        settings: Settings,
        task: Task,
        course: Course,
        device: torch.device,
    ) -> None:
        self.settings, self.task, self.course, self.device = settings, task, course, device
        self.system = build(name, recipe, settings, course.seed).to(device)
        first = settings.numbers if recipe == "rare" else None
        self.lessons = Lessons(task.train, first, settings.batch, course.seed)
        self.whole = nn.ModuleList([self.system, self.lessons])
        self.optimiser = torch.optim.Adam(self.system.parameters(), lr=settings.rate, fused=True)
        course.resume(self.whole, self.optimiser)
        if self.system.memory is not None:
            self.system.memory.rebuild_index()

    def train(self) -> None:
        """All steps that are left."""
        self.system.train()
        while self.course.step < self.settings.steps:
            generator = self.course.generator()
            lesson = self.lessons.next(generator)
            if lesson.first or self.lessons.one:
                self._glimpse()
            self._step(lesson, generator)
            self.course.step += 1
            self.course.save(self.whole, self.optimiser, now=False)
        self.course.save(self.whole, self.optimiser, now=True)

    def _step(self, lesson: Lesson, generator: torch.Generator) -> None:
        """Predict, learn, then write."""
        step, memory = self.course.step, self.system.memory
        remembering = step >= self.settings.warm
        hint = max(LEAST_HINT, 1 - step / self.settings.hinted)
        if memory is not None and lesson.first:
            forget(memory)
        for group in self.optimiser.param_groups:
            group["lr"] = self._rate() if remembering else self.settings.warm_rate
        strings = lesson.strings.to(self.device)
        with self.course.dropping():
            learned = self.system.learn(strings, Stage(remembering, hint, generator))
        self.optimiser.zero_grad()
        learned.loss.backward()
        norm = nn.utils.clip_grad_norm_(self.system.parameters(), CLIP)
        if not norm.isfinite():  # an Extended Neural GPU goes over 40 symbols 160 times
            raise SettingError(
                f"step {step:,}: the gradients overflow on strings of {strings.questions.shape[1]} "
                "symbols; those of --recipe rare begin short"
            )
        self.optimiser.step()
        if memory is None:
            self._note(learned.said == strings.answers, strings.answers >= A)
        elif learned.asked is not None:
            found = learned.asked.recalled(strings.answers.shape)
            digit = (strings.answers >= ZERO) & (strings.answers < A)
            known = lesson.known.to(self.device)[:, None]
            self._note(found == strings.answers, digit & known)
            learned.asked.write(memory, generator)
        if step % NOTE_EVERY == 0:
            self._remark(learned.loss.item())

    def _rate(self) -> float:
        """The learning rate of this step, once there is a memory."""
        falling = self.settings.decay * self.settings.steps
        left = self.settings.steps - self.course.step
        return self.settings.rate * (min(1.0, left / falling) if falling else 1.0)

    def _note(self, right: Tensor, counted: Tensor) -> None:
        """Whether symbols (N, L) are right, and which count: with a memory, whether the nearest
        neighbour was right about the digits of a number shown before; without, the letters."""
        some = right[counted]
        self.lessons.note(some.float().mean().item() if len(some) else None)

    def _remark(self, loss: float) -> None:
        """A point of every curve."""
        course, lessons = self.course, self.lessons
        course.note("loss", loss)
        course.note("symbols of a string", float(lessons.longest))
        if self.system.memory is not None:
            course.note("numbers shown before", 100 * float(lessons.right))
            course.note("numbers of a life", int(lessons.numbers))
        if self.course.step % REMARK_EVERY == 0:
            right = "letters" if self.system.memory is None else "neighbours"
            course.remark(
                f"step {course.step:,}, {course.spent():,.0f} s: loss {loss:.3f}, right {right} "
                f"{100 * float(lessons.right):.0f} %, strings up to {int(lessons.longest)}, "
                f"lives of {int(lessons.numbers):,} numbers"
            )

    def _glimpse(self) -> None:
        """Ask some test strings in between, having shown only the numbers that they ask about."""
        points = self.course.curves.get("few numbers shown", [])
        every = self.settings.evaluate_every
        if self.course.step // every <= (points[-1][0] if points else 0) // every:
            return
        asked = self.task.test.at(torch.arange(self.settings.glimpse))
        if self.system.memory is not None and not self.lessons.one:
            numbers = self.task.train.numbers
            self._show(torch.isin(numbers, asked.numbers).nonzero()[:, 0])
        share = 100 * self._answered(asked)[0].float().mean().item()
        self.course.note("few numbers shown", share)
        self.course.remark(f"step {self.course.step:,}: {share:.1f} % of the test strings right")

    def ask(self) -> tuple[Tensor, Tensor]:
        """Show all training strings, and ask all test strings; see `right`."""
        if self.system.memory is not None:
            self._show(torch.arange(len(self.task.train)))
        return self._answered(self.task.test)

    def _show(self, rows: Tensor) -> None:
        """Write training strings into the emptied memory, shorter ones first."""
        memory = self.system.memory
        assert memory is not None, "there is a memory to show something to"
        forget(memory)
        generator = torch.Generator().manual_seed(self.course.seed)
        rows = rows[self.task.train.lengths[rows].argsort(stable=True)]
        self.system.eval()
        for some in rows.split(self.settings.batch):
            self.system.show(self.task.train.at(some).to(self.device), generator)
        self.system.train()

    def _answered(self, asked: Strings) -> tuple[Tensor, Tensor]:
        """Whether the answers to some strings are right (N,), and whether their letters are."""
        self.system.eval()
        found = []
        for some in torch.arange(len(asked)).split(self.settings.batch):
            strings = asked.at(some)
            found.append(right(self.system.answer(strings.to(self.device)).cpu(), strings))
        self.system.train()
        return torch.cat([whole for whole, _ in found]), torch.cat([part for _, part in found])

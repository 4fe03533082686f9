"""The Extended Neural GPU exercises an algorithm on strings that grow as it gets better.

Kaiser and Bengio 2016 test it on translation; that it does what the Neural GPU did on
algorithms (Kaiser and Sutskever 2016) is the check that it is built right.
"""

from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rarenmt.evaluation.environment import Environment
from rarenmt.reproduce.neural_gpu.algorithms import SHORTEST, SYMBOLS, Algorithm, draw
from rarenmt.reproduce.neural_gpu.network import NeuralGpu, Sizes
from rarenmt.reproduce.report import Chart, Curve, Figure, Report
from rarenmt.reproduce.run import Course
from rarenmt.text.tokenizer import PAD

SHORTER = 0.2
"""Share of the steps on shorter strings than the longest so far."""
CLIP = 1.0
"""Largest norm of a gradient."""
INERTIA = 0.8
"""Of the running share of whole strings right."""
NOTE_EVERY = 20
"""Steps between two points of a curve."""
REMARK_EVERY = 100
"""Steps between two remarks."""


@dataclass(frozen=True)
class Settings:
    """Sizes of an exercise."""

    maps: int = 32
    longest: int = 20
    """Symbols of the longest strings to train on."""
    asked: int = 40
    """Symbols of the longest strings asked at the end."""
    batch: int = 64
    steps: int = 20_000
    rate: float = 1e-3
    """Learning rate (Adam)."""
    enough: float = 0.9
    """Share of whole strings right from which strings get longer."""
    tests: int = 200
    """Strings of each length."""
    normalised: bool = True
    dropout: float = 0.1


FULL = Settings()
QUICK = Settings(
    maps=24, longest=6, asked=10, batch=32, steps=250, rate=3e-3, tests=50, dropout=0.0
)


class Lengths(nn.Module):
    """How long the strings have become, in buffers, so that it can be resumed.

    Buffers
        longest  ()  symbols
        right    ()  running share of whole strings of that length right
    """

    longest: Tensor
    right: Tensor

    def __init__(self, shortest: int, most: int) -> None:
        super().__init__()
        self.shortest, self.most = shortest, most
        self.register_buffer("longest", torch.tensor(shortest))
        self.register_buffer("right", torch.tensor(0.0))

    def next(self, generator: torch.Generator) -> int:
        """The length of the next strings."""
        longest = int(self.longest)
        if float(torch.rand((), generator=generator)) >= SHORTER:
            return longest
        return int(torch.randint(self.shortest, longest + 1, (), generator=generator))

    def note(self, length: int, right: float, enough: float) -> None:
        """Take in how many strings of a length were right; strings grow when they are enough."""
        if length < int(self.longest):
            return
        self.right.mul_(INERTIA).add_((1 - INERTIA) * right)
        if float(self.right) >= enough and length < self.most:
            self.longest += 1
            self.right.zero_()


def run(task: Algorithm, settings: Settings, course: Course, device: torch.device) -> Report:
    """Train, or go on, and ask strings of every length."""
    sizes = Sizes(SYMBOLS, settings.maps, settings.normalised, settings.dropout)
    network = NeuralGpu(sizes, torch.Generator().manual_seed(course.seed)).to(device)
    lengths = Lengths(SHORTEST[task], settings.longest)
    _train(task, network, lengths, settings, course, device)
    whole, symbols = _ask(task, network, settings, course.seed, device)
    return Report(
        f"neural-gpu-{task}",
        {"task": task, **asdict(settings), "steps": course.step},
        course.seed,
        course.spent(),
        _figures(task, whole, symbols, settings),
        _charts(task, whole, course),
        Environment.now(),
    )


def _train(
    task: Algorithm,
    network: NeuralGpu,
    lengths: Lengths,
    settings: Settings,
    course: Course,
    device: torch.device,
) -> None:
    both = nn.ModuleList([network, lengths])
    optimiser = torch.optim.Adam(network.parameters(), lr=settings.rate, fused=True)
    course.resume(both, optimiser)
    network.train()
    while course.step < settings.steps:
        generator = course.generator()
        length = lengths.next(generator)
        drawn = draw(task, length, settings.batch, generator)
        questions, answers = (symbols.to(device) for symbols in drawn)
        with course.dropping():
            logits = network(questions, answers)
        loss = F.cross_entropy(logits.flatten(0, 1), answers.flatten(), ignore_index=PAD)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), CLIP)
        optimiser.step()
        right = _agree(logits.argmax(dim=-1), answers).all(dim=1).float().mean().item()
        lengths.note(length, right, settings.enough)
        _note(course, loss.item(), int(lengths.longest))
        course.step += 1
        course.save(both, optimiser, now=False)
    course.save(both, optimiser, now=True)


def _note(course: Course, loss: float, longest: int) -> None:
    if course.step % NOTE_EVERY == 0:
        course.note("loss", loss)
        course.note("longest strings", longest)
    if course.step % REMARK_EVERY == 0:
        course.remark(
            f"step {course.step:,}, {course.spent():,.0f} s: loss {loss:.3f}, "
            f"strings up to {longest}"
        )


def _agree(found: Tensor, answers: Tensor) -> Tensor:
    """Which symbols (N, L) are right; padding is."""
    return (found == answers) | (answers == PAD)


Shares = dict[int, float]
"""Share for each length."""


@torch.inference_mode()
def _ask(
    task: Algorithm, network: NeuralGpu, settings: Settings, seed: int, device: torch.device
) -> tuple[Shares, Shares]:
    """Whole strings, and symbols, right for each length, the network reading its own answers."""
    network.eval()
    whole, symbols = {}, {}
    for length in range(SHORTEST[task], settings.asked + 1):
        generator = torch.Generator().manual_seed(seed * 1_000_003 + length)
        questions, answers = draw(task, length, settings.tests, generator)
        found = network(questions.to(device), None).argmax(dim=-1).cpu()
        agree = _agree(found, answers)
        whole[length] = agree.all(dim=1).float().mean().item()
        symbols[length] = agree[answers != PAD].float().mean().item()
    return whole, symbols


def _figures(
    task: Algorithm, whole: Shares, symbols: Shares, settings: Settings
) -> tuple[Figure, ...]:
    trained = range(SHORTEST[task], settings.longest + 1)
    longer = range(settings.longest + 1, settings.asked + 1)
    return tuple(
        Figure(
            f"{task}: {what} right, {lengths.start} to {lengths.stop - 1} symbols, %",
            100 * sum(shares[length] for length in lengths) / len(lengths),
        )
        for lengths in (trained, longer)
        if lengths
        for what, shares in (("whole strings", whole), ("symbols", symbols))
    )


def _charts(task: Algorithm, whole: Shares, course: Course) -> tuple[Chart, ...]:
    by_length = tuple((float(length), 100 * share) for length, share in whole.items())
    charts = [
        Chart("lengths", f"{task}: whole strings right", "symbols", "%", (Curve(task, by_length),))
    ]
    for name, curve, y in (
        ("learning", "longest strings", "symbols"),
        ("loss", "loss", "nats"),
    ):
        if points := course.curves.get(curve):
            title = f"{task}: {curve}"
            charts.append(Chart(name, title, "steps", y, (Curve(curve, tuple(points)),)))
    return tuple(charts)

"""Train the Extended Neural GPU on an algorithm, on strings that grow as it improves.

Kaiser and Bengio 2016 test it on translation. That it learns the algorithms of the Neural GPU
(Kaiser and Sutskever 2016) checks the implementation.
"""

from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rarenmt.reproduce.neural_gpu.algorithms import SHORTEST, SYMBOLS, Algorithm, draw
from rarenmt.reproduce.neural_gpu.network import NeuralGpu, Sizes
from rarenmt.reproduce.report import Chart, Curve, Figure, Report
from rarenmt.reproduce.run import Run
from rarenmt.text.tokenizer import PAD

SHORTER = 0.2
"""Share of the steps on shorter strings than the longest so far."""
CLIP = 1.0
"""Largest norm of a gradient."""
INERTIA = 0.8
"""Decay of the running share of whole strings right."""
RECORD_EVERY = 20
"""Steps between two points of a curve."""
LOG_EVERY = 100
"""Steps between two log lines."""


@dataclass(frozen=True)
class Settings:
    """Settings of a run."""

    maps: int = 32
    longest: int = 20
    """Symbols of the longest strings to train on."""
    asked: int = 40
    """Symbols of the longest strings of the test."""
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
    """The curriculum of lengths, in buffers, so that it is saved with the run.

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

    def update(self, length: int, right: float, enough: float) -> None:
        """Update the running share right; strings become longer when it is at least `enough`."""
        if length < int(self.longest):
            return
        self.right.mul_(INERTIA).add_((1 - INERTIA) * right)
        if float(self.right) >= enough and length < self.most:
            self.longest += 1
            self.right.zero_()


def reproduce(task: Algorithm, settings: Settings, run: Run, device: torch.device) -> Report:
    """Train, or resume, and evaluate strings of every length."""
    sizes = Sizes(SYMBOLS, settings.maps, settings.normalised, settings.dropout)
    network = NeuralGpu(sizes, torch.Generator().manual_seed(run.seed)).to(device)
    lengths = Lengths(SHORTEST[task], settings.longest)
    _train(task, network, lengths, settings, run, device)
    whole, symbols = _evaluate(task, network, settings, run.seed, device)
    return Report(
        f"neural-gpu-{task}",
        {"task": task, **asdict(settings), "steps": run.step},
        run.seed,
        run.elapsed(),
        _figures(task, whole, symbols, settings),
        _charts(task, whole, run),
    )


def _train(
    task: Algorithm,
    network: NeuralGpu,
    lengths: Lengths,
    settings: Settings,
    run: Run,
    device: torch.device,
) -> None:
    def loss(generator: torch.Generator) -> Tensor:
        length = lengths.next(generator)
        drawn = draw(task, length, settings.batch, generator)
        questions, answers = (symbols.to(device) for symbols in drawn)
        logits = network(questions, answers)
        right = _agree(logits.argmax(dim=-1), answers).all(dim=1).float().mean().item()
        lengths.update(length, right, settings.enough)
        return F.cross_entropy(logits.flatten(0, 1), answers.flatten(), ignore_index=PAD)

    def after(loss: Tensor) -> None:
        longest = int(lengths.longest)
        if run.step % RECORD_EVERY == 0:
            run.record(run.step, {"loss": loss.item(), "longest strings": longest})
        if run.step % LOG_EVERY == 0:
            run.log(
                f"step {run.step:,}, {run.elapsed():,.0f} s: loss {loss.item():.3f}, "
                f"strings up to {longest}"
            )

    optimiser = torch.optim.Adam(network.parameters(), lr=settings.rate, fused=True)
    run.train(
        nn.ModuleList([network, lengths]), optimiser, settings.steps, loss, after,
        rate=lambda step: settings.rate, clip=CLIP,
    )  # fmt: skip


def _agree(found: Tensor, answers: Tensor) -> Tensor:
    """Which symbols (N, L) are right; padding is."""
    return (found == answers) | (answers == PAD)


Shares = dict[int, float]
"""Share for each length."""


@torch.inference_mode()
def _evaluate(
    task: Algorithm, network: NeuralGpu, settings: Settings, seed: int, device: torch.device
) -> tuple[Shares, Shares]:
    """Shares of whole strings and of symbols right for each length, by greedy decoding."""
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


def _charts(task: Algorithm, whole: Shares, run: Run) -> tuple[Chart, ...]:
    by_length = tuple((float(length), 100 * share) for length, share in whole.items())
    return (
        Chart("lengths", f"{task}: whole strings right", "symbols", "%", (Curve(task, by_length),)),
        *run.charts(
            (
                ("learning", f"{task}: longest strings", "symbols", "longest strings"),
                ("loss", f"{task}: loss", "nats", "loss"),
            )
        ),
    )

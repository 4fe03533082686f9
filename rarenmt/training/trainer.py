"""The training loop: a generator that yields a Report at every turn worth telling.

Whatever is drawn at random in a step (dropout, the positions that ask the memory, the
noise on ages) follows from the seed and the number of the step, so a resumed run goes
the way an uninterrupted one would have gone, step for step.
"""

import json
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from rarenmt.config import Config, TrainConfig
from rarenmt.errors import CheckpointError, SettingError
from rarenmt.memory.memory import Memory, Recall
from rarenmt.model.checkpoint import METRICS, TRAINING, save_checkpoint, save_tokenizer
from rarenmt.model.seq2seq import Model
from rarenmt.storage.files import naming, replace_bytes
from rarenmt.storage.tensors import load_tensors
from rarenmt.text.batch import pair_batch
from rarenmt.text.tokenizer import Tokenizer
from rarenmt.training import distributed as parallel
from rarenmt.training.aligner import Alignments
from rarenmt.training.averaging import AveragedModel
from rarenmt.training.data import Corpus, draw_positions, places_in
from rarenmt.training.objective import Loss, MemoryQueries, compute_loss
from rarenmt.training.practice import Practice
from rarenmt.training.state import restore_training, save_training
from rarenmt.training.validation import ValidationSet

REPORT_EVERY = 25


@dataclass(frozen=True)
class TrainingReport:
    """Where a run stands; losses are means over what was seen since the report before."""

    step: int
    epoch: int
    learning_rate: float
    translation_loss: float
    """Nats for a target token, label smoothing included."""
    memory_loss: float
    readout_loss: float
    memory_hits: float
    """Share of the asked positions whose nearest neighbour held the right piece."""
    tokens_per_second: float
    seconds: float
    """Time in this run's steps, interruptions not counted."""
    attention_loss: float | None = None
    """Nats for a target token; only where the attention is guided."""
    dev_bleu: float | None = None
    """Greedy, without memory; only where it was measured."""
    dev_loss: float | None = None
    """Nats for a target token, without label smoothing."""


def learning_rate(step: int, config: TrainConfig) -> float:
    """Linear rise, a plateau, and a linear fall over the last `decay` share of the steps."""
    rise = min(1.0, (step + 1) / max(1, config.warmup))
    falling = config.steps * config.decay_fraction
    fall = min(1.0, (config.steps - step) / falling) if falling else 1.0
    return config.learning_rate * rise * fall


@dataclass
class Progress:
    """Where a run stands; with the weights, the optimiser and the memory it is all of its state."""

    step: int = 0
    epoch: int = 0
    batch: int = 0
    """Batches of the epoch that are done."""
    best_bleu: float = -1.0
    seconds: float = 0.0


class Trainer:
    """A training run in its folder."""

    def __init__(
        self,
        folder: Path,
        model: Model,
        tokenizer: Tokenizer,
        corpus: Corpus,
        dev: ValidationSet,
        config: TrainConfig,
        practice: Practice | None = None,
        links: Alignments | None = None,
    ) -> None:
        self.links = links
        self.practice = practice if practice is not None and practice.maker.possible else None
        self.folder, self.model, self.tokenizer = folder, model, tokenizer
        self.corpus, self.dev, self.config = corpus, dev, config
        self.device = model.embedding.weight.device
        self.memory = model.new_memory() if config.memory_positions else None
        if self.memory is not None and config.memory_positions > self.memory.slots:
            raise SettingError(
                f"{config.memory_positions} positions a step ask the memory but it has "
                f"{self.memory.slots} slots; use more slots or fewer memory_positions"
            )
        self.optimizer = torch.optim.Adam(model.parameters(), lr=0.0, betas=(0.9, 0.98), fused=True)
        self.average = AveragedModel(model, config.average) if config.average else None
        for parameter in model.parameters():  # so that Adam and all ranks count every one alike,
            parameter.grad = torch.zeros_like(parameter)  # also where a step gives no gradient
        self.progress = Progress()
        self._sums = torch.zeros(7)  # translation, memory, readout, hits, attention, tokens, asked
        self._since = time.perf_counter()

    @property
    def kept(self) -> Model:
        """The model that is measured and kept: the averaged one, where weights are averaged."""
        return self.model if self.average is None else self.average.model

    def reports(self, stop: Callable[[], bool]) -> Iterator[TrainingReport]:
        """Train until the last step or until `stop` says so on any rank; saved at both ends."""
        if self.progress.step == 0:
            self.save()
        self._since = time.perf_counter()
        epoch = self._epoch()
        while self.progress.step < self.config.steps and not parallel.any_rank(stop()):
            while self.progress.batch >= len(epoch):
                self.progress.epoch, self.progress.batch = self.progress.epoch + 1, 0
                epoch = self._epoch()
            self._step(epoch[self.progress.batch])
            self.progress.batch += 1
            self.progress.step += 1
            step, last = self.progress.step, self.progress.step == self.config.steps
            evaluated = step % self.config.evaluate_every == 0 or last
            if evaluated or step % REPORT_EVERY == 0:
                yield self._report(evaluated)
            if evaluated or step % self.config.save_every == 0:
                self.save()
        self.save()

    def _epoch(self) -> list[list[int]]:
        return self.corpus.epoch(self.progress.epoch, self.config.seed, self.config.batch_tokens)

    def _step(self, positions: list[int]) -> None:
        """One update of the weights, then one of the memory."""
        config, step = self.config, self.progress.step
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(step, config)
        lengths = [len(self.corpus.pairs[p][1]) + 1 for p in positions]
        tokens = sum(lengths)
        asking = min(config.memory_positions, tokens)
        generator = torch.Generator().manual_seed(config.seed * 1_000_003 + step)
        drawn = draw_positions(lengths, asking, generator)
        self.model.train()
        self.optimizer.zero_grad(set_to_none=False)
        losses, orders = self._backward(positions, tokens, drawn)
        self._practise()
        parallel.sum_gradients(self.model)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), config.clip)
        self.optimizer.step()
        if self.average is not None:
            self.average.add(self.model)
        if self.memory is not None:
            self._write(self.memory, [loss.asked for loss in losses], orders)
        for loss in losses:
            parts = (loss.translation, loss.memory, loss.readout, loss.hits, loss.attention)
            self._sums[:5] += torch.stack([part.detach().float() for part in parts]).cpu()
        self._sums[5] += tokens / parallel.world()
        self._sums[6] += asking / parallel.world()

    def _backward(
        self, positions: list[int], tokens: int, drawn: tuple[Tensor, Tensor]
    ) -> tuple[list[Loss], list[Tensor]]:
        """Gradients of the mean losses, this rank's share of them, part after part; and which of
        the drawn positions each part asked."""
        config = self.config
        seed = (config.seed * 1_000_003 + self.progress.step) * parallel.world() + parallel.rank()
        shard = range(len(positions))[parallel.rank() :: parallel.world()]
        asking = len(drawn[0])
        losses, orders = [], []
        with _dropout_seed(seed, self.device):
            for numbers in filter(
                None,
                (shard[i :: config.accumulation_steps] for i in range(config.accumulation_steps)),
            ):
                part = [positions[number] for number in numbers]
                batch = pair_batch([self.corpus.pairs[p] for p in part], self.device)
                places, order = places_in(drawn, numbers, len(positions))
                places = places.to(self.device)
                with _mixed_precision(self.device, config.bf16):
                    linked = self.links.between(batch, part) if self.links is not None else None
                    loss = compute_loss(self.model, batch, self.memory, places, config, linked)
                total = (loss.translation + config.alignment_weight * loss.attention) / tokens
                if asking:
                    total = total + config.memory_weight * (loss.memory + loss.readout) / asking
                total.backward()
                losses.append(loss)
                orders.append(order.to(self.device))
        return losses, orders

    def _practise(self) -> None:
        """In the falling phase, now and then, gradients of a few made-up-word episodes too."""
        config, step = self.config, self.progress.step
        falling = step >= config.steps * (1 - config.decay_fraction)
        rng = random.Random(f"{config.seed} {step}")
        if self.practice is None or self.memory is None or not falling:
            return
        if rng.random() >= config.episode_rate:
            return
        rng = random.Random(f"{config.seed} {step} {parallel.rank()}")
        seed = rng.getrandbits(32)
        with _dropout_seed(seed, self.device), _mixed_precision(self.device, config.bf16):
            loss, tokens = self.practice.loss(self.model, self.memory, config, rng)
        memory = loss.memory + loss.readout + loss.attention
        total = loss.translation + config.memory_weight * memory
        (total / tokens / parallel.world()).backward()

    def _write(
        self, memory: Memory, asked: Sequence[MemoryQueries | None], orders: Sequence[Tensor]
    ) -> None:
        """Write what all ranks asked, in the order it was drawn, into this rank's copy."""
        some = [_nothing_asked(memory), *(each for each in asked if each is not None)]
        drawn = parallel.gather_rows(torch.cat([memory.values[:0], *orders])).argsort()

        def gather(parts: Iterable[Tensor]) -> Tensor:
            return parallel.gather_rows(torch.cat(list(parts)))[drawn]

        nearest = Recall(
            gather(each.recall.slots[:, :1] for each in some),
            gather(each.recall.values[:, :1] for each in some),
            gather(each.recall.similarity[:, :1].detach() for each in some),
        )
        generator = torch.Generator().manual_seed(self.config.seed + self.progress.step)
        queries = gather(each.queries for each in some)
        memory.write(queries, gather(each.targets for each in some), nearest, generator)

    def _report(self, evaluated: bool) -> TrainingReport:
        """Sum up since the report before, evaluate when asked to, and note it in metrics.jsonl."""
        sums = parallel.sum_numbers(self._sums).tolist()
        now = time.perf_counter()
        elapsed = now - self._since
        self.progress.seconds += elapsed
        tokens, asked = max(sums[5], 1.0), max(sums[6], 1.0)
        report = TrainingReport(
            step=self.progress.step,
            epoch=self.progress.epoch,
            learning_rate=learning_rate(self.progress.step - 1, self.config),
            translation_loss=sums[0] / tokens,
            memory_loss=sums[1] / asked,
            readout_loss=sums[2] / asked,
            memory_hits=sums[3] / asked,
            attention_loss=sums[4] / tokens if self.links is not None else None,
            tokens_per_second=tokens / elapsed,
            seconds=self.progress.seconds,
        )
        if evaluated:
            dev_bleu, dev_loss = self._evaluate()
            report = TrainingReport(
                **{**asdict(report), "dev_bleu": dev_bleu, "dev_loss": dev_loss}
            )
            if dev_bleu >= self.progress.best_bleu:
                self.progress.best_bleu = dev_bleu
                if parallel.rank() == 0:
                    save_checkpoint(self.folder, self.kept, self.tokenizer)
        self._note(report)
        self._sums.zero_()
        self._since = time.perf_counter()
        return report

    def _evaluate(self) -> tuple[float, float]:
        """BLEU and loss on the held-out pairs; every rank gets rank 0's."""
        numbers = torch.zeros(2, dtype=torch.float64)
        if parallel.rank() == 0:
            kept = self.kept.eval()
            loss = self.dev.loss(kept, self.config.batch_tokens)
            numbers += torch.tensor([self.dev.bleu(kept, self.tokenizer), loss])
        dev_bleu, dev_loss = parallel.sum_numbers(numbers).tolist()
        return dev_bleu, dev_loss

    def _note(self, report: TrainingReport) -> None:
        if parallel.rank() != 0:
            return
        path = self.folder / METRICS
        with naming(path, "write"), path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(asdict(report)) + "\n")

    def save(self) -> None:
        """Write everything a later run needs to go on from here."""
        if parallel.rank() != 0:
            return
        save_tokenizer(self.folder, self.tokenizer)
        metadata = {
            "progress": json.dumps(asdict(self.progress)),
            "config": json.dumps(self.model.config.to_json()),
            "train": json.dumps(asdict(self.config)),
        }
        save_training(self.folder, self.model, self.optimizer, self.memory, self.average, metadata)

    def resume(self) -> None:
        """Go on from what `save` wrote; CheckpointError when it is damaged or of another model."""
        path = self.folder / TRAINING
        tensors, metadata = load_tensors(path)
        try:
            if Config.from_json(json.loads(metadata["config"])) != self.model.config:
                raise CheckpointError(
                    f"{path} belongs to another configuration; "
                    "resume with the options the run was started with"
                )
            self.progress = Progress(**json.loads(metadata["progress"]))
            steps = self.progress.step
            restore_training(tensors, self.model, self.optimizer, steps, self.memory, self.average)
        except (KeyError, TypeError, ValueError, RuntimeError, SettingError) as error:
            reason = " ".join(str(error).split())
            raise CheckpointError(f"{path} is damaged: {reason}") from None
        self._drop_later_metrics()

    def _drop_later_metrics(self) -> None:
        """Forget reports of steps that were lost when the run was cut off, and a torn last line."""
        path = self.folder / METRICS
        if parallel.rank() == 0 and path.is_file():
            with naming(path, "read"):
                lines = path.read_bytes().splitlines(keepends=True)
            whole = [line for line in lines if line.endswith(b"}\n")]
            kept = [line for line in whole if json.loads(line)["step"] <= self.progress.step]
            replace_bytes(path, b"".join(kept))


def _nothing_asked(memory: Memory) -> MemoryQueries:
    """The part of a rank that has nothing of what was drawn."""
    queries = memory.keys.new_zeros((0, memory.keys.shape[1]), dtype=torch.float32)
    nobody = memory.values.new_zeros((0, 1))
    return MemoryQueries(queries, memory.values[:0], Recall(nobody, nobody, queries[:, :1]))


@contextmanager
def _dropout_seed(seed: int, device: torch.device) -> Iterator[None]:
    """Dropout draws from torch's global generator: seed it for the step, then put it back."""
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield


def _mixed_precision(device: torch.device, enabled: bool) -> torch.autocast:
    return torch.autocast(device.type, torch.bfloat16, enabled=enabled)

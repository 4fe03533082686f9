"""The training loop: a generator of progress reports.

Everything random in a step (dropout, the positions that query the memory, the noise on ages)
follows from the seed and the number of the step, so a resumed run equals an uninterrupted one,
step for step.
"""

import json
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import torch
from torch import Tensor

from rarenmt.config import Config, TrainConfig
from rarenmt.errors import CheckpointError, SettingError
from rarenmt.memory.memory import Memory, Recall
from rarenmt.model.checkpoint import (
    TRAINING,
    Checkpoint,
    save_checkpoint,
    save_tokenizer,
    save_word_tables,
)
from rarenmt.model.seq2seq import Model
from rarenmt.storage.tensors import load_tensors
from rarenmt.text.batch import pair_batch
from rarenmt.text.corpus.reader import read_corpus
from rarenmt.text.tokenizer import Tokenizer
from rarenmt.training import distributed
from rarenmt.training.aligner import Alignments
from rarenmt.training.averaging import AveragedModel
from rarenmt.training.data import (
    Corpus,
    draw_positions,
    learn_word_tables,
    load_or_learn_tokenizer,
    positions_in,
    read_texts,
)
from rarenmt.training.objective import Loss, MemoryQueries, compute_loss
from rarenmt.training.practice import Practice
from rarenmt.training.precision import mixed_precision
from rarenmt.training.state import (
    Progress,
    TrainingReport,
    append_report,
    check_folder,
    drop_later_reports,
    dropout_seed,
    initial_model,
    restore_training,
    save_training,
)
from rarenmt.training.validation import ValidationSet

REPORT_EVERY = 25
"""Steps."""


def learning_rate(step: int, config: TrainConfig) -> float:
    """Linear warm-up, a plateau, and a linear fall over the last `decay_fraction` of the steps."""
    warmup = min(1.0, (step + 1) / max(1, config.warmup))
    falling = config.steps * config.decay_fraction
    decay = min(1.0, (config.steps - step) / falling) if falling else 1.0
    return config.learning_rate * warmup * decay


class Trainer:
    """A training run; its folder keeps the checkpoint with the best BLEU."""

    def __init__(
        self,
        folder: Path,
        model: Model,
        tokenizer: Tokenizer,
        corpus: Corpus,
        validation: ValidationSet,
        config: TrainConfig,
        practice: Practice | None = None,
        alignments: Alignments | None = None,
    ) -> None:
        self.alignments = alignments
        self.practice = practice if practice is not None and practice.maker.possible else None
        self.folder, self.model, self.tokenizer = folder, model, tokenizer
        self.corpus, self.validation, self.config = corpus, validation, config
        self.device = model.embedding.weight.device
        self.memory = model.new_memory() if config.memory_positions else None
        if self.memory is not None and config.memory_positions > self.memory.capacity:
            raise SettingError(
                f"{config.memory_positions} positions per step query the memory but it has "
                f"{self.memory.capacity} slots; use more slots or fewer memory_positions"
            )
        self.optimizer = torch.optim.Adam(model.parameters(), lr=0.0, betas=(0.9, 0.98), fused=True)
        self.average = AveragedModel(model, config.average) if config.average else None
        for parameter in model.parameters():  # so that Adam and all ranks update every parameter,
            parameter.grad = torch.zeros_like(parameter)  # even if a step gives it no gradient
        self.progress = Progress()
        self._sums = torch.zeros(7)  # of `Loss.sums`, target tokens, querying positions
        self._since = time.perf_counter()

    @classmethod
    def from_files(
        cls,
        folder: Path | str,
        corpora: Sequence[tuple[str, float]],
        dev: str,
        config: Config,
        training: TrainConfig,
        *,
        start: Checkpoint | None = None,
        new_memory: bool = False,
        vocabulary: Path | None = None,
        concatenated: float = 0.0,
        resume: bool = False,
        device: torch.device | str = "cpu",
        log: Callable[[str], None] = lambda sentence: None,
    ) -> "Trainer":
        """A run in `folder` on corpora with their sampling weights, validated on the corpus `dev`.

        Weights and vocabulary come from `start`, if given; with `new_memory`, query and readout
        layers begin anew. Otherwise a vocabulary of `config.model.vocabulary` pieces is learned
        from the text, or read from `vocabulary`. `concatenated` is the number of pairs to add per
        pair by concatenation. `resume` continues the run in the folder. DataError for text that
        cannot be used, SettingError for a folder or setting, CheckpointError for a damaged run.
        """
        check_folder(folder := Path(folder), resume)
        distributed.any_rank(False)  # waits: no rank writes before every rank has checked
        texts = read_texts(corpora, config.languages, log)
        held_out = list(read_corpus(dev, config.languages, log))
        if start is not None:
            tokenizer = start.tokenizer
        else:
            path = folder if resume else vocabulary
            tokenizer = load_or_learn_tokenizer(path, texts, config.model.vocabulary, log)
        config = replace(config, model=replace(config.model, vocabulary=len(tokenizer)))
        corpus = Corpus.from_texts(texts, tokenizer, training, concatenated)
        alignments, practice = None, None
        if training.alignment_weight:
            log(f"aligning the words of {len(corpus.pairs):,} pairs")
            alignments = Alignments(corpus.pairs, tokenizer)
        tables = learn_word_tables(corpus, texts, tokenizer, alignments, start)
        if training.episode_rate and training.memory_positions:
            pairs = [pair for pairs, _ in texts for pair in pairs]
            practice = Practice.from_pairs(pairs, tokenizer, tables[0], training)
        model = initial_model(config, start, training.seed, new_memory=new_memory).to(device)
        dev_set = ValidationSet.from_pairs(held_out[: training.evaluate_pairs], tokenizer)
        trainer = cls(folder, model, tokenizer, corpus, dev_set, training, practice, alignments)
        if resume:
            trainer.resume()
        if distributed.rank() == 0:
            save_word_tables(folder, *tables)
        return trainer

    @property
    def evaluated_model(self) -> Model:
        """The model that is evaluated and saved: the averaged one, if weights are averaged."""
        return self.model if self.average is None else self.average.model

    def train(self, stop: Callable[[], bool] = lambda: False) -> Iterator[TrainingReport]:
        """Train to the last step, or until `stop` is true on any rank; saves at both ends."""
        if self.progress.step == 0:
            self.save()
        self._since = time.perf_counter()
        epoch = self._epoch()
        while self.progress.step < self.config.steps and not distributed.any_rank(stop()):
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
        """One update of the weights, then one of the memory, by the pairs at these positions."""
        config, step = self.config, self.progress.step
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(step, config)
        lengths = [len(self.corpus.pairs[p][1]) + 1 for p in positions]
        tokens = sum(lengths)
        queried = min(config.memory_positions, tokens)
        generator = torch.Generator().manual_seed(config.seed * 1_000_003 + step)
        drawn = draw_positions(lengths, queried, generator)
        self.model.train()
        self.optimizer.zero_grad(set_to_none=False)
        losses, orders = self._backward(positions, tokens, drawn)
        self._backward_episodes()
        distributed.sum_gradients(self.model)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), config.clip)
        self.optimizer.step()
        if self.average is not None:
            self.average.add(self.model)
        if self.memory is not None:
            self._write(self.memory, [loss.queries for loss in losses], orders)
        world = distributed.world()
        for loss in losses:
            self._sums[:5] += loss.sums()
        self._sums[5:] += torch.tensor([tokens / world, queried / world])

    def _backward(
        self, positions: list[int], tokens: int, drawn: tuple[Tensor, Tensor]
    ) -> tuple[list[Loss], list[Tensor]]:
        """Accumulate this rank's share of the gradients of the mean losses; return the losses of
        its sub-batches, and which of the drawn positions each of them queried."""
        config, world, rank = self.config, distributed.world(), distributed.rank()
        seed = (config.seed * 1_000_003 + self.progress.step) * world + rank
        shard = range(len(positions))[rank::world]
        queried, count = len(drawn[0]), config.accumulation_steps
        losses, orders = [], []
        with dropout_seed(seed, self.device):
            for numbers in filter(None, (shard[i::count] for i in range(count))):
                part = [positions[number] for number in numbers]
                batch = pair_batch([self.corpus.pairs[p] for p in part], self.device)
                flat, order = positions_in(drawn, numbers, len(positions))
                flat = flat.to(self.device)
                with mixed_precision(self.device, config.bf16):
                    aligned = self.alignments.between(batch, part) if self.alignments else None
                    loss = compute_loss(self.model, batch, self.memory, flat, config, aligned)
                total = (loss.translation + config.alignment_weight * loss.attention) / tokens
                if queried:
                    total = total + config.memory_weight * (loss.memory + loss.readout) / queried
                total.backward()
                losses.append(loss)
                orders.append(order.to(self.device))
        return losses, orders

    def _backward_episodes(self) -> None:
        """Add gradients of a few episodes, at random steps with a falling learning rate."""
        config, step = self.config, self.progress.step
        falling = step >= config.steps * (1 - config.decay_fraction)
        rng = random.Random(f"{config.seed} {step}")
        if self.practice is None or self.memory is None or not falling:
            return
        if rng.random() >= config.episode_rate:
            return
        rng = random.Random(f"{config.seed} {step} {distributed.rank()}")
        seed = rng.getrandbits(32)
        with dropout_seed(seed, self.device), mixed_precision(self.device, config.bf16):
            loss, tokens = self.practice.loss(self.model, self.memory, config, rng)
        memory = loss.memory + loss.readout + loss.attention
        total = loss.translation + config.memory_weight * memory
        (total / tokens / distributed.world()).backward()

    def _write(
        self, memory: Memory, queries: Sequence[MemoryQueries | None], orders: Sequence[Tensor]
    ) -> None:
        """Write the queries of all ranks, in the order drawn, into this rank's memory."""
        present = [MemoryQueries.empty(memory), *(each for each in queries if each is not None)]
        order = distributed.gather_rows(torch.cat([memory.values[:0], *orders])).argsort()

        def gather(parts: Iterable[Tensor]) -> Tensor:
            return distributed.gather_rows(torch.cat(list(parts)))[order]

        nearest = Recall(
            gather(each.recall.slots[:, :1] for each in present),
            gather(each.recall.values[:, :1] for each in present),
            gather(each.recall.similarity[:, :1].detach() for each in present),
        )
        generator = torch.Generator().manual_seed(self.config.seed + self.progress.step)
        keys = gather(each.queries for each in present)
        memory.write(keys, gather(each.targets for each in present), nearest, generator)

    def _report(self, evaluated: bool) -> TrainingReport:
        """Average since the previous report, evaluate if wanted, and append to metrics.jsonl."""
        sums = distributed.sum_numbers(self._sums).tolist()
        translation, memory, readout, hits, attention, tokens, queried = sums
        now = time.perf_counter()
        elapsed = now - self._since
        self.progress.seconds += elapsed
        tokens, queried = max(tokens, 1.0), max(queried, 1.0)
        report = TrainingReport(
            step=self.progress.step,
            epoch=self.progress.epoch,
            learning_rate=learning_rate(self.progress.step - 1, self.config),
            translation_loss=translation / tokens,
            memory_loss=memory / queried,
            readout_loss=readout / queried,
            memory_hits=hits / queried,
            attention_loss=attention / tokens if self.alignments is not None else None,
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
                if distributed.rank() == 0:
                    save_checkpoint(self.folder, self.evaluated_model, self.tokenizer)
        if distributed.rank() == 0:
            append_report(self.folder, report)
        self._sums.zero_()
        self._since = time.perf_counter()
        return report

    def _evaluate(self) -> tuple[float, float]:
        """BLEU and loss on the held-out pairs, computed by rank 0 for all ranks."""
        numbers = torch.zeros(2, dtype=torch.float64)
        if distributed.rank() == 0:
            model = self.evaluated_model.eval()
            loss = self.validation.loss(model, self.config.batch_tokens)
            numbers += torch.tensor([self.validation.bleu(model, self.tokenizer), loss])
        dev_bleu, dev_loss = distributed.sum_numbers(numbers).tolist()
        return dev_bleu, dev_loss

    def save(self) -> None:
        """Write everything that `resume` needs."""
        if distributed.rank() != 0:
            return
        save_tokenizer(self.folder, self.tokenizer)
        metadata = {
            "progress": json.dumps(asdict(self.progress)),
            "config": json.dumps(self.model.config.to_json()),
            "train": json.dumps(asdict(self.config)),
        }
        save_training(self.folder, self.model, self.optimizer, self.memory, self.average, metadata)

    def resume(self) -> None:
        """Load what `save` wrote; CheckpointError if it is damaged or of another model."""
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
        if distributed.rank() == 0:
            drop_later_reports(self.folder, steps)

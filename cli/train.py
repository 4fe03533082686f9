"""`rarenmt train`: corpora to a checkpoint folder."""

import os
import signal
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from rarenmt.config import MEMORIES, PRESETS, Config, MemoryConfig, TrainConfig
from rarenmt.errors import SettingError

from . import console, options

if TYPE_CHECKING:
    import torch

    from rarenmt.model.checkpoint import Checkpoint
    from rarenmt.training.state import TrainingReport
    from rarenmt.training.trainer import Trainer

DEFAULT = TrainConfig()
T = TypeVar("T")


def train(
    corpora: Annotated[
        list[str],
        typer.Argument(
            help="Training text: a TSV or TMX file, or two parallel files as SOURCE,TARGET; .xz "
            "and .gz are read. FILE@4 uses its pairs four times per epoch, FILE@0.5 a random half.",
            show_default=False,
        ),
    ],
    folder: Annotated[Path, typer.Option("-o", "--output", help="Checkpoint folder to write.")],
    dev: Annotated[str, typer.Option(help="Validation corpus, in the same formats.")],
    start: Annotated[
        list[Path] | None,
        typer.Option(
            "--from",
            help="Start from the weights and the vocabulary of this checkpoint, or from the mean "
            "of several; with --memory-kind, query and readout layers start from random weights.",
        ),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(help=f"Model size: {', '.join(PRESETS)}.", show_default="small"),
    ] = None,
    vocabulary: Annotated[
        str | None,
        typer.Option(
            help="Number of pieces of the vocabulary, or the vocabulary.model of another run.",
            show_default="of the preset",
        ),
    ] = None,
    dropout: Annotated[
        float | None, typer.Option(help="Dropout rate.", show_default="of the preset")
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(
            "--memory-kind",
            help="Kind of memory: rare (ours), or paper (Kaiser et al. 2017).",
            show_default="rare",
        ),
    ] = None,
    slots: Annotated[
        int, typer.Option(help="Slots of the memory during training.")
    ] = MemoryConfig.slots,
    steps: Annotated[int, typer.Option(help="Optimiser steps.")] = DEFAULT.steps,
    batch_tokens: Annotated[
        int, typer.Option(help="Target tokens per step, over all processes.")
    ] = DEFAULT.batch_tokens,
    accumulate: Annotated[
        int, typer.Option(help="Sub-batches per step, computed one after another to save memory.")
    ] = DEFAULT.accumulation_steps,
    learning_rate: Annotated[
        float, typer.Option(help="Peak learning rate.")
    ] = DEFAULT.learning_rate,
    warmup: Annotated[int, typer.Option(help="Warm-up steps.")] = DEFAULT.warmup,
    decay: Annotated[
        float,
        typer.Option(help="Last fraction of the steps, over which the learning rate falls to 0."),
    ] = DEFAULT.decay_fraction,
    episodes: Annotated[
        float,
        typer.Option(
            help="Fraction of the steps with a falling learning rate (--decay) that also train on "
            "episodes with invented words."
        ),
    ] = DEFAULT.episode_rate,
    align: Annotated[
        float,
        typer.Option(help="Weight of the guided-alignment loss; 0 turns it off."),
    ] = DEFAULT.alignment_weight,
    join: Annotated[
        float,
        typer.Option(
            min=0,
            max=10,
            help="Longer pairs to add per pair of the text, each a concatenation of two to four.",
        ),
    ] = 0.0,
    memory_positions: Annotated[
        int,
        typer.Option(help="Target positions per step that query the memory; 0 trains without one."),
    ] = DEFAULT.memory_positions,
    average: Annotated[
        int,
        typer.Option(help="Steps over which the weights are averaged; 0 uses the last weights."),
    ] = DEFAULT.average,
    evaluate_every: Annotated[
        int, typer.Option(help="Steps between evaluations.")
    ] = DEFAULT.evaluate_every,
    save_every: Annotated[int, typer.Option(help="Steps between saves.")] = DEFAULT.save_every,
    source_language: Annotated[
        str | None,
        typer.Option(help="Code of the source language, as in TMX files.", show_default="en"),
    ] = None,
    target_language: Annotated[
        str | None, typer.Option(help="Code of the target language.", show_default="de")
    ] = None,
    resume: Annotated[bool, typer.Option(help="Continue the run in the folder.")] = False,
    bf16: Annotated[
        bool | None, typer.Option(help="Compute in bfloat16.", show_default="if it is faster")
    ] = None,
    device: options.Device = "auto",
    seed: options.Seed = DEFAULT.seed,
) -> None:
    """Train a translator on sentence pairs.

    Ctrl-C saves and stops; the same command with --resume continues, step for step.

    \b
    rarenmt train corpus.tsv --dev dev.tsv -o checkpoints/mine
    rarenmt train tatoeba.tsv.xz@4 manuals.en,manuals.de --dev dev.tsv -o checkpoints/mine
    rarenmt train corpus.tsv --dev dev.tsv -o checkpoints/mine --resume
    rarenmt train letters.tsv --dev dev.tsv -o checkpoints/letters --from checkpoints/mine
    """
    from rarenmt.text.languages import shortest
    from rarenmt.training.precision import bfloat16_is_faster
    from rarenmt.training.trainer import Trainer

    decided = {
        "--preset": preset,
        "--vocabulary": vocabulary,
        "--source-language": source_language,
        "--target-language": target_language,
    }
    checkpoint = _load_start(start, decided) if start else None
    if checkpoint is not None:
        config = checkpoint.model.config
    else:
        config = Config(
            model=_chosen("preset", preset or "small", PRESETS),
            source_language=shortest(source_language or Config.source_language),
            target_language=shortest(target_language or Config.target_language),
        )
    if kind is not None:
        config = replace(config, memory=_chosen("memory kind", kind, MEMORIES))
    if dropout is not None:
        config = replace(config, model=replace(config.model, dropout=dropout))
    config = replace(config, memory=replace(config.memory, slots=slots))
    pieces, vocabulary_file = _parse_vocabulary(vocabulary)
    if pieces is not None:
        config = replace(config, model=replace(config.model, vocabulary=pieces))
    chosen = _join_group(options.pick_device(device))
    training = TrainConfig(
        steps=steps,
        batch_tokens=batch_tokens,
        accumulation_steps=accumulate,
        learning_rate=learning_rate,
        warmup=warmup,
        decay_fraction=decay,
        episode_rate=episodes,
        alignment_weight=align,
        memory_positions=memory_positions,
        average=average,
        evaluate_every=evaluate_every,
        save_every=save_every,
        seed=seed,
        bf16=bfloat16_is_faster(chosen) if bf16 is None else bf16,
    )
    trainer = Trainer.from_files(
        folder,
        [_parse_corpus(corpus) for corpus in corpora],
        dev,
        config,
        training,
        start=checkpoint,
        new_memory=kind is not None,
        vocabulary=vocabulary_file,
        concatenated=join,
        resume=resume,
        device=chosen,
        log=console.remark,
    )
    _describe_start(trainer, chosen)
    _follow(trainer)


def _parse_corpus(argument: str) -> tuple[str, float]:
    """A corpus and its sampling weight, from FILE or FILE@WEIGHT."""
    name, at, weight = argument.rpartition("@")
    if not at or Path(argument).exists():
        return argument, 1.0
    try:
        value = float(weight)
    except ValueError:
        return argument, 1.0
    if not 0 < value < 1000:
        raise SettingError(f"{argument}: the sampling weight must be between 0 and 1000")
    return name, value


def _parse_vocabulary(argument: str | None) -> tuple[int | None, Path | None]:
    """A number of pieces, or a vocabulary file."""
    if argument is None:
        return None, None
    if argument.isdecimal():
        return int(argument), None
    if not Path(argument).exists():
        raise SettingError(
            f"--vocabulary {argument}: expected a number of pieces, or a vocabulary.model"
        )
    return None, Path(argument)


def _load_start(start: list[Path], decided: Mapping[str, object]) -> "Checkpoint":
    """The checkpoints to start from as one; SettingError for an option that they decide."""
    import torch

    from rarenmt.model.checkpoint import load_average

    for option, value in decided.items():
        if value is not None:
            raise SettingError(f"{option} is given by the checkpoint of --from; leave it out")
    return load_average(start, torch.device("cpu"))


def _chosen(what: str, name: str, known: dict[str, T]) -> T:
    if name not in known:
        raise SettingError(f"unknown {what} {name!r}; choose from {', '.join(known)}")
    return known[name]


def _join_group(device: "torch.device") -> "torch.device":
    """Join the process group of torchrun, if there is one; return the device of this process."""
    import torch

    if "WORLD_SIZE" not in os.environ:
        return device
    cuda = device.type == "cuda"
    torch.distributed.init_process_group("cpu:gloo,cuda:nccl" if cuda else "gloo")
    console.quiet(torch.distributed.get_rank() != 0)
    if cuda:
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    return device


def _describe_start(trainer: "Trainer", device: "torch.device") -> None:
    """Report the size of the run and where it stands."""
    from rarenmt.training import distributed

    parameters = sum(parameter.numel() for parameter in trainer.model.parameters())
    console.remark(
        f"{len(trainer.corpus.pairs):,} pairs · {parameters / 1e6:.1f} M parameters · {device} · "
        f"{distributed.world()} process(es) · "
        f"step {trainer.progress.step} of {trainer.config.steps}"
    )


def _follow(trainer: "Trainer") -> None:
    """Train to the end or to the first Ctrl-C, printing the reports."""
    interrupted = False

    def interrupt(number: int, frame: object) -> None:
        nonlocal interrupted
        interrupted = True

    signal.signal(signal.SIGINT, interrupt)
    for report in trainer.train(lambda: interrupted):
        console.remark(_describe(report, trainer.config.steps))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if interrupted:
        console.remark(f"saved at step {trainer.progress.step}; continue with --resume")
        raise typer.Exit(128 + signal.SIGINT)
    console.remark(f"done: best dev BLEU {trainer.progress.best_bleu:.2f}, in {trainer.folder}")


def _describe(report: "TrainingReport", steps: int) -> str:
    """One line of progress."""
    left = (steps - report.step) * report.seconds / report.step
    parts = [
        f"step {report.step}/{steps}",
        f"epoch {report.epoch + 1}",
        f"loss {report.translation_loss:.3f}",
        f"memory {report.memory_loss:.3f} (hits {report.memory_hits:.0%})",
        f"readout {report.readout_loss:.3f}",
        f"{report.tokens_per_second:,.0f} tokens/s",
        f"{left / 60:.0f} min left",
    ]
    if report.dev_bleu is not None and report.dev_loss is not None:
        parts.insert(3, f"dev loss {report.dev_loss:.3f} BLEU {report.dev_bleu:.2f}")
    return " · ".join(parts)

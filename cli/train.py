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
from .corpora import encode, learn_or_load, learn_words, make_corpus, parse_corpus, save_words

if TYPE_CHECKING:
    import torch

    from rarenmt.model.checkpoint import Checkpoint
    from rarenmt.model.seq2seq import Model
    from rarenmt.text.tokenizer import Tokenizer
    from rarenmt.training.aligner import Alignments
    from rarenmt.training.data import Corpus
    from rarenmt.training.trainer import Trainer, TrainingReport

DEFAULT = TrainConfig()
T = TypeVar("T")


def train(
    corpora: Annotated[
        list[str],
        typer.Argument(
            help="Training text: a TSV or TMX file, or two parallel files as SOURCE,TARGET; .xz "
            "and .gz are read. FILE@4 shows its pairs four times an epoch, FILE@0.5 a random half.",
            show_default=False,
        ),
    ],
    folder: Annotated[Path, typer.Option("-o", "--output", help="Checkpoint folder to write.")],
    dev: Annotated[str, typer.Option(help="Held-out pairs, given like a corpus.")],
    start: Annotated[
        list[Path] | None,
        typer.Option(
            "--from",
            help="Checkpoint whose weights and vocabulary to start from, or several, whose weights "
            "are averaged; with --memory-kind the translator is kept and the memory's part begins "
            "anew.",
        ),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(help=f"Sizes: {', '.join(PRESETS)}.", show_default="small"),
    ] = None,
    vocabulary: Annotated[
        str | None,
        typer.Option(
            help="Pieces of the vocabulary to learn, or the vocabulary.model of another run.",
            show_default="of the preset",
        ),
    ] = None,
    dropout: Annotated[float | None, typer.Option(show_default="of the preset")] = None,
    kind: Annotated[
        str | None,
        typer.Option(
            "--memory-kind",
            help="rare (ours), or paper (Kaiser et al. 2017).",
            show_default="rare",
        ),
    ] = None,
    slots: Annotated[
        int, typer.Option(help="Slots of the memory in training.")
    ] = MemoryConfig.slots,
    steps: Annotated[int, typer.Option(help="Optimiser steps.")] = DEFAULT.steps,
    batch_tokens: Annotated[
        int, typer.Option(help="Target tokens a step, over all processes.")
    ] = DEFAULT.batch_tokens,
    accumulate: Annotated[
        int, typer.Option(help="Parts a step is computed in, one after the other, to save memory.")
    ] = DEFAULT.accumulation_steps,
    learning_rate: Annotated[float, typer.Option()] = DEFAULT.learning_rate,
    warmup: Annotated[int, typer.Option(help="Steps of linear rise.")] = DEFAULT.warmup,
    decay: Annotated[
        float, typer.Option(help="Last share of the steps, in which the rate falls to nothing.")
    ] = DEFAULT.decay_fraction,
    episodes: Annotated[
        float, typer.Option(help="Share of the last steps that practise made-up words.")
    ] = DEFAULT.episode_rate,
    align: Annotated[
        float,
        typer.Option(
            help="Weight of attending to the source word that a word aligner gives each target "
            "word, beside the translation."
        ),
    ] = DEFAULT.alignment_weight,
    join: Annotated[
        float,
        typer.Option(
            min=0, max=10, help="Longer pairs made of two to four short ones, for each pair."
        ),
    ] = 0.0,
    memory_positions: Annotated[
        int, typer.Option(help="Positions a step that ask the memory; 0 trains without one.")
    ] = DEFAULT.memory_positions,
    average: Annotated[
        int,
        typer.Option(
            help="Last steps whose weights are averaged for the checkpoint; 0 takes the last."
        ),
    ] = DEFAULT.average,
    evaluate_every: Annotated[
        int, typer.Option(help="Steps between measurements.")
    ] = DEFAULT.evaluate_every,
    save_every: Annotated[int, typer.Option(help="Steps between saves.")] = DEFAULT.save_every,
    source_language: Annotated[str | None, typer.Option(show_default="en")] = None,
    target_language: Annotated[str | None, typer.Option(show_default="de")] = None,
    resume: Annotated[bool, typer.Option(help="Go on where the folder's last run ended.")] = False,
    bf16: Annotated[bool | None, typer.Option(show_default="where it is faster")] = None,
    device: options.Device = "auto",
    seed: options.Seed = DEFAULT.seed,
) -> None:
    """Train a translator on sentence pairs.

    Ctrl-C saves and stops; the same command with --resume goes on, step for step.

    \b
    rarenmt train corpus.tsv --dev dev.tsv -o checkpoints/mine
    rarenmt train tatoeba.tsv.xz@4 manuals.en,manuals.de --dev dev.tsv -o checkpoints/mine
    rarenmt train corpus.tsv --dev dev.tsv -o checkpoints/mine --resume
    rarenmt train letters.tsv --dev dev.tsv -o checkpoints/letters --from checkpoints/mine
    """
    from rarenmt.model.checkpoint import load_tokenizer
    from rarenmt.text.corpus import read_corpus
    from rarenmt.training import distributed
    from rarenmt.training.episodes import EpisodeMaker
    from rarenmt.training.practice import Practice
    from rarenmt.training.precision import bfloat16_is_faster
    from rarenmt.training.trainer import Trainer
    from rarenmt.training.validation import ValidationSet
    from rarenmt.translation_memory.word_alignment import WordAligner

    decided = {
        "--preset": preset,
        "--vocabulary": vocabulary,
        "--source-language": source_language,
        "--target-language": target_language,
    }
    known = _load_start(start, decided) if start else None
    config = (
        known.model.config
        if known
        else Config(
            model=_chosen("preset", preset or "small", PRESETS),
            source_language=source_language or Config.source_language,
            target_language=target_language or Config.target_language,
        )
    )
    if kind is not None:
        config = replace(config, memory=_chosen("memory kind", kind, MEMORIES))
    _check_folder(folder, resume)
    place = _join_group(options.pick_device(device))
    settings = TrainConfig(
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
        bf16=bfloat16_is_faster(place) if bf16 is None else bf16,
    )
    parts = [parse_corpus(corpus) for corpus in corpora]
    texts = [
        (list(read_corpus(name, config.languages, console.remark)), weight)
        for name, weight in parts
    ]
    if known is not None:
        tokenizer = known.tokenizer
    elif resume:
        tokenizer = load_tokenizer(folder)
    else:
        tokenizer = learn_or_load(texts, vocabulary or str(config.model.vocabulary))
    dropout = config.model.dropout if dropout is None else dropout
    config = replace(
        config,
        model=replace(config.model, vocabulary=len(tokenizer), dropout=dropout),
        memory=replace(config.memory, slots=slots),
    )
    corpus = make_corpus(tokenizer, texts, join, settings)
    held_out = list(read_corpus(dev, config.languages, console.remark))[: settings.evaluate_pairs]
    links = _aligned(corpus, tokenizer) if align else None
    lexicon, counts, company = learn_words(corpus, texts, tokenizer, links, known)
    sides = [(pair.source, pair.target) for pairs, _ in texts for pair in pairs]
    run = Trainer(
        folder,
        _model(config, known, seed, anew=kind is not None).to(place),
        tokenizer,
        corpus,
        ValidationSet(encode(tokenizer, held_out), [pair.target for pair in held_out]),
        settings,
        Practice(
            EpisodeMaker(sides, tokenizer, settings.maximum_length),
            WordAligner(tokenizer, lexicon),
        )
        if episodes and memory_positions
        else None,
        links,
    )
    if resume:
        run.resume()
    if distributed.rank() == 0:
        save_words(folder, lexicon, counts, company)
    _say_start(run, len(corpus.pairs), place)
    _follow(run)


def _aligned(corpus: "Corpus", tokenizer: "Tokenizer") -> "Alignments":
    """The links of all pairs, which are the same whenever they are made."""
    from rarenmt.training.aligner import Alignments

    console.remark(f"aligning the words of {len(corpus.pairs):,} pairs")
    return Alignments(corpus.pairs, tokenizer)


def _load_start(start: list[Path], decided: Mapping[str, object]) -> "Checkpoint":
    """The checkpoints to start from as one, which decides what some options would."""
    import torch

    from rarenmt.model.checkpoint import load_average

    for option, value in decided.items():
        if value is not None:
            raise SettingError(f"{option} is decided by the checkpoint of --from; leave it out")
    return load_average(start, torch.device("cpu"))


def _model(config: Config, known: "Checkpoint | None", seed: int, *, anew: bool) -> "Model":
    """A model of new weights, or of those to start from: all of them or, where the memory
    begins anew, all but the query's and the readout's."""
    import torch

    from rarenmt.model.seq2seq import Model

    model = Model(config)
    model.initialise(torch.Generator().manual_seed(seed))
    if known is not None:
        own = ("query.", "readout.") if anew else ()
        weights = known.model.state_dict().items()
        kept = {name: tensor for name, tensor in weights if not name.startswith(own)}
        model.load_state_dict(kept, strict=not anew)
    return model


def _chosen(what: str, name: str, known: dict[str, T]) -> T:
    if name not in known:
        raise SettingError(f"unknown {what} {name!r}; there are {', '.join(known)}")
    return known[name]


def _check_folder(folder: Path, resume: bool) -> None:
    """Refuse a folder that holds anything, or nothing to go on with, before anything is done."""
    from rarenmt.model.checkpoint import COMPANY, LEXICON, TRAINING, WORDS
    from rarenmt.storage.files import TEMPORARY, naming

    begun = (folder / TRAINING).exists()
    if resume and not begun:
        raise SettingError(f"{folder} holds no training run to go on with; leave out --resume")
    if begun and not resume:
        raise SettingError(f"{folder} holds a training run; add --resume, or choose another folder")
    with naming(folder, "read"):
        there = list(folder.iterdir()) if folder.exists() else []
        left = {LEXICON, WORDS, COMPANY}  # by a run that was killed before its first save
        if not begun and any(p.suffix != TEMPORARY and p.name not in left for p in there):
            raise SettingError(f"{folder} is not empty; choose another folder")


def _join_group(device: "torch.device") -> "torch.device":
    """Join the processes that torchrun started, if it did; the device of this one."""
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


def _say_start(run: "Trainer", pairs: int, device: "torch.device") -> None:
    from rarenmt.training import distributed

    parameters = sum(parameter.numel() for parameter in run.model.parameters())
    console.remark(
        f"{pairs:,} pairs · {parameters / 1e6:.1f} M parameters · {device} · "
        f"{distributed.world()} process(es) · step {run.progress.step} of {run.config.steps}"
    )


def _follow(run: "Trainer") -> None:
    """Run to the end or to the first Ctrl-C, saying how it goes."""
    interrupted = False

    def interrupt(number: int, frame: object) -> None:
        nonlocal interrupted
        interrupted = True

    signal.signal(signal.SIGINT, interrupt)
    for report in run.train(lambda: interrupted):
        console.remark(_describe(report, run.config.steps))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if interrupted:
        console.remark(f"saved at step {run.progress.step}; go on with --resume")
        raise typer.Exit(128 + signal.SIGINT)
    console.remark(f"done: best dev BLEU {run.progress.best_bleu:.2f}, in {run.folder}")


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

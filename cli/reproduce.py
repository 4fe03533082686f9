"""`rarenmt reproduce`: the papers' experiments, the published number beside ours."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar, get_args

import typer

from rarenmt.config import SearchConfig
from rarenmt.errors import DataError, SettingError

from . import console, options

if TYPE_CHECKING:
    from rarenmt.reproduce.mann.experiment import Settings as MannSettings
    from rarenmt.reproduce.neural_gpu.experiment import Settings as NeuralGpuSettings
    from rarenmt.reproduce.omniglot.data import Characters
    from rarenmt.reproduce.omniglot.learners import Settings as OmniglotSettings
    from rarenmt.reproduce.report import Report
    from rarenmt.reproduce.run import Run
    from rarenmt.reproduce.synthetic.trainer import Settings as SyntheticSettings

    Sized = TypeVar("Sized", MannSettings, NeuralGpuSettings, OmniglotSettings, SyntheticSettings)

reproduce = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@reproduce.callback()
def main() -> None:
    """Repeat an experiment of the papers.

    Prints our figure beside the published one.
    """


Full = Annotated[
    bool,
    typer.Option(
        "--full/--quick", help="The size of the paper, or one that takes minutes on a CPU."
    ),
]
Steps = Annotated[
    int | None,
    typer.Option(min=0, help="Number of training steps.", show_default=False),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--output",
        help="Folder for figures (JSON), charts and the state of training; the same command "
        "continues from that state.",
        show_default=False,
    ),
]
SyntheticModel = Literal["hamming", "lstm", "lstm-memory", "neural-gpu", "neural-gpu-memory", "all"]
AsJson = Annotated[bool, typer.Option("--json", help="Print the report as JSON.")]


def _run(name: str, settings: object, seed: int, output: Path | None) -> "Run":
    """The training run of a system."""
    from rarenmt.reproduce.run import Run

    path = None if output is None else output / f"{name}.safetensors"
    return Run(path, seed, repr(settings), console.remark)


def _with_steps(settings: "Sized", steps: int | None) -> "Sized":
    """Settings with the number of steps, if it is given."""
    return settings if steps is None else replace(settings, steps=steps)


def _characters(folder: Path, side: int, split: str) -> "tuple[Characters, ...]":
    """Omniglot's characters of training and of the test."""
    from rarenmt.reproduce.omniglot.data import read_omniglot, vinyals_split

    parts = read_omniglot(folder, side)
    chosen = parts if split == "lake" else vinyals_split(folder, parts)
    console.remark(f"trains on {len(chosen[0]):,} characters, tests on {len(chosen[1]):,}")
    return chosen


def _print(report: "Report", output: Path | None, as_json: bool) -> None:
    """Print the figures; write them and their charts to the folder, if given."""
    from rarenmt.reproduce.report import rows

    if output is not None:
        from rarenmt.reproduce.charts import draw

        console.remark(f"wrote {report.save(output)}")
        try:
            for path in draw(report, output):
                console.remark(f"wrote {path}")
        except SettingError as error:  # hours of training must not be lost to a chart
            console.warn(str(error))
    if as_json:
        console.record(report.to_json())
        return
    console.table(("figure", "ours", "published", "source"), rows(report.figures))


@reproduce.command("list")
def list_systems(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the experiments and their papers."""
    from rarenmt.reproduce.systems import SYSTEMS

    if as_json:
        for system in SYSTEMS:
            console.record(asdict(system))
        return
    console.table(
        ("name", "what", "paper", "section"),
        [(system.name, system.what, system.paper, system.section) for system in SYSTEMS],
    )


@reproduce.command(no_args_is_help=True)
def gnmt(
    test: Annotated[
        str, typer.Argument(help="A test corpus, such as newstest2014; - is standard input.")
    ],
    beam: options.Beam = 5,
    model: options.Model = None,
    device: options.Device = "auto",
    precision: options.Precision = "float32",
    output: Output = None,
    as_json: AsJson = False,
) -> None:
    """Translate half a test set with the other half remembered.

    Learning to Remember Rare Events (Kaiser et al. 2017), section 4.3: BLEU of the odd
    lines with the even lines remembered, in three passes, and of all lines with all
    of them remembered (the oracle). No memory file is read or written.

    \b
    rarenmt reproduce gnmt newstest2014.tsv
    """
    import torch

    from rarenmt.model.checkpoint import load_checkpoint
    from rarenmt.reproduce.gnmt import reproduce as run
    from rarenmt.translator.translator import Translator

    pairs = list(options.read_pairs(test, model))
    if len(pairs) < 2:
        raise DataError(test, None, "one pair; expected at least two, a context and a question")
    checkpoint = load_checkpoint(options.model_folder(model), options.pick_device(device))
    checkpoint.model.to(torch.bfloat16 if precision == "bfloat16" else torch.float32)
    console.remark(f"{len(pairs):,} pairs; each is translated four times")
    report = run(Translator(checkpoint), pairs, SearchConfig(beam=beam))
    _print(report, output, as_json)


@reproduce.command()
def synthetic(
    model: Annotated[SyntheticModel, typer.Option("--model", help="System to measure.")] = "all",
    recipe: Annotated[
        Literal["rare", "paper"],
        typer.Option(
            help="rare: guided attention, growing strings, a memory that is often cleared, and the "
            "gated readout; paper: whole strings, one memory, and the paper's readout."
        ),
    ] = "rare",
    full: Full = False,
    steps: Steps = None,
    seed: options.Seed = 1,
    device: options.Device = "auto",
    output: Output = None,
    as_json: AsJson = False,
) -> None:
    """Learn a table of 16,000 entries inside strings of As and Bs.

    Learning to Remember Rare Events (Kaiser et al. 2017), section 4.2: share of whole
    strings that are right, for the nearest string in memory, an LSTM and an Extended Neural
    GPU, both with and without a memory. If the run has done that many steps, only the test
    is repeated.

    \b
    rarenmt reproduce synthetic --model lstm-memory -o table
    """
    from rarenmt.reproduce.synthetic import experiment as system
    from rarenmt.reproduce.synthetic.trainer import Name, settings_of

    chosen = options.pick_device(device)
    for name in get_args(Name) if model == "all" else (model,):
        settings = _with_steps(settings_of(name, full=full), steps)
        shared = (name, recipe, replace(settings, steps=0))  # a run may resume with more steps
        run = _run(f"synthetic-{name}", shared, seed, output)
        _print(system.reproduce(name, recipe, settings, run, chosen), output, as_json)


@reproduce.command("neural-gpu")
def neural_gpu(
    task: Annotated[
        Literal["copy", "reverse", "duplicate", "add", "all"],
        typer.Option("--task", help="Algorithm to learn."),
    ] = "copy",
    full: Full = False,
    steps: Steps = None,
    seed: options.Seed = 1,
    device: options.Device = "auto",
    output: Output = None,
    as_json: AsJson = False,
) -> None:
    """Train the Extended Neural GPU to copy, reverse, duplicate and add.

    Can Active Memory Replace Attention? (Kaiser, Bengio 2016), section 2: share of whole
    strings that are right, at the lengths of training and at longer ones. The strings of
    training grow as it improves.

    \b
    rarenmt reproduce neural-gpu --task add -o add
    """
    from rarenmt.reproduce.neural_gpu import experiment as system
    from rarenmt.reproduce.neural_gpu.algorithms import Algorithm

    settings = _with_steps(system.FULL if full else system.QUICK, steps)
    shared = replace(settings, steps=0)  # a run may resume with more steps
    chosen = options.pick_device(device)
    for name in get_args(Algorithm) if task == "all" else (task,):
        run = _run(f"neural-gpu-{name}", (name, shared), seed, output)
        _print(system.reproduce(name, settings, run, chosen), output, as_json)


@reproduce.command(no_args_is_help=True)
def mann(
    folder: Annotated[Path, typer.Argument(help="Folder with Omniglot: its archives, or packed.")],
    model: Annotated[
        Literal["mann", "lstm", "ntm", "feedforward", "all"],
        typer.Option(help="Network to train; all: one after another."),
    ] = "mann",
    labels: Annotated[
        Literal["onehot", "string"],
        typer.Option(help="Form of a label: one class, or a string of five letters."),
    ] = "onehot",
    classes: Annotated[int, typer.Option(min=2, help="Characters per episode.")] = 5,
    batch: Annotated[
        int | None,
        typer.Option(min=1, help="Episodes per step; use many on a GPU.", show_default=False),
    ] = None,
    full: Full = False,
    steps: Steps = None,
    seed: options.Seed = 1,
    output: Output = None,
    device: options.Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Train a network with a memory to name characters that it has seen once.

    One-shot Learning with Memory-Augmented Neural Networks (Santoro et al. 2016), section
    4.1: fifty drawings of five new characters, each given with the label of the previous one;
    accuracy at the second, fifth and tenth drawing of a character.

    \b
    rarenmt reproduce mann data/omniglot --full --device cuda -o mann
    """
    from rarenmt.reproduce.mann import experiment as system

    settings = replace(system.FULL if full else system.QUICK, labels=labels, classes=classes)
    if batch is not None:
        settings = replace(settings, batch=batch)
    settings = _with_steps(settings, steps)
    chosen = options.pick_device(device)
    parts = _characters(folder, system.SIDE, "vinyals")
    if classes > (fewest := min(map(len, parts))):
        raise SettingError(f"--classes {classes}: there are {fewest} characters to choose from")
    names = system.NAMES if model == "all" else (model,)
    each = [replace(settings, model=name) for name in names]
    runs = {one: _run(f"mann-{one.model}", one.lasting(), seed, output) for one in each}
    _print(system.reproduce(parts, runs, chosen), output, as_json)


@reproduce.command(no_args_is_help=True)
def omniglot(
    folder: Annotated[Path, typer.Argument(help="Folder with Omniglot: its archives, or packed.")],
    split: Annotated[
        Literal["vinyals", "lake"],
        typer.Option(help="Test characters: the 423 of Vinyals et al., or the 659 of Lake et al."),
    ] = "vinyals",
    full: Full = False,
    steps: Steps = None,
    baselines: Annotated[
        bool,
        typer.Option(
            "--baselines",
            help="Also train the same network as a classifier and as a prototypical network.",
        ),
    ] = False,
    variant: Annotated[
        str | None,
        typer.Option(
            help="plain (the paper's network and rates), no-normalisation, no-distortion, "
            "no-rotations, life-long, life-long-inside.",
            show_default=False,
        ),
    ] = None,
    seed: options.Seed = 1,
    output: Output = None,
    device: options.Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Train a CNN with a memory to name characters from one drawing.

    Learning to Remember Rare Events (Kaiser et al. 2017), section 4.1: one or
    five drawings of each of five or twenty new characters are written into an empty
    memory; also a memory that is never cleared, with all drawings of all new characters.

    \b
    rarenmt reproduce omniglot data/omniglot --full -o omniglot
    """
    from rarenmt.reproduce.omniglot import experiment as system
    from rarenmt.reproduce.omniglot.learners import NAMES

    settings = replace(system.FULL if full else system.QUICK, split=split)
    if variant is not None:
        if variant not in system.VARIANTS:
            known = ", ".join(system.VARIANTS)
            raise SettingError(f"--variant must be one of {known}, not {variant!r}")
        settings = system.VARIANTS[variant](settings)
    settings = _with_steps(settings, steps)
    chosen = options.pick_device(device)
    characters = _characters(folder, settings.side, split)
    names = NAMES if baselines else NAMES[:1]
    runs = {name: _run(f"omniglot-{name}", settings, seed, output) for name in names}
    _print(system.reproduce(characters, settings, runs, chosen), output, as_json)

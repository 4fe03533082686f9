"""`rarenmt reproduce`: the papers' experiments, the published number beside ours."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from rarenmt.config import SearchConfig
from rarenmt.errors import DataError, SettingError

from . import console, options

if TYPE_CHECKING:
    from rarenmt.reproduce.course import Course
    from rarenmt.reproduce.report import Report

reproduce = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@reproduce.callback()
def main() -> None:
    """Repeat an experiment of the papers.

    The published number stands beside ours.
    """


Full = Annotated[
    bool,
    typer.Option("--full/--quick", help="The paper's size, or what a CPU does in minutes."),
]
Steps = Annotated[
    int | None,
    typer.Option(min=0, help="Training steps, instead of the usual ones.", show_default=False),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--output",
        help="Folder for the figures as JSON, the curves as pictures, and the state of training; "
        "the same command goes on where that stands.",
        show_default=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the whole report as JSON.")]


def _course(name: str, settings: object, seed: int, output: Path | None) -> "Course":
    """Where the training of a system stands."""
    from rarenmt.reproduce.course import Course

    path = None if output is None else output / f"{name}.safetensors"
    return Course(path, seed, repr(settings), console.remark)


def _state(report: "Report", output: Path | None, as_json: bool) -> None:
    """Print the figures; write them and their curves to a folder if there is one."""
    from rarenmt.reproduce.report import rows

    if output is not None:
        from rarenmt.reproduce.picture import draw

        console.remark(f"wrote {report.save(output)}")
        for path in draw(report, output):
            console.remark(f"wrote {path}")
    if as_json:
        console.record(report.to_json())
        return
    console.table(("figure", "ours", "published", "source"), rows(report.figures))


@reproduce.command("list")
def list_systems(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """What can be repeated, and of which paper."""
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
    test: Annotated[str, typer.Argument(help="A test set of pairs, like newstest2014.")],
    beam: options.Beam = 5,
    model: options.Model = None,
    device: options.Device = "auto",
    precision: options.Precision = "float32",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Half a test set as context for the other half.

    Learning to Remember Rare Events (Kaiser et al. 2017), section 4.3: BLEU of the odd
    lines with the even ones remembered, three times over, and of all lines with all of
    them remembered (the oracle). No memory file is read or written.

    \b
    rarenmt reproduce gnmt newstest2014.tsv
    """
    import torch

    from rarenmt.checkpoint import load_checkpoint
    from rarenmt.corpus import read_corpus
    from rarenmt.reproduce.gnmt import reproduce as run
    from rarenmt.translator import Translator

    pairs = list(read_corpus(test, options.languages(model), console.remark))
    if len(pairs) < 2:
        raise DataError(test, None, "holds one pair; wanted at least two, a context and a question")
    checkpoint = load_checkpoint(options.model_folder(model), options.pick_device(device))
    checkpoint.model.to(torch.bfloat16 if precision == "bfloat16" else torch.float32)
    console.remark(f"{len(pairs):,} pairs; each is translated four times")
    rows = run(Translator(checkpoint), pairs, SearchConfig(beam=beam))
    if as_json:
        typer.echo(json.dumps([{**asdict(row), "gain": row.gain} for row in rows]))
        return
    typer.echo("BLEU of   shown               without    with    gain   paper's gain")
    for row in rows:
        typer.echo(
            f"{row.lines:9} {row.shown:19} {row.before:7.2f} {row.after:7.2f} "
            f"{row.gain:+7.2f}   {row.published}"
        )


@reproduce.command(no_args_is_help=True)
def omniglot(
    folder: Annotated[Path, typer.Argument(help="Omniglot: its archives, or packed.")],
    split: Annotated[
        Literal["vinyals", "lake"],
        typer.Option(help="Which characters are new: 423 of Vinyals et al., or Lake's 659."),
    ] = "vinyals",
    full: Full = False,
    steps: Steps = None,
    baselines: Annotated[
        bool,
        typer.Option(
            "--baselines",
            help="Train the same network as a classifier and as a prototypical network too.",
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
    seed: Annotated[int, typer.Option(help="Of all randomness.")] = 1,
    output: Output = None,
    device: options.Device = "auto",
    as_json: AsJson = False,
) -> None:
    """A CNN with memory learns characters from one drawing.

    Learning to Remember Rare Events (Kaiser et al. 2017), section 4.1: five or twenty
    characters never seen in training, one or five drawings of each shown to an empty
    memory; and a memory that is never cleared, with every drawing of all of them.

    \b
    rarenmt reproduce omniglot data/omniglot --full -o omniglot
    """
    from dataclasses import replace

    from rarenmt.reproduce import omniglot as system
    from rarenmt.reproduce.images import read_omniglot, vinyals_split
    from rarenmt.reproduce.learners import NAMES

    settings = replace(system.FULL if full else system.QUICK, split=split)
    if variant is not None:
        if variant not in system.VARIANTS:
            known = ", ".join(system.VARIANTS)
            raise SettingError(f"--variant must be one of {known}, not {variant!r}")
        settings = system.VARIANTS[variant](settings)
    if steps is not None:
        settings = replace(settings, steps=steps)
    chosen = options.pick_device(device)
    parts = read_omniglot(folder, settings.side)
    characters = parts if split == "lake" else vinyals_split(folder, parts)
    console.remark(f"trains on {len(characters[0]):,} characters, tries {len(characters[1]):,}")
    names = NAMES if baselines else NAMES[:1]
    courses = {name: _course(f"omniglot-{name}", settings, seed, output) for name in names}
    _state(system.run(characters, settings, courses, chosen), output, as_json)

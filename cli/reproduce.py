"""`rarenmt reproduce`: the papers' experiments, the published number beside ours."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from rarenmt.config import SearchConfig
from rarenmt.errors import DataError

from . import console, options

reproduce = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@reproduce.callback()
def main() -> None:
    """Repeat an experiment of the papers.

    The published number stands beside ours.
    """


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

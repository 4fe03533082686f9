"""`rarenmt score`: how good translations are, in numbers others can repeat."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rarenmt.config import SearchConfig
from rarenmt.errors import DataError, SettingError

from . import console, options

if TYPE_CHECKING:
    from rarenmt.oneshot import Share
    from rarenmt.score import Score
    from rarenmt.translator import Translator


def score(
    files: Annotated[
        list[str] | None,
        typer.Argument(
            help="Translations and references, one a line each (- is standard input); or one "
            "corpus of pairs, whose sources are translated and scored.",
            show_default=False,
        ),
    ] = None,
    oneshot: Annotated[
        Path | None,
        typer.Option(help="A one-shot suite (JSON): recall of words shown once, see the README."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    beam: options.Beam = 5,
    no_memory: options.NoMemory = False,
    with_pairs: options.WithPairs = None,
    passes: Annotated[
        int, typer.Option(min=1, help="How often --with and --oneshot show their pairs.")
    ] = 1,
    model: options.Model = None,
    memory: options.MemoryFile = None,
    device: options.Device = "auto",
    precision: options.Precision = "float32",
) -> None:
    """Score translations, or the recall of words shown once.

    BLEU, chrF and TER come with the signatures of sacrebleu.

    \b
    rarenmt translate < test.en | rarenmt score - test.de
    rarenmt score test.tsv --no-memory
    rarenmt score test.tsv --with context.tsv
    rarenmt score --oneshot suite.json
    """
    config = SearchConfig(beam=beam)
    if oneshot is not None:
        translator = options.load_translator(model, memory, device, precision, with_pairs, passes)
        _print_oneshot(translator, oneshot, config, passes, as_json)
        return
    if not files or len(files) > 2:
        raise SettingError("give translations and references, or one file of pairs, or --oneshot")
    if len(files) == 2:
        hypotheses, references = _read_both(*files)
    else:
        from rarenmt.text import read_corpus

        pairs = list(read_corpus(files[0]))
        translator = options.load_translator(model, memory, device, precision, with_pairs, passes)
        sources = [pair.source for pair in pairs]
        found = translator.translate(sources, config, memory=not no_memory)
        hypotheses, references = [t.text for t in found], [pair.target for pair in pairs]
    from rarenmt.score import score as compute

    _print_scores(compute(hypotheses, references), len(references), as_json)


def _read_both(hypothesis_file: str, reference_file: str) -> tuple[list[str], list[str]]:
    """The lines of both files; DataError when their numbers differ."""
    from rarenmt.text import decode_line, read_sentences, split_lines

    if hypothesis_file == "-":
        options.hint_at_terminal("translations, one a line")
        lines = split_lines(sys.stdin.buffer)
        hypotheses = [decode_line(raw, "-", i) for i, raw in enumerate(lines, start=1)]
    else:
        hypotheses = list(read_sentences(Path(hypothesis_file)))
    references = list(read_sentences(Path(reference_file)))
    if len(hypotheses) != len(references):
        raise DataError(
            hypothesis_file,
            None,
            f"has {len(hypotheses):,} lines but {reference_file} has {len(references):,}",
        )
    if not references:
        raise DataError(reference_file, None, "is empty; wanted one sentence a line")
    return hypotheses, references


def _print_scores(scores: "list[Score]", lines: int, as_json: bool) -> None:
    if as_json:
        record: dict[str, Any] = {
            s.name: {"score": round(s.value, 2), "signature": s.signature} for s in scores
        }
        typer.echo(json.dumps({"lines": lines, **record}))
        return
    for each in scores:
        typer.echo(f"{each.name:5} {each.value:6.2f}   {each.signature}")


def _print_oneshot(
    translator: "Translator", path: Path, config: SearchConfig, passes: int, as_json: bool
) -> None:
    from rarenmt.oneshot import measure, read_suite

    suite = read_suite(path)
    console.remark(
        f"{len(suite.context):,} pairs shown once, {len(suite.tests):,} tests, "
        f"{len(suite.general):,} general pairs"
    )
    results = measure(translator, suite, config, passes)
    if as_json:
        typer.echo(json.dumps([result.to_json() for result in results]))
        return
    typer.echo(
        "                  recall %               copied           translated     |"
        "  BLEU   chrF | general BLEU   chrF"
    )
    for r in results:
        shares = map(_describe_share, (r.recall, r.copied, r.translated))
        typer.echo(
            f"{r.condition:14} {'  '.join(shares)} | "
            f"{r.bleu:5.1f}  {r.chrf:5.1f} | {r.general_bleu:12.1f}  {r.general_chrf:5.1f}"
        )


def _describe_share(share: "Share | None") -> str:
    if share is None:
        return f"{'-':^19}"
    return f"{share.value:5.1f} ({share.low:5.1f}-{share.high:5.1f})"

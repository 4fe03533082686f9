"""`rarenmt score`: measure translations, or the recall of words seen once."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rarenmt.config import SearchConfig
from rarenmt.errors import DataError, SettingError

from . import console, options

if TYPE_CHECKING:
    from rarenmt.evaluation.bootstrap import Interval
    from rarenmt.text.pairs import Pair
    from rarenmt.translator.translator import Translator


def score(
    files: Annotated[
        list[str] | None,
        typer.Argument(
            help="A file of translations (- is standard input) and one of references, one per "
            "line; or one corpus of pairs, whose sources are translated and scored.",
            show_default=False,
        ),
    ] = None,
    oneshot: Annotated[
        Path | None,
        typer.Option(help="A one-shot suite (JSON): measure the recall of words seen once."),
    ] = None,
    online: Annotated[
        bool,
        typer.Option(
            "--online",
            help="Remember each pair, in RAM, after its line is translated, as if a person "
            "corrected it; adds R0 and R1, the recall of new words and of words seen once.",
        ),
    ] = False,
    gain: Annotated[
        bool,
        typer.Option(
            "--gain",
            help="Translate the corpus without the memory too; print the difference in BLEU and "
            "its 95 % interval.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    beam: options.Beam = 5,
    no_memory: options.NoMemory = False,
    with_pairs: options.WithPairs = None,
    passes: Annotated[
        int, typer.Option(min=1, help="Number of times to write the pairs of --with and --oneshot.")
    ] = 1,
    model: options.Model = None,
    memory: options.MemoryFile = None,
    device: options.Device = "auto",
    precision: options.Precision = "float32",
) -> None:
    """Measure translations, or the recall of words seen once.

    BLEU, chrF and TER are printed with their sacrebleu signatures.

    \b
    rarenmt translate < test.en | rarenmt score - test.de
    rarenmt score test.tsv --no-memory
    rarenmt score test.tsv --with context.tsv --gain
    rarenmt score test.tsv --online
    rarenmt score --oneshot suite.json
    """
    config = SearchConfig(beam=beam)
    if oneshot is not None:
        if files or online or gain:
            raise SettingError(
                "--oneshot has its own sentences; leave out files, --online and --gain"
            )
        translator = options.load_translator(model, memory, device, precision, with_pairs, passes)
        _print_oneshot(translator, oneshot, config, passes, as_json)
        return
    if not files or len(files) > 2:
        raise SettingError(
            "expected translations and references, or one corpus of pairs, or --oneshot"
        )
    if (online or gain) and len(files) == 2:
        raise SettingError("--online and --gain need one corpus of pairs")
    if gain and no_memory:
        raise SettingError("--gain already compares with --no-memory; leave out --no-memory")
    if len(files) == 2:
        _print_scores(*_read_both(*files), as_json, {})
        return
    from rarenmt.evaluation.online import recall_of_new_words, translate_online
    from rarenmt.text.corpus.reader import read_corpus

    pairs = list(read_corpus(files[0], options.languages(model), console.remark))
    translator = options.load_translator(model, memory, device, precision, with_pairs, passes)
    references = [pair.target for pair in pairs]
    before = _translate(translator, pairs, config, memory=False) if gain else None
    if online:
        found = translate_online(translator, pairs, config, memory=not no_memory)
    else:
        found = _translate(translator, pairs, config, memory=not no_memory)
    recalls = recall_of_new_words(found, references) if online else {}
    _print_scores(found, references, as_json, recalls, before)


def _translate(
    translator: "Translator", pairs: "Sequence[Pair]", config: SearchConfig, *, memory: bool
) -> list[str]:
    sources = [pair.source for pair in pairs]
    found = translator.translate(sources, config, memory=memory, explain=False)
    return [translation.text for translation in found]


def _read_both(hypothesis_file: str, reference_file: str) -> tuple[list[str], list[str]]:
    """The lines of both files; DataError if their numbers differ."""
    from rarenmt.text.pairs import decode_line, read_sentences, split_lines

    if hypothesis_file == "-":
        options.announce_input("translations, one per line")
        lines = split_lines(sys.stdin.buffer)
        hypotheses = [decode_line(raw, "-", i) for i, raw in enumerate(lines, start=1)]
    else:
        hypotheses = list(read_sentences(Path(hypothesis_file)))
    references = list(read_sentences(Path(reference_file)))
    if len(hypotheses) != len(references):
        raise DataError(
            hypothesis_file,
            None,
            f"{len(hypotheses):,} lines, but {reference_file} has {len(references):,}",
        )
    if not references:
        raise DataError(reference_file, None, "empty; expected one sentence per line")
    return hypotheses, references


def _print_scores(
    hypotheses: "Sequence[str]",
    references: "Sequence[str]",
    as_json: bool,
    recalls: dict[str, float],
    before: "Sequence[str] | None" = None,
) -> None:
    """Print BLEU, chrF, TER and the recalls and, given the translations without the memory in
    `before`, the gain in BLEU."""
    from rarenmt.evaluation.bootstrap import bleu_gain
    from rarenmt.evaluation.metrics import score as compute

    scores = compute(hypotheses, references)
    gain = None if before is None else bleu_gain(before, hypotheses, references)
    if as_json:
        record: dict[str, Any] = {
            s.name: {"score": round(s.value, 2), "signature": s.signature} for s in scores
        }
        numbers: dict[str, Any] = {name: round(value, 2) for name, value in recalls.items()}
        if gain is not None:
            numbers["gain"] = {name: round(value, 2) for name, value in asdict(gain).items()}
        typer.echo(json.dumps({"lines": len(references), **record, **numbers}))
        return
    for each in scores:
        typer.echo(f"{each.name:5} {each.value:6.2f}   {each.signature}")
    for name, value in recalls.items():
        typer.echo(f"{name:5} {value:6.2f}   {RECALLS[name]}")
    if gain is not None:
        typer.echo(f"{'gain':5} {gain.value:+6.2f}   {GAIN.format(gain)}")


RECALLS = {
    "R0": "% of the words that no earlier line contained",
    "R1": "% of the words that exactly one earlier line contained",
}
GAIN = "BLEU with memory minus BLEU without; 95 % interval {0.low:+.2f} to {0.high:+.2f}"


def _print_oneshot(
    translator: "Translator", path: Path, config: SearchConfig, passes: int, as_json: bool
) -> None:
    from rarenmt.evaluation.oneshot import measure_one_shot, read_suite

    suite = read_suite(path)
    console.remark(
        f"{len(suite.context):,} context pairs, {len(suite.tests):,} tests, "
        f"{len(suite.general):,} general pairs"
    )
    results = measure_one_shot(translator, suite, config, passes)
    if as_json:
        typer.echo(json.dumps([result.to_json() for result in results]))
        return
    typer.echo(
        "                  recall %               copied           translated     |"
        "    R0     R1 |  BLEU   chrF | general BLEU   chrF"
    )
    for r in results:
        shares = map(_describe_share, (r.recall, r.copied, r.translated))
        typer.echo(
            f"{r.condition:14} {'  '.join(shares)} | {_percent(r.r0)}  {_percent(r.r1)} | "
            f"{r.bleu:5.1f}  {r.chrf:5.1f} | {r.general_bleu:12.1f}  {r.general_chrf:5.1f}"
        )
    typer.echo(f"\n{'over no memory':14} {'recall':^24} {'BLEU':^24} {'general BLEU':^24}".rstrip())
    for r in results:
        if r.gain is not None:
            gains = (r.gain.recall, r.gain.bleu, r.gain.general_bleu)
            typer.echo(f"{r.condition:14} {' '.join(map(_describe_gain, gains))}")


def _describe_share(share: "Interval | None") -> str:
    if share is None:
        return f"{'-':^19}"
    return f"{share.value:5.1f} ({share.low:5.1f}-{share.high:5.1f})"


def _describe_gain(gain: "Interval | None") -> str:
    if gain is None:
        return f"{'-':^24}"
    return f"{gain.value:+6.1f} ({gain.low:+6.1f} to {gain.high:+6.1f})"


def _percent(value: float | None) -> str:
    return f"{'-':>5}" if value is None else f"{value:5.1f}"

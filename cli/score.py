"""`rarenmt score`: how good translations are, in numbers others can repeat."""

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
            help="Translations and references, one a line each (- is standard input); or one "
            "corpus of pairs, whose sources are translated and scored.",
            show_default=False,
        ),
    ] = None,
    oneshot: Annotated[
        Path | None,
        typer.Option(help="A one-shot suite (JSON): recall of words shown once, see the README."),
    ] = None,
    online: Annotated[
        bool,
        typer.Option(
            "--online",
            help="Remember each pair of the corpus in RAM once its line is translated, as a "
            "translator corrects; adds R0 and R1, the recall of words new or seen once.",
        ),
    ] = False,
    gain: Annotated[
        bool,
        typer.Option(
            "--gain",
            help="Translate the corpus without the memory too: what the memory adds in BLEU, and "
            "the 95 % interval of that.",
        ),
    ] = False,
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
    index: options.Index = "auto",
) -> None:
    """Score translations, or the recall of words shown once.

    BLEU, chrF and TER come with the signatures of sacrebleu.

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
                "--oneshot brings its own sentences and compares; give no files, --online or --gain"
            )
        translator = options.load_translator(
            model, memory, device, precision, with_pairs, passes, index=index
        )
        _print_oneshot(translator, oneshot, config, passes, as_json)
        return
    if not files or len(files) > 2:
        raise SettingError("give translations and references, or one file of pairs, or --oneshot")
    if (online or gain) and len(files) == 2:
        raise SettingError("--online and --gain translate a corpus; give one file of pairs")
    if gain and no_memory:
        raise SettingError("--gain compares with --no-memory; leave that out")
    if len(files) == 2:
        _print_scores(*_read_both(*files), as_json, {})
        return
    from rarenmt.evaluation.online import recall_of_new_words, translate_online
    from rarenmt.text.corpus import read_corpus

    pairs = list(read_corpus(files[0], options.languages(model), console.remark))
    translator = options.load_translator(
        model, memory, device, precision, with_pairs, passes, index=index
    )
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
    """The lines of both files; DataError when their numbers differ."""
    from rarenmt.text.pairs import decode_line, read_sentences, split_lines

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


def _print_scores(
    hypotheses: "Sequence[str]",
    references: "Sequence[str]",
    as_json: bool,
    recalls: dict[str, float],
    before: "Sequence[str] | None" = None,
) -> None:
    """BLEU, chrF and TER; where words were counted, how many came out; and where there are
    translations `before`, what the memory adds to them."""
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
        typer.echo(f"{name:5} {value:6.2f}   {SEEN[name]}")
    if gain is not None:
        typer.echo(f"{'gain':5} {gain.value:+6.2f}   {DRAWN.format(gain)}")


SEEN = {"R0": "% of the words new to the text", "R1": "% of the words that one line before held"}
DRAWN = "BLEU over no memory; {0.low:+.2f} to {0.high:+.2f} in 95 % of 1,000 samples of the lines"


def _print_oneshot(
    translator: "Translator", path: Path, config: SearchConfig, passes: int, as_json: bool
) -> None:
    from rarenmt.evaluation.oneshot import measure, read_suite

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

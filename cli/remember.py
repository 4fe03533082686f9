"""`rarenmt remember`: write sentence pairs into the memory."""

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rarenmt.errors import DataError, SettingError

from . import console, options

if TYPE_CHECKING:
    from rarenmt.text.pairs import Pair
    from rarenmt.translation_memory.store import RememberResult
    from rarenmt.translator.translator import Translator


def remember(
    files: Annotated[
        list[str],
        typer.Argument(
            help="TSV (source<TAB>target), CSV or TMX files, or two parallel files as "
            "SOURCE,TARGET; .xz and .gz are read; - is standard input.",
            show_default=False,
        ),
    ],
    passes: Annotated[
        int,
        typer.Option(
            min=1,
            help="Number of times to write new pairs; it matters only to --memory-kind paper.",
        ),
    ] = 1,
    verify: Annotated[
        bool,
        typer.Option(
            "--verify",
            help="Translate the sources and report those whose target is not reproduced.",
        ),
    ] = False,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Like --verify, and exit with 1 unless all are reproduced."),
    ] = False,
    skip_bad: Annotated[
        bool,
        typer.Option(
            "--skip-bad", help="Report invalid lines, remember the others, and exit with 4."
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Report what would change, and change nothing.")
    ] = False,
    model: options.Model = None,
    memory: options.MemoryFile = None,
    device: options.Device = "auto",
) -> None:
    """Write sentence pairs into the memory.

    The next translation uses them; no weight changes. If a line is invalid,
    none of the pairs is remembered.

    \b
    rarenmt remember file.tsv
    printf 'He reads Dostoevsky.\\tEr liest Dostojewski.\\n' | rarenmt remember -
    rarenmt forget --last
    """
    if dry_run and (verify or strict):
        raise SettingError("--dry-run cannot be combined with --verify or --strict")
    skipped: list[DataError] = []
    skip = skipped.append if skip_bad else None
    pairs = [pair for file in files for pair in options.read_pairs(file, model, skip)]
    for error in skipped:
        console.warn(f"{error}; skipped")
    path = options.memory_file(model, memory)
    translator = options.load_translator(model, path, device, "float32")
    store = translator.memory
    with nullcontext() if dry_run else store.lock():
        with console.progress(len(pairs), "remembering") as store.progress:
            result = store.remember(pairs, passes=passes)
        if result.changed and not dry_run:
            store.save()
    console.superseded(store.superseded(pairs))
    _report(result, path, dry_run)
    if (verify or strict) and _missed(translator, pairs) and strict:
        raise typer.Exit(1)
    if skipped:
        raise typer.Exit(options.SOME_LINES_FAILED)


def _report(result: "RememberResult", path: Path, dry_run: bool) -> None:
    """Print what changed."""
    console.conflicts(result.conflicts)
    sentence = "would remember " if dry_run else "remembered "
    sentence += f"{console.count(len(result.new), 'pair')} ({result.tokens:,} tokens)"
    if result.known:
        sentence += f", {len(result.known):,} already known"
    sentence += f" in {console.short(path)}"
    if result.evicted:
        sentence += f"; the memory is full: the {result.evicted:,} oldest entries were removed"
    if result.changed and not dry_run:
        sentence += " · undo: rarenmt forget --last"
    console.remark(sentence)


def _missed(translator: "Translator", pairs: "list[Pair]") -> int:
    """Print the pairs whose target is not reproduced, and return how many they are."""
    missed = translator.verify(pairs)
    for pair, translation in missed:
        console.warn(f"{pair.location} is translated as {translation.text!r}")
    console.remark(f"verified: {len(pairs) - len(missed):,} of {len(pairs):,} pairs reproduced")
    return len(missed)

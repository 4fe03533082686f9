"""`rarenmt remember`: sentence pairs to the memory."""

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
            help="TSV files of source<TAB>target, TMX, or two parallel files as SOURCE,TARGET; "
            ".xz and .gz are read, - is standard input.",
            show_default=False,
        ),
    ],
    passes: Annotated[
        int,
        typer.Option(
            min=1,
            help="How often the new pairs are shown; matters to a memory of the paper's kind.",
        ),
    ] = 1,
    verify: Annotated[
        bool, typer.Option("--verify", help="Translate the sources again and compare.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="--verify, and exit 1 unless all come out as shown.")
    ] = False,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="List wrong lines and remember the others; exit 4.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")
    ] = False,
    model: options.Model = None,
    memory: options.MemoryFile = None,
    device: options.Device = "auto",
) -> None:
    """Write sentence pairs into the memory.

    The next translation uses them; nothing is trained. Either every pair is
    remembered or, when a line is wrong, none.

    \b
    rarenmt remember file.tsv
    printf 'He reads Dostoevsky.\\tEr liest Dostojewski.\\n' | rarenmt remember -
    rarenmt forget --last
    """
    if dry_run and (verify or strict):
        raise SettingError("--dry-run remembers nothing that --verify could look at; leave one out")
    skipped: list[DataError] = []
    skip = skipped.append if skip_bad else None
    pairs = [pair for file in files for pair in options.read_pairs(file, model, skip)]
    for error in skipped:
        console.warn(f"{error}; skipped")
    path = options.memory_file(model, memory)
    translator = options.load_translator(model, path, device, "float32")
    remembered = translator.translation_memory
    with nullcontext() if dry_run else remembered.lock():
        with console.counting(len(pairs), "remembering") as remembered.progress:
            result = remembered.remember(pairs, passes=passes)
        if result.changed and not dry_run:
            remembered.save()
    console.superseded(remembered.superseded(pairs))
    _say(result, path, dry_run)
    if (verify or strict) and _missed(translator, pairs) and strict:
        raise typer.Exit(1)
    if skipped:
        raise typer.Exit(options.SOME_LINES_FAILED)


def _say(result: "RememberResult", path: Path, dry_run: bool) -> None:
    """What changed, on stderr."""
    console.contradictions(result.conflicts)
    said = "would remember " if dry_run else "remembered "
    said += f"{console.count(len(result.new), 'pair')} ({result.tokens:,} tokens)"
    if result.known:
        said += f", {len(result.known):,} known already"
    said += f" in {console.short(path)}"
    if result.evicted:
        said += f"; the memory is full: {result.evicted:,} of the oldest entries made room"
    if result.changed and not dry_run:
        said += " · undo: rarenmt forget --last"
    console.remark(said)


def _missed(translator: "Translator", pairs: "list[Pair]") -> int:
    """Report the pairs whose target is not reproduced; how many they are."""
    missed = translator.verify(pairs)
    for pair, translation in missed:
        console.warn(f"{pair.place} is translated as {translation.text!r}")
    console.remark(f"verified: {len(pairs) - len(missed):,} of {len(pairs):,} are reproduced")
    return len(missed)

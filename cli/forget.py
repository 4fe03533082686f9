"""`rarenmt forget`: remove remembered lines."""

from contextlib import nullcontext
from typing import Annotated

import typer

from rarenmt.errors import SettingError

from . import console, options


def forget(
    locations: options.Locations = None,
    file: options.File = None,
    match: options.Match = None,
    last: options.Last = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List what would be removed, and remove nothing.")
    ] = False,
    model: options.Model = None,
    memory: options.MemoryFile = None,
    device: options.Device = "auto",
) -> None:
    """Remove remembered lines.

    Afterwards the memory file is byte for byte what it would be if they had
    never been remembered. The lines are printed as FILE:LINE<TAB>source<TAB>target.

    \b
    rarenmt forget file.tsv:12
    rarenmt forget --last
    rarenmt forget --match Dostoevsky --dry-run
    """
    if not (locations or file or match or last):
        raise SettingError("no lines selected; give FILE:LINE, --file, --match or --last")
    path = options.memory_file(model, memory)
    store = options.load_memory(model, path, device)
    with nullcontext() if dry_run else store.lock():
        chosen = options.select(store.journal, locations, file, match, last)
        lines = list(store.journal.lines())
        gone = store.forget(chosen)
        if not dry_run:
            store.save()
    rows = ([pair.location, pair.source, pair.target] for pair in map(lines.__getitem__, chosen))
    console.table(["location", "source", "target"], rows)
    verb = "would forget" if dry_run else "forgot"
    sentence = f"{verb} {console.count(len(chosen), 'line')} in {console.short(path)}"
    if len(gone) < len(chosen):
        sentence += f"; pairs that are no longer remembered: {len(gone):,}"
    console.remark(sentence)

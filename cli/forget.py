"""`rarenmt forget`: take remembered lines back."""

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
        bool, typer.Option("--dry-run", help="List what would be forgotten, and forget nothing.")
    ] = False,
    model: options.Model = None,
    memory: options.MemoryFile = None,
    device: options.Device = "auto",
) -> None:
    """Take remembered lines back.

    Afterwards the memory file is, to the last byte, what it would be if they had
    never been remembered. The lines are printed as FILE:LINE<TAB>source<TAB>target.

    \b
    rarenmt forget file.tsv:12
    rarenmt forget --last
    rarenmt forget --match Dostoevsky --dry-run
    """
    if not (locations or file or match or last):
        raise SettingError("what should be forgotten? Give FILE:LINE, --file, --match or --last")
    path = options.memory_file(model, memory)
    remembered = options.load_memory(model, path, device)
    with nullcontext() if dry_run else remembered.lock():
        chosen = remembered.journal.select(
            locations or (), files=file or (), texts=match or (), last_call=last
        )
        showings = list(remembered.journal.lines())
        gone = remembered.forget(chosen)
        if not dry_run:
            remembered.save()
    lines = [showings[number] for number in chosen]
    rows = ([pair.place, pair.source, pair.target] for pair in lines)
    console.table(["place", "source", "target"], rows)
    said = f"{'would forget' if dry_run else 'forgot'} {console.count(len(chosen), 'line')}"
    if len(gone) < len(chosen):
        kept = console.count(len(gone), "pair")
        said += f", and with them {kept}: the others stand in other lines too"
    console.remark(f"{said} in {console.short(path)}")

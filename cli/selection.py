"""Which remembered lines a person means: by place, file or text, or those of the last call."""

from typing import TYPE_CHECKING, Annotated

import typer

from rarenmt.errors import DataError

if TYPE_CHECKING:
    from rarenmt.translation_memory.journal import Journal

Places = Annotated[
    list[str] | None,
    typer.Argument(help="Lines as FILE:LINE, as --explain shows them.", show_default=False),
]
File = Annotated[
    list[str] | None,
    typer.Option("--file", help="All lines of this file.", show_default=False),
]
Match = Annotated[
    list[str] | None,
    typer.Option(
        "--match",
        help="All pairs with this text in source or target, in small or capital letters.",
        show_default=False,
    ),
]
Last = Annotated[bool, typer.Option("--last", help="All lines of the last call of `remember`.")]


def select(
    journal: "Journal",
    places: list[str] | None,
    files: list[str] | None = None,
    matches: list[str] | None = None,
    last: bool = False,
) -> list[int]:
    """The numbers of the showings that any of these names; DataError for one that names none."""
    showings = list(journal.lines())
    chosen: set[int] = set()
    wanted_places = {_parse(place): place for place in places or []}
    found_places: dict[tuple[str, int], list[int]] = {place: [] for place in wanted_places}
    for i, pair in enumerate(showings if places else []):
        if (pair.path, pair.line) in found_places:
            found_places[pair.path, pair.line].append(i)
    for (path, line), place in wanted_places.items():
        problem = f"no line {line} of {path!r} is remembered"
        chosen.update(_some(found_places[path, line], place, problem))
    for path in files or []:
        found = [i for i, p in enumerate(showings) if p.path == path]
        chosen.update(_some(found, path, "no line of this file is remembered"))
    for text in matches or []:
        wanted = text.casefold()
        found = [
            i
            for i, p in enumerate(showings)
            if wanted in p.source.casefold() or wanted in p.target.casefold()
        ]
        chosen.update(_some(found, "--match", f"no remembered pair holds {text!r}"))
    if last:
        count = len(journal.calls[-1].pairs) if journal.calls else 0
        found = list(range(len(showings) - count, len(showings)))
        chosen.update(_some(found, "--last", "nothing is remembered"))
    return sorted(chosen)


def _parse(place: str) -> tuple[str, int]:
    path, colon, line = place.rpartition(":")
    if not colon or not (line.isascii() and line.isdigit()):
        raise DataError(place, None, "is no place; wanted FILE:LINE, or --file FILE")
    return path, int(line)


def _some(found: list[int], name: str, problem: str) -> list[int]:
    if not found:
        raise DataError(name, None, f"{problem}; `rarenmt memory show` lists what is")
    return found

"""`rarenmt memory`: show, compare, merge, export and rebuild memory files."""

import json
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, Literal

import typer

from rarenmt.errors import SettingError
from rarenmt.text.pairs import NO_FILE

from . import console, options

if TYPE_CHECKING:
    from rarenmt.text.pairs import Pair
    from rarenmt.translation_memory.file import Header
    from rarenmt.translation_memory.journal import Journal

Format = Literal["tsv", "csv", "tmx"]
"""Of an export."""

Json = Annotated[bool, typer.Option("--json", help="Print JSON, one record per line.")]
Output = Annotated[
    Path | None, typer.Option("-o", "--output", help="File to write.", show_default=False)
]

memory = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Show, compare, merge, export and rebuild memory files.",
)


@memory.command()
def show(
    locations: options.Locations = None,
    file: options.File = None,
    match: options.Match = None,
    last: options.Last = False,
    as_json: Json = False,
    model: options.Model = None,
    memory: options.MemoryFile = None,
) -> None:
    """Show remembered lines: all, or those selected.

    \b
    rarenmt memory show
    rarenmt memory show --match Dostoevsky
    rarenmt memory show --json | jq -r .target
    """
    _, journal, _ = _open(model, memory)
    lines = list(journal.lines())
    if locations or file or match or last:
        chosen = options.select(journal, locations, file, match, last)
        lines = [lines[number] for number in chosen]
    if as_json:
        for pair in lines:
            console.record(_describe(journal, pair))
        return
    rows = ([p.location, _day(p), p.source, p.target] for p in lines)
    console.table(["location", "remembered", "source", "target"], rows)


@memory.command()
def log(
    as_json: Json = False, model: options.Model = None, memory: options.MemoryFile = None
) -> None:
    """List the calls of `remember`, the last one first.

    \b
    rarenmt memory log
    """
    _, journal, _ = _open(model, memory)
    rows = []
    for number, call in reversed(list(enumerate(journal.calls, start=1))):
        files = Counter(pair.path for pair in call.pairs)
        if as_json:
            time = _instant(call.pairs[0])
            console.record({"call": number, "time": time, "passes": call.passes, "lines": files})
        named = ", ".join(f"{path or NO_FILE} ({count:,})" for path, count in files.items())
        rows.append([str(number), _day(call.pairs[0]), f"{len(call.pairs):,}", named])
    if not as_json:
        console.table(["call", "remembered", "lines", "files"], rows)


@memory.command()
def stats(
    as_json: Json = False, model: options.Model = None, memory: options.MemoryFile = None
) -> None:
    """Print statistics of a memory.

    \b
    rarenmt memory stats
    rarenmt memory stats --memory client.safetensors --json
    """
    path, journal, header = _open(model, memory)
    lines = list(journal.lines())
    sources = Counter(pair.source for pair in journal.pairs)
    figures: dict[str, Any] = {
        "memory": str(path),
        "pairs": len(journal.pairs),
        "lines": len(lines),
        "files": len({pair.path for pair in lines} - {""}),
        "calls": len(journal.calls),
        "entries": len(journal.owners),
        "evicted": header.evicted,
        "contradictions": sum(count > 1 for count in sources.values()),
        "first": _instant(lines[0]) if lines else None,
        "last": _instant(lines[-1]) if lines else None,
        "languages": f"{header.source_language} {header.target_language}",
        "checkpoint": header.fingerprint,
        "bytes": path.stat().st_size if path.exists() else 0,
    }
    if as_json:
        console.record(figures)
    else:
        texts = {k: f"{v:,}" if isinstance(v, int) else str(v or "") for k, v in figures.items()}
        console.table(["", ""], [[name, value] for name, value in texts.items()])


@memory.command(no_args_is_help=True)
def diff(
    old: Annotated[Path, typer.Argument(help="A memory file.", show_default=False)],
    new: Annotated[Path, typer.Argument(help="Another memory file.", show_default=False)],
    as_json: Json = False,
) -> None:
    """Show the pairs that only one of two memories contains: - the first, + the second.

    \b
    rarenmt memory diff mine.safetensors yours.safetensors
    """
    (mine, _), (yours, _) = _read(old), _read(new)
    rows = []
    for mark, one, other in (("-", mine, yours), ("+", yours, mine)):
        for pair in one.pairs:
            if not other.has_pair(pair):
                rows.append([mark, pair.location, pair.source, pair.target])
                if as_json:
                    console.record({"change": mark, **_describe(one, pair)})
    if not as_json:
        console.table(["", "location", "source", "target"], rows)


@memory.command(no_args_is_help=True)
def merge(
    files: Annotated[
        list[Path], typer.Argument(help="Memory files of the same checkpoint.", show_default=False)
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Memory file to write.", show_default=False)
    ],
    force: options.Force = False,
    model: options.Model = None,
    device: options.Device = "auto",
) -> None:
    """Merge memories into a new one, or into the first, in the order given.

    \b
    rarenmt memory merge mine.safetensors yours.safetensors -o ours.safetensors
    """
    options.check_output(output, force, files)
    merged = options.load_memory(model, _existing(files[0]), device)
    for file in files[1:]:
        result = merged.merge(options.load_memory(model, _existing(file), device))
        console.conflicts(result.conflicts)
        new, known = console.count(len(result.new), "pair"), len(result.known)
        console.remark(f"{file}: {new} new, {known:,} already known")
    merged.save_as(output)
    console.remark(f"{console.count(len(merged.journal.pairs), 'pair')} in {console.short(output)}")


@memory.command()
def export(
    output: Output = None,
    form: Annotated[
        Format | None,
        typer.Option(
            "--format", help="Default: as the name of the output ends; tsv for standard output."
        ),
    ] = None,
    force: options.Force = False,
    model: options.Model = None,
    memory: options.MemoryFile = None,
) -> None:
    """Write the remembered pairs as TSV or CSV, or with all their data as TMX.

    Remembering this TMX file in an empty memory gives the same memory again.

    \b
    rarenmt memory export > pairs.tsv
    rarenmt memory export -o pairs.tmx
    """
    if output is not None:
        form = form or _format_of(output)
        options.check_output(output, force)
    _, journal, header = _open(model, memory)
    write = WRITERS[form or "tsv"]
    if output is None:
        write(sys.stdout.buffer, journal, header)
        return
    from rarenmt.storage.files import replace

    def fill(temporary: Path) -> None:
        with temporary.open("wb") as stream:
            write(stream, journal, header)

    replace(output, fill)
    console.remark(f"{console.count(len(journal.pairs), 'pair')} in {console.short(output)}")


@memory.command()
def rebuild(
    output: Output = None,
    force: options.Force = False,
    model: options.Model = None,
    memory: options.MemoryFile = None,
    device: options.Device = "auto",
) -> None:
    """Compute the keys of a memory again, for another checkpoint; no pair is lost.

    \b
    rarenmt memory rebuild --model checkpoints/new --memory memory.safetensors
    """
    path = _existing(options.memory_file(model, memory))
    if output is not None:
        options.check_output(output, force, [path])
    rebuilt = options.load_memory(model, None, device)
    lines = sum(1 for _ in _read(path)[0].lines())
    with console.progress(lines, "rebuilding") as rebuilt.progress:
        result = rebuilt.rebuild(path, output)
    pairs = console.count(len(result.new), "pair")
    console.remark(f"{pairs} ({result.tokens:,} tokens) in {console.short(output or path)}")


def _open(model: Path | None, memory: Path | None) -> "tuple[Path, Journal, Header]":
    """The memory file of the options and its content; the default file may be missing, and is then
    empty."""
    from rarenmt.translation_memory.file import Header
    from rarenmt.translation_memory.journal import Journal

    path = options.memory_file(model, memory)
    if memory is None and not path.exists():
        return path, Journal(), Header("", *options.languages(model))
    return path, *_read(path)


def _read(path: Path) -> "tuple[Journal, Header]":
    from rarenmt.translation_memory.file import read_journal

    return read_journal(_existing(path))


def _existing(path: Path) -> Path:
    """The path, if it exists; a missing file must not pass for an empty memory."""
    if not path.exists():
        raise SettingError(f"memory file not found: {path}")
    return path


def _describe(journal: "Journal", pair: "Pair") -> dict[str, Any]:
    """The JSON record of a remembered line."""
    first = journal.pairs[journal.pair_number(pair)]
    record: dict[str, Any] = {"file": pair.path, "line": pair.line}
    if pair.number > 1:
        record["number"] = pair.number
    record |= {"time": _instant(pair), "source": pair.source, "target": pair.target}
    if first.location != pair.location:
        record["first"] = first.location
    if pair.unit:
        record["unit"] = pair.unit
        with suppress(ValueError, RecursionError):  # not written by this program
            record["unit"] = json.loads(pair.unit)
    return record


def _instant(pair: "Pair") -> str:
    return _date(pair).isoformat().replace("+00:00", "Z")


def _day(pair: "Pair") -> str:
    return f"{_date(pair):%Y-%m-%d}"


def _date(pair: "Pair") -> datetime:
    return datetime.fromtimestamp(pair.time or 0, UTC)


def _format_of(output: Path) -> Format:
    """The format that the name of a file to export ends in."""
    for form in WRITERS:
        if output.suffix.lower() == f".{form}":
            return form
    raise SettingError(
        f"{output}: expected a name that ends in .tsv, .csv or .tmx; --format names the format of "
        "other files"
    )


def _write_tsv(stream: BinaryIO, journal: "Journal", header: "Header") -> None:
    from rarenmt.text.corpus.writer import write_tsv

    write_tsv(stream, journal.pairs, (header.source_language, header.target_language))


def _write_csv(stream: BinaryIO, journal: "Journal", header: "Header") -> None:
    from rarenmt.text.corpus.writer import write_csv

    write_csv(stream, journal.pairs, (header.source_language, header.target_language))


def _write_tmx(stream: BinaryIO, journal: "Journal", header: "Header") -> None:
    from rarenmt.text.tmx.writer import write_tmx

    write_tmx(stream, journal.lines(), header.source_language, header.target_language)


WRITERS: dict[Format, Callable[[BinaryIO, "Journal", "Header"], None]] = {
    "tsv": _write_tsv,
    "csv": _write_csv,
    "tmx": _write_tmx,
}
"""What writes a memory in each format."""

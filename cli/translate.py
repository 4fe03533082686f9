"""`rarenmt translate`: one line in, one line out."""

import json
import os
import select
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from rarenmt.config import SearchConfig

from . import console, explanation, interactive, options

if TYPE_CHECKING:
    from rarenmt.translator.result import Translation

BATCH = 512
"""Lines translated together, at most."""

PAUSE = 0.02
"""Seconds without input after which a batch is closed."""

Style = Literal["plain", "remark", "picture", "json"]
"""How a translation is printed."""


@dataclass(frozen=True)
class Line:
    """One line of input."""

    number: int
    text: str
    """Empty if the line is not UTF-8."""
    ending: bytes
    broken: bytes | None = None
    """The bytes of a line that is not UTF-8."""
    record: dict[str, Any] = field(default_factory=dict)
    """With --jsonl, the fields of the input."""


def translate(
    text: Annotated[
        list[str] | None,
        typer.Argument(
            help="The text to translate; without it, the lines of standard input.",
            show_default=False,
        ),
    ] = None,
    beam: options.Beam = 5,
    no_memory: options.NoMemory = False,
    with_pairs: options.WithPairs = None,
    without: options.Without = None,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain",
            help="Name the remembered line each word came from; on a terminal also draw the share "
            "of the memory in each word. --explain FILE.html writes a page instead.",
        ),
    ] = False,
    page: Annotated[Path | None, typer.Option(explanation.PAGE, hidden=True)] = None,
    jsonl: Annotated[
        bool,
        typer.Option(
            "--jsonl",
            help="Print one JSON record per line; the fields of a JSON input line with a `source` "
            "are kept.",
        ),
    ] = False,
    interact: Annotated[
        bool,
        typer.Option(
            "--interactive",
            "-i",
            help="Translate and correct at a terminal; corrections are remembered.",
        ),
    ] = False,
    model: options.Model = None,
    memory: options.MemoryFile = None,
    device: options.Device = "auto",
    precision: options.Precision = "float32",
) -> None:
    """Translate text, one line in, one line out.

    Blank lines stay as they are. A line that is not UTF-8 is reported and passed
    through unchanged; the exit status is then 4.

    \b
    rarenmt translate < letter.txt
    rarenmt translate "I read Dostoevsky every winter." --explain
    rarenmt translate --explain page.html < letter.txt > brief.txt
    rarenmt translate -i
    tail -f log | rarenmt translate --jsonl | jq -r .translation
    """
    config = SearchConfig(beam=beam)
    if interact:
        others = {"TEXT": text, "--jsonl": jsonl, "--explain FILE": page, "--with": with_pairs}
        others |= {"--no-memory": no_memory, "--without": without}
        others["--precision bfloat16"] = precision != "float32"
        interactive.check(others)
        translator = options.load_translator(model, memory, device, precision, None)
        return interactive.run(translator, config)
    lines = _arguments(text) if text else _standard_input(jsonl)
    translator = options.load_translator(
        model, memory, device, precision, with_pairs, without=without
    )
    style: Style = "plain"
    if explain or jsonl:
        style = "json" if jsonl else "picture" if sys.stdout.isatty() else "remark"
    failed = False
    with explanation.explained_on(page, translator) as add:
        for batch in lines:
            readable = [line.text for line in batch]
            translations = translator.translate(
                readable, config, memory=not no_memory, explain=style != "plain" or page is not None
            )
            for line, translation in zip(batch, translations, strict=True):
                failed |= line.broken is not None
                add(line.number, line.text, translation)
                if translation.missing:
                    missing = ", ".join(translation.missing)
                    console.warn(f"-:{line.number}: missing from the translation: {missing}")
                sys.stdout.buffer.write(_output(line, translation, style) + line.ending)
            sys.stdout.buffer.flush()
    if failed:
        raise typer.Exit(options.SOME_LINES_FAILED)


def _arguments(words: list[str]) -> Iterator[list[Line]]:
    yield [Line(1, " ".join(words), b"\n")]


def _standard_input(jsonl: bool) -> Iterator[list[Line]]:
    """The lines of standard input, in batches."""
    options.announce_input("text, one sentence per line")
    number = 0
    for batch in read_batches(sys.stdin.fileno(), BATCH):
        yield [_parse(raw, number + i, jsonl) for i, raw in enumerate(batch, start=1)]
        number += len(batch)


def read_batches(descriptor: int, most: int) -> Iterator[list[bytes]]:
    """Batches of 1 to `most` lines, each with its line feed (the last line may have none).

    A batch is closed when the stream pauses, so a line typed by a person is translated at once,
    and a file is read in large batches.
    """
    lines: list[bytes] = []
    rest = b""
    for chunk in _chunks(descriptor):
        if chunk:
            *whole, rest = (rest + chunk).split(b"\n")
            lines += [line + b"\n" for line in whole]
        paused = not chunk
        while len(lines) >= most or (paused and lines):
            yield lines[:most]
            lines = lines[most:]
    if rest:
        lines.append(rest)
    if lines:
        yield lines


def _chunks(descriptor: int) -> Iterator[bytes]:
    """What can be read, as it comes; an empty chunk when the stream pauses."""
    while True:
        ready, _, _ = select.select([descriptor], [], [], PAUSE)
        if not ready:
            yield b""
            select.select([descriptor], [], [])
        chunk = os.read(descriptor, 1 << 16)
        if not chunk:
            return
        yield chunk


def _parse(raw: bytes, number: int, jsonl: bool) -> Line:
    """One line; a line that is not UTF-8 is reported and kept unchanged."""
    body = raw.removesuffix(b"\n")
    ending = raw[len(body) :]
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        byte = body[error.start]
        console.warn(f"-:{number}: byte {error.start + 1} (0x{byte:02x}) is not UTF-8; line kept")
        return Line(number, "", ending, broken=body)
    if jsonl:
        record = _record(text)
        if record is not None:
            return Line(number, record["source"], ending, record=record)
    return Line(number, text, ending)


def _record(text: str) -> dict[str, Any] | None:
    """A JSON object with a string `source`, or None."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record.get("source"), str) else None


def _output(line: Line, translation: "Translation", style: Style) -> bytes:
    """The output for a line, without its line feed."""
    if style == "json":
        return json.dumps(_describe(line, translation), ensure_ascii=False).encode()
    if line.broken is not None:
        return line.broken
    if style == "picture" and line.text.strip():
        return explanation.picture(translation).removesuffix("\n").encode()
    remark = explanation.remark(translation) if style == "remark" else ""
    return (f"{translation.text}\t{remark}" if remark else translation.text).encode()


def _describe(line: Line, translation: "Translation") -> dict[str, Any]:
    """The JSON record of a line."""
    record = {**line.record, "line": line.number, "source": line.text}
    if line.broken is not None:
        return {**record, "source": line.broken.decode("utf-8", "replace"), "error": "not UTF-8"}
    return {**record, **translation.to_dict()}

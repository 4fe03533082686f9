"""`rarenmt translate`: lines in, lines out."""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rarenmt.config import SearchConfig

from . import console, options

if TYPE_CHECKING:
    from rarenmt.translator import Translation

BATCH = 512
"""Lines read ahead of their translation, when so many have arrived."""


@dataclass(frozen=True)
class Line:
    """One line of input."""

    number: int
    text: str
    """Empty when the line cannot be read."""
    ending: bytes
    broken: bytes | None = None
    """The line as it stands, when it is not UTF-8."""
    record: dict[str, Any] = field(default_factory=dict)
    """With --jsonl, the fields that came in."""


def translate(
    text: Annotated[
        list[str] | None,
        typer.Argument(
            help="A sentence; without one, lines of standard input.", show_default=False
        ),
    ] = None,
    beam: options.Beam = 5,
    no_memory: options.NoMemory = False,
    with_pairs: options.WithPairs = None,
    without: options.Without = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Append which remembered line a word came from.")
    ] = False,
    jsonl: Annotated[
        bool,
        typer.Option(
            "--jsonl", help="One JSON record a line; a JSON line with a `source` keeps its fields."
        ),
    ] = False,
    model: options.Model = None,
    memory: options.MemoryFile = None,
    device: options.Device = "auto",
    precision: options.Precision = "float32",
    index: options.Index = "auto",
) -> None:
    """Translate lines: as many come out as go in.

    Blank lines come back as they are. A line that is not UTF-8 is reported, passed
    through unchanged, and the exit status is 4.

    \b
    rarenmt translate < letter.txt
    rarenmt translate "I read Dostoevsky every winter." --explain
    tail -f log | rarenmt translate --jsonl | jq -r .translation
    """
    config = SearchConfig(beam=beam)
    lines = _given(text) if text else _standard_input(jsonl)
    translator = options.load_translator(
        model, memory, device, precision, with_pairs, without=without, index=index
    )
    failed = False
    for batch in lines:
        readable = [line.text for line in batch]
        translations = translator.translate(readable, config, memory=not no_memory)
        for line, translation in zip(batch, translations, strict=True):
            failed |= line.broken is not None
            sys.stdout.buffer.write(_output(line, translation, explain, jsonl) + line.ending)
        sys.stdout.buffer.flush()
    if failed:
        raise typer.Exit(options.SOME_LINES_FAILED)


def _given(words: list[str]) -> Iterator[list[Line]]:
    yield [Line(1, " ".join(words), b"\n")]


def _standard_input(jsonl: bool) -> Iterator[list[Line]]:
    """Lines as they arrive."""
    from rarenmt.stream import arriving

    options.hint_at_terminal("sentences, one a line")
    number = 0
    for batch in arriving(sys.stdin.fileno(), BATCH):
        yield [_parse(raw, number + i, jsonl) for i, raw in enumerate(batch, start=1)]
        number += len(batch)


def _parse(raw: bytes, number: int, jsonl: bool) -> Line:
    """One line; what is not UTF-8 is reported and kept as it is."""
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
    """A JSON object with a `source` text, or None."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record.get("source"), str) else None


def _output(line: Line, translation: "Translation", explain: bool, jsonl: bool) -> bytes:
    """What is written for a line, without its line feed."""
    if jsonl:
        return json.dumps(_describe(line, translation), ensure_ascii=False).encode()
    if line.broken is not None:
        return line.broken
    said = translation.text
    if explain and translation.remembered():
        sources = (f"{w}: {pair.path}:{pair.line}" for w, pair in translation.remembered())
        said += "\t← " + ", ".join(sources)
    return said.encode()


def _describe(line: Line, translation: "Translation") -> dict[str, Any]:
    """The JSON record of a line."""
    record = {**line.record, "line": line.number, "source": line.text}
    if line.broken is not None:
        return {**record, "source": line.broken.decode("utf-8", "replace"), "error": "not UTF-8"}
    tokens: list[dict[str, Any]] = []
    for token in translation.tokens:
        tokens.append({"piece": token.piece})
        if token.memory is not None:
            tokens[-1]["memory"] = {
                "file": token.memory.pair.path,
                "line": token.memory.pair.line,
                "similarity": round(token.memory.similarity, 4),
                "weight": round(token.memory.weight, 4),
            }
    return {**record, "translation": translation.text, "tokens": tokens}

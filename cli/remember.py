"""`rarenmt remember`: sentence pairs to the memory."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import console, options

if TYPE_CHECKING:
    from rarenmt.text import Pair
    from rarenmt.translator import Remembered


def remember(
    files: Annotated[
        list[str],
        typer.Argument(
            help="TSV files of source<TAB>target, TMX files, or two parallel files as "
            "SOURCE,TARGET; .xz and .gz are read, - is standard input (TSV).",
            show_default=False,
        ),
    ],
    passes: Annotated[int, typer.Option(min=1, help="How often the new pairs are shown.")] = 1,
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
    """
    from rarenmt.translator import Translator

    pairs = [pair for file in files for pair in _read(file, model)]
    place = options.pick_device(device)
    translator = Translator.load(options.model_folder(model), memory=memory, device=str(place))
    with translator.exclusively():
        result = translator.remember(pairs, passes=passes)
        if result.new:
            translator.save()
    _say(result, translator.memory_path)


def _read(file: str, model: Path | None) -> "Iterator[Pair]":
    from rarenmt.corpus import read_corpus
    from rarenmt.text import parse_pairs, split_lines

    if file == "-":
        options.hint_at_terminal("source<TAB>target lines")
        return parse_pairs(split_lines(sys.stdin.buffer), "-")
    return read_corpus(file, options.languages(model), console.remark)


def _say(result: "Remembered", path: Path | None) -> None:
    """What changed, on stderr."""
    for pair, other in result.conflicts:
        console.warn(
            f"{pair.path}:{pair.line} translates {pair.source!r} otherwise than "
            f"{other.path}:{other.line}; both are remembered"
        )
    count = len(result.new)
    said = f"remembered {count:,} {'pair' if count == 1 else 'pairs'} ({result.tokens:,} tokens)"
    if result.known:
        said += f", {len(result.known):,} known already"
    if result.evicted:
        said += f"; the memory is full: {result.evicted:,} of the oldest entries made room"
    console.remark(f"{said} in {path}")

"""`rarenmt translate -i`: translate, correct, and remember each correction at once."""

import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rarenmt.config import SearchConfig
from rarenmt.errors import SettingError

from . import console, explanation

if TYPE_CHECKING:
    from rarenmt.text.pairs import Pair
    from rarenmt.translation_memory.store import TranslationMemory
    from rarenmt.translator.result import Translation
    from rarenmt.translator.translator import Translator

PATH = "interactive"
"""Path of the pairs entered here; their lines are numbered from 1."""

UNDO, HELP = ":undo", ":help"
"""Typed instead of a sentence."""

COMMAND = re.compile(r":(\?|[^\W\d_]+)")
"""A line that is meant as a command, known or not."""

COMMANDS = f"{UNDO} forgets the last correction, {HELP} shows this list, Ctrl-D ends."


def check(others: Mapping[str, object]) -> None:
    """SettingError without a terminal, or with an option that does not apply."""
    given = [name for name, value in others.items() if value]
    if given:
        raise SettingError(f"translate -i cannot be combined with {given[0]}")
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise SettingError(
            "translate -i needs a terminal; leave out -i to translate a file or a pipe"
        )


def run(translator: "Translator", config: SearchConfig) -> None:
    """Translate each line typed, and remember its correction, until the input ends."""
    languages = translator.model.config
    console.remark(
        "Type a sentence. Then correct its translation, or press Enter if it is right. " + COMMANDS
    )
    while (source := _read(f"{languages.source_language} ▸ ")) is not None:
        if not source.strip() or _obeyed(source.strip(), translator):
            continue
        [translation] = translator.translate([source], config)
        _print_origin(translation)
        correction = _read(f"{languages.target_language} ▸ ", translation.text)
        if correction is None:
            return
        changed = correction.strip() not in ("", translation.text.strip())
        if changed and not _obeyed(correction.strip(), translator):
            _remember(translator, source.strip(), correction.strip())
            [again] = translator.translate([source], config)
            console.out.print(f"{languages.target_language} = ", style="dim", end="")
            console.out.print(again.text, style="bold", markup=False)
            _print_origin(again)


def _obeyed(typed: str, translator: "Translator") -> bool:
    """Whether a line is a command, known or not; it is then carried out or answered."""
    if not COMMAND.fullmatch(typed):
        return False
    if typed == UNDO:
        _undo(translator)
    else:
        console.remark(COMMANDS if typed == HELP else f"unknown command {typed}. {COMMANDS}")
    return True


def _remember(translator: "Translator", source: str, target: str) -> None:
    """Remember a correction in the memory file."""
    from rarenmt.text.pairs import Pair

    store = translator.memory
    with store.lock():
        line = 1 + max((pair.line for _, pair in _corrections(store)), default=0)
        correction = Pair(source, target, PATH, line)
        result = store.remember([correction])
        store.save()
    for _, other in result.conflicts:
        console.warn(f"{other.location} translates it differently; the new one is used from now on")
    console.remark(f"remembered as {correction.location} · undo: {UNDO}")


def _undo(translator: "Translator") -> None:
    """Forget the last correction, from this session or an earlier one."""
    store = translator.memory
    with store.lock():
        corrections = _corrections(store)
        if not corrections:
            console.remark("there is no correction to undo")
            return
        number, pair = corrections[-1]
        store.forget([number])
        store.save()
    console.remark(f"forgot {pair.location}: {pair.source} ▸ {pair.target}")


def _corrections(store: "TranslationMemory") -> "list[tuple[int, Pair]]":
    """The remembered lines that were entered here, with their numbers."""
    lines = enumerate(store.journal.lines())
    return [(number, pair) for number, pair in lines if pair.path == PATH]


def _print_origin(translation: "Translation") -> None:
    remark = explanation.remark(translation)
    if remark:
        console.out.print("     " + remark, style="dim", markup=False)


def _read(prompt: str, suggestion: str = "") -> str | None:
    """The next line typed, with the suggestion as editable text; None at the end of the input."""
    with _suggesting(suggestion) as editable:
        if not editable:
            console.out.print(f"{prompt}{suggestion}", markup=False)
        try:
            return input(prompt)
        except EOFError:
            console.out.print()
            return None


@contextmanager
def _suggesting(text: str) -> Iterator[bool]:
    """Put a text into the next input line; yields False if lines cannot be edited here."""
    try:
        import readline
    except ImportError:
        yield not text
        return
    readline.set_startup_hook(lambda: readline.insert_text(text))
    try:
        yield True
    finally:
        readline.set_startup_hook()

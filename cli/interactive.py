"""`rarenmt translate -i`: translate, correct, remembered at once."""

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

HERE = "interactive"
"""Path of the pairs that come from a conversation; their lines are counted from 1."""


UNDO = ":undo"
"""Typed instead of a sentence."""


def check(clashes: Mapping[str, object]) -> None:
    """SettingError where nobody is there to talk to, or another option makes no sense."""
    given = [name for name, value in clashes.items() if value]
    if given:
        raise SettingError(f"translate -i does not go with {given[0]}")
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise SettingError(
            "translate -i talks to a person at a terminal; leave -i out to translate a file or pipe"
        )


def converse(translator: "Translator", config: SearchConfig) -> None:
    """Translate what is typed, and remember how it is corrected, until the input ends."""
    languages = translator.model.config
    console.remark(
        "Type a sentence. Then correct its translation, or press Enter if it is right. "
        f"{UNDO} forgets the last correction, Ctrl-D ends."
    )
    while (source := _ask(f"{languages.source_language} ▸ ")) is not None:
        if source.strip() == UNDO:
            _undo(translator)
        if source.strip() in ("", UNDO):
            continue
        [translation] = translator.translate([source], config)
        _say_where_from(translation)
        correction = _ask(f"{languages.target_language} ▸ ", translation.text)
        if correction is None:
            return
        if correction.strip() not in ("", translation.text.strip()):
            _learn(translator, source.strip(), correction.strip())
            [again] = translator.translate([source], config)
            console.out.print(f"{languages.target_language} = ", style="dim", end="")
            console.out.print(again.text, style="bold", markup=False)
            _say_where_from(again)


def _learn(translator: "Translator", source: str, target: str) -> None:
    """Remember a correction for good, and say so."""
    from rarenmt.text.pairs import Pair

    remembered = translator.translation_memory
    with remembered.lock():
        line = 1 + max((pair.line for _, pair in _corrections(remembered)), default=0)
        correction = Pair(source, target, HERE, line)
        result = remembered.remember([correction])
        remembered.save()
    for _, other in result.conflicts:
        console.warn(f"{other.place} translates it otherwise; this is said now")
    console.remark(f"remembered as {correction.place} · undo: {UNDO}")


def _undo(translator: "Translator") -> None:
    """Forget the last correction, whenever it was made, and say so."""
    remembered = translator.translation_memory
    with remembered.lock():
        corrections = _corrections(remembered)
        if not corrections:
            console.remark("no correction is remembered")
            return
        number, pair = corrections[-1]
        remembered.forget([number])
        remembered.save()
    console.remark(f"forgot {pair.place}: {pair.source} ▸ {pair.target}")


def _corrections(remembered: "TranslationMemory") -> "list[tuple[int, Pair]]":
    """The remembered lines that come from conversations, with their numbers."""
    showings = enumerate(remembered.journal.lines())
    return [(number, pair) for number, pair in showings if pair.path == HERE]


def _say_where_from(translation: "Translation") -> None:
    said = explanation.remark(translation)
    if said:
        console.out.print("     " + said, style="dim", markup=False)


def _ask(prompt: str, suggestion: str = "") -> str | None:
    """A line from the person, who finds the suggestion there to edit; None when there is no
    more."""
    with _suggesting(suggestion) as shown:
        if not shown:
            console.out.print(f"{prompt}{suggestion}", markup=False)
        try:
            return input(prompt)
        except EOFError:
            console.out.print()
            return None


@contextmanager
def _suggesting(text: str) -> Iterator[bool]:
    """Fill the next line that is edited with a text; False where lines cannot be edited."""
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

"""The output of `translate --explain`: a remark in a pipe, a drawing on a terminal, a page in a
file."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text
from typer.core import TyperCommand

from . import console

if TYPE_CHECKING:
    import typer

    from rarenmt.text.pairs import Pair
    from rarenmt.translator.contributions import Contribution
    from rarenmt.translator.result import Translation, Word
    from rarenmt.translator.translator import Translator

PAGE = "--explain-page"
"""The option behind `--explain FILE.html`, as an option of Typer either takes a value or not."""

INDENT = "    "
BARS = " ▁▂▃▄▅▆▇█"
COLOURS = ("yellow", "cyan", "green", "magenta")
"""Of the pairs below a translation; their number is the maximum."""


class Explaining(TyperCommand):
    """`translate`, with an optional page name after `--explain`."""

    def parse_args(self, ctx: "typer.Context", args: list[str]) -> list[str]:  # type: ignore[override]
        return super().parse_args(ctx, list(_with_page_option(args)))


def _with_page_option(args: Iterable[str]) -> Iterator[str]:
    """The same arguments, with the page after `--explain` as the value of PAGE.

    An argument is a page if it ends in .html and contains no space, unlike a text to translate.
    """
    rest = list(args)
    while rest:
        argument = rest.pop(0)
        if argument == "--":
            yield from (argument, *rest)
            return
        if argument == "--explain" and rest and _is_page(rest[0]):
            yield f"{PAGE}={rest.pop(0)}"
        elif argument.startswith("--explain="):
            yield PAGE + argument.removeprefix("--explain")
        else:
            yield argument


def _is_page(argument: str) -> bool:
    return argument.lower().endswith(".html") and len(argument.split()) == 1


@contextmanager
def explained_on(
    path: Path | None, translator: "Translator"
) -> "Iterator[Callable[[int, str, Translation], None]]":
    """A function that collects translations; they are written to the page at the end, even after an
    error."""
    if path is None:
        yield lambda *_: None
        return
    from rarenmt.translator.html_page import Page

    config = translator.model.config
    page = Page(config.source_language, config.target_language)
    page.save(path)  # fails now, not after hours, if the file cannot be written
    try:
        yield page.add
    finally:
        page.save(path)
        console.remark(f"explained {console.count(page.sentences, 'sentence')} in {path}")


def remark(translation: "Translation") -> str:
    """One line with the words from the memory and their locations, or the location of an exact
    match; an empty string if there are none."""
    sources: list[str] = []
    for part in translation.parts:
        if part.tm_match:
            sources.append(part.tm_match.pair.location)
        else:
            sources += [f"{word}: {pair.location}" for word, pair in part.memory_words()]
    return "← " + ", ".join(sources) if sources else ""


def picture(translation: "Translation", screen: Console | None = None) -> str:
    """The translation, the memory's share of each word, and the pairs that contributed."""
    from rarenmt.translator.contributions import find_contributions

    screen = screen or Console(highlight=False)
    words = translation.words()
    pairs = find_contributions(translation.parts, words, len(COLOURS))
    colours = {each.pair: colour for each, colour in zip(pairs, COLOURS, strict=False)}
    with screen.capture() as captured:
        _print(screen, _headline(translation, colours))
        if not all(part.tm_match for part in translation.parts):
            _print(screen, *_rows(words, colours, screen.width))
        for each in pairs:
            _print(screen, Text(), *_pair(each, colours[each.pair], screen))
        _print(screen, Text())
    return captured.get()


def _print(screen: Console, *lines: Text) -> None:
    for line in lines:
        screen.print(line, soft_wrap=True)


def _style(word: "Word", colours: "dict[Pair, str]") -> str:
    """The style of a word: the colour of its pair, bold if it came from the memory."""
    colour = colours.get(word.entries[0].pair, "") if word.entries else ""
    return f"bold {colour}" if word.pair else colour


def _headline(translation: "Translation", colours: "dict[Pair, str]") -> Text:
    """The text and remark, as in a pipe, in colour."""
    from rarenmt.translator.contributions import memory_spans

    line = Text(translation.text)
    for word, start, end in memory_spans(translation):
        line.stylize(_style(word, colours), start, end)
    origins = remark(translation)
    return line.append("\t" + origins, "dim") if origins else line


def _rows(words: "Sequence[Word]", colours: "dict[Pair, str]", width: int) -> Iterator[Text]:
    """The words with their shares below them, in as many rows as the width requires."""
    shares = [_share(word.weight) for word in words]
    if not any(shares):
        yield Text(INDENT + "no word came from the memory", "dim")
        return
    upper, lower = Text(INDENT), Text(INDENT)
    for word, share in zip(words, shares, strict=True):
        room = max(cell_len(word.text), len(share)) + 2
        if upper.cell_len > len(INDENT) and upper.cell_len + room > width:
            yield from (upper, lower)
            upper, lower = Text(INDENT), Text(INDENT)
        style = _style(word, colours)
        upper.append(word.text, style).append(" " * (room - cell_len(word.text)))
        lower.append(share, style or "dim").append(" " * (room - len(share)))
    yield from (upper, lower)


def _share(weight: float) -> str:
    """A weight as a bar and a number; empty if it is close to 0."""
    from rarenmt.translator.contributions import percent

    number = percent(weight)
    return number and f"{BARS[max(1, round(weight * 8))]} {number}"


def _pair(contribution: "Contribution", colour: str, screen: Console) -> Iterator[Text]:
    """A pair: its location with a note, and its two sides."""
    pair = contribution.pair
    target = Text(console.visible(pair.target))
    for entry in contribution.entries.values():
        target.stylize(f"bold {colour}", *entry.span)
    where = Text(console.visible(pair.location), f"bold {colour}")
    where.append("  " + contribution.note, "not bold dim")
    edge = Text(INDENT).append("▌ ", colour)
    for text in (where, Text(console.visible(pair.source)), target):
        for line in text.wrap(screen, max(20, screen.width - edge.cell_len - 1)):
            line.rstrip()
            yield edge + line

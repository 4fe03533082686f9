"""Write a manual page for every command, from the help of the command.

    python docs/man.py build/man

Pages are roff with the macros of man(7); groff and mandoc read them.
"""

import inspect
import re
import sys
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import typer.main

from rarenmt import __version__

ENVIRONMENT = re.compile(r"\[env var: ([A-Z_]+)")
"""Names the variable of an option in its help."""


def pages() -> Iterator[tuple[str, str]]:
    """The name of each page, such as `rarenmt-memory-show`, and its text."""
    (script,) = entry_points(group="console_scripts", name="rarenmt")
    command = typer.main.get_command(script.load())
    yield from _pages_of(command, command.make_context("rarenmt", [], resilient_parsing=True))


def _pages_of(command: Any, context: Any) -> Iterator[tuple[str, str]]:
    """The page of a command, and those of the commands below it."""
    yield context.command_path.replace(" ", "-"), _page(command, context)
    for name in _subcommands(command, context):
        below = command.get_command(context, name)
        yield from _pages_of(
            below, below.make_context(name, [], parent=context, resilient_parsing=True)
        )


def _subcommands(command: Any, context: Any) -> list[str]:
    return command.list_commands(context) if hasattr(command, "list_commands") else []


def _page(command: Any, context: Any) -> str:
    """One page in roff."""
    name = context.command_path
    title, *paragraphs = _paragraphs(command.help or "")
    usage = " ".join(command.collect_usage_pieces(context))
    records = [_record(parameter, context) for parameter in command.get_params(context)]
    lines = [
        f'.TH "{name.replace(" ", "-").upper()}" 1 "" "rarenmt {__version__}" "rarenmt"',
        ".ad l",
        ".nh",
        ".SH NAME",
        f"{_text(name.replace(' ', '-'))} \\- {_text(title.rstrip('.'))}",
        ".SH SYNOPSIS",
        f".B {_text(name)}",
        _text(usage),
        ".SH DESCRIPTION",
        _text(title),
        *(line for paragraph in paragraphs for line in _paragraph(paragraph)),
        *_section("ARGUMENTS", [r for r in records if r and not r[0].startswith("-")]),
        *_section("OPTIONS", [r for r in records if r and r[0].startswith("-")]),
        *_section("COMMANDS", _commands(command, context)),
        *_section("ENVIRONMENT", _variables(records)),
        ".SH SEE ALSO",
        _see_also(command, context),
    ]
    return "\n".join(lines) + "\n"


def _record(parameter: Any, context: Any) -> tuple[str, str] | None:
    """The names of an option or argument and its help; nothing for a hidden one."""
    record = parameter.get_help_record(context)
    return None if record is None else (record[0].strip(), " ".join(record[1].split()))


def _paragraphs(text: str) -> list[str]:
    """Paragraphs of a help; one that begins with \\b keeps its lines."""
    return [part for part in re.split(r"\n{2,}", inspect.cleandoc(text)) if part.strip()]


def _paragraph(text: str) -> list[str]:
    """A paragraph, or an example with its lines as they stand."""
    if text.startswith("\b"):
        return [".PP", ".RS", ".EX", *map(_text, text.splitlines()[1:]), ".EE", ".RE"]
    return [".PP", _text(" ".join(text.split()))]


def _section(heading: str, records: list[tuple[str, str]]) -> list[str]:
    """Names and what they mean, under a heading; nothing where there are none."""
    rows = [[".TP", rf"\fB{_text(name)}\fR", _text(meaning or "")] for name, meaning in records]
    return [f".SH {heading}", *(line for row in rows for line in row)] if rows else []


def _commands(command: Any, context: Any) -> list[tuple[str, str]]:
    names = _subcommands(command, context)
    return [(n, command.get_command(context, n).get_short_help_str(limit=200)) for n in names]


def _variables(records: list[tuple[str, str] | None]) -> list[tuple[str, str]]:
    """The environment variables, with the option that each one sets."""
    found = [(ENVIRONMENT.search(record[1]), record[0]) for record in records if record]
    return [(match[1], f"Sets {option}.") for match, option in found if match]


def _see_also(command: Any, context: Any) -> str:
    """The pages above and below."""
    above = [context.parent.command_path] if context.parent else []
    below = [f"{context.command_path} {name}" for name in _subcommands(command, context)]
    return ", ".join(rf"\fB{_text(n.replace(' ', '-'))}\fR(1)" for n in above + below) + "."


def _text(line: str) -> str:
    """A line that roff prints as it stands."""
    line = line.replace("\\", r"\e").replace("-", r"\-").replace("'", r"\(aq").replace("`", r"\(ga")
    return rf"\&{line}" if line.startswith(".") else line


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages():
        (folder / f"{name}.1").write_text(text, "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

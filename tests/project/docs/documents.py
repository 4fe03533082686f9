"""The documents, their fenced blocks, and the command lines in these."""

import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[3]

PAGES = sorted(
    [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    + [path for path in ROOT.glob("*/README.md")]
    + [path for path in ROOT.glob("[bc]*/*/README.md")]
)

FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SPAN = re.compile(r"(?<!`)`(rarenmt [^`\n]+)`(?!`)")

OPERATORS = ("|", "||", "&&", ";")
REDIRECTIONS = ("<", ">")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    page: Path
    line: int
    """Of its first line in the page."""
    language: str
    text: str


@dataclass(frozen=True)
class Typed:
    """A line that somebody types, and what appears below it according to the page."""

    block: Block
    line: int
    command: str
    shown: list[str] = field(default_factory=list)

    @property
    def place(self) -> str:
        return f"{self.block.page.relative_to(ROOT)}:{self.line}"


def blocks(pages: Iterable[Path], language: str) -> Iterator[Block]:
    """The blocks of a language, in order."""
    for page in pages:
        text = page.read_text("utf-8")
        for match in FENCE.finditer(text):
            if match[1] == language:
                yield Block(page, text.count("\n", 0, match.start(2)) + 1, language, match[2])


def typed(block: Block) -> list[Typed]:
    """The lines after a prompt, joined with those that continue them."""
    found: list[Typed] = []
    continued = False
    for number, line in enumerate(block.text.splitlines(), start=block.line):
        if line.startswith("$ "):
            found.append(Typed(block, number, line.removeprefix("$ ")))
        elif continued or (line.startswith("> ") and not found[-1].shown):
            last = found.pop()
            begun = last.command.removesuffix("\\") if continued else f"{last.command};"
            whole = f"{begun} {line.removeprefix('> ').strip()}"
            found.append(Typed(block, last.line, whole))
        else:
            found[-1].shown.append(line)
        continued = line.endswith("\\")
    return found


@dataclass(frozen=True)
class Stage:
    """One command of a pipeline."""

    words: list[str]
    stdin: str | None
    stdout: str | None


def stages(command: str) -> list[Stage]:
    """The commands of a line, without comments; of redirections the last of each kind counts."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split = True
    found = [Stage([], None, None)]
    tokens = iter(lexer)
    for token in tokens:
        last = found[-1]
        if token in OPERATORS:
            found.append(Stage([], None, None))
        elif token == "<":
            found[-1] = Stage(last.words, next(tokens), last.stdout)
        elif token == ">":
            found[-1] = Stage(last.words, last.stdin, next(tokens))
        else:
            last.words.append(token)
    return [stage for stage in found if stage.words]


def arguments(stage: Stage) -> list[str] | None:
    """What `rarenmt` is given; None for another program."""
    words = stage.words
    for program in (["rarenmt"], ["-m", "rarenmt.cli"]):
        for start in range(len(words)):
            if words[start : start + len(program)] == program and _begins(words[:start]):
                return words[start + len(program) :]
    return None


def _begins(before: list[str]) -> bool:
    """Whether a command may stand behind these words."""
    launchers = ("torchrun", "python", "python3")
    return all("=" in word or word == "do" for word in before) or before[0] in launchers

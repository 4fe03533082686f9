"""Every command line in the documents parses; those of the pages in RUN run, and print what is
shown.

Blocks without output run on a tiny checkpoint, in a folder that holds the files they name. Blocks
with output are typed on the shipped one, from an empty memory on.
"""

import json
import re
import shutil
import subprocess
from importlib.metadata import entry_points
from itertools import dropwhile, pairwise, takewhile
from pathlib import Path
from typing import Any

import pytest
import typer.main
from conftest import SENTENCES, Command
from documents import PAGES, ROOT, SPAN, Stage, Typed, arguments, blocks, stages, typed

from rarenmt import Pair, Translator

TYPED = [line for block in blocks(PAGES, "console") for line in typed(block)]

RUN = [
    ROOT / "README.md",
    ROOT / "docs/index.md",
    *(ROOT / f"docs/commands/{name}.md" for name in ("remember", "forget", "memory")),
    *(ROOT / f"docs/commands/{name}.md" for name in ("translate", "score")),
]
"""Pages whose commands take less than a second each."""

TOOLS = ("printf", "cat", "echo")
"""Other programs in the pipelines that run."""


def command_of(words: list[str]) -> tuple[Any, list[str], list[str]]:
    """The command that some words name, the options of the groups above it, and its own words."""
    (script,) = entry_points(group="console_scripts", name="rarenmt")
    command: Any = typer.main.get_command(script.load())
    above: list[str] = []
    while hasattr(command, "commands"):
        options = list(takewhile(is_option, words))
        known = names_of_options(command)
        assert known.issuperset(options), f"of {options} one is no option of {command.name}"
        above += options
        rest = list(dropwhile(is_option, words))
        if not rest:
            return command, above, []
        assert rest[0] in command.commands, f"{command.name} has no command {rest[0]}"
        command, words = command.commands[rest[0]], rest[1:]
    return command, above, words


def is_option(word: str) -> bool:
    return word.startswith("-") and word != "-"


def names_of_options(command: Any) -> set[str]:
    with command.make_context(command.name, [], resilient_parsing=True) as context:
        return {name for parameter in command.get_params(context) for name in parameter.opts}


@pytest.mark.parametrize("line", TYPED, ids=lambda line: line.place)
def test_a_command_line_parses(line: Typed) -> None:
    for stage in stages(line.command):
        words = arguments(stage)
        if words is not None:
            command, options, rest = command_of(words)
            if not hasattr(command, "commands") and "--help" not in (*options, *rest):
                command.make_context(command.name, rest)


def test_an_option_that_does_not_exist_is_found() -> None:
    command, _, rest = command_of(["translate", "--colour", "Hello!"])

    with pytest.raises(Exception, match="No such option: --colour"):
        command.make_context(command.name, rest)


@pytest.mark.parametrize("page", [p for p in PAGES if "lab-notes" not in p.parts], ids=str)
def test_a_command_in_a_sentence_has_the_options_it_names(page: Path) -> None:
    for span in SPAN.findall(page.read_text("utf-8")):
        words = re.sub(r"(?<=\S)…", "", span).split()[1:]
        command, _, rest = command_of(words)
        options = {word.split("=")[0] for word in rest if is_option(word)}
        assert names_of_options(command) >= options, span


@pytest.mark.parametrize("line", TYPED, ids=lambda line: line.place)
def test_a_script_or_a_target_exists(line: Typed) -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    for stage in stages(line.command):
        words = [word for word in stage.words if "=" not in word and word != "do"]
        if words and words[0] == "make":
            assert targets.issuperset(words[1:])
        for program, script in pairwise(words):
            if program in ("python", "sh") and script.endswith((".py", ".sh")):
                assert (ROOT / script).exists()


@pytest.fixture(scope="module")
def desk(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the documents name, and a tiny checkpoint that remembers."""
    path = tmp_path_factory.mktemp("desk")
    checkpoint = shutil.copytree(folder, path / "checkpoints" / "new")
    pairs = [("Dostoevsky wrote this.", "Dostojewski schrieb das."), *SENTENCES * 4]
    lines = [f"{number}: {a}\t{number}: {b}\n" for number, (a, b) in enumerate(pairs, start=1)]
    (path / "pairs.tsv").write_text("".join(lines), "utf-8")
    for name in ("test.tsv", "context.tsv", "glossary.tsv"):
        (path / name).write_text("".join(lines[:2]), "utf-8")
    for name, side in (("letter.txt", 0), ("letters.en", 0), ("test.en", 0)):
        (path / name).write_text("".join(f"{pair[side]}\n" for pair in SENTENCES[:2]), "utf-8")
    for name in ("letters.de", "test.de"):
        (path / name).write_text("".join(f"{b}\n" for _, b in SENTENCES[:2]), "utf-8")
    (path / "theirs.tmx").write_text(
        '<tmx version="1.4"><header srclang="en"/><body><tu>'
        '<tuv xml:lang="en-GB"><seg>The cat.</seg></tuv><tuv xml:lang="de"><seg>Die Katze.</seg>'
        "</tuv></tu></body></tmx>",
        "utf-8",
    )
    source, target = SENTENCES[0]
    test = {"word": "Katze", "source_word": "cat", "source": source, "target": target, "context": 0}
    suite = {"context": [("A cat.", "Eine Katze.")], "tests": [test], "general": SENTENCES}
    (path / "suite.json").write_text(json.dumps(suite), "utf-8")
    translator = Translator.load(checkpoint)
    sides = [tuple(line.rstrip("\n").split("\t")) for line in lines]
    numbered = enumerate(sides, start=1)
    translator.memory.remember([Pair(a, b, "pairs.tsv", number) for number, (a, b) in numbered])
    units = enumerate(sides[:3], start=1)
    translator.memory.remember([Pair(a, b, "theirs.tmx", 5, number=n) for n, (a, b) in units])
    translator.memory.save()
    for name in ("mine", "yours"):
        shutil.copy(checkpoint / "memory.safetensors", path / f"{name}.safetensors")
    return path


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home folder, and we are in it."""
    path = tmp_path / "home"
    path.mkdir()
    monkeypatch.chdir(path)
    monkeypatch.setenv("HOME", str(path))
    monkeypatch.delenv("XDG_DATA_HOME")
    return path


def runs(line: Typed) -> bool:
    """Whether a line is a pipeline with `rarenmt` in it that needs no terminal."""
    programs = {stage.words[0] for stage in stages(line.command)}
    terminal = any("-i" in stage.words for stage in stages(line.command))
    return "rarenmt" in programs and programs <= {"rarenmt", *TOOLS} and not terminal


def run(command: str, rarenmt: Command) -> list[str]:
    """What a line prints, remarks and results."""
    given, remarks = b"", ""
    for stage in stages(command):
        if stage.stdin:
            given = Path(stage.stdin).read_bytes()
        given, said = _output(stage, given, rarenmt)
        remarks += said
        if stage.stdout:
            Path(stage.stdout).write_bytes(given)
            given = b""
    return [*remarks.splitlines(), *given.decode().splitlines()]


def _output(stage: Stage, given: bytes, rarenmt: Command) -> tuple[bytes, str]:
    words = arguments(stage)
    if words is None:
        return subprocess.run(stage.words, input=given, capture_output=True, check=True).stdout, ""
    result = rarenmt(*words, stdin=given)
    assert result.status == 0, result.err
    return result.out, result.err


@pytest.mark.parametrize("page", RUN, ids=lambda page: page.name)
def test_the_commands_of_a_page_run(
    page: Path, desk: Path, home: Path, rarenmt: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(desk, home, dirs_exist_ok=True)
    monkeypatch.setenv("RARENMT_MODEL", str(home / "checkpoints" / "new"))

    for block in blocks([page], "console"):
        lines = typed(block)
        if not any(line.shown for line in lines):
            for line in filter(runs, lines):
                run(line.command, rarenmt)


@pytest.mark.parametrize("page", RUN[1:], ids=lambda page: page.name)
def test_a_page_shows_what_its_commands_print(page: Path, home: Path, rarenmt: Command) -> None:
    for block in blocks([page], "console"):
        lines = typed(block)
        if any(line.shown for line in lines):
            for line in lines:
                assert lines_of(run(line.command, rarenmt)) == lines_of(line.shown), line.place


def lines_of(printed: list[str]) -> list[str]:
    """Sorted, for remarks and results come in two streams; a tab is as good as spaces."""
    return sorted(" ".join(line.split()) for line in printed)

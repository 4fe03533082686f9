"""Options that several subcommands share, written once."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from rarenmt.errors import SettingError
from rarenmt.translator.locations import default_memory, is_shipped, shipped_checkpoint, user_memory

from . import console

if TYPE_CHECKING:
    import torch

    from rarenmt.text.pairs import Pair, Skip
    from rarenmt.translation_memory.journal import Journal
    from rarenmt.translation_memory.store import TranslationMemory
    from rarenmt.translator.translator import Translator

SOME_LINES_FAILED = 4
"""Exit status if some lines could not be used and the rest is done."""

Model = Annotated[
    Path | None,
    typer.Option(
        "-m",
        "--model",
        envvar="RARENMT_MODEL",
        help="Checkpoint folder. Default: the English-German checkpoint of this package.",
        show_default=False,
    ),
]
MemoryFile = Annotated[
    Path | None,
    typer.Option(
        "--memory",
        envvar="RARENMT_MEMORY",
        help="Memory file. Default: memory.safetensors in the checkpoint folder or, for the "
        "shipped checkpoint, in ~/.local/share/rarenmt/en-de.",
        show_default=False,
    ),
]
Device = Annotated[
    str,
    typer.Option(envvar="RARENMT_DEVICE", help="Device: auto, cpu, cuda or cuda:N."),
]
WithPairs = Annotated[
    list[str] | None,
    typer.Option(
        "--with",
        help="Use these pairs as extra memory for this run only: TSV, CSV, TMX, or SOURCE,TARGET.",
        show_default=False,
    ),
]
Without = Annotated[
    list[str] | None,
    typer.Option(
        "--without",
        metavar="FILE:LINE",
        help="Ignore this remembered line for this run only.",
        show_default=False,
    ),
]
Precision = Annotated[
    Literal["float32", "bfloat16"],
    typer.Option(
        envvar="RARENMT_PRECISION",
        help="Number format; bfloat16 is faster on processors that support it, but less exact.",
    ),
]
Locations = Annotated[
    list[str] | None,
    typer.Argument(
        help="Lines as FILE:LINE, as --explain shows them; FILE:LINE#2 is the second TMX unit of a "
        "line, FILE:LINE selects all.",
        show_default=False,
    ),
]
File = Annotated[
    list[str] | None,
    typer.Option("--file", help="All lines of this file.", show_default=False),
]
Match = Annotated[
    list[str] | None,
    typer.Option(
        "--match",
        help="All pairs with this text in source or target, ignoring case.",
        show_default=False,
    ),
]
Last = Annotated[bool, typer.Option("--last", help="All lines of the last call of `remember`.")]
Force = Annotated[bool, typer.Option("--force", help="Overwrite the output if it exists.")]
NoMemory = Annotated[bool, typer.Option("--no-memory", help="Translate without the memory.")]
Beam = Annotated[int, typer.Option(help="Beam size; 1 is greedy search.")]
Seed = Annotated[int, typer.Option(envvar="RARENMT_SEED", help="Random seed.")]


def model_folder(given: Path | None) -> Path:
    """The given folder, or the shipped checkpoint."""
    return given or shipped_checkpoint()


def pick_device(name: str) -> "torch.device":
    """The device of that name; SettingError if it cannot be used."""
    import torch

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in ("cpu", "cuda"):
        raise SettingError(f"unknown device {name!r}; use auto, cpu, cuda or cuda:N")
    if device.type == "cuda":
        if not torch.cuda.is_available():
            build = torch.version.cuda
            reason = "finds no usable GPU" if build else "is a CPU build"
            raise SettingError(
                f"--device {name}: this torch ({torch.__version__}) {reason}; use --device cpu"
            )
        if (device.index or 0) >= torch.cuda.device_count():
            raise SettingError(f"--device {name}: there are {torch.cuda.device_count()} GPUs")
    return device


def announce_input(expected: str) -> None:
    """At a terminal, print what the program reads and how the input ends."""
    if sys.stdin.isatty():
        console.remark(f"reading {expected} from the terminal; Ctrl-D ends the input")


def memory_file(model: Path | None, memory: Path | None) -> Path:
    """The given memory file, or that of the checkpoint; prints a remark if it still lies beside the
    shipped checkpoint, where earlier versions kept it."""
    if memory is not None:
        return memory
    folder = model_folder(model)
    path = default_memory(folder)
    if is_shipped(folder) and path.parent == folder:
        console.remark(
            f"using {console.short(path)}, where earlier versions kept the memory; to keep it "
            f"among your own files, move it to {console.short(user_memory())}"
        )
    return path


def load_memory(model: Path | None, path: Path | None, device: str) -> "TranslationMemory":
    """The translation memory in this file, for a checkpoint; an empty one without a file."""
    from rarenmt.model.checkpoint import load_checkpoint
    from rarenmt.translation_memory.store import TranslationMemory

    checkpoint = load_checkpoint(model_folder(model), pick_device(device))
    return TranslationMemory(checkpoint, path)


def languages(model: Path | None) -> tuple[str, str]:
    """Source and target language of a checkpoint."""
    from rarenmt.model.checkpoint import read_description

    _, config = read_description(model_folder(model))
    return config.languages


def load_translator(
    model: Path | None,
    memory: Path | None,
    device: str,
    precision: Literal["float32", "bfloat16"],
    with_pairs: list[str] | None = None,
    passes: int = 1,
    without: list[str] | None = None,
) -> "Translator":
    """The translator of the options; `without` and `with_pairs` change its memory in RAM only."""
    import torch

    from rarenmt.translator.translator import Translator

    pairs = [pair for name in with_pairs or [] for pair in read_pairs(name, model)]
    chosen = pick_device(device)
    translator = Translator.load(
        model_folder(model),
        memory=memory_file(model, memory),
        device=str(chosen),
        precision=torch.bfloat16 if precision == "bfloat16" else torch.float32,
    )
    if without:
        remembered = translator.memory
        remembered.forget(select(remembered.journal, without))
    if pairs:
        translator.memory.remember(pairs, passes=passes)
    return translator


def select(
    journal: "Journal",
    locations: list[str] | None,
    files: list[str] | None = None,
    texts: list[str] | None = None,
    last: bool = False,
) -> list[int]:
    """The remembered lines that these options select; prints how many each of them matched."""
    found = journal.matches(locations or (), files=files or (), texts=texts or (), last_call=last)
    lines = list(journal.lines())
    matched = (_matched(name, [lines[i] for i in numbers]) for name, numbers in found)
    console.remark(f"matched: {', '.join(matched)}")
    return sorted({number for _, numbers in found for number in numbers})


def _matched(criterion: str, pairs: "list[Pair]") -> str:
    """A criterion and the number of lines it matched, with a hint if they are units of one line."""
    hint = ""
    if any(pair.location.startswith(f"{criterion}#") for pair in pairs):
        hint = f"; for one unit: {criterion}#1, #2, …"
    return f"{criterion} ({console.count(len(pairs), 'line')}{hint})"


def check_output(path: Path, force: bool, inputs: Sequence[Path] = ()) -> None:
    """SettingError if an output would overwrite a file that is no input, without --force."""
    if force or not path.exists() or any(path.samefile(each) for each in inputs if each.exists()):
        return
    among = " and is not among the inputs" if inputs else ""
    raise SettingError(f"{console.short(path)} exists{among}; --force overwrites it")


def read_pairs(name: str, model: Path | None, skip: "Skip | None" = None) -> "Iterator[Pair]":
    """The pairs of a corpus; - is standard input."""
    from rarenmt.text.corpus.reader import read_corpus, read_stream
    from rarenmt.text.pairs import refuse

    both, skip = languages(model), skip or refuse
    if name == "-":
        announce_input("source<TAB>target lines")
        return read_stream(sys.stdin.buffer, "-", both, console.remark, skip)
    return read_corpus(name, both, console.remark, skip)

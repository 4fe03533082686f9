"""Options that several subcommands share, written once."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from rarenmt.config import IndexName
from rarenmt.errors import SettingError

from . import console

if TYPE_CHECKING:
    import torch

    from rarenmt.translator import Translator

Model = Annotated[
    Path | None,
    typer.Option(
        "-m",
        "--model",
        envvar="RARENMT_MODEL",
        help="Checkpoint folder. Default: checkpoints/en-de beside the program.",
        show_default=False,
    ),
]
MemoryFile = Annotated[
    Path | None,
    typer.Option(
        "--memory",
        envvar="RARENMT_MEMORY",
        help="Memory file. Default: memory.safetensors in the checkpoint folder.",
        show_default=False,
    ),
]
Device = Annotated[
    str,
    typer.Option(envvar="RARENMT_DEVICE", help="auto, cpu, cuda or cuda:N."),
]
WithPairs = Annotated[
    list[str] | None,
    typer.Option(
        "--with",
        help="What if these pairs were remembered too? Given like a corpus; nothing is saved.",
        show_default=False,
    ),
]
Precision = Annotated[
    Literal["float32", "bfloat16"],
    typer.Option(
        envvar="RARENMT_PRECISION",
        help="bfloat16 is faster where the processor computes it, and rounds.",
    ),
]
Index = Annotated[
    IndexName,
    typer.Option(
        envvar="RARENMT_INDEX",
        help="How neighbours are found by a model that asks its whole memory (`lookup: whole`): "
        "exact, lsh, faiss, or auto, by size and device.",
    ),
]
NoMemory = Annotated[bool, typer.Option("--no-memory", help="Do not ask the memory.")]
Beam = Annotated[int, typer.Option(help="Hypotheses kept in the search; 1 is greedy.")]
Seed = Annotated[int, typer.Option(envvar="RARENMT_SEED", help="Seed of all randomness.")]


def model_folder(given: Path | None) -> Path:
    """The folder asked for, or the checkpoint that comes with the program."""
    return given or Path(__file__).resolve().parent.parent / "checkpoints" / "en-de"


def pick_device(name: str) -> "torch.device":
    """The device of that name; SettingError explains why it cannot be used."""
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


def hint_at_terminal(wanted: str) -> None:
    """Tell a person who waits at a terminal that the program waits for them."""
    if sys.stdin.isatty():
        console.remark(f"reading {wanted}, from the terminal; Ctrl-D ends")


def load_translator(
    model: Path | None,
    memory: Path | None,
    device: str,
    precision: Literal["float32", "bfloat16"],
    with_pairs: list[str] | None,
    passes: int = 1,
    *,
    index: IndexName = "auto",
) -> "Translator":
    """The translator asked for, having remembered further pairs in RAM alone."""
    import torch

    from rarenmt.text import read_corpus
    from rarenmt.translator import Translator

    pairs = [pair for name in with_pairs or [] for pair in read_corpus(name)]
    place = pick_device(device)
    translator = Translator.load(
        model_folder(model),
        memory=memory,
        device=str(place),
        precision=torch.bfloat16 if precision == "bfloat16" else torch.float32,
        index=index,
    )
    if pairs:
        translator.remember(pairs, passes=passes)
    return translator

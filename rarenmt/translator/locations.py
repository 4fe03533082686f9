"""Where the shipped checkpoint lies, and where each checkpoint keeps its memory by default."""

import os
from pathlib import Path

import rarenmt
from rarenmt.errors import SettingError

SHIPPED = "en-de"
"""Name of the checkpoint that comes with the program."""

MEMORY = "memory.safetensors"
"""File name of a default memory."""


def shipped_checkpoint() -> Path:
    """The folder of the shipped checkpoint: in the installed package, or beside it in a
    checkout."""
    package = Path(rarenmt.__file__).resolve().parent
    installed = package / "checkpoints"
    return (installed if installed.is_dir() else package.parent / "checkpoints") / SHIPPED


def is_shipped(checkpoint: Path) -> bool:
    """Whether a checkpoint folder is the shipped one."""
    return checkpoint.resolve() == shipped_checkpoint().resolve()


def user_memory() -> Path:
    """The memory file of the shipped checkpoint in the user's data folder.

    `$XDG_DATA_HOME` or else `~/.local/share`, on macOS too, after the XDG Base Directory
    Specification 0.8, by which a relative `$XDG_DATA_HOME` counts as unset. SettingError where
    there is no home folder.
    """
    given = os.environ.get("XDG_DATA_HOME", "")
    try:
        data = Path(given) if os.path.isabs(given) else Path.home() / ".local" / "share"
    except RuntimeError:
        raise SettingError(
            "this user has no home folder to keep a memory in; name a file with --memory, or a "
            "folder with XDG_DATA_HOME"
        ) from None
    return data / "rarenmt" / SHIPPED / MEMORY


def default_memory(checkpoint: Path) -> Path:
    """The memory file of a checkpoint folder where none is named.

    It lies in the folder, but not for the shipped checkpoint: that is shared by all users, and
    replaced when the program is installed again, so each user has a memory of their own. One that
    an earlier version left beside the shipped checkpoint is still used.
    """
    beside = checkpoint / MEMORY
    return user_memory() if is_shipped(checkpoint) and not beside.exists() else beside

"""Errors for the user, each with one sentence to read.

RareError                exit status
├── DataError        1   text that cannot be used, with its file and line
├── StorageError     1   a file or folder that cannot be read or written
├── SettingError     2   an option outside its range
└── CheckpointError  3   a model or memory that is missing, damaged or of another kind
"""

from pathlib import Path


class RareError(Exception):
    """An error outside the program; its text is a sentence for the user."""

    status = 1


class DataError(RareError):
    """A line of input that cannot be used."""

    def __init__(self, path: Path | str, line: int | None, problem: str) -> None:
        where = f"{path}:{line}" if line is not None else f"{path}"
        super().__init__(f"{where}: {problem}")


class StorageError(RareError):
    """A file or folder that cannot be read or written."""

    def __init__(self, path: Path | str, doing: str, error: OSError) -> None:
        super().__init__(f"{path}: cannot {doing}: {(error.strerror or str(error)).lower()}")


class SettingError(RareError):
    """An option outside its range."""

    status = 2


class CheckpointError(RareError):
    """A model or memory that is missing, damaged, or does not fit."""

    status = 3

"""Files that are replaced as a whole or not at all, and locks around shared ones."""

import errno
import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock

from rarenmt.errors import StorageError

TEMPORARY = ".rarenmt"
"""Ends the name of every temporary file, so that it can be told from the user's own."""


@contextmanager
def naming(path: Path, doing: str) -> Iterator[None]:
    """Turn an OSError inside into a StorageError that names the file."""
    try:
        yield
    except OSError as error:
        raise StorageError(path, doing, error) from error


Identity = tuple[int, int, int]


def identity(path: Path) -> Identity | None:
    """What tells a file from every one that replaces it; None where there is none."""
    if not path.exists():
        return None
    status = path.stat()
    return status.st_ino, status.st_mtime_ns, status.st_size


def replace(path: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a temporary file in the same folder, then move it to `path`.

    Whoever opens `path` at any moment, even after a power cut, sees the old file or
    the new one. The temporary file does not outlive a failure, and what a killed process
    left in the folder is swept. A link stays a link.
    """
    with naming(path, "write"):
        path = _behind_links(path)
        _make_folder(path.parent)
        _sweep(path.parent)
        temporary, descriptor = _new_temporary(path)
        try:
            write(temporary)
            with open(temporary, "rb+") as stream:
                os.fsync(stream.fileno())
            os.chmod(temporary, 0o666 & ~_umask())
            os.replace(temporary, path)
            _sync_folder(path.parent)
        finally:
            temporary.unlink(missing_ok=True)
            os.close(descriptor)


def replace_bytes(path: Path, content: bytes) -> None:
    """`replace` with these bytes."""
    replace(path, lambda temporary: _write_all(temporary, content))


def _new_temporary(path: Path) -> tuple[Path, int]:
    """A new file beside `path`, locked until its descriptor is closed or its process is gone."""
    while True:
        descriptor, name = tempfile.mkstemp(TEMPORARY, f".{path.name}.", path.parent)
        with suppress(OSError):  # where files cannot be locked, none is swept either
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return Path(name), descriptor
        os.close(descriptor)  # somebody swept it before it was locked


def _sweep(folder: Path) -> None:
    """Remove the temporary files that no living process holds."""
    for stale in folder.glob(f".*{TEMPORARY}"):
        with suppress(OSError), stale.open("rb") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            stale.unlink()


def _write_all(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _behind_links(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:  # what is there is a file; "file exists" would be no explanation
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)) from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of a file (beside it, `.lock`), waiting for whoever has it."""
    with naming(path, "lock"):
        path = _behind_links(path)
        _make_folder(path.parent)
        lock = FileLock(path.with_name(path.name + ".lock"))
        lock.acquire()
    try:
        yield
    finally:
        lock.release()

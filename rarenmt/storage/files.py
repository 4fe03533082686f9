"""Atomic replacement of files, and file locks."""

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
"""Suffix of temporary files, which tells them from the user's files."""


@contextmanager
def file_errors(path: Path, doing: str) -> Iterator[None]:
    """Turn an OSError inside into a StorageError that names the file."""
    try:
        yield
    except OSError as error:
        raise StorageError(path, doing, error) from error


Identity = tuple[int, int, int]


def identity(path: Path) -> Identity | None:
    """Inode, modification time and size, which change with a replacement; None without a file."""
    with file_errors(path, "read"):
        if not path.exists():
            return None
        status = path.stat()
    return status.st_ino, status.st_mtime_ns, status.st_size


def replace(path: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a temporary file in the same folder, then move it to `path`.

    At any moment, even after a power failure, `path` is the old file or the new one. The temporary
    file is removed after a failure, and so are those of killed processes. A link remains a link.
    """
    with file_errors(path, "write"):
        path = _resolve(path)
        _make_folder(path.parent)
        _remove_stale(path.parent)
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
    """A new file beside `path`, locked until its descriptor is closed or its process ends."""
    while True:
        descriptor, name = tempfile.mkstemp(TEMPORARY, f".{path.name}.", path.parent)
        with suppress(OSError):  # without file locks, no file is removed either
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return Path(name), descriptor
        os.close(descriptor)  # another process removed it before it was locked


def _remove_stale(folder: Path) -> None:
    """Remove temporary files that no running process has locked."""
    for stale in folder.glob(f".*{TEMPORARY}"):
        with suppress(OSError), stale.open("rb") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            stale.unlink()


def _write_all(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _resolve(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:  # it is a file; "file exists" would not explain that
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
    """Hold the lock of a file (`.lock` beside it); waits until it is free."""
    with file_errors(path, "lock"):
        path = _resolve(path)
        _make_folder(path.parent)
        lock = FileLock(path.with_name(path.name + ".lock"))
        lock.acquire()
    try:
        yield
    finally:
        lock.release()

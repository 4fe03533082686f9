"""Files on disk: the old one or the new one at any moment, and one writer at a time."""

import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import as_an_ordinary_user

from rarenmt.errors import StorageError
from rarenmt.storage.files import file_errors, locked, replace, replace_bytes


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A file that is there already, alone in its folder."""
    path = tmp_path / "folder" / "model"
    path.parent.mkdir()
    path.write_bytes(b"old")
    return path


def start(code: str, *arguments: object) -> "subprocess.Popen[str]":
    """A Python process that runs some code."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def hear(process: "subprocess.Popen[str]", line: str) -> None:
    """Wait until a process says so."""
    assert process.stdout
    assert process.stdout.readline() == f"{line}\n"


# Replacing


def test_a_file_is_replaced(model: Path) -> None:
    replace_bytes(model, b"new")

    assert model.read_bytes() == b"new"
    assert list(model.parent.iterdir()) == [model]


def test_folders_are_made_on_the_way(tmp_path: Path) -> None:
    replace_bytes(tmp_path / "a" / "b" / "model", b"new")

    assert (tmp_path / "a" / "b" / "model").read_bytes() == b"new"


def test_the_writer_fills_another_file_in_the_same_folder(model: Path) -> None:
    def write(temporary: Path) -> None:
        assert temporary.parent == model.parent
        assert temporary != model
        temporary.write_bytes(b"new")
        assert model.read_bytes() == b"old"

    replace(model, write)

    assert model.read_bytes() == b"new"


def test_who_has_the_old_file_open_goes_on_reading_it(model: Path) -> None:
    with model.open("rb") as reader:
        replace_bytes(model, b"new")

        assert reader.read() == b"old"


@pytest.mark.parametrize("error", [ValueError("odd"), KeyboardInterrupt()])
def test_a_failing_writer_leaves_the_old_file_alone(error: BaseException, model: Path) -> None:
    def write(temporary: Path) -> None:
        temporary.write_bytes(b"half of")
        raise error

    with pytest.raises(type(error)):
        replace(model, write)

    assert model.read_bytes() == b"old"
    assert list(model.parent.iterdir()) == [model]


def test_a_file_has_the_rights_of_any_new_file(model: Path) -> None:
    plain = model.with_name("plain")
    plain.touch()

    replace_bytes(model, b"new")

    assert model.stat().st_mode == plain.stat().st_mode


def test_a_link_stays_a_link(model: Path) -> None:
    link = model.with_name("link")
    link.symlink_to(model.name)

    replace_bytes(link, b"new")

    assert link.is_symlink()
    assert model.read_bytes() == b"new"


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("file/model", "not a directory"),
        ("file/folder/model", "not a directory"),
        ("folder", "is a directory"),
        ("n" * 255, "file name too long"),
    ],
)
@pytest.mark.parametrize("content", [b"", b"new"])
def test_a_place_that_cannot_be_written_is_one_sentence(
    name: str, answer: str, content: bytes, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()

    with pytest.raises(StorageError) as caught:
        replace_bytes(tmp_path / name, content)

    assert str(caught.value) == f"{tmp_path / name}: cannot write: {answer}"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_a_folder_without_permission_is_one_sentence() -> None:
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model"
        model.write_bytes(b"old")
        os.chmod(folder, 0o555)

        with as_an_ordinary_user(), pytest.raises(StorageError) as caught:
            replace_bytes(model, b"new")

        assert str(caught.value) == f"{model}: cannot write: permission denied"
        assert model.read_bytes() == b"old"
        os.chmod(folder, 0o755)


# A full disk


LIMITED = """
import resource, signal, sys
from pathlib import Path
from rarenmt.errors import StorageError
from rarenmt.storage.files import replace_bytes

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # so that write() fails instead
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    replace_bytes(Path(sys.argv[1]), bytes(2000))
except StorageError as error:
    print(error)
"""


def test_a_file_over_the_limit_leaves_the_old_one(model: Path) -> None:
    said, _ = start(LIMITED, model).communicate()

    assert said == f"{model}: cannot write: file too large\n"
    assert model.read_bytes() == b"old"
    assert list(model.parent.iterdir()) == [model]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or not shutil.which("mount"):
        pytest.skip("only root can mount a small disk")
    if subprocess.run(mount, stderr=subprocess.DEVNULL, check=False).returncode:
        pytest.skip("no disk can be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_leaves_the_old_file(small_disk: Path) -> None:
    model = small_disk / "model"
    replace_bytes(model, b"old")

    with pytest.raises(StorageError) as caught:
        replace_bytes(model, bytes(1 << 20))

    assert str(caught.value) == f"{model}: cannot write: no space left on device"
    assert model.read_bytes() == b"old"
    assert list(small_disk.iterdir()) == [model]


# A sudden end


REPLACING = """
import sys
from pathlib import Path
from rarenmt.storage.files import replace_bytes

path = Path(sys.argv[1])
replace_bytes(path, b"a" * 1_000_000)
print("going", flush=True)
while True:
    for letter in (b"b", b"a"):
        replace_bytes(path, letter * 1_000_000)
"""


def test_a_killed_writer_leaves_the_old_file_or_the_new_one(model: Path) -> None:
    process = start(REPLACING, model)
    hear(process, "going")
    time.sleep(0.1)
    process.send_signal(signal.SIGKILL)
    process.communicate()

    assert model.read_bytes() in (b"a" * 1_000_000, b"b" * 1_000_000)


STUCK = """
import sys
from pathlib import Path
from rarenmt.storage.files import replace

def write(temporary):
    temporary.write_bytes(b"half of")
    print("writing", flush=True)
    sys.stdin.readline()

replace(Path(sys.argv[1]), write)
"""


def test_what_a_killed_writer_left_is_swept_by_the_next(model: Path) -> None:
    others = [model.with_name(name) for name in (".model.kept", ".model.abcdefgh", "my.rarenmt")]
    for other in others:
        other.touch()
    process = start(STUCK, model.with_name("another"))
    hear(process, "writing")
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert len(list(model.parent.iterdir())) == len(others) + 2

    replace_bytes(model, b"new")

    assert sorted(model.parent.iterdir()) == sorted([model, *others])


def test_what_a_living_writer_holds_is_left_alone(model: Path) -> None:
    process = start(STUCK, model)
    hear(process, "writing")

    replace_bytes(model, b"new")

    assert model.read_bytes() == b"new"
    process.communicate("\n")
    assert process.returncode == 0
    assert model.read_bytes() == b"half of"
    assert list(model.parent.iterdir()) == [model]


# Naming


def test_a_system_error_gets_the_name_of_the_file() -> None:
    with pytest.raises(StorageError) as caught, file_errors(Path("some/file"), "read"):
        os.stat("/nowhere/at/all")

    assert str(caught.value) == "some/file: cannot read: no such file or directory"


def test_other_errors_pass_unchanged() -> None:
    with pytest.raises(ValueError, match=r"^odd$"), file_errors(Path("some/file"), "read"):
        raise ValueError("odd")


# Locking


HOLDING = """
import sys
from pathlib import Path
from rarenmt.storage.files import locked

path = Path(sys.argv[1])
print("about to lock", flush=True)
with locked(path):
    print("locked", flush=True)
    sys.stdin.readline()
    path.write_text(path.read_text() + sys.argv[2])
"""


def waits(process: "subprocess.Popen[str]") -> bool:
    """Whether a process that is about to lock says nothing more for a while."""
    hear(process, "about to lock")
    assert process.stdout
    ready, _, _ = select.select([process.stdout], [], [], 0.4)
    return not ready


@pytest.fixture
def holder() -> Iterator[Callable[[Path, str], "subprocess.Popen[str]"]]:
    """Starts processes that take a lock, and go on when told so."""
    processes = []

    def begin(path: Path, word: str) -> "subprocess.Popen[str]":
        processes.append(start(HOLDING, path, word))
        return processes[-1]

    yield begin
    for process in processes:
        process.kill()
        process.communicate()


def test_two_processes_queue(
    model: Path, holder: Callable[[Path, str], "subprocess.Popen[str]"]
) -> None:
    first = holder(model, " first")
    hear(first, "about to lock")
    hear(first, "locked")
    second = holder(model, " second")

    assert waits(second)
    first.communicate("\n")
    second.communicate("\n")
    assert model.read_text() == "old first second"


def test_a_killed_process_holds_no_lock(
    model: Path, holder: Callable[[Path, str], "subprocess.Popen[str]"]
) -> None:
    first = holder(model, "first")
    hear(first, "about to lock")
    hear(first, "locked")
    first.send_signal(signal.SIGKILL)
    first.wait()

    with locked(model):
        assert model.read_bytes() == b"old"


def test_a_link_and_its_file_share_a_lock(
    model: Path, holder: Callable[[Path, str], "subprocess.Popen[str]"]
) -> None:
    link = model.with_name("link")
    link.symlink_to(model.name)
    with locked(link):
        second = holder(model, "")

        assert waits(second)
    hear(second, "locked")


def test_a_lock_is_released_by_an_error(model: Path) -> None:
    with pytest.raises(ValueError, match="odd"), locked(model):
        raise ValueError("odd")

    with locked(model):
        assert model.read_bytes() == b"old"


def test_the_lock_of_a_file_that_is_not_there_yet_can_be_held(tmp_path: Path) -> None:
    with locked(tmp_path / "new" / "model"):
        assert (tmp_path / "new" / "model.lock").exists()


def test_a_place_that_cannot_be_locked_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "model"

    with pytest.raises(StorageError) as caught, locked(path):
        pass

    assert str(caught.value) == f"{path}: cannot lock: not a directory"

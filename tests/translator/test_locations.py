"""Where the checkpoint and the memories are when nobody names them."""

from pathlib import Path

import pytest
from conftest import Command

import rarenmt
from rarenmt.errors import SettingError
from rarenmt.translator.locations import default_memory, shipped_checkpoint, user_memory
from rarenmt.translator.translator import Translator

PAIR = b"The cat sleeps.\tDie Katze ruht.\n"


@pytest.fixture
def shipped(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout whose shipped checkpoint is a tiny one."""
    path = tmp_path / "checkout" / "checkpoints" / "en-de"
    path.mkdir(parents=True)
    for file in folder.iterdir():
        (path / file.name).symlink_to(file)
    monkeypatch.setattr(rarenmt, "__file__", str(tmp_path / "checkout/rarenmt/__init__.py"))
    return path


def test_the_shipped_checkpoint_is_found_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert (shipped_checkpoint() / "config.json").is_file()


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({"XDG_DATA_HOME": "/data"}, "/data/rarenmt/en-de/memory.safetensors"),
        ({"HOME": "/home/ada"}, "/home/ada/.local/share/rarenmt/en-de/memory.safetensors"),
        (
            {"XDG_DATA_HOME": "relative", "HOME": "/home/ada"},
            "/home/ada/.local/share/rarenmt/en-de/memory.safetensors",
        ),
    ],
)
def test_the_memory_of_the_shipped_checkpoint_is_the_users(
    environment: dict[str, str], wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_DATA_HOME")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    assert str(user_memory()) == wanted


def test_without_a_home_folder_the_error_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.delenv("HOME")
    monkeypatch.setattr("os.getuid", lambda: 4_000_000_000)  # nobody has that number

    with pytest.raises(SettingError, match="--memory"):
        user_memory()


def test_a_checkpoint_of_ones_own_keeps_its_memory_beside_it(folder: Path) -> None:
    assert default_memory(folder) == folder / "memory.safetensors"


def test_the_shipped_checkpoint_is_the_same_by_any_name(
    shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "link").symlink_to(shipped)
    monkeypatch.chdir(shipped.parent)

    assert default_memory(shipped) == user_memory()
    assert default_memory(tmp_path / "link") == user_memory()
    assert default_memory(Path("en-de")) == user_memory()


def test_only_what_is_remembered_makes_the_folder(
    rarenmt: Command, shipped: Path, data_home: Path
) -> None:
    assert rarenmt("translate", stdin=b"The cat sleeps.\n").status == 0
    assert rarenmt("memory", "show").status == 0
    assert rarenmt("remember", "-", "--dry-run", stdin=PAIR).status == 0
    assert list(data_home.iterdir()) == []

    assert rarenmt("remember", "-", stdin=PAIR).status == 0

    assert user_memory().is_file()
    assert user_memory().is_relative_to(data_home)
    assert rarenmt("translate", stdin=b"The cat sleeps.\n").out == b"Die Katze ruht.\n"
    assert not (shipped / "memory.safetensors").exists()


def test_the_memory_is_named_as_people_write_it(
    rarenmt: Command, shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))

    said = rarenmt("remember", "-", stdin=PAIR).err

    assert " in ~/.local/share/rarenmt/en-de/memory.safetensors · undo:" in said
    assert rarenmt("forget", "--last").err == (
        "matched: last call (1 line)\n"
        "forgot 1 line in ~/.local/share/rarenmt/en-de/memory.safetensors\n"
    )


def test_a_memory_of_an_earlier_version_is_still_used(
    rarenmt: Command, shipped: Path, data_home: Path
) -> None:
    beside = shipped / "memory.safetensors"
    rarenmt("remember", "-", "--memory", beside, stdin=PAIR)

    found = rarenmt("translate", stdin=b"The cat sleeps.\n")

    assert found.out == b"Die Katze ruht.\n"
    assert found.err.count("\n") == 1
    assert f"using {beside}, where earlier versions kept" in found.err
    assert found.err.endswith(f"move it to {user_memory()}\n")
    assert Translator.load().memory.path == beside
    assert rarenmt("-q", "translate", stdin=b"The cat sleeps.\n").err == ""
    assert rarenmt("translate", "--memory", beside, stdin=b"The cat sleeps.\n").err == ""

    user_memory().parent.mkdir(parents=True)
    beside.rename(user_memory())

    found = rarenmt("translate", stdin=b"The cat sleeps.\n")
    assert (found.out, found.err) == (b"Die Katze ruht.\n", "")


def test_a_translator_is_loaded_without_a_word(shipped: Path) -> None:
    translator = Translator.load()

    assert translator.memory.path == user_memory()
    assert translator.translate(["The cat sleeps."])[0].text

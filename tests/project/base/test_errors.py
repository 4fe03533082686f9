"""Errors: one sentence each, and the exit status that goes with it."""

from pathlib import Path

import pytest

from rarenmt.errors import CheckpointError, DataError, RareError, SettingError, StorageError


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (RareError("anything"), 1),
        (DataError("pairs.tsv", 3, "no tab"), 1),
        (StorageError("pairs.tsv", "read", OSError(2, "No such file or directory")), 1),
        (SettingError("beam must be at least 1"), 2),
        (CheckpointError("no model"), 3),
    ],
)
def test_every_mistake_has_its_exit_status(error: RareError, status: int) -> None:
    assert isinstance(error, RareError)
    assert error.status == status


def test_a_data_error_begins_with_file_and_line() -> None:
    assert str(DataError(Path("some/pairs.tsv"), 12, "no tab")) == "some/pairs.tsv:12: no tab"


def test_a_data_error_about_a_whole_file_names_no_line() -> None:
    assert str(DataError("pairs.tsv", None, "is a folder")) == "pairs.tsv: is a folder"


def test_a_storage_error_says_what_was_tried_and_what_the_system_answered() -> None:
    error = StorageError(Path("out/model"), "write", OSError(28, "No space left on device"))

    assert str(error) == "out/model: cannot write: no space left on device"


def test_a_storage_error_without_a_system_text_says_what_there_is() -> None:
    assert str(StorageError("model", "read", OSError("Odd"))) == "model: cannot read: odd"

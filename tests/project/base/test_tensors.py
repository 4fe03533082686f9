"""Named tensors on disk, and how a damaged file is told."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors
import torch

from rarenmt.errors import CheckpointError, StorageError
from rarenmt.storage import tensors
from rarenmt.storage.tensors import join, load_tensors, save_tensors, shards

SIX = torch.arange(6, dtype=torch.float32).reshape(2, 3)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A whole file with one tensor."""
    path = tmp_path / "six.safetensors"
    save_tensors(path, {"six": SIX}, {"kind": "numbers"})
    return path


@pytest.mark.parametrize(
    "tensor",
    [
        SIX,
        SIX.bfloat16(),
        SIX.long(),
        SIX.t(),  # not contiguous
        SIX[:, 1:],
        torch.zeros(0, 4),
        torch.tensor(2.5),
        torch.tensor([torch.inf, -torch.inf, -0.0]),
        torch.nn.Parameter(SIX.clone()),
    ],
)
def test_a_tensor_comes_back_as_it_was(tensor: torch.Tensor, tmp_path: Path) -> None:
    save_tensors(tmp_path / "file", {"it": tensor}, {})

    (loaded,) = load_tensors(tmp_path / "file")[0].values()

    assert loaded.dtype == tensor.dtype
    torch.testing.assert_close(loaded, tensor.detach(), rtol=0, atol=0)


def test_names_and_metadata_come_back(tmp_path: Path) -> None:
    save_tensors(tmp_path / "file", {"b": SIX, "a.c": SIX + 1}, {"ä": "ö\n\u2028 {}"})

    loaded, metadata = load_tensors(tmp_path / "file")

    assert set(loaded) == {"b", "a.c"}
    assert metadata == {"ä": "ö\n\u2028 {}"}


def test_the_same_tensors_make_the_same_bytes(file: Path, tmp_path: Path) -> None:
    save_tensors(tmp_path / "again", {"six": SIX.clone()}, {"kind": "numbers"})

    assert (tmp_path / "again").read_bytes() == file.read_bytes()


def test_a_loaded_tensor_outlives_its_file(file: Path) -> None:
    loaded, _ = load_tensors(file)

    file.write_bytes(b"")

    assert torch.equal(loaded["six"], SIX)


def test_a_failed_write_leaves_the_old_file(file: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="complex64"):
        save_tensors(file, {"a": torch.zeros(4, dtype=torch.complex64)}, {})

    assert torch.equal(load_tensors(file)[0]["six"], SIX)
    assert list(tmp_path.iterdir()) == [file]


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError) as caught:
        load_tensors(tmp_path / "six.safetensors")

    assert str(caught.value) == f"{tmp_path} holds no six.safetensors"


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: b"",
        lambda whole: whole[:5],
        lambda whole: whole[:40],
        lambda whole: whole[:-1],
        lambda whole: whole + b"more",
        lambda whole: b"\xff" * 8 + whole[8:],  # a header of 18 exabytes
        lambda whole: whole.replace(b'"F32"', b'"F33"'),
        lambda whole: whole.replace(b"[2,3]", b"[3,3]"),
        lambda whole: b"this is no safetensors file at all",
        lambda whole: bytes(1000),
    ],
)
def test_a_damaged_file_is_one_sentence(damage: Callable[[bytes], bytes], file: Path) -> None:
    file.write_bytes(damage(file.read_bytes()))

    with pytest.raises(CheckpointError) as caught:
        load_tensors(file)

    assert str(caught.value).startswith(f"{file} is damaged or not a safetensors file: ")
    assert "\n" not in str(caught.value)


def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "six.safetensors"

    with pytest.raises(StorageError) as caught:
        save_tensors(path, {"six": SIX}, {})

    assert str(caught.value) == f"{path}: cannot write: not a directory"


@pytest.mark.parametrize(
    ("sizes", "groups"),
    [
        ([], [[]]),
        ([10], [[10]]),
        ([60, 40], [[60, 40]]),  # just full
        ([60, 41], [[60], [41]]),
        ([50, 50, 1], [[50, 50], [1]]),
        ([1, 250, 1], [[1], [100], [100], [50, 1]]),  # the large one is cut
    ],
)
def test_tensors_are_grouped_up_to_a_limit(
    sizes: list[int], groups: list[list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tensors, "SHARD_BYTES", 100)
    whole = {f"t{number}": torch.zeros(size).byte() for number, size in enumerate(sizes)}

    found = shards(whole)

    assert [[tensor.nbytes for tensor in group.values()] for group in found] == groups
    assert list(dict.fromkeys(name.partition("#")[0] for g in found for name in g)) == list(whole)


def test_a_tensor_is_cut_between_rows_and_joined_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tensors, "SHARD_BYTES", 100)
    whole = {"rows": torch.arange(132.0).reshape(11, 3, 4), "number": torch.tensor(2.5)}

    found = shards(whole)

    assert [list(group) for group in found[:2]] == [["rows#1-of-6"], ["rows#2-of-6"]]
    assert found[0]["rows#1-of-6"].shape == (2, 3, 4)
    joined = join(found)
    assert all(torch.equal(joined[name], tensor) for name, tensor in whole.items())


def test_parts_that_do_not_fit_together_are_a_runtime_error() -> None:
    with pytest.raises(RuntimeError):
        join([{"a#1-of-2": torch.zeros(2, 3)}, {"a#2-of-2": torch.zeros(2, 4)}])


@pytest.mark.parametrize(
    ("opener", "when"),
    [(safetensors, "safe_open"), (torch.UntypedStorage, "from_file")],
    ids=["opened", "header read"],
)
@pytest.mark.parametrize("first", [torch.arange(300), torch.arange(9)], ids=["larger", "smaller"])
def test_a_file_that_is_replaced_while_it_is_read_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, opener: Any, when: str, first: torch.Tensor
) -> None:
    path, versions = tmp_path / "x.safetensors", iter([first, torch.arange(7)])
    save_tensors(path, {"a": torch.ones(40), "b": torch.zeros(3)}, {})
    opened, replaced = getattr(opener, when), []

    def late(*arguments: Any, **options: Any) -> Any:
        if (version := next(versions, None)) is not None:
            save_tensors(path, {"a": version, "b": torch.ones(3)}, {"version": str(len(version))})
            replaced.append(version)
        return opened(*arguments, **options)

    monkeypatch.setattr(opener, when, late)

    found, metadata = load_tensors(path)

    assert len(replaced) == 2
    assert metadata == {"version": "7"}
    assert found["a"].tolist() == list(range(7))
    assert found["b"].tolist() == [1, 1, 1]

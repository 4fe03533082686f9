"""Omniglot is read from its archives or packed, and says what is wrong with either."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from rarenmt.errors import DataError
from rarenmt.reproduce.omniglot.data import DRAWERS, SIDE, read_omniglot, vinyals_split

PIL = pytest.importorskip("PIL.Image", reason="reading PNG files is an extra")


def drawing(character: int, drawer: int) -> np.ndarray:
    """A dot whose place tells character and drawer."""
    image = np.zeros((SIDE, SIDE), dtype=np.uint8)
    image[21 * character : 21 * character + 21, 5 * drawer : 5 * drawer + 5] = 1
    return image


def archive(path: Path, prefix: str, alphabet: str, characters: int) -> None:
    """Drawings as PNG files, dark ink on white."""
    with zipfile.ZipFile(path, "w") as written:
        for character in range(characters):
            for drawer in range(DRAWERS):
                stream = io.BytesIO()
                PIL.fromarray((1 - drawing(character, drawer)) * 255).convert("1").save(
                    stream, "PNG"
                )
                name = f"{prefix}/{alphabet}/character{character:02}/0001_{drawer + 1:02}.png"
                written.writestr(name, stream.getvalue())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    archive(tmp_path / "images_background.zip", "images_background", "Korean", 3)
    archive(tmp_path / "images_evaluation.zip", "images_evaluation", "Tengwar", 2)
    return tmp_path


def test_the_archives_are_read_with_ink_as_one(folder: Path) -> None:
    background, evaluation = read_omniglot(folder, SIDE)

    assert background.names == tuple(f"Korean/character{n:02}" for n in range(3))
    assert len(evaluation) == 2
    expected = torch.from_numpy(drawing(2, 7)).float()
    assert torch.equal(background.images[2, 7], expected)


def test_a_packed_file_holds_the_same(folder: Path, tmp_path: Path) -> None:
    packed = {}
    for part, characters, alphabet in [("background", 3, "Korean"), ("evaluation", 2, "Tengwar")]:
        images = [drawing(c, d).ravel() for c in range(characters) for d in range(DRAWERS)]
        packed[f"{part}_images"] = np.packbits(np.stack(images), axis=1)
        packed[f"{part}_character_names"] = np.array(
            [f"{alphabet}/character{c:02}" for c in range(characters)]
        )
    (tmp_path / "packed").mkdir()
    np.savez_compressed(tmp_path / "packed" / "omniglot_105_packed.npz", **packed)  # type: ignore[arg-type]

    unzipped, again = read_omniglot(folder, 28), read_omniglot(tmp_path / "packed", 28)

    for one, other in zip(unzipped, again, strict=True):
        assert one.names == other.names
        assert torch.equal(one.images, other.images)


def test_scaling_keeps_the_share_of_ink(folder: Path) -> None:
    large, small = (read_omniglot(folder, side)[0].images for side in (SIDE, 20))

    assert small.shape[-2:] == (20, 20)
    assert small.mean().item() == pytest.approx(large.mean().item(), rel=0.05)


def test_lists_divide_the_characters(folder: Path) -> None:
    (folder / "vinyals_trainval.txt").write_text(
        "Tengwar/character01/rot000\nTengwar/character01/rot090\nKorean/character00/rot000\n"
    )
    (folder / "vinyals_test.txt").write_text("Korean/character02/rot270\n")

    train, test = vinyals_split(folder, read_omniglot(folder, 14))

    assert train.names == ("Tengwar/character01", "Korean/character00")
    assert test.names == ("Korean/character02",)


def test_a_list_with_an_unknown_character_is_refused_with_its_line(folder: Path) -> None:
    (folder / "vinyals_trainval.txt").write_text("Korean/character00/rot000\nElvish/character01\n")
    (folder / "vinyals_test.txt").write_text("")

    with pytest.raises(DataError, match=r"trainval\.txt:2: 'Elvish/character01' is no character"):
        vinyals_split(folder, read_omniglot(folder, 14))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda f: (f / "images_evaluation.zip").unlink(), "holds neither .* nor images_evalu"),
        (lambda f: (f / "images_evaluation.zip").write_bytes(b"x"), "is no zip archive"),
        (lambda f: archive(f / "images_evaluation.zip", ".", "A", 0), "holds no drawings"),
        (lambda f: (f / "omniglot_105_packed.npz").write_bytes(b"x"), "damaged or no packed"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_one_sentence(folder: Path, spoil: object, said: str) -> None:
    assert callable(spoil)
    spoil(folder)

    with pytest.raises(DataError, match=said):
        read_omniglot(folder, 14)

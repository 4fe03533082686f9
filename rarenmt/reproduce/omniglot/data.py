"""Omniglot: 1,623 characters of 50 alphabets, each drawn once by 20 people.

Lake, Salakhutdinov, Tenenbaum 2015, Science 350(6266). Read from a folder with either the
original archives images_background.zip and images_evaluation.zip, or the same images packed
into omniglot_105_packed.npz, one bit a pixel.
"""

import io
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from rarenmt.errors import DataError, SettingError, StorageError

SIDE = 105
"""Pixels of an original image, each way."""

DRAWERS = 20
"""Drawings of each character."""

PACKED = "omniglot_105_packed.npz"
ARCHIVES = {"background": "images_background.zip", "evaluation": "images_evaluation.zip"}
SPLITS = ("vinyals_trainval.txt", "vinyals_test.txt")
DRAWING = re.compile(r"(?:[^/]*/)?([^/]+)/(character\d+)/\d+_(\d+)\.png")
TRAINED = 1200
"""Characters to train on where no list of them is given; Santoro et al. 2016, section 4.1."""


@dataclass(frozen=True)
class Characters:
    """Characters with the same number of drawings each."""

    names: tuple[str, ...]
    """Alphabet/characterNN."""
    images: Tensor
    """(C, 20, S, S) in [0, 1], ink 1."""

    def __len__(self) -> int:
        return len(self.names)

    def chosen(self, rows: list[int]) -> "Characters":
        """The characters of these rows."""
        return Characters(tuple(self.names[row] for row in rows), self.images[rows])


def read_omniglot(folder: Path, side: int) -> tuple[Characters, Characters]:
    """Lake's own split: the background characters (964) and those for evaluation (659), scaled
    to `side` pixels each way by averaging. DataError if the folder lacks the files."""
    parts = _read_packed(folder / PACKED) if (folder / PACKED).exists() else _read_zips(folder)
    background, evaluation = (_scaled(*part, side) for part in parts)
    return background, evaluation


def vinyals_split(folder: Path, parts: tuple[Characters, Characters]) -> tuple[Characters, ...]:
    """The characters of both parts as Vinyals et al. 2016 divide them (1,200 to train, 423 to
    test): by the lists vinyals_trainval.txt and vinyals_test.txt where the folder has them, and
    else by chance, always the same."""
    names = parts[0].names + parts[1].names
    whole = Characters(names, torch.cat([part.images for part in parts]))
    if not all((folder / split).exists() for split in SPLITS):
        order = torch.randperm(len(whole), generator=torch.Generator().manual_seed(0)).tolist()
        return whole.chosen(order[:TRAINED]), whole.chosen(order[TRAINED:])
    row = {name: number for number, name in enumerate(names)}
    return tuple(whole.chosen(_listed(folder / split, row)) for split in SPLITS)


def _listed(path: Path, row: dict[str, int]) -> list[int]:
    """The rows of the characters in a list; its rotations of one character count once."""
    found: dict[int, None] = {}
    for number, line in enumerate(path.read_text("utf-8").split(), start=1):
        name = line.partition("/rot")[0]
        if name not in row:
            raise DataError(path, number, f"{name!r} is no character of Omniglot")
        found[row[name]] = None
    return list(found)


def _scaled(names: tuple[str, ...], drawings: np.ndarray, side: int) -> Characters:
    """(C, 20, 105, 105) of 0 and 1 → (C, 20, S, S)."""
    small = [
        F.interpolate(torch.from_numpy(block).float(), (side, side), mode="area")
        for block in np.array_split(drawings, max(1, len(drawings) // 100))
    ]
    return Characters(names, torch.cat(small))


Drawings = tuple[tuple[str, ...], np.ndarray]
"""Names (C,) and images (C, 20, 105, 105) of 0 and 1."""


def _read_packed(path: Path) -> tuple[Drawings, Drawings]:
    def part(name: str) -> Drawings:
        names = tuple(map(str, archive[f"{name}_character_names"]))
        bits = np.unpackbits(archive[f"{name}_images"], axis=1)[:, : SIDE * SIDE]
        return names, bits.reshape(len(names), DRAWERS, SIDE, SIDE)

    try:
        with np.load(path, allow_pickle=False) as archive:
            return part("background"), part("evaluation")
    except OSError as error:
        raise StorageError(path, "read", error) from error
    except (ValueError, KeyError, zipfile.BadZipFile) as error:
        raise DataError(path, None, f"is damaged or no packed Omniglot: {error}") from None


def _read_zips(folder: Path) -> tuple[Drawings, Drawings]:
    for name in ARCHIVES.values():
        if not (folder / name).exists():
            raise DataError(
                folder, None, f"holds neither {PACKED} nor {name}; get the archives of Omniglot"
            )
    background, evaluation = (_read_zip(folder / name) for name in ARCHIVES.values())
    return background, evaluation


def _read_zip(path: Path) -> Drawings:
    try:
        from PIL import Image
    except ImportError:
        raise SettingError(
            "the archives hold PNG files; to read them: pip install 'rarenmt[reproduce]'"
        ) from None
    drawn: dict[str, dict[int, np.ndarray]] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for name in sorted(archive.namelist()):
                if match := DRAWING.fullmatch(name):
                    alphabet, character, drawer = match.groups()
                    with Image.open(io.BytesIO(archive.read(name)), formats=["PNG"]) as image:
                        ink = np.asarray(image.convert("L")) < 128
                    drawn.setdefault(f"{alphabet}/{character}", {})[int(drawer)] = ink
    except OSError as error:
        raise StorageError(path, "read", error) from error
    except zipfile.BadZipFile as error:
        raise DataError(path, None, f"is no zip archive: {error}") from None
    for name, by_drawer in drawn.items():
        if len(by_drawer) != DRAWERS or any(x.shape != (SIDE, SIDE) for x in by_drawer.values()):
            raise DataError(path, None, f"{name} has not {DRAWERS} drawings of {SIDE} × {SIDE}")
    if not drawn:
        raise DataError(path, None, "holds no drawings named Alphabet/characterNN/NNNN_NN.png")
    stacks = [np.stack([d[k] for k in sorted(d)]).astype(np.uint8) for d in drawn.values()]
    return tuple(drawn), np.stack(stacks)

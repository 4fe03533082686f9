"""Augmentation and sampling of drawings."""

import torch
import torch.nn.functional as F
from torch import Tensor

TURNS = 4
"""Rotations by 90°, each a class of its own (Santoro et al. 2016, section 4.1)."""

TILT = 0.2
"""Largest rotation of a distorted drawing, in radians."""

STRETCH = 0.15
"""Largest change of its width, its height and its slant, as a share."""

SHIFT = 0.14
"""Largest shift, where 2 is the whole image: two pixels of 28."""


def with_turns(drawings: Tensor) -> Tensor:
    """Classes (C, E, S, S) and their rotations by 90°, 180°, 270° as further ones (4C, E, S, S)."""
    return torch.cat([drawings.rot90(turn, (-2, -1)) for turn in range(TURNS)])


def distorted(images: Tensor, generator: torch.Generator) -> Tensor:
    """Images (B, S, S), each rotated, scaled, sheared and shifted by small random amounts."""

    def drawn(most: float) -> Tensor:
        return (2 * torch.rand(len(images), generator=generator) - 1) * most

    angle, slant = drawn(TILT), drawn(STRETCH)
    wide, high = 1 + drawn(STRETCH), 1 + drawn(STRETCH)
    rows = [
        torch.stack([wide * angle.cos(), slant - angle.sin(), drawn(SHIFT)], dim=1),
        torch.stack([angle.sin(), high * angle.cos(), drawn(SHIFT)], dim=1),
    ]
    return transformed(images, torch.stack(rows, dim=1))


def transformed(images: Tensor, maps: Tensor) -> Tensor:
    """Images (B, S, S) under affine maps (B, 2, 3) from a position in the result to one in the
    image, where a side is 2 long; bilinear interpolation."""
    size = [len(images), 1, *images.shape[1:]]
    grid = F.affine_grid(maps.to(images), size, align_corners=False)
    return F.grid_sample(images[:, None], grid, align_corners=False)[:, 0]


def choose(
    drawings: Tensor, ways: int, shots: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """`ways` of the classes (C, E, …), all different, and `shots` drawings of each, all
    different: their numbers (W,) and the drawings (W, K, …)."""
    classes, each = drawings.shape[:2]
    chosen = torch.randperm(classes, generator=generator)[:ways].to(drawings.device)
    order = torch.rand(ways, each, generator=generator).argsort(dim=1)[:, :shots]
    return chosen, drawings[chosen[:, None], order.to(drawings.device)]

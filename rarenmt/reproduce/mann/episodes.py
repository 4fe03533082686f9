"""Episodes of characters shown one after another, each with the name of the one before.

Santoro et al. 2016, sections 2 and 4.1: at step t the network sees image x_t and label y_(t−1),
and names x_t. Labels, and by how many right angles each class is turned, are drawn anew for
every episode.

Shapes: B episodes · C classes each · T showings = C × SHOWN · S pixels a side · L letters.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from rarenmt.reproduce.omniglot.data import DRAWERS, Characters

SHOWN = 10
"""Drawings of each class in an episode; with five classes an episode is the paper's fifty long."""

TILT = 11.25
"""Degrees by which a drawing may lean either way."""

SHIFT = 0.1
"""How far a drawing may move each way, as a share of its side."""


@dataclass(frozen=True)
class Labels:
    """A label is a word of so many letters of an alphabet; one letter is a one-hot label."""

    letters: int
    alphabet: int

    @property
    def width(self) -> int:
        """Inputs that a label takes, and outputs that name one."""
        return self.letters * self.alphabet

    def draw(self, batch: int, classes: int, generator: torch.Generator) -> Tensor:
        """A different word for every class of an episode: (B, C, L) letters."""
        words = torch.rand(batch, self.alphabet**self.letters, generator=generator)
        word = words.topk(classes, dim=1).indices.unsqueeze(2)
        place = self.alphabet ** torch.arange(self.letters)
        return word // place % self.alphabet

    def hot(self, letters: Tensor) -> Tensor:
        """One input for every letter at every place: (…, L) → (…, L × alphabet)."""
        return F.one_hot(letters, self.alphabet).flatten(-2).float()


@dataclass(frozen=True)
class Presentation:
    """A batch of episodes."""

    images: Tensor
    """x, (B, T, S²)"""
    before: Tensor
    """y of the showing before, (B, T, L × alphabet); null at the first."""
    labels: Tensor
    """y, (B, T, L) letters."""
    instance: Tensor
    """(B, T) how often the class was shown so far, this showing included."""


def present(
    characters: Characters,
    labels: Labels,
    batch: int,
    classes: int,
    generator: torch.Generator,
) -> Presentation:
    """Episodes of classes drawn from these characters; every image leans and moves a little.

    What is drawn is drawn on the CPU, the same for every device; the images are turned and moved
    where the characters are.
    """
    device = characters.images.device
    class_of = _orders(batch, classes, generator)
    instance = F.one_hot(class_of, classes).cumsum(1).gather(2, class_of.unsqueeze(2)).squeeze(2)
    chosen = torch.rand(batch, len(characters), generator=generator).topk(classes, dim=1).indices
    drawing = torch.rand(batch, classes, DRAWERS, generator=generator).argsort(2)
    turns = torch.randint(4, (batch, classes), generator=generator)
    letters = labels.draw(batch, classes, generator)

    row = torch.arange(batch).unsqueeze(1)
    images = characters.images[chosen[row, class_of], drawing[row, class_of, instance - 1]]
    lean = _either_way(TILT, class_of.shape, generator)
    shift = _either_way(SHIFT, (*class_of.shape, 2), generator)
    turned = moved(
        images.flatten(0, 1),
        (turns[row, class_of] * 90 + lean).flatten().to(device),
        shift.flatten(0, 1).to(device),
    )
    named = letters[row, class_of].to(device)
    before = F.pad(labels.hot(named)[:, :-1], (0, 0, 1, 0))
    return Presentation(turned.view(*class_of.shape, -1), before, named, instance.to(device))


def _either_way(most: float, shape: Sequence[int], generator: torch.Generator) -> Tensor:
    return (torch.rand(*shape, generator=generator) * 2 - 1) * most


def _orders(batch: int, classes: int, generator: torch.Generator) -> Tensor:
    """(B, T) which class is shown at each step, every one equally often."""
    shown = classes * SHOWN
    return torch.rand(batch, shown, generator=generator).argsort(1) // SHOWN


def moved(images: Tensor, degrees: Tensor, shift: Tensor) -> Tensor:
    """Every image (K, S, S) turned counter-clockwise by degrees (K,), then moved right and down by
    a share of its side (K, 2); between pixels it is interpolated."""
    angle = torch.deg2rad(degrees)
    cos, sin = angle.cos(), angle.sin()
    right, down = (shift * 2).unbind(1)  # a side is 2 long
    # from a place in the result back to one in the image
    rows = (cos, -sin, sin * down - cos * right, sin, cos, -sin * right - cos * down)
    grid = F.affine_grid(
        torch.stack(rows, 1).view(-1, 2, 3), [len(images), 1, *images.shape[1:]], False
    )
    return F.grid_sample(images.unsqueeze(1), grid, align_corners=False).squeeze(1)

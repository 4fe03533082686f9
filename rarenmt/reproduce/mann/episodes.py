"""Episodes: sequences of images, each with the label of the previous one.

Santoro et al. 2016, sections 2 and 4.1: at step t the network gets image x_t and label y_(t−1),
and predicts y_t. Each episode draws new labels and a rotation by 0°, 90°, 180° or 270° per class.

Shapes: B episodes · C classes each · T steps = C × SHOWN · S pixels a side · L letters.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from rarenmt.reproduce.omniglot.augment import transformed
from rarenmt.reproduce.omniglot.data import DRAWERS, Characters

SHOWN = 10
"""Drawings of each class in an episode; with five classes an episode is the paper's fifty long."""

TILT = 11.25
"""Largest rotation of a drawing either way, in degrees."""

SHIFT = 0.1
"""Largest shift of a drawing each way, as a share of its side."""


@dataclass(frozen=True)
class Labels:
    """Labels are strings of `letters` letters; with one letter, a label is one-hot."""

    letters: int
    alphabet: int

    @property
    def width(self) -> int:
        """Inputs, and outputs, of a label."""
        return self.letters * self.alphabet

    def draw(self, batch: int, classes: int, generator: torch.Generator) -> Tensor:
        """A different label for every class of an episode: (B, C, L) letters."""
        words = torch.rand(batch, self.alphabet**self.letters, generator=generator)
        word = words.topk(classes, dim=1).indices.unsqueeze(2)
        place = self.alphabet ** torch.arange(self.letters)
        return word // place % self.alphabet

    def hot(self, letters: Tensor) -> Tensor:
        """One-hot letters, concatenated: (…, L) → (…, L × alphabet)."""
        return F.one_hot(letters, self.alphabet).flatten(-2).float()


@dataclass(frozen=True)
class Presentation:
    """A batch of episodes."""

    images: Tensor
    """x, (B, T, S²)"""
    previous: Tensor
    """y of the previous step, (B, T, L × alphabet); 0 at the first."""
    labels: Tensor
    """y, (B, T, L) letters."""
    instance: Tensor
    """(B, T) the number of drawings of the class so far, this one included."""


def present(
    characters: Characters,
    labels: Labels,
    batch: int,
    classes: int,
    generator: torch.Generator,
) -> Presentation:
    """Episodes of random classes, each image with a small random rotation and shift.

    Random numbers come from the CPU, so they are the same for every device; images are transformed
    on the device of the characters.
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
    previous = F.pad(labels.hot(named)[:, :-1], (0, 0, 1, 0))
    return Presentation(turned.view(*class_of.shape, -1), previous, named, instance.to(device))


def _either_way(most: float, shape: Sequence[int], generator: torch.Generator) -> Tensor:
    return (torch.rand(*shape, generator=generator) * 2 - 1) * most


def _orders(batch: int, classes: int, generator: torch.Generator) -> Tensor:
    """(B, T) the class of each step, in random order, each SHOWN times."""
    shown = classes * SHOWN
    return torch.rand(batch, shown, generator=generator).argsort(1) // SHOWN


def moved(images: Tensor, degrees: Tensor, shift: Tensor) -> Tensor:
    """Images (K, S, S) rotated counter-clockwise by degrees (K,), then shifted right and down by
    shares of their side (K, 2)."""
    angle = torch.deg2rad(degrees)
    cos, sin = angle.cos(), angle.sin()
    right, down = (shift * 2).unbind(1)  # a side is 2 long
    rows = (cos, -sin, sin * down - cos * right, sin, cos, -sin * right - cos * down)
    return transformed(images, torch.stack(rows, 1).view(-1, 2, 3))

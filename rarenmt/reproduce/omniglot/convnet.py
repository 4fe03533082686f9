"""The convolutional network of Kaiser et al. 2017, section 3.1: an image becomes a query."""

import torch
from torch import Tensor, nn

BLOCKS = 2
"""Pairs of convolutions with a pooling after each; the second has twice the channels."""


class ConvNet(nn.Module):
    """Two convolutions of 3 × 3, pooling, two with twice the channels, pooling, and two fully
    connected layers with dropout between them.

    Shapes: B images · S pixels each way · D units of the fully connected layers.

    Pooling comes before the activation, which gives the same numbers from a quarter of the work.
    With `normalised`, batch normalisation comes before every activation; the paper has none.
    """

    def __init__(
        self, side: int, channels: int, width: int, *, dropout: float, normalised: bool
    ) -> None:
        super().__init__()
        self.dropout = dropout
        layers: list[nn.Module] = []
        inputs = 1
        for block in range(BLOCKS):
            outputs = channels << block
            for pooled in (False, True):
                layers.append(nn.Conv2d(inputs, outputs, 3, padding=1, bias=not normalised))
                layers += [nn.MaxPool2d(2)] * pooled
                layers += [nn.BatchNorm2d(outputs)] * normalised
                layers.append(nn.ReLU(inplace=True))
                inputs = outputs
        features = inputs * (side >> BLOCKS) ** 2
        self.convolutions = nn.Sequential(*layers)
        self.hidden = nn.Sequential(
            nn.Linear(features, width),
            *[nn.BatchNorm1d(width)] * normalised,
            nn.ReLU(inplace=True),
        )
        self.output = nn.Linear(width, width)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, images: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Images (B, S, S) → (B, D), not yet of unit length.

        The generator, on the CPU, draws the dropout mask; without it there is no dropout.
        """
        drawn = images[:, None].contiguous(memory_format=torch.channels_last)
        hidden = self.hidden(self.convolutions(drawn).flatten(1))
        if generator is not None and self.dropout:
            kept = torch.rand(hidden.shape, generator=generator) >= self.dropout
            hidden = hidden * kept.to(hidden) / (1 - self.dropout)
        output: Tensor = self.output(hidden)
        return output

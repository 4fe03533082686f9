"""Joints of pieces none of which is a sign."""

import torch
from torch import Tensor

from rarenmt.joints import Joints


def plain(inside: Tensor) -> Joints:
    """Where only those of the pieces (V,) that are `inside` continue words."""
    nothing = torch.zeros_like(inside)
    return Joints(inside, nothing, nothing, nothing, nothing, torch.arange(len(inside)), space=-1)

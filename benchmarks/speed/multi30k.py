"""The peers' data: Multi30k in the pieces of their vocabulary, in their batches."""

import argparse
import os
from pathlib import Path

import torch

from rarenmt.text.batch import Ids
from rarenmt.text.tokenizer import UNK, Tokenizer

SENTENCES = 64
"""In a batch."""

PEERS_UNK = 0
"""Their number of the unknown piece, which is our padding."""


def add_option(parser: argparse.ArgumentParser) -> None:
    """`--peers`, the folder that the peers were set up in."""
    home = os.environ.get("PEERS_HOME")
    parser.add_argument(
        "--peers", type=Path, default=home, required=home is None,
        help="folder with the peers' data and vocabulary (default: $PEERS_HOME)",
    )  # fmt: skip


class Multi30k:
    """Pairs of the peers' folder, encoded."""

    def __init__(self, peers: Path) -> None:
        self._data = peers / "data"
        self.tokenizer = Tokenizer((peers / "work" / "spm_bpe.model").read_bytes())

    def pairs(self, name: str) -> list[tuple[Ids, Ids]]:
        """English and German of `train`, `val` or `t320`."""
        return list(zip(self._side(name, "en"), self._side(name, "de"), strict=True))

    def _side(self, name: str, language: str) -> list[Ids]:
        text = (self._data / f"{name}.{language}").read_text("utf-8")
        return [self._ids(line) for line in text.splitlines()]

    def _ids(self, line: str) -> Ids:
        return [UNK if i == PEERS_UNK else i for i in self.tokenizer.encode(line)]


def training_batches(pairs: list[tuple[Ids, Ids]], count: int) -> list[list[int]]:
    """Positions in `pairs` of the peers' length-sorted batches, drawn with their seed."""
    generator = torch.Generator().manual_seed(1)
    drawn = torch.randperm(len(pairs), generator=generator).tolist()[: count * SENTENCES * 8]
    drawn.sort(key=lambda position: len(pairs[position][1]))
    starts = range(0, len(drawn) - SENTENCES + 1, SENTENCES)
    batches = [drawn[start : start + SENTENCES] for start in starts]
    order = torch.randperm(len(batches), generator=generator).tolist()[:count]
    return [batches[i] for i in order]

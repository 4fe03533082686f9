"""The memory query, computed from the attention and the decoder state.

The paper's query is the attention vector alone, a contextual state that tells little of which
unseen word it came from. Ours adds the attended source embedding, which identifies the word, the
bottom decoder state, which encodes what was written last, and the top one, which encodes what
follows.

Shapes: B positions · H hidden · E embedding · D width of a key.
"""

from dataclasses import dataclass, fields

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rarenmt.config import MemoryConfig, ModelConfig


@dataclass(frozen=True)
class DecoderStates:
    """The decoder states at some target positions, with any leading dimensions (…)."""

    context: Tensor
    """Attention context (…, H)."""
    source: Tensor
    """Attended source embedding (…, E)."""
    bottom: Tensor
    """State of the bottom decoder layer (…, H)."""
    top: Tensor
    """State of the top decoder layer (…, H)."""

    def flatten(self) -> "DecoderStates":
        """Return the states with one leading dimension."""
        return DecoderStates(*(getattr(self, field.name).flatten(0, -2) for field in fields(self)))

    def select(self, positions: Tensor) -> "DecoderStates":
        """Return the states at some positions of the flattened leading dimensions."""
        flat = self.flatten()
        return DecoderStates(*(getattr(flat, field.name)[positions] for field in fields(self)))


class Query(nn.Module):
    """Unit queries of unit blocks, each with a learnt share of the similarity.

    q·k = Σ_b w_b cos(q_b, k_b) with w = softmax of the shares. The source block is the
    embedding itself: a projection learnt on frequent words would blur the rare ones.
    """

    def __init__(self, model: ModelConfig, memory: MemoryConfig) -> None:
        super().__init__()
        self.blocks = memory.query
        self.projections = nn.ModuleDict(
            {
                block: nn.Linear(model.hidden, memory.block, bias=False)
                for block in memory.query
                if block != "source"
            }
        )
        self.shares = nn.Parameter(torch.zeros(len(memory.query)))
        self.widths = [
            model.embedding if block == "source" else memory.block for block in memory.query
        ]

    @property
    def width(self) -> int:
        """D, the width of a key."""
        return sum(self.widths)

    def forward(self, states: DecoderStates, *, freeze_shares: bool = False) -> Tensor:
        """Return unit queries (B, D) in float32; with `freeze_shares`, no gradient reaches the
        shares."""
        shares = self.shares.detach() if freeze_shares else self.shares
        scales = shares.float().softmax(dim=0).sqrt()
        parts = []
        for block, scale in zip(self.blocks, scales, strict=True):
            state: Tensor = getattr(states, block)
            if block in self.projections:
                state = self.projections[block](state)
            parts.append(scale * F.normalize(state.float(), dim=-1))
        return torch.cat(parts, dim=-1)

    def block_similarities(self, queries: Tensor, keys: Tensor) -> Tensor:
        """Return the part of each block in the similarity of queries and keys (B, D), as
        (B, blocks)."""
        products = (queries * keys.float()).split(self.widths, dim=-1)
        return torch.stack([product.sum(dim=-1) for product in products], dim=-1)

"""What training minimises: the translation loss at every position, and at a random few
the loss of the memory and of its readout; afterwards those few are written down.

Predict first, then write: the memory of a step holds only what earlier steps showed.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from rarenmt.batches import Batch
from rarenmt.config import TrainConfig
from rarenmt.memory import Memory, Recall
from rarenmt.model import Model
from rarenmt.tokens import PAD


@dataclass(frozen=True)
class Asked:
    """The positions of a step that queried the memory, to be written after the step."""

    queries: Tensor
    """(P, D)"""
    targets: Tensor
    """(P,)"""
    recall: Recall


@dataclass(frozen=True)
class Loss:
    """Sums over tokens, so that shards of a batch can be added up."""

    translation: Tensor
    memory: Tensor
    readout: Tensor
    hits: Tensor
    """How many of the asked positions had a right first neighbour."""
    asked: Asked | None


def compute_loss(
    model: Model,
    batch: Batch,
    memory: Memory | None,
    positions: int,
    config: TrainConfig,
    generator: torch.Generator,
) -> Loss:
    """The loss of one batch, `positions` of whose target positions query the memory."""
    states = model.unroll(batch)
    outputs = batch.outputs.flatten()
    real = (outputs != PAD).nonzero().squeeze(1)  # the softmax is never computed over padding
    targets = outputs[real]
    logits = model.output(states.top.flatten(0, 1)[real]).float()
    translation = F.cross_entropy(
        logits, targets, reduction="sum", label_smoothing=config.smoothing
    )
    zero = translation.new_zeros(())
    if memory is None or positions == 0:
        return Loss(translation, zero, zero, zero, None)
    drawn = torch.randperm(len(real), generator=generator)[:positions].to(real.device)
    few = states.at(real[drawn])
    queries = model.query(few)
    recall = memory.read(queries)
    asked = Asked(queries.detach(), targets[drawn], recall)
    if memory.used == 0:
        return Loss(translation, zero, zero, zero, asked)
    log_probs, _ = model.read_out(few, queries, recall, memory)
    readout = F.nll_loss(log_probs, asked.targets, reduction="sum")
    hinge = memory.loss(queries, recall, asked.targets).sum()
    hits = (recall.values[:, 0] == asked.targets).sum()
    return Loss(translation, hinge, readout, hits, asked)

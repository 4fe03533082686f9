"""One step of practice on made-up words: remember the shown sentences, ask for the others.

The memory of an episode is small or large, alone or among unrelated entries, because a
user's memory is so too: a gate that only ever saw one kind would trust the other too much.
"""

import random

import torch
from torch import Tensor

from rarenmt.batches import pair_batch
from rarenmt.config import TrainConfig
from rarenmt.episodes import EpisodeMaker, Episodes
from rarenmt.memory import Memory
from rarenmt.model import Model
from rarenmt.objective import Loss, episode_loss
from rarenmt.tokens import PAD

SIZES = [1, 4, 12]
"""Episodes at once; each is a distraction to the others."""
ORDINARY = 12
"""Sentences asked beside them for which the memory knows nothing new."""
CROWDED = 0.4
"""Share of the steps whose memory holds entries of the life-long memory as well."""


def practise(
    model: Model,
    maker: EpisodeMaker,
    life_long: Memory,
    config: TrainConfig,
    rng: random.Random,
) -> tuple[Loss, int]:
    """The loss of a few episodes, and how many target tokens it is the sum over."""
    device = model.embedding.weight.device
    episodes = maker.draw(rng.choice(SIZES), ORDINARY, rng)
    memory = remember_shown(model, episodes, life_long, rng)
    batch = pair_batch(episodes.asked, device)
    made_up = torch.zeros_like(batch.outputs, dtype=torch.bool)
    for column, flags in enumerate(episodes.made_up):
        made_up[: len(flags), column] = torch.tensor(flags, device=device)
    model.train()
    return episode_loss(model, batch, made_up, memory, config), batch.tokens


def remember_shown(
    model: Model, episodes: Episodes, life_long: Memory, rng: random.Random
) -> Memory:
    """A memory of the shown sentences, now and then among entries of the life-long one."""
    model.eval()
    batch = pair_batch(episodes.shown, model.embedding.weight.device)
    real = batch.outputs != PAD
    keys, values = model.keys(batch)[real], batch.outputs[real]
    others = _some_slots(life_long, rng) if rng.random() < CROWDED else None
    if others is not None:
        keys = torch.cat([keys, life_long.keys[others]])
        values = torch.cat([values, life_long.values[others]])
    memory = model.new_memory(slots=len(values))
    memory.write(keys, values, None, torch.Generator())
    return memory


def _some_slots(memory: Memory, rng: random.Random) -> Tensor:
    count = rng.randint(0, memory.used)
    generator = torch.Generator().manual_seed(rng.getrandbits(32))
    return torch.randperm(memory.used, generator=generator)[:count].to(memory.keys.device)

"""One step of practice on made-up words: remember the shown sentences, ask for the others.

Each asked sentence is told which shown ones are relevant, as a user's sentence will be: its
own, and now and then others; a gate that only ever saw one kind would trust the other too much.
"""

import random

import torch
from torch import Tensor

from rarenmt.batches import Batch, pair_batch
from rarenmt.config import TrainConfig
from rarenmt.episodes import EpisodeMaker, Episodes
from rarenmt.excerpt import Excerpt, Threads, spell_all
from rarenmt.memory import EMPTY, Memory
from rarenmt.model import Model
from rarenmt.objective import Loss, episode_loss
from rarenmt.tokens import PAD

SIZES = [4, 12, 24]
"""Episodes at once."""
ORDINARY = 16
"""Sentences asked beside them for which the memory knows nothing new."""
OTHERS = 3
"""Most shown sentences that are told to be relevant to a sentence and are not its own."""
CROWDED = 0.4
"""Share of the steps whose memory holds entries of the life-long memory as well, for a model
that asks the whole of it."""


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
    whole = model.config.memory.lookup == "whole"
    shown = pair_batch(episodes.shown, device)
    memory, slots = remember_shown(model, shown, life_long if whole else None, rng)
    excerpt = None
    if not whole:
        threads = _threads(shown, slots, maker)
        excerpt = Excerpt.of(memory, threads, _relevant(episodes, slots, rng))
    batch = pair_batch(episodes.asked, device)
    made_up = torch.zeros_like(batch.outputs, dtype=torch.bool)
    for column, flags in enumerate(episodes.made_up):
        made_up[: len(flags), column] = torch.tensor(flags, device=device)
    model.train()
    return episode_loss(model, batch, made_up, memory, config, excerpt), batch.tokens


def remember_shown(
    model: Model, shown: Batch, life_long: Memory | None, rng: random.Random
) -> tuple[Memory, Tensor]:
    """A memory of the shown sentences, now and then among entries of the life-long one; and the
    slot of each position (T, B), EMPTY at padding."""
    model.eval()
    real = shown.outputs != PAD
    keys, values = model.keys(shown)[real], shown.outputs[real]
    slots = torch.full_like(shown.outputs, EMPTY)
    slots[real] = torch.arange(len(values), device=slots.device)
    if life_long is not None and rng.random() < CROWDED:
        others = _some_slots(life_long, rng)
        keys = torch.cat([keys, life_long.keys[others]])
        values = torch.cat([values, life_long.values[others]])
    memory = model.new_memory(slots=len(values))
    memory.write(keys, values, None, torch.Generator())
    return memory, slots


def _threads(shown: Batch, slots: Tensor, maker: EpisodeMaker) -> Threads:
    inside = torch.tensor(maker.tokenizer.inside, device=slots.device)
    return Threads(spell_all(shown.inputs, inside)[slots != EMPTY], inside)


def _relevant(episodes: Episodes, slots: Tensor, rng: random.Random) -> list[Tensor]:
    """The slots that each asked sentence may ask: those of its own shown sentence and others."""
    columns = [column[column != EMPTY] for column in slots.t()]
    chosen = []
    for own in episodes.relevant:
        others = rng.sample(range(len(columns)), rng.randint(0, min(OTHERS, len(columns) - 1)))
        chosen.append(torch.cat([columns[i] for i in sorted({own, *others})]).cpu())
    return chosen


def _some_slots(memory: Memory, rng: random.Random) -> Tensor:
    count = rng.randint(0, memory.used)
    generator = torch.Generator().manual_seed(rng.getrandbits(32))
    return torch.randperm(memory.used, generator=generator)[:count].to(memory.keys.device)

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
from rarenmt.excerpt import Excerpt
from rarenmt.memory import EMPTY, Memory
from rarenmt.model import Model
from rarenmt.objective import Loss, Word, episode_loss
from rarenmt.spelling import Threads, spell_all
from rarenmt.tokens import PAD

SIZES = [4, 12, 24]
"""Episodes at once."""
ORDINARY = 16
"""Sentences asked beside them for which the memory knows nothing new."""
ABSENT = 0.15
"""Share of the asked sentences that may not ask the pair with their word: what the others say
of their own words is no answer."""
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
    whole = model.config.memory.lookup == "whole"
    episodes = maker.draw(rng.choice(SIZES), ORDINARY, rng, 0.0 if whole else ABSENT)
    shown = pair_batch(episodes.shown, device)
    memory, slots = remember_shown(model, shown, life_long if whole else None, rng)
    excerpt = None
    if not whole:
        inside = torch.tensor(maker.tokenizer.inside, device=device)
        threads = _threads(shown, slots, inside)
        excerpt = Excerpt.of(memory, threads, _relevant(episodes, slots, rng))
    batch = pair_batch([(question.source, question.target) for question in episodes.asked], device)
    model.train()
    return episode_loss(model, batch, _word(episodes, batch), memory, config, excerpt), batch.tokens


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


def _threads(shown: Batch, slots: Tensor, inside: Tensor) -> Threads:
    stems = spell_all(shown.inputs, inside)[slots != EMPTY]
    return Threads(stems, torch.full_like(stems, EMPTY), inside)


def _word(episodes: Episodes, batch: Batch) -> Word:
    """Where the word pairs stand in a batch of the asked sentences."""
    source = torch.zeros_like(batch.source.ids, dtype=torch.bool)
    target = torch.zeros_like(batch.outputs, dtype=torch.bool)
    for column, question in enumerate(episodes.asked):
        source[: len(question.source), column] = torch.tensor(question.source_word)
        target[: len(question.target), column] = torch.tensor(question.target_word)
    made_up = torch.tensor([question.made_up for question in episodes.asked])
    absent = torch.tensor([question.absent for question in episodes.asked])
    made_up, absent = made_up.to(target.device), absent.to(target.device)
    return Word(source, target, target & made_up, target & made_up & absent)


def _relevant(episodes: Episodes, slots: Tensor, rng: random.Random) -> list[Tensor]:
    """The slots that each asked sentence may ask: those of its own shown pair and of others."""
    columns = [column[column != EMPTY] for column in slots.t()]
    chosen = []
    for question in episodes.asked:
        others = [number for number in range(len(columns)) if number != question.relevant]
        drawn = rng.sample(others, min(len(others), rng.randint(question.absent, OTHERS)))
        told = drawn if question.absent else [*drawn, question.relevant]
        chosen.append(torch.cat([slots.new_empty(0), *(columns[i] for i in sorted(told))]).cpu())
    return chosen


def _some_slots(memory: Memory, rng: random.Random) -> Tensor:
    count = rng.randint(0, memory.used)
    generator = torch.Generator().manual_seed(rng.getrandbits(32))
    return torch.randperm(memory.used, generator=generator)[:count].to(memory.keys.device)

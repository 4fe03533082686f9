"""One step of practice on made-up words: remember the shown sentences, ask for the others.

Each asked sentence is told which shown ones are relevant, as a user's sentence will be: its
own, and now and then others; a gate that only ever saw one kind would trust the other too much.
"""

import random
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from rarenmt.config import TrainConfig
from rarenmt.decoding.candidates import CandidateSet
from rarenmt.decoding.prefix import entry_prefixes
from rarenmt.memory.memory import Memory
from rarenmt.model.seq2seq import Model
from rarenmt.text.batch import Batch, pair_batch
from rarenmt.text.words import WordBoundaries
from rarenmt.training.episodes import EpisodeMaker, Episodes
from rarenmt.training.objective import Loss, Word, episode_loss
from rarenmt.translation_memory.encoding import Entries, encode_pairs
from rarenmt.translation_memory.word_alignment import WordAligner

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


@dataclass(frozen=True)
class Practice:
    """What is practised on: episodes of a corpus, remembered and asked by the rules that a user's
    pairs and sentences go by."""

    maker: EpisodeMaker
    counterparts: WordAligner

    def loss(
        self, model: Model, life_long: Memory, config: TrainConfig, rng: random.Random
    ) -> tuple[Loss, int]:
        """The loss of a few episodes, and how many target tokens it is the sum over."""
        whole = model.config.memory.lookup == "whole"
        absent = 0.0 if whole else ABSENT
        episodes = self.maker.draw(rng.choice(SIZES), ORDINARY, rng, absent)
        model.eval()
        entries = encode_pairs(model, self.counterparts, episodes.shown, torch.float32)
        memory = remember_shown(model, entries, life_long if whole else None, rng)
        excerpt = None if whole else self.excerpt(episodes, entries, memory, rng)
        pairs = [(question.source, question.target) for question in episodes.asked]
        batch = pair_batch(pairs, model.embedding.weight.device)
        model.train()
        loss = episode_loss(model, batch, _word(episodes, batch), memory, config, excerpt)
        return loss, batch.tokens

    def excerpt(
        self, episodes: Episodes, entries: Entries, memory: Memory, rng: random.Random
    ) -> CandidateSet:
        """What each asked sentence may ask of a memory that holds the entries of the shown ones."""
        lengths = entries.lengths.tolist()
        slots = torch.arange(sum(lengths)).split(lengths)
        positions = [torch.arange(length) for length in lengths]
        links = entries.links.split(lengths)
        parts = zip(episodes.shown, positions, links, strict=True)
        translated = [self.counterparts.translated_forms(*pair, *part) for pair, *part in parts]
        chosen, places = [], []
        for question, told in zip(episodes.asked, _relevant(episodes, rng), strict=True):
            heard = self.counterparts.source_words(question.source)
            chosen.append(torch.cat([slots[i] for i in told]))
            places.append(heard.positions([some for i in told for some in translated[i]]))
        pairs = torch.arange(len(lengths)).repeat_interleave(entries.lengths)
        threads = entry_prefixes(entries.values.cpu(), pairs, torch.cat(positions), self._joints)
        return CandidateSet.of(memory, threads, chosen, places)

    @cached_property
    def _joints(self) -> WordBoundaries:
        return WordBoundaries.from_tokenizer(self.maker.tokenizer)


def remember_shown(
    model: Model, entries: Entries, life_long: Memory | None, rng: random.Random
) -> Memory:
    """A memory of the entries of shown sentences, which come first, now and then among some of
    the life-long one."""
    keys, values = entries.keys, entries.values
    if life_long is not None and rng.random() < CROWDED:
        others = _some_slots(life_long, rng)
        keys = torch.cat([keys, life_long.keys[others]])
        values = torch.cat([values, life_long.values[others]])
    memory = model.new_memory(slots=len(values))
    memory.write(keys, values, None, torch.Generator())
    return memory


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


def _relevant(episodes: Episodes, rng: random.Random) -> list[list[int]]:
    """The shown sentences that each asked one may ask: its own, and others."""
    chosen = []
    for question in episodes.asked:
        others = [number for number in range(len(episodes.shown)) if number != question.relevant]
        drawn = rng.sample(others, min(len(others), rng.randint(question.absent, OTHERS)))
        chosen.append(sorted(drawn if question.absent else [*drawn, question.relevant]))
    return chosen


def _some_slots(memory: Memory, rng: random.Random) -> Tensor:
    count = rng.randint(0, memory.used)
    generator = torch.Generator().manual_seed(rng.getrandbits(32))
    return torch.randperm(memory.used, generator=generator)[:count].to(memory.keys.device)

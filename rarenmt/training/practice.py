"""One step of episodic training: encode the support pairs, translate the queries with them.

The candidates of a query are its own pair and a few others, as retrieval returns them for a user's
sentence. With its own pair alone, the gate would learn to follow any candidate.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from rarenmt.config import PracticeConfig, TrainConfig
from rarenmt.decoding.candidates import CandidateSet, SentenceEntries
from rarenmt.decoding.prefix import entry_prefixes
from rarenmt.memory.memory import Memory
from rarenmt.model.seq2seq import Model
from rarenmt.text.batch import Batch, pair_batch
from rarenmt.text.lexicon.lexicon import Lexicon
from rarenmt.text.pairs import Pair
from rarenmt.text.tokenizer import Tokenizer
from rarenmt.text.words import WordBoundaries
from rarenmt.training.episodes import EpisodeMaker, Episodes
from rarenmt.training.objective import Loss, WordMask, episode_loss
from rarenmt.translation_memory.encoding import Entries, encode_pairs
from rarenmt.translation_memory.word_alignment import WordAligner


@dataclass(frozen=True)
class Practice:
    """Episodes of a corpus, remembered and translated by the rules for a user's pairs."""

    maker: EpisodeMaker
    aligner: WordAligner

    @classmethod
    def from_pairs(
        cls, pairs: Sequence[Pair], tokenizer: Tokenizer, lexicon: Lexicon, config: TrainConfig
    ) -> "Practice":
        """Episodes of the pairs, with words aligned by a lexicon."""
        sides = [(pair.source, pair.target) for pair in pairs]
        maker = EpisodeMaker(sides, tokenizer, config.maximum_length, config.practice)
        return cls(maker, WordAligner(tokenizer, lexicon))

    def loss(
        self, model: Model, life_long: Memory, config: TrainConfig, rng: random.Random
    ) -> tuple[Loss, int]:
        """The loss of a few episodes, and the number of target tokens that it sums over."""
        practice, whole = config.practice, model.config.memory.reinforce
        count = rng.choice(practice.episode_counts)
        withheld = 0.0 if whole else practice.withheld_rate
        episodes = self.maker.draw(count, practice.ordinary_episodes, rng, withheld)
        model.eval()
        entries = encode_pairs(model, self.aligner, episodes.support, torch.float32)
        others = life_long if whole and rng.random() < practice.life_long_rate else None
        memory = support_memory(model, entries, others, rng)
        candidates = None if whole else self.candidates(episodes, entries, memory, practice, rng)
        pairs = [(query.source, query.target) for query in episodes.queries]
        batch = pair_batch(pairs, model.embedding.weight.device)
        model.train()
        loss = episode_loss(model, batch, word_mask(episodes, batch), memory, config, candidates)
        return loss, batch.tokens

    def candidates(
        self,
        episodes: Episodes,
        entries: Entries,
        memory: Memory,
        config: PracticeConfig,
        rng: random.Random,
    ) -> CandidateSet:
        """The candidates of each query in a memory of the entries of the support pairs. Episodes
        have no terms, fuzzy matches or constrained words."""
        lengths = entries.lengths.tolist()
        slots = torch.arange(sum(lengths)).split(lengths)
        positions = [torch.arange(length) for length in lengths]
        parts = zip(episodes.support, positions, entries.links.split(lengths), strict=True)
        translated = [self.aligner.translated_words(*pair, *part) for pair, *part in parts]
        sentences = []
        drawn = draw_candidates(episodes, config.max_distractors, rng)
        for query, numbers in zip(episodes.queries, drawn, strict=True):
            words = [each for i in numbers for each in translated[i]]
            source_words = self.aligner.source_words(query.source)
            chosen = torch.cat([slots[i] for i in numbers])
            sentences.append(SentenceEntries(chosen, source_words.positions(words)))
        pairs = torch.arange(len(lengths)).repeat_interleave(entries.lengths)
        prefixes = entry_prefixes(
            entries.values.cpu(), pairs, torch.cat(positions), self._boundaries
        )
        return CandidateSet.from_entries(memory, prefixes, sentences)

    @cached_property
    def _boundaries(self) -> WordBoundaries:
        return WordBoundaries.from_tokenizer(self.maker.tokenizer)


def support_memory(
    model: Model, entries: Entries, life_long: Memory | None, rng: random.Random
) -> Memory:
    """A memory of the entries of support pairs, followed by random ones of the life-long memory."""
    keys, values = entries.keys, entries.values
    if life_long is not None:
        others = _random_slots(life_long, rng)
        keys = torch.cat([keys, life_long.keys[others]])
        values = torch.cat([values, life_long.values[others]])
    memory = model.new_memory(slots=len(values))
    memory.write(keys, values, None, torch.Generator())
    return memory


def word_mask(episodes: Episodes, batch: Batch) -> WordMask:
    """Positions of the word pairs in a batch of the queries."""
    source = torch.zeros_like(batch.source.ids, dtype=torch.bool)
    target = torch.zeros_like(batch.outputs, dtype=torch.bool)
    for column, query in enumerate(episodes.queries):
        source[: len(query.source), column] = torch.tensor(query.source_word)
        target[: len(query.target), column] = torch.tensor(query.target_word)
    made_up = torch.tensor([query.made_up for query in episodes.queries])
    withheld = torch.tensor([query.withheld for query in episodes.queries])
    made_up, withheld = made_up.to(target.device), withheld.to(target.device)
    return WordMask(source, target, target & made_up, target & made_up & withheld)


def draw_candidates(
    episodes: Episodes, max_distractors: int, rng: random.Random
) -> list[list[int]]:
    """For each query the numbers of its candidate support pairs: its own, if it is not withheld,
    and random others."""
    chosen = []
    for query in episodes.queries:
        others = [number for number in range(len(episodes.support)) if number != query.pair]
        drawn = rng.sample(others, min(len(others), rng.randint(query.withheld, max_distractors)))
        chosen.append(sorted(drawn if query.withheld else [*drawn, query.pair]))
    return chosen


def _random_slots(memory: Memory, rng: random.Random) -> Tensor:
    count = rng.randint(0, memory.size)
    generator = torch.Generator().manual_seed(rng.getrandbits(32))
    return torch.randperm(memory.size, generator=generator)[:count].to(memory.keys.device)

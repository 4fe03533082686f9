"""Episodic training reaches the gate and the query, and does not change the life-long memory."""

import random
from collections import defaultdict

import pytest
import torch
from test_episodes import TEXTS

from rarenmt.config import Config, MemoryConfig, ModelConfig, PracticeConfig, TrainConfig
from rarenmt.decoding.prefix import LastWords
from rarenmt.memory.memory import EMPTY, Memory
from rarenmt.model.seq2seq import Model
from rarenmt.text.batch import pair_batch
from rarenmt.text.lexicon.lexicon import Lexicon
from rarenmt.text.tokenizer import BOS, EOS, Tokenizer
from rarenmt.text.words import WordBoundaries
from rarenmt.training.episodes import EpisodeMaker, Episodes
from rarenmt.training.practice import Practice, draw_candidates, support_memory, word_mask
from rarenmt.translation_memory.encoding import Entries, encode_pairs
from rarenmt.translation_memory.word_alignment import WordAligner

CONFIG = PracticeConfig()
MOST = CONFIG.max_distractors


@pytest.fixture(scope="module")
def maker() -> EpisodeMaker:
    return EpisodeMaker(TEXTS, Tokenizer.train([side for pair in TEXTS for side in pair], 310), 100)


@pytest.fixture(scope="module")
def practice(maker: EpisodeMaker) -> Practice:
    return Practice(maker, WordAligner(maker.tokenizer, Lexicon([("drinks", "trinkt")])))


@pytest.fixture
def reinforce(request: pytest.FixtureRequest) -> bool:
    return getattr(request, "param", False)


@pytest.fixture
def model(*, reinforce: bool) -> Model:
    sizes = ModelConfig(vocabulary=310, embedding=6, hidden=8, attention=4, dropout=0.0)
    memory = MemoryConfig(block=4, slots=64, neighbours=4, reinforce=reinforce)
    model = Model(Config(model=sizes, memory=memory))
    model.initialise(torch.Generator().manual_seed(1))
    return model


@pytest.fixture
def life_long(model: Model) -> Memory:
    memory = model.new_memory()
    keys = torch.nn.functional.normalize(torch.randn(40, memory.keys.shape[1]), dim=-1)
    memory.write(keys, torch.arange(40), None, torch.Generator())
    return memory


def entries_of(practice: Practice, model: Model, episodes: Episodes) -> Entries:
    return encode_pairs(model.eval(), practice.aligner, episodes.support, torch.float32)


def test_the_memory_of_an_episode_holds_every_target_piece_of_its_support(
    practice: Practice, model: Model, life_long: Memory
) -> None:
    sizes = set()
    for seed in range(20):
        episodes = practice.maker.draw(2, 0, random.Random(seed))
        entries = entries_of(practice, model, episodes)
        others = life_long if seed % 2 else None
        memory = support_memory(model, entries, others, random.Random(seed))
        shown = [piece for _, target in episodes.support for piece in [*target, EOS]]
        assert len(shown) <= memory.size <= len(shown) + 40
        assert memory.values[: len(shown)].tolist() == shown
        assert torch.equal(memory.keys[: len(shown)], entries.keys)
        sizes.add(memory.size > len(shown))
    assert sizes == {True, False}  # alone, and among the entries of the life-long memory


def test_with_retrieval_only_the_episode_is_remembered(practice: Practice, model: Model) -> None:
    for seed in range(5):
        entries = entries_of(practice, model, practice.maker.draw(2, 1, random.Random(seed)))
        memory = support_memory(model, entries, None, random.Random(seed))
        assert memory.size == len(entries.values)


def test_the_candidates_of_a_query_are_its_own_pair_and_a_few_others(
    maker: EpisodeMaker,
) -> None:
    episodes = maker.draw(3, 3, random.Random(1), withheld=0.3)
    assert {query.withheld for query in episodes.queries} == {True, False}
    counts = defaultdict(set)

    for seed in range(20):
        chosen = draw_candidates(episodes, MOST, random.Random(seed))
        assert len(chosen) == len(episodes.queries)
        for query, told in zip(episodes.queries, chosen, strict=True):
            assert (query.pair in told) is not query.withheld
            assert told == sorted(set(told))
            counts[query.withheld].add(len(told))
    assert counts == {False: set(range(1, MOST + 2)), True: set(range(1, MOST + 1))}


def test_candidates_that_translate_no_word_of_the_query_are_blocked(
    practice: Practice, model: Model
) -> None:
    tokenizer = practice.maker.tokenizer
    episodes = practice.maker.draw(3, 3, random.Random(1), withheld=0.3)
    entries = entries_of(practice, model, episodes)
    memory = support_memory(model, entries, None, random.Random(1))
    told = draw_candidates(episodes, MOST, random.Random(2))
    places = torch.arange(memory.size).split(entries.lengths.tolist())

    excerpt = practice.candidates(episodes, entries, memory, CONFIG, random.Random(2))

    spoken = silent = 0
    for query, numbers, slots, mute in zip(
        episodes.queries, told, excerpt.entries.slots, excerpt.blocked, strict=True
    ):
        source_words = practice.aligner.source_words(query.source)
        quiet = dict(zip(slots.tolist(), mute.tolist(), strict=True))
        for number in numbers:
            positions = torch.arange(len(places[number]))
            links = entries.links[places[number]]
            pair = episodes.support[number]
            expected = source_words.positions(
                practice.aligner.translated_words(*pair, positions, links)
            )
            mutes = (~expected.any(dim=1)).tolist()
            for slot, wanted in zip(places[number].tolist(), mutes, strict=True):
                inner = tokenizer.continues_word[int(memory.values[slot])]
                if wanted and inner:  # needs no place among the neighbours
                    assert slot not in quiet
                else:
                    assert quiet.pop(slot) is wanted
                    spoken, silent = spoken + (not wanted), silent + wanted
        assert set(quiet) <= {EMPTY}
    assert spoken > 0
    assert silent > 0


def test_a_made_up_word_whose_pair_is_withheld_is_unknown(maker: EpisodeMaker) -> None:
    episodes = maker.draw(3, 1, random.Random(1), withheld=0.5)
    batch = pair_batch([(q.source, q.target) for q in episodes.queries], torch.device("cpu"))

    word = word_mask(episodes, batch)

    for column, query in enumerate(episodes.queries):
        expected = word.made_up[:, column] & query.withheld
        assert torch.equal(word.unknown[:, column], expected)
    assert word.unknown.any()


def test_only_invented_words_are_made_up(maker: EpisodeMaker) -> None:
    episodes = maker.draw(2, 2, random.Random(3))
    batch = pair_batch([(q.source, q.target) for q in episodes.queries], torch.device("cpu"))

    word = word_mask(episodes, batch)

    for column, query in enumerate(episodes.queries):
        assert word.source[: len(query.source), column].tolist() == query.source_word
        assert word.target[: len(query.target), column].tolist() == query.target_word
        assert word.target[:, column].any()
        expected = word.target[:, column] & query.made_up
        assert torch.equal(word.made_up[:, column], expected)
    assert {query.made_up for query in episodes.queries} == {True, False}


def test_entries_hold_the_words_before_them(practice: Practice, model: Model) -> None:
    episodes = practice.maker.draw(2, 2, random.Random(1))
    entries = entries_of(practice, model, episodes)
    memory = support_memory(model, entries, None, random.Random(1))

    excerpt = practice.candidates(episodes, entries, memory, CONFIG, random.Random(1))

    joints = WordBoundaries.from_tokenizer(practice.maker.tokenizer)
    before = torch.cat(
        [
            LastWords.from_inputs(torch.tensor([BOS, *target])[:, None], joints).word[:, 0]
            for _, target in episodes.support
        ]
    )
    entries_asked = excerpt.entries
    held = entries_asked.slots != EMPTY
    assert torch.equal(entries_asked.prefixes[held], before[entries_asked.slots[held]])
    assert torch.equal(excerpt.boundaries.continues_word, joints.continues_word)


@pytest.mark.parametrize("reinforce", [False, True], indirect=True)
def test_episodes_give_gradients_to_query_gate_and_network(
    practice: Practice, model: Model, life_long: Memory
) -> None:
    loss, tokens = practice.loss(model, life_long, TrainConfig(), random.Random(1))
    (loss.translation + loss.memory + loss.readout + loss.attention).backward()

    assert tokens > 0
    for name in ("query.shares", "readout.log_temperature", "readout.gate.0.weight",
                 "encoder.forwards.weight_hh_l0", "decoder.attention.key.weight"):  # fmt: skip
        gradient = dict(model.named_parameters())[name].grad
        assert gradient is not None
        assert gradient.abs().sum() > 0


def test_episodes_do_not_change_the_life_long_memory(
    practice: Practice, model: Model, life_long: Memory
) -> None:
    before = {name: tensor.clone() for name, tensor in life_long.state_dict().items()}

    practice.loss(model, life_long, TrainConfig(), random.Random(1))

    assert all(torch.equal(before[name], t) for name, t in life_long.state_dict().items())


def test_made_up_pieces_are_no_part_of_the_translation_loss(
    practice: Practice, model: Model, life_long: Memory
) -> None:
    """The network cannot know them, and must not learn to guess them."""
    loss, tokens = practice.loss(model, life_long, TrainConfig(smoothing=0.0), random.Random(1))

    a_guess = torch.log(torch.tensor(310.0))  # untrained, every piece is about as likely
    assert loss.translation < (tokens - 1) * a_guess

"""Practice on made-up words reaches the gate and the query, and leaves the real memory alone."""

import random
from collections import defaultdict

import pytest
import torch
from test_episodes import TEXTS

from rarenmt.batches import Batch, pair_batch
from rarenmt.config import Config, Lookup, MemoryConfig, ModelConfig, TrainConfig
from rarenmt.episodes import EpisodeMaker, Episodes
from rarenmt.memory import EMPTY, Memory
from rarenmt.model import Model
from rarenmt.practice import OTHERS, _relevant, _threads, _word, practise, remember_shown
from rarenmt.spelling import spell_all
from rarenmt.tokens import BOS, PAD, Tokenizer


@pytest.fixture(scope="module")
def maker() -> EpisodeMaker:
    return EpisodeMaker(TEXTS, Tokenizer.train([side for pair in TEXTS for side in pair], 310))


@pytest.fixture
def lookup(request: pytest.FixtureRequest) -> Lookup:
    return getattr(request, "param", "relevant")


@pytest.fixture
def model(lookup: Lookup) -> Model:
    sizes = ModelConfig(vocabulary=310, embedding=6, hidden=8, attention=4, dropout=0.0)
    memory = MemoryConfig(block=4, slots=64, neighbours=4, lookup=lookup)
    model = Model(Config(model=sizes, memory=memory))
    model.initialise(torch.Generator().manual_seed(1))
    return model


@pytest.fixture
def life_long(model: Model) -> Memory:
    memory = model.new_memory()
    keys = torch.nn.functional.normalize(torch.randn(40, memory.keys.shape[1]), dim=-1)
    memory.write(keys, torch.arange(40), None, torch.Generator())
    return memory


def batch_of(episodes: Episodes) -> Batch:
    return pair_batch(episodes.shown, torch.device("cpu"))


def test_the_memory_of_an_episode_holds_every_shown_piece(
    maker: EpisodeMaker, model: Model, life_long: Memory
) -> None:
    sizes = set()
    for seed in range(20):
        shown = batch_of(maker.draw(2, 0, random.Random(seed)))
        memory, slots = remember_shown(model, shown, life_long, random.Random(seed))
        assert shown.tokens <= memory.used <= shown.tokens + 40
        assert torch.equal((slots == EMPTY), shown.outputs == PAD)
        assert torch.equal(memory.values[slots[slots != EMPTY]], shown.outputs[slots != EMPTY])
        sizes.add(memory.used > shown.tokens)
    assert sizes == {True, False}  # alone, and among the entries of the life-long memory


def test_a_model_that_asks_relevant_pairs_remembers_only_the_episode(
    maker: EpisodeMaker, model: Model
) -> None:
    for seed in range(5):
        shown = batch_of(maker.draw(2, 1, random.Random(seed)))
        memory, _ = remember_shown(model, shown, None, random.Random(seed))
        assert memory.used == shown.tokens


def test_an_asked_sentence_may_ask_its_own_shown_one_and_a_few_others_whole(
    maker: EpisodeMaker, model: Model
) -> None:
    episodes = maker.draw(3, 3, random.Random(1), absent=0.3)
    assert {question.absent for question in episodes.asked} == {True, False}
    shown = batch_of(episodes)
    _, slots = remember_shown(model, shown, None, random.Random(1))
    columns = [[slot for slot in column if slot != EMPTY] for column in slots.t().tolist()]
    counts = defaultdict(set)

    for seed in range(20):
        chosen = _relevant(episodes, slots, random.Random(seed))
        assert len(chosen) == len(episodes.asked)
        for question, some in zip(episodes.asked, chosen, strict=True):
            told = [column for column in columns if set(column) <= set(some.tolist())]
            assert (columns[question.relevant] in told) is not question.absent
            assert some.tolist() == [slot for column in told for slot in column]
            counts[question.absent].add(len(told))
    assert counts == {False: set(range(1, OTHERS + 2)), True: set(range(1, OTHERS + 1))}


def test_a_made_up_word_whose_pair_is_not_asked_is_unknown(maker: EpisodeMaker) -> None:
    episodes = maker.draw(3, 1, random.Random(1), absent=0.5)
    batch = pair_batch([(q.source, q.target) for q in episodes.asked], torch.device("cpu"))

    word = _word(episodes, batch)

    for column, question in enumerate(episodes.asked):
        expected = word.made_up[:, column] & question.absent
        assert torch.equal(word.unknown[:, column], expected)
    assert word.unknown.any()


def test_only_invented_words_are_made_up(maker: EpisodeMaker) -> None:
    episodes = maker.draw(2, 2, random.Random(3))
    batch = pair_batch([(q.source, q.target) for q in episodes.asked], torch.device("cpu"))

    word = _word(episodes, batch)

    for column, question in enumerate(episodes.asked):
        assert word.source[: len(question.source), column].tolist() == question.source_word
        assert word.target[: len(question.target), column].tolist() == question.target_word
        assert word.target[:, column].any()
        expected = word.target[:, column] & question.made_up
        assert torch.equal(word.made_up[:, column], expected)
    assert {question.made_up for question in episodes.asked} == {True, False}


def test_shown_entries_know_the_words_before_them(maker: EpisodeMaker, model: Model) -> None:
    episodes = maker.draw(2, 2, random.Random(1))
    shown = batch_of(episodes)
    _, slots = remember_shown(model, shown, None, random.Random(1))
    inside = torch.tensor(maker.tokenizer.inside)

    threads = _threads(shown, slots, inside)

    for column, (_, target) in zip(slots.t().tolist(), episodes.shown, strict=True):
        own = column[: len(target) + 1]
        before = spell_all(torch.tensor([BOS, *target])[:, None], inside)[:, 0]
        assert torch.equal(threads.stems[own], before)
    assert torch.equal(threads.inside, inside)


@pytest.mark.parametrize("lookup", ["relevant", "whole"], indirect=True)
def test_practice_teaches_query_gate_and_network(
    maker: EpisodeMaker, model: Model, life_long: Memory
) -> None:
    loss, tokens = practise(model, maker, life_long, TrainConfig(), random.Random(1))
    (loss.translation + loss.memory + loss.readout + loss.attention).backward()

    assert tokens > 0
    for name in ("query.shares", "readout.log_temperature", "readout.gate.0.weight",
                 "encoder.forwards.weight_hh_l0", "decoder.attention.key.weight"):  # fmt: skip
        gradient = dict(model.named_parameters())[name].grad
        assert gradient is not None
        assert gradient.abs().sum() > 0


def test_practice_leaves_the_life_long_memory_alone(
    maker: EpisodeMaker, model: Model, life_long: Memory
) -> None:
    before = {name: tensor.clone() for name, tensor in life_long.state_dict().items()}

    practise(model, maker, life_long, TrainConfig(), random.Random(1))

    assert all(torch.equal(before[name], t) for name, t in life_long.state_dict().items())


def test_made_up_pieces_are_no_part_of_the_translation_loss(
    maker: EpisodeMaker, model: Model, life_long: Memory
) -> None:
    """The network cannot know them, and must not learn to guess them."""
    loss, tokens = practise(model, maker, life_long, TrainConfig(smoothing=0.0), random.Random(1))

    a_guess = torch.log(torch.tensor(310.0))  # untrained, every piece is about as likely
    assert loss.translation < (tokens - 1) * a_guess

"""Practice on made-up words reaches the gate and the query, and leaves the real memory alone."""

import random

import pytest
import torch
from test_episodes import TEXTS

from rarenmt.config import Config, MemoryConfig, ModelConfig, TrainConfig
from rarenmt.episodes import EpisodeMaker
from rarenmt.memory import Memory
from rarenmt.model import Model
from rarenmt.practice import practise, remember_shown
from rarenmt.tokens import Tokenizer


@pytest.fixture(scope="module")
def maker() -> EpisodeMaker:
    return EpisodeMaker(TEXTS, Tokenizer.train([side for pair in TEXTS for side in pair], 310))


@pytest.fixture
def model() -> Model:
    sizes = ModelConfig(vocabulary=310, embedding=6, hidden=8, attention=4, dropout=0.0)
    model = Model(Config(model=sizes, memory=MemoryConfig(block=4, slots=64, neighbours=4)))
    model.initialise(torch.Generator().manual_seed(1))
    return model


@pytest.fixture
def life_long(model: Model) -> Memory:
    memory = model.new_memory()
    keys = torch.nn.functional.normalize(torch.randn(40, memory.keys.shape[1]), dim=-1)
    memory.write(keys, torch.arange(40), None, torch.Generator())
    return memory


def test_the_memory_of_an_episode_holds_every_shown_piece(
    maker: EpisodeMaker, model: Model, life_long: Memory
) -> None:
    sizes = set()
    for seed in range(20):
        episodes = maker.draw(2, 0, random.Random(seed))
        shown = sum(len(target) + 1 for _, target in episodes.shown)
        memory = remember_shown(model, episodes, life_long, random.Random(seed))
        assert shown <= memory.used <= shown + 40
        sizes.add(memory.used > shown)
    assert sizes == {True, False}  # alone, and among the entries of the life-long memory


def test_practice_teaches_query_gate_and_network(
    maker: EpisodeMaker, model: Model, life_long: Memory
) -> None:
    loss, tokens = practise(model, maker, life_long, TrainConfig(), random.Random(1))
    (loss.translation + loss.memory + loss.readout).backward()

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

"""Practice on made-up words reaches the gate and the query, and leaves the real memory alone."""

import random
from collections import defaultdict

import pytest
import torch
from test_episodes import TEXTS

from rarenmt.config import Config, Lookup, MemoryConfig, ModelConfig, TrainConfig
from rarenmt.decoding.prefix import Prefix
from rarenmt.memory.memory import EMPTY, Memory
from rarenmt.model.seq2seq import Model
from rarenmt.text.batch import pair_batch
from rarenmt.text.lexicon.lexicon import Lexicon
from rarenmt.text.tokenizer import BOS, EOS, Tokenizer
from rarenmt.text.words import WordBoundaries
from rarenmt.training.episodes import EpisodeMaker, Episodes
from rarenmt.training.practice import OTHERS, Practice, _relevant, _word, remember_shown
from rarenmt.translation_memory.encoding import Entries, encode_pairs
from rarenmt.translation_memory.word_alignment import WordAligner


@pytest.fixture(scope="module")
def maker() -> EpisodeMaker:
    return EpisodeMaker(TEXTS, Tokenizer.train([side for pair in TEXTS for side in pair], 310), 100)


@pytest.fixture(scope="module")
def practice(maker: EpisodeMaker) -> Practice:
    return Practice(maker, WordAligner(maker.tokenizer, Lexicon([("drinks", "trinkt")])))


@pytest.fixture
def lookup(request: pytest.FixtureRequest) -> Lookup:
    return getattr(request, "param", "relevant")


@pytest.fixture
def model(lookup: Lookup) -> Model:
    sizes = ModelConfig(vocabulary=310, embedding=6, hidden=8, attention=4, dropout=0.0)
    memory = MemoryConfig(
        block=4, slots=64, neighbours=4, lookup=lookup, reinforce=lookup == "whole"
    )
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
    return encode_pairs(model.eval(), practice.counterparts, episodes.shown, torch.float32)


def test_the_memory_of_an_episode_holds_every_shown_piece(
    practice: Practice, model: Model, life_long: Memory
) -> None:
    sizes = set()
    for seed in range(20):
        episodes = practice.maker.draw(2, 0, random.Random(seed))
        entries = entries_of(practice, model, episodes)
        memory = remember_shown(model, entries, life_long, random.Random(seed))
        shown = [piece for _, target in episodes.shown for piece in [*target, EOS]]
        assert len(shown) <= memory.used <= len(shown) + 40
        assert memory.values[: len(shown)].tolist() == shown
        assert torch.equal(memory.keys[: len(shown)], entries.keys)
        sizes.add(memory.used > len(shown))
    assert sizes == {True, False}  # alone, and among the entries of the life-long memory


def test_a_model_that_asks_relevant_pairs_remembers_only_the_episode(
    practice: Practice, model: Model
) -> None:
    for seed in range(5):
        entries = entries_of(practice, model, practice.maker.draw(2, 1, random.Random(seed)))
        memory = remember_shown(model, entries, None, random.Random(seed))
        assert memory.used == len(entries.values)


def test_an_asked_sentence_may_ask_its_own_shown_one_and_a_few_others(
    maker: EpisodeMaker,
) -> None:
    episodes = maker.draw(3, 3, random.Random(1), absent=0.3)
    assert {question.absent for question in episodes.asked} == {True, False}
    counts = defaultdict(set)

    for seed in range(20):
        chosen = _relevant(episodes, random.Random(seed))
        assert len(chosen) == len(episodes.asked)
        for question, told in zip(episodes.asked, chosen, strict=True):
            assert (question.relevant in told) is not question.absent
            assert told == sorted(set(told))
            counts[question.absent].add(len(told))
    assert counts == {False: set(range(1, OTHERS + 2)), True: set(range(1, OTHERS + 1))}


def test_a_sentence_is_told_of_whole_pairs_what_its_words_have_to_say_in_it(
    practice: Practice, model: Model
) -> None:
    tokenizer = practice.maker.tokenizer
    episodes = practice.maker.draw(3, 3, random.Random(1), absent=0.3)
    entries = entries_of(practice, model, episodes)
    memory = remember_shown(model, entries, None, random.Random(1))
    told = _relevant(episodes, random.Random(2))
    places = torch.arange(memory.used).split(entries.lengths.tolist())

    excerpt = practice.excerpt(episodes, entries, memory, random.Random(2))

    spoken = silent = 0
    for question, numbers, slots, mute in zip(
        episodes.asked, told, excerpt.speech.slots, excerpt.mute, strict=True
    ):
        heard = practice.counterparts.source_words(question.source)
        quiet = dict(zip(slots.tolist(), mute.tolist(), strict=True))
        for number in numbers:
            positions = torch.arange(len(places[number]))
            links = entries.links[places[number]]
            pair = episodes.shown[number]
            expected = heard.positions(
                practice.counterparts.translated_forms(*pair, positions, links)
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


def test_shown_entries_know_the_words_before_them(practice: Practice, model: Model) -> None:
    episodes = practice.maker.draw(2, 2, random.Random(1))
    entries = entries_of(practice, model, episodes)
    memory = remember_shown(model, entries, None, random.Random(1))

    excerpt = practice.excerpt(episodes, entries, memory, random.Random(1))

    joints = WordBoundaries.from_tokenizer(practice.maker.tokenizer)
    before = torch.cat(
        [
            Prefix.all(torch.tensor([BOS, *target])[:, None], joints).word[:, 0]
            for _, target in episodes.shown
        ]
    )
    speech = excerpt.speech
    held = speech.slots != EMPTY
    assert torch.equal(speech.stems[held], before[speech.slots[held]])
    assert torch.equal(excerpt.joints.continues_word, joints.continues_word)


@pytest.mark.parametrize("lookup", ["relevant", "whole"], indirect=True)
def test_practice_teaches_query_gate_and_network(
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


def test_practice_leaves_the_life_long_memory_alone(
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

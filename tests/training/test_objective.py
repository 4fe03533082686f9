"""The loss of a batch is the loss of its sentences, and the memory is asked before it is told."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from candidate_sets import candidate_set
from plain_joints import plain
from torch.testing import assert_close

from rarenmt.config import Config, PracticeConfig, ReadoutName, TrainConfig
from rarenmt.decoding.prefix import EntryPrefixes, LastWords
from rarenmt.memory.memory import EMPTY, Memory
from rarenmt.model.seq2seq import Model
from rarenmt.text.batch import pair_batch
from rarenmt.text.tokenizer import EOS, PAD
from rarenmt.training.data import draw_positions
from rarenmt.training.objective import (
    Loss,
    MemoryQueries,
    WordMask,
    compute_loss,
    episode_loss,
)

CPU = torch.device("cpu")
PAIRS = [([4, 5, 6, 7], [8, 9, 10]), ([11], [12, 13, 14, 15, 16]), ([17, 18], [])]
TOKENS = 4 + 6 + 1
BATCH = pair_batch(PAIRS, CPU)
PLAIN = TrainConfig(smoothing=0.0)
PRACTICE = PracticeConfig()


def places(count: int, seed: int = 0) -> torch.Tensor:
    """Random target positions of BATCH, flattened."""
    lengths = [len(target) + 1 for _, target in PAIRS]
    sentences, steps = draw_positions(lengths, count, torch.Generator().manual_seed(seed))
    return steps * len(PAIRS) + sentences


def loss_of(model: Model, memory: Memory | None, positions: int = TOKENS, *, seed: int = 0) -> Loss:
    return compute_loss(model, BATCH, memory, places(positions, seed), PLAIN)


def asked_of(loss: Loss) -> MemoryQueries:
    assert loss.queries is not None
    return loss.queries


def taught(model: Model) -> Memory:
    """A memory after one step has asked and told it everything in BATCH."""
    memory = model.new_memory()
    asked = asked_of(loss_of(model, memory))
    memory.write(asked.queries, asked.targets, asked.recall, torch.Generator())
    return memory


# Translation


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_loss_of_a_batch_is_the_sum_over_its_sentences(
    tiny_model: Model, smoothing: float
) -> None:
    config = TrainConfig(smoothing=smoothing)

    together = compute_loss(tiny_model, BATCH, None, None, config).translation

    alone = [
        compute_loss(tiny_model, pair_batch([pair], CPU), None, None, config).translation
        for pair in PAIRS
    ]
    assert_close(together, torch.stack(alone).sum())


def test_the_loss_is_what_the_model_pays_for_each_piece(tiny_model: Model) -> None:
    paid = torch.zeros(())
    for source, target in PAIRS:
        states = tiny_model.reference_states(pair_batch([(source, target)], CPU))
        log_probs = tiny_model.output(states.top[:, 0]).log_softmax(dim=-1)
        for step, piece in enumerate([*target, EOS]):
            paid = paid - log_probs[step, piece]

    assert_close(loss_of(tiny_model, None).translation, paid)


def test_smoothing_pays_a_tenth_for_all_pieces_alike(tiny_model: Model) -> None:
    source, target = PAIRS[0]
    batch = pair_batch([(source, target)], CPU)
    log_probs = tiny_model.output(tiny_model.reference_states(batch).top[:, 0]).log_softmax(dim=-1)
    exact = -log_probs[range(4), [*target, EOS]].sum()

    smooth = compute_loss(tiny_model, batch, None, None, TrainConfig(smoothing=0.1))

    assert_close(smooth.translation, 0.9 * exact - 0.1 * log_probs.mean(dim=-1).sum())


def test_without_a_memory_there_is_only_translation(tiny_model: Model) -> None:
    loss = loss_of(tiny_model, None)

    assert loss.memory == loss.readout == loss.hits == 0
    assert loss.queries is None


def test_the_memory_does_not_change_the_translation_loss(tiny_model: Model) -> None:
    assert_close(
        loss_of(tiny_model, taught(tiny_model)).translation,
        loss_of(tiny_model, None).translation,
        rtol=0,
        atol=0,
    )


# Asking the memory


def test_padding_never_asks_the_memory(tiny_model: Model) -> None:
    asked = asked_of(loss_of(tiny_model, tiny_model.new_memory()))

    expected = sorted(p for _, target in PAIRS for p in [*target, EOS])
    assert sorted(asked.targets.tolist()) == expected


def test_as_many_positions_ask_as_are_wanted(tiny_model: Model) -> None:
    asked = asked_of(loss_of(tiny_model, tiny_model.new_memory(), 5))

    assert asked.queries.shape == (5, tiny_model.query.width)
    assert asked.targets.shape == (5,)
    assert PAD not in asked.targets


def test_the_generator_alone_decides_who_asks(tiny_model: Model) -> None:
    memory = tiny_model.new_memory()

    def targets(seed: int) -> list[int]:
        return asked_of(loss_of(tiny_model, memory, 5, seed=seed)).targets.tolist()

    assert targets(1) == targets(1)
    assert any(targets(1) != targets(seed) for seed in range(2, 6))


def test_each_query_belongs_to_its_target(tiny_model: Model) -> None:
    asked = asked_of(loss_of(tiny_model, tiny_model.new_memory()))

    keys = tiny_model.query_keys(BATCH).flatten(0, 1)
    for query, target in zip(asked.queries, asked.targets.tolist(), strict=True):
        same = (BATCH.outputs.flatten() == target).nonzero()[:, 0]
        assert (keys[same] - query).abs().amax(dim=-1).amin() < 1e-5


def test_an_empty_memory_is_asked_but_costs_nothing(tiny_model: Model) -> None:
    loss = loss_of(tiny_model, tiny_model.new_memory())

    assert loss.memory == loss.readout == loss.hits == 0
    assert len(asked_of(loss).targets) == TOKENS


def test_queries_do_not_change_the_memory(tiny_model: Model) -> None:
    memory = tiny_model.new_memory()

    loss_of(tiny_model, memory)

    assert memory.size == 0


def test_what_was_written_is_a_hit_the_next_time(tiny_model: Model) -> None:
    loss = loss_of(tiny_model, taught(tiny_model))

    assert loss.hits == TOKENS


def test_memory_and_readout_are_sums_over_the_asking_positions(tiny_model: Model) -> None:
    memory = taught(tiny_model)
    loss = loss_of(tiny_model, memory, 5)
    asked = asked_of(loss)

    hinges = memory.loss(asked.queries, asked.recall, asked.targets)
    assert hinges.shape == (5,)
    assert_close(loss.memory, hinges.sum())

    said = tiny_model.predict(
        tiny_model.reference_states(BATCH).select(places(5)), memory
    ).log_probs
    assert_close(loss.readout, F.nll_loss(said, asked.targets, reduction="sum"))


# Episodes with made-up words

MADE_UP = (BATCH.outputs == 9) | (BATCH.outputs == 14)
SOURCE_WORD = (BATCH.source.ids == 5) | (BATCH.source.ids == 6) | (BATCH.source.ids == 11)
WORD = WordMask(SOURCE_WORD, MADE_UP, MADE_UP, torch.zeros_like(MADE_UP))


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_made_up_pieces_are_no_part_of_the_translation_loss(
    tiny_model: Model, smoothing: float
) -> None:
    log_probs = tiny_model.output(tiny_model.reference_states(BATCH).top).log_softmax(dim=-1)
    exact = -log_probs.gather(2, BATCH.outputs[:, :, None])[:, :, 0]
    paid = (1 - smoothing) * exact - smoothing * log_probs.mean(dim=-1)
    config = TrainConfig(smoothing=smoothing)

    loss = episode_loss(tiny_model, BATCH, WORD, tiny_model.new_memory(), config)

    assert_close(loss.translation, paid[(BATCH.outputs != PAD) & ~MADE_UP].sum())


def test_made_up_pieces_count_more_in_the_readout(tiny_model: Model) -> None:
    memory = taught(tiny_model)
    real = (BATCH.outputs != PAD).flatten().nonzero()[:, 0]
    said = tiny_model.predict(tiny_model.reference_states(BATCH).select(real), memory).log_probs
    paid = F.nll_loss(said, BATCH.outputs.flatten()[real], reduction="none")

    loss = episode_loss(tiny_model, BATCH, WORD, memory, PLAIN)

    made_up = MADE_UP.flatten()[real]
    assert_close(loss.readout, paid[~made_up].sum() + PRACTICE.made_up_weight * paid[made_up].sum())


def test_what_nobody_can_know_is_not_judged(tiny_model: Model) -> None:
    memory = taught(tiny_model)
    real = (BATCH.outputs != PAD).flatten().nonzero()[:, 0]
    said = tiny_model.predict(tiny_model.reference_states(BATCH).select(real), memory).log_probs
    paid = F.nll_loss(said, BATCH.outputs.flatten()[real], reduction="none")

    loss = episode_loss(tiny_model, BATCH, replace(WORD, unknown=MADE_UP), memory, PLAIN)

    assert_close(loss.readout, paid[~MADE_UP.flatten()[real]].sum())


def test_the_attention_pays_for_what_it_keeps_from_the_source_word(tiny_model: Model) -> None:
    paid = torch.zeros(())
    for (source, target), steps, places in zip(
        PAIRS, [[1], [2], []], [[1, 2], [0], []], strict=True
    ):
        _, weights = tiny_model.decode_reference(pair_batch([(source, target)], CPU))
        for step in steps:
            paid = paid - weights[0, step, places].sum().log()

    loss = episode_loss(tiny_model, BATCH, WORD, tiny_model.new_memory(), PLAIN)

    assert_close(loss.attention, PRACTICE.attention_weight * paid)


def test_the_attention_pays_for_what_it_keeps_from_linked_pieces(tiny_model: Model) -> None:
    linked = torch.zeros(3, 6, 5, dtype=torch.bool)
    linked[0, 1, 2:4] = linked[0, 2, 0] = linked[1, 4, 0] = True
    _, weights = tiny_model.decode_reference(BATCH)
    paid = -(weights[0, 1, 2:4].sum().log() + weights[0, 2, 0].log() + weights[1, 4, 0].log())

    loss = compute_loss(tiny_model, BATCH, None, None, PLAIN, linked)

    assert_close(loss.attention, paid)
    assert loss_of(tiny_model, None).attention == 0


def test_all_positions_of_an_episode_ask(tiny_model: Model) -> None:
    loss = episode_loss(tiny_model, BATCH, WORD, taught(tiny_model), PLAIN)

    expected = sorted(p for _, target in PAIRS for p in [*target, EOS])
    assert sorted(asked_of(loss).targets.tolist()) == expected
    assert loss.hits == TOKENS


def taught_by_position(model: Model) -> tuple[Memory, list[torch.Tensor]]:
    """A memory with an entry for each position of BATCH, and the slots of each sentence."""
    real = BATCH.outputs != PAD
    memory = model.new_memory()
    memory.write(model.query_keys(BATCH)[real], BATCH.outputs[real], None, torch.Generator())
    slots = torch.full_like(BATCH.outputs, EMPTY)
    slots[real] = torch.arange(TOKENS)
    return memory, [column[column != EMPTY] for column in slots.t()]


def test_candidates_of_all_entries_equal_the_whole_memory(tiny_model: Model) -> None:
    memory, _ = taught_by_position(tiny_model)
    no_piece = torch.zeros(tiny_model.config.model.vocabulary, dtype=torch.bool)
    unknown = torch.full((TOKENS,), EMPTY)
    threads = EntryPrefixes(unknown, unknown, unknown, plain(no_piece))
    excerpt = candidate_set(memory, threads, [torch.arange(TOKENS)] * len(PAIRS))

    of_excerpt = episode_loss(tiny_model, BATCH, WORD, memory, PLAIN, excerpt)

    of_memory = episode_loss(tiny_model, BATCH, WORD, memory, PLAIN)
    assert_close(of_excerpt.translation, of_memory.translation)
    assert_close(of_excerpt.memory, of_memory.memory)
    assert_close(of_excerpt.readout, of_memory.readout)
    assert of_excerpt.hits == of_memory.hits == TOKENS


def test_each_position_of_an_episode_asks_its_own_sentence_after_the_words_before_it(
    tiny_model: Model,
) -> None:
    memory, own = taught_by_position(tiny_model)
    real = BATCH.outputs != PAD
    # Every piece is inside a word, so that an entry speaks in its own place and nowhere else.
    joints = plain(torch.ones(tiny_model.config.model.vocabulary, dtype=torch.bool))
    stems = LastWords.from_inputs(BATCH.inputs, joints).word[real]
    unknown = torch.full_like(stems, EMPTY)
    threads = EntryPrefixes(stems, unknown, unknown, joints)
    excerpt = candidate_set(memory, threads, own)

    loss = episode_loss(tiny_model, BATCH, WORD, memory, PLAIN, excerpt)

    asked = asked_of(loss)
    assert torch.equal(asked.targets, BATCH.outputs[real])
    assert asked.recall.slots[:, 0].tolist() == list(range(TOKENS))
    assert bool((asked.recall.slots[:, 1:] == EMPTY).all())
    others = candidate_set(memory, threads, [own[1], own[2], own[0]])
    strangers = asked_of(episode_loss(tiny_model, BATCH, WORD, memory, PLAIN, others))
    assert not bool((strangers.recall.slots[:, 0] == torch.arange(TOKENS)).any())


# Gradients


def test_the_memory_loss_reaches_the_query_and_the_network_below(tiny_model: Model) -> None:
    memory = taught(tiny_model)
    memory.values.copy_(memory.values.roll(1))  # now the nearest slot is wrong
    tiny_model.train()

    loss_of(tiny_model, memory).memory.backward()

    learning = {n for n, p in tiny_model.named_parameters() if p.grad is not None and p.grad.any()}
    assert "query.shares" not in learning
    assert "query.projections.top.weight" in learning
    assert "decoder.bottom.weight_ih_l0" in learning
    assert "encoder.forwards.weight_ih_l0" in learning
    assert not any(name.startswith(("output", "readout")) for name in learning)


def test_the_shares_of_the_query_are_learnt_by_practice(tiny_model: Model) -> None:
    tiny_model.train()

    episode_loss(tiny_model, BATCH, WORD, taught(tiny_model), PLAIN).readout.backward()

    assert tiny_model.query.shares.grad is not None
    assert tiny_model.query.shares.grad.any()


@pytest.mark.parametrize(("readout", "output_learns"), [("mixture", False), ("paper", True)])
def test_only_the_papers_readout_teaches_the_output(
    tiny_config: Config, readout: ReadoutName, output_learns: bool
) -> None:
    model = Model(replace(tiny_config, memory=replace(tiny_config.memory, readout=readout)))
    model.initialise(torch.Generator().manual_seed(1))

    loss_of(model, taught(model)).readout.backward()

    assert all(p.grad is not None and p.grad.any() for p in model.readout.parameters())
    assert (model.output.bias.grad is not None) is output_learns


def test_a_few_steps_learn_the_batch_by_heart(tiny_model: Model) -> None:
    optimizer = torch.optim.Adam(tiny_model.parameters(), lr=0.1)
    tiny_model.train()
    for _ in range(100):
        loss = loss_of(tiny_model, None).translation / TOKENS
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    assert loss_of(tiny_model, None).translation.item() / TOKENS < 0.1

"""The network as a whole: padding, steps, sizes and the empty memory."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from rarenmt.config import PRESETS, Config, ModelConfig, ReadoutName
from rarenmt.memory.memory import Memory
from rarenmt.model.seq2seq import Model
from rarenmt.text.batch import pair_batch
from rarenmt.text.tokenizer import PAD

CPU = torch.device("cpu")
PAIRS = [([4, 5, 6, 7], [8, 9, 10]), ([11], [12, 13, 14, 15, 16]), ([17, 18], [])]


def remembering(model: Model, slots: int | None = None) -> Memory:
    """A memory that holds every position of PAIRS."""
    memory = model.new_memory(slots)
    batch = pair_batch(PAIRS, CPU)
    real = (batch.outputs != PAD).flatten()
    keys, values = model.query_keys(batch).flatten(0, 1)[real], batch.outputs.flatten()[real]
    memory.write(keys, values, memory.read(keys), torch.Generator())
    return memory


def log_probs(model: Model, pair: tuple[list[int], list[int]], memory: Memory | None) -> Tensor:
    """What the model says at every target position (T, V)."""
    states = model.reference_states(pair_batch([pair], CPU))
    everywhere = torch.arange(len(pair[1]) + 1)
    return model.predict(states.select(everywhere), memory).log_probs


@pytest.mark.parametrize("number", range(len(PAIRS)))
def test_padding_changes_no_target_state(tiny_model: Model, number: int) -> None:
    together = tiny_model.reference_states(pair_batch(PAIRS, CPU))

    alone = tiny_model.reference_states(pair_batch([PAIRS[number]], CPU))

    for name, states in vars(alone).items():
        assert_close(getattr(together, name)[: len(states), number], states[:, 0])


@pytest.mark.parametrize("with_memory", [False, True])
def test_stepped_equals_unrolled(tiny_model: Model, with_memory: bool) -> None:
    memory = remembering(tiny_model) if with_memory else None
    batch = pair_batch(PAIRS, CPU)
    attended, state = tiny_model.encode(batch.source)

    stepped = []
    for pieces in batch.inputs:
        states, weights, state = tiny_model.step(pieces, state, attended)
        assert_close(weights.sum(dim=-1), torch.ones(3))
        stepped.append(tiny_model.predict(states, memory).log_probs)

    for number, pair in enumerate(PAIRS):
        expected = log_probs(tiny_model, pair, memory)
        assert_close(torch.stack(stepped)[: len(expected), number], expected)


def test_an_empty_memory_leaves_the_model_alone(tiny_model: Model) -> None:
    empty = tiny_model.new_memory()

    for pair in PAIRS:
        without = log_probs(tiny_model, pair, None)
        assert_close(log_probs(tiny_model, pair, empty), without, rtol=0, atol=0)


def test_an_empty_memory_is_not_queried(tiny_model: Model) -> None:
    states = tiny_model.reference_states(pair_batch(PAIRS[:1], CPU)).select(torch.arange(4))

    prediction = tiny_model.predict(states, tiny_model.new_memory())

    assert prediction.recall is None
    assert prediction.memory_probs is None


def test_a_memory_recalls_what_was_written_at_the_same_place(tiny_model: Model) -> None:
    memory = remembering(tiny_model)
    source, target = PAIRS[0]
    states = tiny_model.reference_states(pair_batch([(source, target)], CPU)).select(
        torch.arange(4)
    )

    recall = tiny_model.predict(states, memory).recall

    assert recall is not None
    assert recall.values[:3, 0].tolist() == target
    assert_close(recall.similarity[:, 0], torch.ones(4))


@pytest.mark.parametrize("readout", ["mixture", "paper"])
def test_a_memory_changes_the_distribution_and_keeps_it_one(
    tiny_config: Config, readout: ReadoutName
) -> None:
    config = replace(tiny_config, memory=replace(tiny_config.memory, readout=readout))
    model = Model(config).eval()
    model.initialise(torch.Generator().manual_seed(1))
    memory = remembering(model)

    for pair in PAIRS:
        with_memory = log_probs(model, pair, memory)
        assert_close(with_memory.exp().sum(dim=-1), torch.ones(len(with_memory)))
        assert not torch.allclose(with_memory, log_probs(model, pair, None))


def test_half_precision_keys_give_nearly_the_same_distribution(tiny_model: Model) -> None:
    memory = remembering(tiny_model)
    coarse = tiny_model.new_memory(dtype=torch.bfloat16)
    coarse.load_state_dict(memory.state_dict())
    coarse.recount()

    for pair in PAIRS:
        expected = log_probs(tiny_model, pair, memory)
        assert_close(log_probs(tiny_model, pair, coarse), expected, rtol=0, atol=0.05)


def test_the_readout_gets_the_block_similarities_of_the_nearest_key(tiny_model: Model) -> None:
    memory = remembering(tiny_model)
    states = tiny_model.reference_states(pair_batch(PAIRS, CPU)).select(torch.arange(3))
    queries = tiny_model.query(states)
    recall = memory.read(queries)

    found = tiny_model.predict_with_memory(states, queries, recall, memory)

    similarities = tiny_model.query.block_similarities(queries, memory.keys[recall.slots[:, 0]])
    combined = (found.log_probs, found.memory_probs, found.base_log_probs)
    assert_close(combined, tiny_model.readout(states, recall, similarities, tiny_model.output))


def test_the_keys_are_the_queries_of_the_same_positions(tiny_model: Model) -> None:
    batch = pair_batch(PAIRS, CPU)

    keys = tiny_model.query_keys(batch)

    assert keys.shape == (6, 3, tiny_model.query.width)
    assert_close(keys, tiny_model.query(tiny_model.reference_states(batch)))


def test_a_new_memory_fits_the_queries(tiny_model: Model) -> None:
    assert tiny_model.new_memory().keys.shape == (16, 4 + 6 + 4 + 4)
    assert tiny_model.new_memory(slots=5).keys.shape == (5, 18)
    assert tiny_model.new_memory(dtype=torch.bfloat16).keys.dtype == torch.bfloat16


def test_dropout_is_for_training_only(tiny_config: Config) -> None:
    model = Model(replace(tiny_config, model=replace(tiny_config.model, dropout=0.5)))
    batch = pair_batch(PAIRS, CPU)

    first, second = model.train().reference_states(batch), model.reference_states(batch)
    assert not torch.allclose(first.top, second.top)
    first, second = model.eval().reference_states(batch), model.reference_states(batch)
    assert_close(first.top, second.top)


# Weights


def test_the_same_generator_draws_the_same_weights(tiny_config: Config) -> None:
    models = [Model(tiny_config) for _ in range(2)]
    for model in models:
        model.initialise(torch.Generator().manual_seed(7))

    assert_close(dict(models[0].state_dict()), dict(models[1].state_dict()), rtol=0, atol=0)


def test_forget_gates_start_open_and_padding_at_nothing(tiny_model: Model) -> None:
    biases = {n: p for n, p in tiny_model.named_parameters() if ".bias_ih" in n}

    assert len(biases) == 3 + 2  # two directions and an upper encoder layer; two decoder layers
    for bias in biases.values():
        quarter = len(bias) // 4
        assert bias.tolist() == [0] * quarter + [1] * quarter + [0] * 2 * quarter
    assert not tiny_model.embedding.weight[PAD].any()


def test_the_embedding_is_stored_once(tiny_model: Model) -> None:
    names = [n for n, t in tiny_model.state_dict().items() if t.shape == (40, 6)]

    assert names == ["embedding.weight"]


def weights_of(sizes: ModelConfig) -> int:
    """How many weights a translator of these sizes has, without query and readout."""
    hidden, embedding, attention = sizes.hidden, sizes.embedding, sizes.attention

    def lstm(width: int, units: int) -> int:
        return 4 * units * (width + units + 2)

    one_way = sizes.encoder_layers - sizes.bidirectional_layers
    encoder = 2 * lstm(embedding, hidden // 2) + one_way * lstm(hidden, hidden)
    encoder += (sizes.bidirectional_layers - 1) * 2 * lstm(hidden, hidden // 2)
    decoder = lstm(embedding, hidden)
    decoder += (sizes.decoder_layers - 1) * lstm(2 * hidden + embedding, hidden)
    attending = attention * (2 * hidden + 1) + attention
    bridge = 2 * hidden * (hidden + 1)
    output = hidden * embedding + sizes.vocabulary + sizes.lexical * embedding * hidden
    return sizes.vocabulary * embedding + encoder + decoder + attending + bridge + output


@pytest.mark.parametrize("name", PRESETS)
def test_the_presets_have_the_weights_their_sizes_ask_for(name: str) -> None:
    with torch.device("meta"):
        model = Model(Config(model=PRESETS[name]))

    counts = {n: sum(p.numel() for p in part.parameters()) for n, part in model.named_children()}

    assert sum(counts.values()) - counts["query"] - counts["readout"] == weights_of(PRESETS[name])


def test_gnmt_has_229_million_weights() -> None:
    assert round(weights_of(PRESETS["gnmt"]) / 1e6) == 229


@pytest.mark.parametrize("name", ["tiny", "small"])
def test_the_small_presets_can_translate(name: str) -> None:
    model = Model(Config(model=PRESETS[name])).eval()
    model.initialise(torch.Generator().manual_seed(1))

    with torch.no_grad():
        log_probs_of_pair = log_probs(model, PAIRS[0], None)

    assert log_probs_of_pair.shape == (4, PRESETS[name].vocabulary)
    assert_close(log_probs_of_pair.exp().sum(dim=-1), torch.ones(4))

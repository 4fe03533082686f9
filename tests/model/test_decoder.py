"""One pass over the reference and decoding step by step give the same states."""

from dataclasses import fields, replace

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from rarenmt.config import Config
from rarenmt.model.decoder import Decoder, DecoderState
from rarenmt.model.query import DecoderStates
from rarenmt.model.seq2seq import Model
from rarenmt.text.batch import pair_batch

PAIRS = [([4, 5, 6, 7], [8, 9, 10]), ([11], [12, 13, 14, 15, 16]), ([17, 18], [])]
BATCH = pair_batch(PAIRS, torch.device("cpu"))


def stepped(model: Model) -> tuple[list[DecoderStates], list[Tensor]]:
    attended, state = model.encode(BATCH.source)
    states, weights = [], []
    for pieces in BATCH.inputs:
        now, weight, state = model.decoder(model.embedding(pieces[None]), state, attended)
        states.append(now)
        weights.append(weight)
    return states, weights


@pytest.mark.parametrize("learning", [True, False])
def test_one_pass_equals_single_steps(tiny_model: Model, learning: bool) -> None:
    attended, state = tiny_model.encode(BATCH.source)

    whole, weights, _ = tiny_model.decoder(tiny_model.embedding(BATCH.inputs), state, attended)

    with torch.set_grad_enabled(learning):
        steps, step_weights = stepped(tiny_model)
    for field in fields(DecoderStates):
        one_by_one = torch.cat([getattr(step, field.name) for step in steps])
        assert_close(getattr(whole, field.name), one_by_one)
    assert_close(weights, torch.cat(step_weights, dim=1))


def test_the_next_pass_continues_from_the_state_of_the_last(tiny_model: Model) -> None:
    attended, state = tiny_model.encode(BATCH.source)
    embedded = tiny_model.embedding(BATCH.inputs)
    whole, _, after_whole = tiny_model.decoder(embedded, state, attended)

    _, _, halfway = tiny_model.decoder(embedded[:2], state, attended)
    rest, _, after_rest = tiny_model.decoder(embedded[2:], halfway, attended)

    assert_close(rest.top, whole.top[2:])
    assert_close(after_rest.layers, after_whole.layers)


def test_the_weights_of_every_step_sum_to_one_over_the_sentence(tiny_model: Model) -> None:
    attended, state = tiny_model.encode(BATCH.source)

    _, weights, _ = tiny_model.decoder(tiny_model.embedding(BATCH.inputs), state, attended)

    assert_close(weights.sum(dim=-1), torch.ones(3, 6))
    for sentence, (source, _) in enumerate(PAIRS):
        assert bool((weights[sentence, :, len(source) + 1 :] == 0).all())
        assert bool((weights[sentence, :, : len(source) + 1] > 0).all())


def test_the_bottom_layer_starts_from_the_mean_of_the_real_states(tiny_config: Config) -> None:
    decoder = Decoder(tiny_config.model)
    encoded = torch.stack([torch.full((2, 8), number) for number in (1.0, 2.0, 6.0)])
    mask = torch.tensor([[True, True], [True, True], [True, False]])

    state = decoder.start(encoded, mask)

    mean = torch.tensor([[3.0] * 8, [1.5] * 8])
    hidden, cell = torch.tanh(decoder.bridge(mean)).split(8, dim=-1)
    assert_close(state.layers[0], (hidden[None], cell[None]))
    assert_close(state.layers[1], (torch.zeros(1, 2, 8), torch.zeros(1, 2, 8)))


def test_selected_hypotheses_continue_from_their_own_states() -> None:
    rows = torch.arange(3.0).view(1, 3, 1).expand(1, 3, 8)

    chosen = DecoderState([(rows, -rows)] * 2).select(torch.tensor([2, 0, 2, 1]))

    for hidden, cell in chosen.layers:
        assert hidden[0, :, 0].tolist() == [2, 0, 2, 1]
        assert cell[0, :, 0].tolist() == [-2, 0, -2, -1]


def test_the_attention_output_feeds_the_layers_above_the_bottom_one(tiny_model: Model) -> None:
    attended, state = tiny_model.encode(BATCH.source)
    contents = attended.contents.detach().requires_grad_()
    watched = replace(attended, contents=contents)

    states, _, _ = tiny_model.decoder(tiny_model.embedding(BATCH.inputs), state, watched)

    (from_top,) = torch.autograd.grad(states.top.sum(), contents, retain_graph=True)
    assert bool(from_top[0].any(dim=-1).all())
    (from_bottom,) = torch.autograd.grad(states.bottom.sum(), contents, allow_unused=True)
    assert from_bottom is None


def test_the_layers_above_the_second_add_to_the_ones_below(tiny_config: Config) -> None:
    decoder = Decoder(replace(tiny_config.model, decoder_layers=3))
    for parameter in decoder.uppers[1].parameters():
        parameter.data.zero_()
    encoded = torch.randn(4, 2, 8, generator=torch.Generator().manual_seed(1))
    mask = torch.ones(4, 2, dtype=torch.bool)
    attended = decoder.attention.prepare(encoded, torch.zeros(4, 2, 6), mask)

    states, _, after = decoder(torch.ones(1, 2, 6), decoder.start(encoded, mask), attended)

    assert_close(states.top, after.layers[1][0])


def test_the_attended_embedding_reaches_the_top_state_directly(tiny_model: Model) -> None:
    sizes = replace(tiny_model.config.model, lexical=True, dropout=0.0)
    decoder = Decoder(sizes)
    assert decoder.lexical is not None
    attended, state = tiny_model.encode(BATCH.source)
    embedded = tiny_model.embedding(BATCH.inputs)

    with torch.no_grad():
        states, *_ = decoder(embedded, state, attended)
        path = decoder.lexical(torch.tanh(states.source))
        decoder.lexical.weight.zero_()
        without, *_ = decoder(embedded, state, attended)

    assert_close(states.top, without.top + path)
    assert path.abs().max() > 0

"""Attention over three words, with weights that can be checked by hand."""

import math

import torch
from torch.testing import assert_close

from rarenmt.config import ModelConfig
from rarenmt.model.attention import Attention, AttentionInputs

HALF = 0.5 * math.log(3)
"""tanh(HALF) = 1/2 and tanh(2 · HALF) = 4/5."""


def one_unit_attention() -> Attention:
    """energy(state, encoded) = 2 ln 2 · tanh(first of state + first of encoded)."""
    attention = Attention(ModelConfig(hidden=2, embedding=2, attention=1))
    attention.load_state_dict(
        {
            "query.weight": torch.tensor([[1.0, 0.0]]),
            "key.weight": torch.tensor([[1.0, 0.0]]),
            "key.bias": torch.tensor([0.0]),
            "energy.weight": torch.tensor([[2 * math.log(2)]]),
        }
    )
    return attention


def three_words(attention: Attention, *, padding: int = 0) -> AttentionInputs:
    """Encoded as −HALF, 0 and HALF, with one-hot contents; padding that would draw attention."""
    encoded = torch.tensor([[-HALF, 10.0], [0.0, 20.0], [HALF, 40.0]] + [[9.0, 9.0]] * padding)
    embedded = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]] + [[9.0, 9.0]] * padding)
    mask = torch.tensor([True] * 3 + [False] * padding)
    return attention.prepare(encoded[:, None], embedded[:, None], mask[:, None])


def test_the_weights_are_a_softmax_of_the_energies() -> None:
    attention = one_unit_attention()

    _, weights = attention(torch.zeros(1, 1, 2), three_words(attention))

    assert_close(weights, torch.tensor([[[1 / 7, 2 / 7, 4 / 7]]]))  # tanh: −1/2, 0, 1/2


def test_the_decoder_state_shifts_the_energies() -> None:
    attention = one_unit_attention()

    _, weights = attention(torch.tensor([[[-HALF, 5.0]]]), three_words(attention))

    parts = torch.tensor([2**-1.6, 2**-1.0, 1.0])  # tanh: −4/5, −1/2, 0
    assert_close(weights[0, 0], parts / parts.sum())


def test_the_output_is_the_weighted_state_beside_the_weighted_embedding() -> None:
    attention = one_unit_attention()

    output, _ = attention(torch.zeros(1, 1, 2), three_words(attention))

    expected = [(4 - 1) / 7 * HALF, (10 + 2 * 20 + 4 * 40) / 7, (1 + 4) / 7, (2 + 4) / 7]
    assert_close(output[0, 0], torch.tensor(expected))


def test_padding_has_no_weight_and_changes_none() -> None:
    attention = one_unit_attention()
    states = torch.tensor([[[0.0, 0.0]], [[-HALF, 0.0]]])

    output, weights = attention(states, three_words(attention, padding=2))

    alone_output, alone_weights = attention(states, three_words(attention))
    assert weights[:, :, 3:].tolist() == [[[0.0, 0.0], [0.0, 0.0]]]
    assert_close(weights[:, :, :3], alone_weights)
    assert_close(weights.sum(dim=-1), torch.ones(1, 2))
    assert_close(output, alone_output)


def test_selected_sentences_keep_their_inputs() -> None:
    attention = one_unit_attention()
    encoded = torch.tensor([[[-HALF, 1.0], [HALF, 2.0]], [[HALF, 3.0], [0.0, 4.0]]])
    mask = torch.tensor([[True, True], [True, False]])
    attended = attention.prepare(encoded, torch.ones(2, 2, 2), mask)

    chosen = attended.select(torch.tensor([1, 0, 1]))

    _, weights = attention(torch.zeros(1, 3, 2), chosen)
    assert_close(weights[:, 0], torch.tensor([[1.0, 0.0], [1 / 5, 4 / 5], [1.0, 0.0]]))


def test_a_suppressed_piece_receives_little_attention() -> None:
    attention = one_unit_attention()
    attended = three_words(attention, padding=1)

    _, weights = attention(
        torch.zeros(1, 1, 2), attended.suppress(torch.tensor([[False, False, True, False]]), 3.0)
    )

    parts = torch.tensor([1.0, 2.0, 4.0 * math.exp(-3.0), 0.0])
    assert_close(weights[0, 0], parts / parts.sum())
    _, before = attention(torch.zeros(1, 1, 2), attended)
    nothing = attended.suppress(torch.zeros(1, 4, dtype=torch.bool), 3.0)
    assert torch.equal(attention(torch.zeros(1, 1, 2), nothing)[1], before)

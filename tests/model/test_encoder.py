"""The encoder gives every sentence the same states alone and in a batch."""

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from rarenmt.config import Config, ModelConfig
from rarenmt.model.encoder import Bidirectional, Encoder, reverse_within
from rarenmt.model.seq2seq import Model
from rarenmt.text.batch import Source, source_batch

CPU = torch.device("cpu")
SENTENCES = [[4, 5, 6, 7, 8], [9], [10, 11, 12], []]


def encode(model: Model, source: Source) -> Tensor:
    with torch.no_grad():
        states: Tensor = model.encoder(model.embedding(source.ids), source)
    return states


def test_each_sentence_is_reversed_within_its_own_length() -> None:
    states = torch.tensor([[1, 5], [2, 6], [3, 0], [4, 0]])[:, :, None]  # lengths 4 and 2

    turned = reverse_within(states, torch.tensor([4, 2]))

    assert turned[:, :, 0].tolist() == [[4, 6], [3, 5], [2, 0], [1, 0]]


def test_reversing_twice_changes_nothing() -> None:
    states = torch.arange(24).view(4, 2, 3)
    lengths = torch.tensor([3, 2])

    assert reverse_within(reverse_within(states, lengths), lengths).tolist() == states.tolist()


@pytest.mark.parametrize("number", range(len(SENTENCES)))
def test_padding_changes_no_state(tiny_model: Model, number: int) -> None:
    together = encode(tiny_model, source_batch(SENTENCES, CPU))

    alone = encode(tiny_model, source_batch([SENTENCES[number]], CPU))

    assert_close(together[: len(alone), number], alone[:, 0])


def test_every_state_depends_on_the_pieces_on_both_sides(tiny_model: Model) -> None:
    source = source_batch([[4, 5, 6]], CPU)
    embedded = tiny_model.embedding(source.ids).detach().requires_grad_()

    for position in range(4):
        states = tiny_model.encoder(embedded, source)
        (gradient,) = torch.autograd.grad(states[position].sum(), embedded)
        assert bool((gradient.abs().sum(dim=-1) > 0).all())


def test_the_upper_layers_add_to_the_ones_below(tiny_config: Config) -> None:
    encoder = Encoder(tiny_config.model)
    for parameter in encoder.uppers.parameters():
        parameter.data.zero_()
    source = source_batch(SENTENCES, CPU)
    embedded = torch.randn(6, 4, 6, generator=torch.Generator().manual_seed(3))

    states = encoder(embedded, source)

    ahead, _ = encoder.forwards(embedded)
    back, _ = encoder.backwards(reverse_within(embedded, source.lengths))
    assert_close(states, torch.cat([ahead, reverse_within(back, source.lengths)], dim=-1))


def test_the_order_of_the_sentences_does_not_matter(tiny_model: Model) -> None:
    forwards = encode(tiny_model, source_batch(SENTENCES, CPU))

    backwards = encode(tiny_model, source_batch(SENTENCES[::-1], CPU))

    assert_close(backwards.flip(1), forwards)


def test_every_layer_can_read_in_both_directions() -> None:
    """The last state of the top layer depends on the first piece, the first on the last."""
    sizes = ModelConfig(
        vocabulary=20, embedding=6, hidden=8, attention=4, encoder_layers=3,
        bidirectional_layers=3, dropout=0.0,
    )  # fmt: skip
    encoder = Encoder(sizes)
    embedded = torch.randn(4, 2, 6, generator=torch.Generator().manual_seed(3), requires_grad=True)
    lengths = torch.tensor([4, 3])
    source = Source(torch.ones(4, 2, dtype=torch.long), lengths)

    states = encoder(embedded, source)

    assert all(isinstance(layer, Bidirectional) for layer in encoder.uppers)
    for step, other in [(0, 3), (3, 0)]:
        [gradient] = torch.autograd.grad(states[step, 0].sum(), embedded, retain_graph=True)
        assert gradient[other, 0].abs().sum() > 0
    [gradient] = torch.autograd.grad(states[0, 1].sum(), embedded)
    assert gradient[3, 1].abs().sum() == 0  # padding

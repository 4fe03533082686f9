"""How much arithmetic our network and the peers' ask for, so that speeds can be compared.

The peers' is the `gnmt` network of their raw loop: the same LSTM sizes, but dot-product
attention over 512 units, a 1024 × 512 layer before the softmax and a softmax straight from
the 512 units. Ours attends additively, feeds the attended source embedding to the upper
layer as well, and projects to 256 units before a softmax tied to the embedding.

Letters: E embedding · H hidden · A attention · V vocabulary.
"""

from dataclasses import dataclass

from rarenmt.config import ModelConfig
from rarenmt.text.batch import Batch


@dataclass(frozen=True)
class Arithmetic:
    """Multiply-adds of a forward pass; elementwise work counts as none."""

    source: int
    """For a source step of a sentence."""
    target: int
    """For a target step of a sentence or hypothesis."""
    attended: int
    """For a source step that a target step attends to."""
    softmax: int
    """For a target token."""

    def training(self, batch: Batch) -> int:
        """Operations, two a multiply-add, of a training step, which is three forward passes.

        LSTM layers run over padding too, the softmax does not.
        """
        (source, sentences), target = batch.source.ids.shape, len(batch.inputs)
        step = self.target + source * self.attended
        padded = sentences * (source * self.source + target * step)
        return 6 * (padded + batch.tokens * self.softmax)

    def decoding(self, source: int, hypotheses: int, steps: int) -> int:
        """Operations for a sentence of so many source steps."""
        step = self.target + source * self.attended + self.softmax
        return 2 * (source * self.source + hypotheses * steps * step)


def ours(sizes: ModelConfig) -> Arithmetic:
    """Our network without its memory."""
    E, H, A = sizes.embedding, sizes.hidden, sizes.attention
    encoder = 2 * _lstm(E, H // 2) + (sizes.encoder_layers - 1) * _lstm(H, H)
    decoder = _lstm(E, H) + (sizes.decoder_layers - 1) * _lstm(2 * H + E, H)
    return Arithmetic(encoder + H * A, decoder + H * A, A + H + E, (H + sizes.vocabulary) * E)


def peers(sizes: ModelConfig) -> Arithmetic:
    """The peers' network."""
    E, H = sizes.embedding, sizes.hidden
    encoder = 2 * _lstm(E, H // 2) + (sizes.encoder_layers - 1) * 2 * _lstm(H, H // 2)
    decoder = _lstm(E, H) + _lstm(2 * H, H) + (sizes.decoder_layers - 2) * _lstm(H, H)
    return Arithmetic(encoder + H * H, decoder + 2 * H * H, 2 * H, H * sizes.vocabulary)


def peers_parameters(sizes: ModelConfig) -> int:
    """Weights and biases of the peers' network; an LSTM layer has two biases a gate."""
    network, E, H, V = peers(sizes), sizes.embedding, sizes.hidden, sizes.vocabulary
    biases = 8 * H * (sizes.encoder_layers + sizes.decoder_layers) + V
    return V * E + network.source + network.target + network.softmax + biases


def _lstm(inputs: int, hidden: int) -> int:
    return 4 * hidden * (inputs + hidden)

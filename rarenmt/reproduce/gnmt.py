"""GNMT with memory on half a test set (Kaiser et al. 2017, section 4.3).

Lines counted from 0: the even ones are shown as context, three times over and without a
change of weights, and the odd ones are translated. As an oracle the whole set is shown first.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from rarenmt.config import SearchConfig
from rarenmt.score import bleu
from rarenmt.text import Pair
from rarenmt.translator import Translator

PASSES = 3


@dataclass(frozen=True)
class Row:
    """BLEU of some lines, without the memory and with what was shown."""

    lines: str
    shown: str
    before: float
    after: float
    published: str
    """What the paper says of the difference; its absolute figures are not given."""

    @property
    def gain(self) -> float:
        return self.after - self.before


def reproduce(translator: Translator, pairs: Sequence[Pair], config: SearchConfig) -> list[Row]:
    """The two rows of the protocol; what is shown is remembered in RAM alone."""
    even, odd = pairs[::2], pairs[1::2]
    return [
        _row(translator, odd, even, config, ("odd", "even lines", "almost +0.5")),
        _row(translator, pairs, pairs, config, ("all", "all lines (oracle)", "over +8")),
    ]


def _row(
    translator: Translator,
    asked: Sequence[Pair],
    shown: Sequence[Pair],
    config: SearchConfig,
    names: tuple[str, str, str],
) -> Row:
    taught = Translator(translator.checkpoint)
    sources, references = [p.source for p in asked], [p.target for p in asked]

    def measured(*, memory: bool) -> float:
        found = taught.translate(sources, config, memory=memory, explain=False)
        return bleu([translation.text for translation in found], references)

    before = measured(memory=False)
    taught.remember(shown, passes=PASSES)
    return Row(names[0], names[1], before, measured(memory=True), names[2])

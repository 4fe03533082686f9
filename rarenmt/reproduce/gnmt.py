"""GNMT with memory on half a test set (Kaiser et al. 2017, section 4.3).

Counted from 0, the even lines are remembered in three passes, without a change of weights, and
the odd lines are translated. For the oracle, all lines are remembered first. The paper gives
differences, no absolute figures.
"""

import time
from collections.abc import Sequence
from dataclasses import asdict, replace

from rarenmt.config import SearchConfig
from rarenmt.evaluation.bootstrap import bleu_gain
from rarenmt.evaluation.metrics import bleu
from rarenmt.reproduce.report import Figure, Report
from rarenmt.text.pairs import Pair
from rarenmt.translator.translator import Translator

PASSES = 3
SECTION = "Kaiser et al. 2017, section 4.3"


def reproduce(translator: Translator, pairs: Sequence[Pair], config: SearchConfig) -> Report:
    """Measure the two rows of the protocol. The memory stays in RAM, and every line is decoded:
    an exact match in the memory is not repeated."""
    begin = time.monotonic()
    config = replace(config, exact_matches=False, copy_placeables=False)
    even, odd = pairs[::2], pairs[1::2]
    figures = [
        *_gain(translator, odd, even, config, "odd lines", "even lines shown", 0.5, "almost +0.5"),
        *_gain(translator, pairs, pairs, config, "all lines", "all shown: oracle", 8.0, "over +8"),
    ]
    settings = {
        "pairs": len(pairs),
        "passes": PASSES,
        "fingerprint": translator.checkpoint.fingerprint,
        **asdict(config),
    }
    seconds = time.monotonic() - begin
    return Report("gnmt", settings, 0, seconds, tuple(figures), ())


def _gain(
    translator: Translator,
    test: Sequence[Pair],
    remembered: Sequence[Pair],
    config: SearchConfig,
    lines: str,
    context: str,
    published: float,
    quote: str,
) -> list[Figure]:
    """BLEU of the test lines without a memory and with the remembered pairs, and the gain."""
    translator = Translator(translator.checkpoint)
    sources, references = [p.source for p in test], [p.target for p in test]

    def translated(*, memory: bool) -> list[str]:
        found = translator.translate(sources, config, memory=memory, explain=False)
        return [translation.text for translation in found]

    before = translated(memory=False)
    translator.memory.remember(remembered, passes=PASSES)
    after = translated(memory=True)
    gain = bleu_gain(before, after, references)
    source, within = f"{SECTION}: {quote}", (gain.high - gain.low) / 2
    return [
        Figure(f"{lines}, nothing shown, BLEU", bleu(before, references)),
        Figure(f"{lines}, {context}, BLEU", bleu(after, references)),
        Figure(f"{lines}, {context}, gain", gain.value, published, source, within),
    ]

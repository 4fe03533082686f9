"""GNMT with memory on half a test set (Kaiser et al. 2017, section 4.3).

Lines counted from 0: the even ones are shown as context, three times over and without a
change of weights, and the odd ones are translated. As an oracle the whole set is shown first.
The paper gives differences, no absolute figures.
"""

import time
from collections.abc import Sequence
from dataclasses import asdict, replace

from rarenmt.config import SearchConfig
from rarenmt.evaluation.bootstrap import bleu_gain
from rarenmt.evaluation.environment import Environment
from rarenmt.evaluation.metrics import bleu
from rarenmt.reproduce.report import Figure, Report
from rarenmt.text.pairs import Pair
from rarenmt.translator.translator import Translator

PASSES = 3
SECTION = "Kaiser et al. 2017, section 4.3"


def reproduce(translator: Translator, pairs: Sequence[Pair], config: SearchConfig) -> Report:
    """The two rows of the protocol; what is shown is remembered in RAM alone, and translated
    anew, by the decoder and nothing else."""
    begin = time.monotonic()
    config = replace(config, repeat=False, verbatim=False)
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
    return Report("gnmt", settings, 0, seconds, tuple(figures), (), Environment.now())


def _gain(
    translator: Translator,
    asked: Sequence[Pair],
    shown: Sequence[Pair],
    config: SearchConfig,
    lines: str,
    context: str,
    published: float,
    said: str,
) -> list[Figure]:
    """BLEU of some lines, without the memory and with what was shown, and the difference."""
    taught = Translator(translator.checkpoint)
    sources, references = [p.source for p in asked], [p.target for p in asked]

    def translated(*, memory: bool) -> list[str]:
        found = taught.translate(sources, config, memory=memory, explain=False)
        return [translation.text for translation in found]

    before = translated(memory=False)
    taught.memory.remember(shown, passes=PASSES)
    after = translated(memory=True)
    gain = bleu_gain(before, after, references)
    source, within = f"{SECTION}: {said}", (gain.high - gain.low) / 2
    return [
        Figure(f"{lines}, nothing shown, BLEU", bleu(before, references)),
        Figure(f"{lines}, {context}, BLEU", bleu(after, references)),
        Figure(f"{lines}, {context}, gain", gain.value, published, source, within),
    ]

"""One-shot recall: show a word once, then translate other sentences that need it.

A suite is JSON: `context` pairs that show each word once, `tests` that need it, and
`general` pairs that need none, to see what the memory breaks.
"""

import json
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from rarenmt.config import SearchConfig
from rarenmt.errors import DataError, StorageError
from rarenmt.novelty import WORD, Novelty
from rarenmt.score import score
from rarenmt.text import Pair
from rarenmt.translator import Translator


@dataclass(frozen=True)
class Question:
    """A sentence whose translation needs a word that the context shows."""

    word: str
    source_word: str
    """In lower case."""
    source: str
    target: str
    context: int = 0
    """Number of the context pair that shows the word."""

    @property
    def copied(self) -> bool:
        """Whether the word is the same in both languages."""
        return self.word.lower() == self.source_word.lower()


@dataclass(frozen=True)
class Suite:
    """What is shown, what is asked, and what must not change."""

    context: list[Pair]
    tests: list[Question]
    general: list[tuple[str, str]]


@dataclass(frozen=True)
class Share:
    """Per cent of some tests, with the 95 % interval of 1,000 bootstrap samples."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, hits: Sequence[bool]) -> "Share | None":
        """The share of hits; None where there are no tests."""
        if not hits:
            return None
        rng = random.Random(0)
        samples = sorted(sum(rng.choices(hits, k=len(hits))) for _ in range(1000))
        counts = (sum(hits), samples[25], samples[974])
        return cls(*(100 * count / len(hits) for count in counts))


@dataclass(frozen=True)
class OneShot:
    """The figures of one condition, in per cent and in points."""

    condition: str
    recall: Share | None
    copied: Share | None
    translated: Share | None
    r0: float | None
    """Recall of all reference words that no context pair shows; see `rarenmt.novelty`."""
    r1: float | None
    """Recall of those that exactly one context pair shows."""
    bleu: float
    chrf: float
    general_bleu: float
    general_chrf: float

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def read_suite(path: Path) -> Suite:
    """A suite from its JSON file; DataError when it is none."""
    try:
        data = json.loads(path.read_text("utf-8"))
        context = [Pair(s, t, str(path), i) for i, (s, t) in enumerate(data["context"], start=1)]
        tests = [
            Question(t["word"], t["source_word"], t["source"], t["target"], t["context"])
            for t in data["tests"]
        ]
        return Suite(context, tests, [(s, t) for s, t in data["general"]])
    except OSError as error:
        raise StorageError(path, "read", error) from error
    except (ValueError, KeyError, TypeError):
        raise DataError(
            path, None, "is not a one-shot suite (JSON with context, tests and general)"
        ) from None


def measure(
    translator: Translator, suite: Suite, config: SearchConfig, passes: int = 1
) -> list[OneShot]:
    """Figures without memory, with the context in memory, and with as many unrelated pairs.

    The translator's memory is added to in RAM. The control shows the translator general
    pairs instead of the context: what it changes is not due to the words.
    """
    control = suite.general[len(suite.general) // 2 :]
    results = [figures(translator, suite, config, "no memory", memory=False)]
    fresh = Translator(translator.checkpoint)
    chosen = random.Random(0).sample(control, min(len(control), len(suite.context)))
    fresh.remember([Pair(s, t, "control", i) for i, (s, t) in enumerate(chosen, start=1)])
    results.append(figures(fresh, suite, config, "random context"))
    translator.remember(suite.context, passes=passes)
    results.append(figures(translator, suite, config, "context shown"))
    return results


def figures(
    translator: Translator,
    suite: Suite,
    config: SearchConfig,
    condition: str,
    *,
    memory: bool = True,
) -> OneShot:
    """What this translator makes of the tests, and of the first half of the general pairs; anew,
    for in some collections a sentence has several translations."""
    config = replace(config, repeat=False)

    def translate(sources: Sequence[str]) -> list[str]:
        return [t.text for t in translator.translate(sources, config, memory=memory, explain=False)]

    found = translate([test.source for test in suite.tests])
    hits = [test.word in WORD.findall(text) for test, text in zip(suite.tests, found, strict=True)]
    copied = [hit for hit, test in zip(hits, suite.tests, strict=True) if test.copied]
    translated = [hit for hit, test in zip(hits, suite.tests, strict=True) if not test.copied]
    bleu, chrf, _ = score(found, [test.target for test in suite.tests])
    novelty = Novelty()
    for pair in suite.context:
        novelty.show(pair.target)
    for text, test in zip(found, suite.tests, strict=True):
        novelty.judge(text, test.target)
    general = suite.general[: len(suite.general) // 2]
    general_bleu, general_chrf, _ = score(
        translate([s for s, _ in general]), [t for _, t in general]
    )
    return OneShot(
        condition,
        Share.of(hits),
        Share.of(copied),
        Share.of(translated),
        novelty.recall(0),
        novelty.recall(1),
        bleu.value,
        chrf.value,
        general_bleu.value,
        general_chrf.value,
    )

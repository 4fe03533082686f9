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
from rarenmt.evaluation.bootstrap import Interval, bleu_gain, share, share_gain
from rarenmt.evaluation.metrics import WORD, NewWordRecall, score
from rarenmt.text.pairs import Pair
from rarenmt.translator.translator import Translator


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

    @property
    def watched(self) -> list[tuple[str, str]]:
        """The first half of the general pairs: translated, to see what the memory breaks."""
        return self.general[: len(self.general) // 2]

    @property
    def unrelated(self) -> list[tuple[str, str]]:
        """The others, of which the control shows some."""
        return self.general[len(self.general) // 2 :]


@dataclass(frozen=True)
class Answers:
    """What a translator makes of a suite."""

    tests: list[str]
    watched: list[str]

    def hits(self, suite: Suite) -> list[bool]:
        """Whether the translation of each test holds its word, as a whole, case kept."""
        asked = zip(suite.tests, self.tests, strict=True)
        return [question.word in WORD.findall(text) for question, text in asked]


@dataclass(frozen=True)
class Gain:
    """What a condition has more than no memory, in points, on the same sentences."""

    recall: Interval | None
    bleu: Interval
    general_bleu: Interval


@dataclass(frozen=True)
class OneShot:
    """The figures of one condition, in per cent and in points."""

    condition: str
    recall: Interval | None
    copied: Interval | None
    translated: Interval | None
    r0: float | None
    """Recall of all reference words that no context pair shows (`evaluation.metrics`)."""
    r1: float | None
    """Recall of those that exactly one context pair shows."""
    bleu: float
    chrf: float
    general_bleu: float
    general_chrf: float
    gain: Gain | None = None

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
        suite = Suite(context, tests, [(s, t) for s, t in data["general"]])
    except OSError as error:
        raise StorageError(path, "read", error) from error
    except (ValueError, KeyError, TypeError):
        raise DataError(
            path, None, "is not a one-shot suite (JSON with context, tests and general)"
        ) from None
    if not tests or not suite.watched:
        count = f"{len(tests)} tests and {len(suite.general)} general pairs"
        raise DataError(
            path, None, f"holds {count}; wanted one test at least, and two general pairs"
        )
    return suite


def measure(
    translator: Translator, suite: Suite, config: SearchConfig, passes: int = 1
) -> list[OneShot]:
    """Figures without memory, with the context in memory, and with as many unrelated pairs.

    The translator's memory is added to in RAM. The control shows the translator general
    pairs instead of the context: what it changes is not due to the words.
    """
    stock = suite.unrelated
    chosen = random.Random(0).sample(stock, min(len(stock), len(suite.context)))
    none = answer(translator, suite, config, memory=False)
    results = [figures("no memory", suite, none)]
    control = Translator(translator.checkpoint)
    control.remember([Pair(s, t, "control", i) for i, (s, t) in enumerate(chosen, start=1)])
    results.append(figures("random context", suite, answer(control, suite, config), none))
    translator.remember(suite.context, passes=passes)
    results.append(figures("context shown", suite, answer(translator, suite, config), none))
    return results


def answer(
    translator: Translator, suite: Suite, config: SearchConfig, *, memory: bool = True
) -> Answers:
    """Translations of the tests and of the watched pairs; anew, for in some collections a
    sentence has several translations."""
    config = replace(config, repeat=False)

    def translate(sources: Sequence[str]) -> list[str]:
        return [t.text for t in translator.translate(sources, config, memory=memory, explain=False)]

    return Answers(
        translate([test.source for test in suite.tests]),
        translate([source for source, _ in suite.watched]),
    )


def figures(
    condition: str, suite: Suite, answers: Answers, before: Answers | None = None
) -> OneShot:
    """The figures of one condition and, where those of no memory are given, what it gains."""
    hits = answers.hits(suite)
    copied = [hit for hit, test in zip(hits, suite.tests, strict=True) if test.copied]
    translated = [hit for hit, test in zip(hits, suite.tests, strict=True) if not test.copied]
    novelty = NewWordRecall()
    for pair in suite.context:
        novelty.show(pair.target)
    for text, test in zip(answers.tests, suite.tests, strict=True):
        novelty.judge(text, test.target)
    bleu, chrf, _ = score(answers.tests, [test.target for test in suite.tests])
    general_bleu, general_chrf, _ = score(answers.watched, [t for _, t in suite.watched])
    return OneShot(
        condition,
        share(hits),
        share(copied),
        share(translated),
        novelty.recall(0),
        novelty.recall(1),
        bleu.value,
        chrf.value,
        general_bleu.value,
        general_chrf.value,
        None if before is None else _gain(suite, before, answers),
    )


def _gain(suite: Suite, before: Answers, after: Answers) -> Gain:
    return Gain(
        share_gain(before.hits(suite), after.hits(suite)),
        bleu_gain(before.tests, after.tests, [test.target for test in suite.tests]),
        bleu_gain(before.watched, after.watched, [target for _, target in suite.watched]),
    )

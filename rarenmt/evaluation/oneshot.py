"""One-shot recall: remember one pair with a word, then translate other sentences that need it.

A suite is JSON: `context` pairs with one word each, `tests` that need it, and `general` pairs that
need none, to measure the damage by the memory.
"""

import json
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from rarenmt.config import SearchConfig
from rarenmt.errors import DataError, StorageError
from rarenmt.evaluation.bootstrap import Interval, bleu_gain, rate, rate_gain
from rarenmt.evaluation.metrics import NewWordRecall, score
from rarenmt.text.pairs import Pair
from rarenmt.text.splitting import letter_runs
from rarenmt.translator.translator import BEAM, Translator


@dataclass(frozen=True)
class Question:
    """A sentence whose translation needs a word of a context pair."""

    word: str
    source_word: str
    """In lower case."""
    source: str
    target: str
    context: int = 0
    """Number of the context pair with the word."""

    @property
    def copied(self) -> bool:
        """Whether the word is the same in both languages."""
        return self.word.lower() == self.source_word.lower()


@dataclass(frozen=True)
class Suite:
    """Pairs to remember, tests, and pairs whose translations should not change."""

    context: list[Pair]
    tests: list[Question]
    general: list[tuple[str, str]]

    @property
    def watched(self) -> list[tuple[str, str]]:
        """The first half of the general pairs, which are translated to measure damage."""
        return self.general[: len(self.general) // 2]

    @property
    def unrelated(self) -> list[tuple[str, str]]:
        """The second half, from which the control remembers some."""
        return self.general[len(self.general) // 2 :]


@dataclass(frozen=True)
class Answers:
    """Translations of a suite."""

    tests: list[str]
    watched: list[str]

    def hits(self, suite: Suite) -> list[bool]:
        """Whether the translation of each test contains its word, with its case."""
        answered = zip(suite.tests, self.tests, strict=True)
        return [question.word in letter_runs(text) for question, text in answered]


@dataclass(frozen=True)
class Gain:
    """Difference of a condition to no memory, in points, on the same sentences."""

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
    """Recall of reference words that no context pair contains (`evaluation.metrics`)."""
    r1: float | None
    """Recall of those that exactly one context pair contains."""
    bleu: float
    chrf: float
    general_bleu: float
    general_chrf: float
    gain: Gain | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def read_suite(path: Path | str) -> Suite:
    """Read a suite from its JSON file; DataError if it is not one, StorageError if it cannot be
    read."""
    path = Path(path)
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


def measure_one_shot(
    translator: Translator, suite: Suite, config: SearchConfig = BEAM, passes: int = 1
) -> list[OneShot]:
    """Figures without memory, with as many unrelated pairs in memory, and with the context.

    Adds the context to the translator's memory in RAM. The control remembers general pairs
    instead: its changes are not due to the words.
    """
    stock = suite.unrelated
    chosen = random.Random(0).sample(stock, min(len(stock), len(suite.context)))
    none = answer(translator, suite, config, memory=False)
    results = [figures("no memory", suite, none)]
    control = Translator(translator.checkpoint)
    control.memory.remember([Pair(s, t, "control", i) for i, (s, t) in enumerate(chosen, start=1)])
    results.append(figures("random context", suite, answer(control, suite, config), none))
    translator.memory.remember(suite.context, passes=passes)
    results.append(figures("context shown", suite, answer(translator, suite, config), none))
    return results


def answer(
    translator: Translator, suite: Suite, config: SearchConfig, *, memory: bool = True
) -> Answers:
    """Translations of the tests and of the watched pairs. Exact matches are translated too, because
    in some collections a sentence has several translations."""
    config = replace(config, exact_matches=False)

    def translate(sources: Sequence[str]) -> list[str]:
        return [t.text for t in translator.translate(sources, config, memory=memory, explain=False)]

    return Answers(
        translate([test.source for test in suite.tests]),
        translate([source for source, _ in suite.watched]),
    )


def figures(
    condition: str, suite: Suite, answers: Answers, before: Answers | None = None
) -> OneShot:
    """The figures of one condition, and its gain over the translations `before`."""
    hits = answers.hits(suite)
    copied = [hit for hit, test in zip(hits, suite.tests, strict=True) if test.copied]
    translated = [hit for hit, test in zip(hits, suite.tests, strict=True) if not test.copied]
    novelty = NewWordRecall()
    for pair in suite.context:
        novelty.observe(pair.target)
    for text, test in zip(answers.tests, suite.tests, strict=True):
        novelty.score(text, test.target)
    bleu, chrf, _ = score(answers.tests, [test.target for test in suite.tests])
    general_bleu, general_chrf, _ = score(answers.watched, [t for _, t in suite.watched])
    return OneShot(
        condition,
        rate(hits),
        rate(copied),
        rate(translated),
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
        rate_gain(before.hits(suite), after.hits(suite)),
        bleu_gain(before.tests, after.tests, [test.target for test in suite.tests]),
        bleu_gain(before.watched, after.watched, [target for _, target in suite.watched]),
    )

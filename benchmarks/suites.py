"""Makes one-shot suites: context pairs that each contain one new word, and tests that need it.

    python benchmarks/suites.py unseen pairs.tsv --train corpus.tsv.xz -o suite.json
    python benchmarks/suites.py holdout corpus.tsv --words 250 -o suite.json --rest rest.tsv

`unseen`: target words that occur in no training pair and in at least two of the pairs, with a
source word that hardly occurs in training. `holdout`: rare words of one corpus; the pairs without
any of them, which can be trained on, are written to --rest.
"""

import argparse
import json
import random
from collections import Counter, defaultdict
from collections.abc import Container, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rarenmt.text.pairs import Pair, read_pairs
from rarenmt.text.splitting import letter_runs

GENERAL = 1000


@dataclass(frozen=True)
class Kind:
    """Which words a suite has."""

    letters: int
    """Minimum letters of a target word."""
    pairs: range
    """Number of pairs with the target word."""
    known: int
    """Maximum occurrences of its source word in the training text or, without one, in the pairs."""


KINDS = {"unseen": Kind(4, range(2, 21), 2), "holdout": Kind(6, range(3, 9), 10)}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("pairs", type=Path, help="TSV file")
    parser.add_argument("--train", type=Path, nargs="*", default=[], help="training text")
    parser.add_argument("--words", type=int, default=10_000, help="maximum number of words")
    parser.add_argument("--rest", type=Path, help="file for the pairs without the words")
    parser.add_argument("-o", "--out", type=Path, required=True, help="the suite, as JSON")
    options = parser.parse_args()
    pairs = list(read_pairs(options.pairs))
    trained = [pair for path in options.train for pair in read_pairs(path)]
    suite, rest = draw(KINDS[options.kind], pairs, trained or pairs, options.words)
    options.out.write_text(json.dumps(suite, ensure_ascii=False, indent=0), "utf-8")
    if options.rest:
        lines = (f"{pair.source}\t{pair.target}\n" for pair in rest)
        options.rest.write_text("".join(lines), "utf-8")
    print(f"{len(suite['context'])} words, {len(suite['tests'])} sentences that need one")


def draw(
    kind: Kind, pairs: Sequence[Pair], trained: Sequence[Pair], most: int
) -> tuple[dict[str, Any], list[Pair]]:
    """A suite of up to `most` words, and the pairs without any of them."""
    rng = random.Random(0)
    total, shown = source_words(pairs), source_words(trained)
    familiar = set() if trained is pairs else {w for p in trained for w in letter_runs(p.target)}
    context: list[list[str]] = []
    tests: list[dict[str, Any]] = []
    used: set[int] = set()
    for word, numbers in candidates(kind, pairs, familiar, rng):
        source = counterpart(word, [pairs[n] for n in numbers], shown, total, kind.known)
        if used & set(numbers) or source is None or len(context) == most:
            continue
        used |= set(numbers)
        rng.shuffle(numbers)
        tests += [test(source, word, len(context), pairs[number]) for number in numbers[1:]]
        context.append(sides(pairs[numbers[0]]))
    rest = [pair for number, pair in enumerate(pairs) if number not in used]
    return {"context": context, "tests": tests, "general": general(rest, rng)}, rest


def test(source_word: str, word: str, context: int, pair: Pair) -> dict[str, Any]:
    """A test that needs a word of the context pair with this number."""
    return {
        "word": word,
        "source_word": source_word,
        "context": context,
        "source": pair.source,
        "target": pair.target,
    }


def general(rest: Sequence[Pair], rng: random.Random) -> list[list[str]]:
    """Up to GENERAL of the pairs that are neither context nor test."""
    return rng.sample([sides(pair) for pair in rest], min(GENERAL, len(rest)))


def sides(pair: Pair) -> list[str]:
    return [pair.source, pair.target]


def candidates(
    kind: Kind, pairs: Sequence[Pair], familiar: Container[str], rng: random.Random
) -> list[tuple[str, list[int]]]:
    """The eligible words in random order, each with the numbers of its pairs."""
    where: dict[str, list[int]] = defaultdict(list)
    for number, pair in enumerate(pairs):
        for word in set(letter_runs(pair.target)):
            where[word].append(number)
    words = [
        word
        for word in sorted(where)
        if len(word) >= kind.letters and len(where[word]) in kind.pairs and word not in familiar
    ]
    rng.shuffle(words)
    return [(word, where[word]) for word in words]


def counterpart(
    word: str, pairs: Sequence[Pair], shown: Counter[str], total: Counter[str], known: int
) -> str | None:
    """The source word that occurs in all of these pairs and hardly anywhere else; of several, the
    one whose length is closest to that of the target word."""
    sides = [{each.lower() for each in letter_runs(pair.source)} for pair in pairs]
    rare = [
        source
        for source in set.intersection(*sides)
        if shown[source] <= known and total[source] <= len(pairs) + 1
    ]
    return min(rare, key=lambda each: (abs(len(each) - len(word)), each), default=None)


def source_words(pairs: Sequence[Pair]) -> Counter[str]:
    """Number of pairs with each source word, in lower case."""
    counts: Counter[str] = Counter()
    for pair in pairs:
        counts.update({word.lower() for word in letter_runs(pair.source)})
    return counts


if __name__ == "__main__":
    main()

"""What becomes of a shown sentence when its sign at the end, its typography, its capital letters or
its numbers change: how many come out as shown, with what changed, and with nothing else.

Prints the rows of a Markdown table: as the decoder says them, and as they are said again.
"""

import argparse
import random
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from rarenmt.config import SearchConfig
from rarenmt.model.checkpoint import load_checkpoint
from rarenmt.text.corpus import read_corpus
from rarenmt.text.pairs import Pair
from rarenmt.translator.translator import Translator

Change = Callable[[str, str], tuple[str, str] | None]
"""From a source and its target to those that are wanted, if the change concerns them."""


def nothing(source: str, target: str) -> tuple[str, str]:
    """The sentence itself."""
    return source, target


def exclaimed(source: str, target: str) -> tuple[str, str] | None:
    """An exclamation mark for a full stop, on both sides."""
    return (source[:-1] + "!", target[:-1] + "!") if _stops(source, target) else None


def unstopped(source: str, target: str) -> tuple[str, str] | None:
    """No full stop, on both sides."""
    return (source[:-1], target[:-1]) if _stops(source, target) else None


def typeset(source: str, target: str) -> tuple[str, str] | None:
    """Another apostrophe in the source."""
    other = source.translate(str.maketrans("'’", "’'"))
    return (other, target) if other != source else None


def small(source: str, target: str) -> tuple[str, str] | None:
    """A small letter at the beginning of the source."""
    return (source[0].lower() + source[1:], target) if source[1:2].islower() else None


def recounted(source: str, target: str) -> tuple[str, str] | None:
    """Other numbers of as many digits, on both sides, where both have the same ones once each."""
    numbers = re.findall(r"\d+", source)
    same = sorted(numbers) == sorted(re.findall(r"\d+", target))
    if not numbers or not same or len(set(numbers)) < len(numbers):
        return None

    def other(found: re.Match[str]) -> str:
        return str(int(found[0]) * 7 + 3)[-len(found[0]) :].rjust(len(found[0]), "4")

    return re.sub(r"\d+", other, source), re.sub(r"\d+", other, target)


CHANGES: dict[str, Change] = {
    "nothing": nothing,
    "an exclamation mark for the full stop": exclaimed,
    "no full stop": unstopped,
    "another kind of apostrophe": typeset,
    "a small letter at the beginning": small,
    "other numbers": recounted,
}


def _stops(source: str, target: str) -> bool:
    return source[-1:] == target[-1:] == "."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pairs", help="corpus")
    parser.add_argument("--model", type=Path, required=True, help="checkpoint folder")
    parser.add_argument("--count", type=int, default=150, help="pairs for each change, at most")
    parser.add_argument("--beam", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    translator = Translator(load_checkpoint(arguments.model, torch.device("cpu")))
    pairs = list(read_corpus(arguments.pairs, translator.model.config.languages))
    random.Random(arguments.seed).shuffle(pairs)
    chosen = {
        name: [pair for pair in pairs if change(pair.source, pair.target)][: arguments.count]
        for name, change in CHANGES.items()
    }
    shown = {pair.source: pair for some in chosen.values() for pair in some}  # one for a source
    translator.remember(shown.values())
    print("| what changes | sentences | by the decoder | said again |\n|---|---|---|---|")
    for name, some in chosen.items():
        wanted = _changed(CHANGES[name], [pair for pair in some if shown[pair.source] == pair])
        counts = [
            _right(translator, wanted, SearchConfig(beam=arguments.beam, repeat=repeat))
            for repeat in (False, True)
        ]
        print(f"| {name} | {len(wanted)} | {counts[0]} | {counts[1]} |", flush=True)


def _changed(change: Change, pairs: Sequence[Pair]) -> list[tuple[str, str]]:
    """What is asked, and what is wanted."""
    return [both for pair in pairs if (both := change(pair.source, pair.target)) is not None]


def _right(translator: Translator, wanted: Sequence[tuple[str, str]], config: SearchConfig) -> int:
    """How many come out as wanted."""
    found = translator.translate([source for source, _ in wanted], config, explain=False)
    return sum(one.text == target for one, (_, target) in zip(found, wanted, strict=True))


if __name__ == "__main__":
    main()

"""Draw the training text of the base translator: each corpus filtered and without its held-out
lines, with variants that make the translator robust, and development sets of several kinds.

    python benchmarks/recipes/draw.py DATA OUT             # English to German
    python benchmarks/recipes/draw.py DATA OUT --reverse   # German to English

DATA holds train/, train2/, domains/, dict/ and test/ as `English<TAB>German`, xz. OUT gets one TSV
file a corpus, dev.tsv (mixed, for the curve), dev/ (a development set a corpus) and corpora.txt:
what `rarenmt train` is to be given, with weights. The same seed draws the same lines.
"""

import argparse
import lzma
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from variants import figures, vary

Line = tuple[str, str]
"""English and German."""

HELD_OUT = 300
"""Lines of a corpus that become its development set, if it has ten times as many."""

ROBUST = 0.06
"""Share of the weighted text that is drawn once more as a variant."""

JOINED, DIALOGUE = 25_000, {"tatoeba", "ding_examples", "chat_bcontrast", "games"}
"""Longer lines that are made of short ones, and the corpora they are made of."""


@dataclass(frozen=True)
class Part:
    """A corpus, and how often its lines are shown in an epoch."""

    path: str
    weight: float
    shortest: int = 1
    """English words; shorter lines are left out."""
    longest: int = 60

    @property
    def name(self) -> str:
        return Path(self.path).name.split(".")[0]


PARTS = [
    Part("train/tatoeba", 3),
    Part("train2/ding_examples", 3),
    Part("train2/chat_bcontrast", 1.5),
    Part("train2/xsid", 2),
    Part("train2/games", 1),
    Part("train2/gutenberg", 1),
    Part("train2/web_civic", 2),
    Part("train2/pud", 3),
    Part("train/web_misc", 2),
    Part("train2/interface", 0.6),
    Part("train2/interface_accelerators", 0.3),
    Part("train2/iso_names", 2),
    Part("train2/bible_modern", 0.3),
    Part("train2/suttacentral", 0.3),
    Part("train/free_manuals", 0.4, 4, 40),
    Part("train/kde2", 0.2, 2, 40),
    Part("train/debian_web", 0.2, 4, 40),
    Part("train/msdocs_windows_cloud", 0.15, 4, 40),
    Part("train/msdocs_vs", 0.1, 4, 40),
    Part("train/msdocs_dotnet", 0.05, 4, 40),
    Part("train/msdocs_sql", 0.04, 4, 40),
    Part("domains/business.train", 0.12, 4, 40),
    Part("domains/it_php.train", 0.15, 3, 40),
    Part("domains/medical.train", 1, 2, 40),
    Part("domains/law.train", 1),
]

DICTIONARY = Part("dict/ding", 0.25)
ARCHAIC = "At the first God made the heaven and the earth."
"""From this line on bible_modern pairs simple English with archaic German."""

MIXED_DEV = [
    ("tatoeba2021", slice(2000, None, 31), 150),
    ("flores200.devtest", slice(500, None, 3), 150),
    ("interface", slice(1, None, 2), 100),
    ("newstest2013", slice(0, None, 30), 100),
]
"""Files of test/, which of their lines are for development, and how many of these are drawn."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split(":")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--reverse", action="store_true", help="German to English")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    drawn = {part: draw(options.data, part, rng) for part in [*PARTS, DICTIONARY]}
    corpora = []
    for part, lines in drawn.items():
        rng.shuffle(lines)
        held_out = lines[:HELD_OUT] if len(lines) >= 10 * HELD_OUT else []
        drawn[part] = lines[len(held_out) :]
        if held_out:
            write(options.out / "dev" / f"{part.name}.tsv", held_out, options.reverse)
        write(options.out / f"{part.name}.tsv", drawn[part], options.reverse)
        corpora.append(f"{options.out / part.name}.tsv@{part.weight:g}")
    robust = [*variants(drawn, rng, options.reverse), *joined(drawn, rng)]
    write(options.out / "robust.tsv", robust, options.reverse)
    corpora.append(str(options.out / "robust.tsv"))
    mixed = [line for each in MIXED_DEV for line in development(options.data, *each)]
    rng.shuffle(mixed)
    write(options.out / "dev.tsv", mixed, options.reverse)
    (options.out / "corpora.txt").write_text("\n".join(corpora) + "\n", "utf-8")
    words = sum(p.weight * sum(len(en.split()) for en, _ in some) for p, some in drawn.items())
    print(f"{sum(map(len, drawn.values())):,} pairs and {len(robust):,} variants; "
          f"{words / 1e6:.1f} M English words an epoch")  # fmt: skip


def draw(data: Path, part: Part, rng: random.Random) -> list[Line]:
    """The lines of a corpus that are of use."""
    if part is DICTIONARY:
        return list(first_lines(columns(data / f"{part.path}.tsv.xz")))
    lines = columns(data / f"{part.path}.en-de.tsv.xz")
    found = []
    for english, german, *_ in lines:
        if part.name == "bible_modern" and english == ARCHAIC:
            break
        if part.shortest <= len(english.split()) <= part.longest:
            found.append((english, german))
    return found


def first_lines(entries: Iterable[list[str]]) -> Iterator[Line]:
    """Of each dictionary entry the first pair, which is the best; of at most four words a side."""
    known: set[str] = set()
    for english, german, *_ in entries:
        new = english not in known and german not in known
        known |= {english, german}
        if new and max(len(english.split()), len(german.split())) <= 4:
            yield english, german


def variants(drawn: dict[Part, list[Line]], rng: random.Random, reverse: bool) -> Iterator[Line]:
    """Changed copies of lines, as many of each corpus as its weight asks for."""
    for part, lines in drawn.items():
        for line in rng.sample(lines, min(len(lines), round(ROBUST * part.weight * len(lines)))):
            changed = vary(line, rng, reverse)
            if changed is not None:
                yield changed
    yield from figures(rng)


def joined(drawn: dict[Part, list[Line]], rng: random.Random) -> Iterator[Line]:
    """Two or three lines of dialogue and everyday text as one: short sentences alone do not teach
    how to keep going (Kondo et al. 2021, arXiv 2104.08478)."""
    lines = [line for part, some in drawn.items() if part.name in DIALOGUE for line in some]
    for _ in range(JOINED):
        chosen = rng.sample(lines, rng.choice([2, 2, 3]))
        yield " ".join(english for english, _ in chosen), " ".join(german for _, german in chosen)


def development(data: Path, name: str, chosen: slice, count: int) -> list[Line]:
    """Lines of a test set that are set apart for development."""
    lines = [(row[0], row[1]) for row in columns(data / "test" / f"{name}.en-de.tsv.xz")]
    return lines[chosen][:count]


def columns(path: Path) -> Iterator[list[str]]:
    with lzma.open(path, "rt", encoding="utf-8", newline="\n") as stream:
        for line in stream:
            yield line.rstrip("\n").split("\t")


def write(path: Path, lines: Iterable[Line], reverse: bool) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="\n") as stream:
        for english, german in lines:
            stream.write(f"{german}\t{english}\n" if reverse else f"{english}\t{german}\n")


if __name__ == "__main__":
    main()

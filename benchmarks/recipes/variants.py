"""Changed copies of sentence pairs, so that a translator also knows capitals, headings, bullets,
placeholders, emoji, names and numbers that its text hardly holds.

Whatever is changed is changed alike on both sides, or in the way the other language has it.
"""

import random
import re
from collections.abc import Callable, Iterator

Line = tuple[str, str]
"""English and German."""

Change = Callable[[str, str, random.Random], Line | None]
"""From English and German to both, changed; None where it does not apply."""

BULLETS = ["• ", "- ", "* ", "– ", "→ ", "✓ ", "1. ", "2) ", "a) ", "(b) ", "# ", "> ", "… "]
EMOJI = ["😊", "👍", "🎉", "😂", "❤️", "🙏", "🔥", "⚠️", "✅", "❌", "📎", "🚀", "☕", "😢", "👋"]
PLACEHOLDERS = ["%s", "%d", "%1$s", "{0}", "{name}", "{{count}}", "%(user)s", "$1", "<b>x</b>"]
NAMES = [
    "Anna", "Ben", "Claire", "Okonkwo", "Nguyen", "Müller", "Svensson", "Priya", "Kowalski",
    "Yusuf", "Marta", "Oleksandr", "Chiara", "Dubois", "Haruki", "Fatima", "Thorsten", "Zoë",
    "Bergström", "Adeyemi", "Ruiz", "Petrov", "Lindqvist", "O'Brien", "Schäfer", "Iwasaki",
]  # fmt: skip
NAME = re.compile(r"(?<=[a-z,] )[A-Z][a-z]+\b")
NUMBER = re.compile(r"(?<![\w.,])\d{1,4}(?![\w]|[.,]\d)")
END = re.compile(r"[.!?]+$")


def vary(line: Line, rng: random.Random, reverse: bool) -> Line | None:
    """One change of a pair; headings in Title Case only where English is translated."""
    changes = [*CHANGES, *(() if reverse else (title_case,))]
    for change in rng.sample(changes, 3):
        changed = change(*line, rng)
        if changed is not None and changed != line:
            return changed
    return None


def capitals(english: str, german: str, rng: random.Random) -> Line | None:
    return (english.upper(), german.upper()) if len(english.split()) <= 12 else None


def title_case(english: str, german: str, rng: random.Random) -> Line | None:
    """A heading; German has no such thing."""
    words = END.sub("", english).split()
    if not 2 <= len(words) <= 9:
        return None
    small = {"a", "an", "the", "of", "in", "on", "and", "or", "to", "for", "at", "by", "with"}
    large = [w if i and w in small else w[:1].upper() + w[1:] for i, w in enumerate(words)]
    return " ".join(large), END.sub("", german)


def no_end(english: str, german: str, rng: random.Random) -> Line | None:
    return (END.sub("", english), END.sub("", german)) if END.search(english) else None


def quoted(english: str, german: str, rng: random.Random) -> Line | None:
    if re.search(r"[\"„“”»«]", english + german):
        return None
    marks = rng.choice(['""„“', '""""', "“”„“", "''‚‘", "“”»«"])
    return f"{marks[0]}{english}{marks[1]}", f"{marks[2]}{german}{marks[3]}"


def listed(english: str, german: str, rng: random.Random) -> Line | None:
    bullet = rng.choice(BULLETS)
    return bullet + english, bullet + german


def with_emoji(english: str, german: str, rng: random.Random) -> Line | None:
    sign = "".join(rng.choices(EMOJI, k=rng.choice([1, 1, 1, 2])))
    if rng.random() < 0.3:
        return f"{sign} {english}", f"{sign} {german}"
    return f"{english} {sign}", f"{german} {sign}"


def other_name(english: str, german: str, rng: random.Random) -> Line | None:
    shared = [name for name in NAME.findall(english) if re.search(rf"\b{name}\b", german)]
    if not shared:
        return None
    old = rng.choice(shared)
    new = rng.choice([*NAMES, *PLACEHOLDERS[:6]])
    return _exchange(english, german, old, new)


def other_number(english: str, german: str, rng: random.Random) -> Line | None:
    shared = [n for n in NUMBER.findall(english) if n in NUMBER.findall(german)]
    if not shared:
        return None
    old = rng.choice(shared)
    digits = "".join(rng.choices("123456789", k=1) + rng.choices("0123456789", k=len(old) - 1))
    new = rng.choice([digits, digits, digits, "%d", "{0}", "{{count}}"])
    return _exchange(english, german, old, new)


def _exchange(english: str, german: str, old: str, new: str) -> Line:
    where = re.compile(rf"(?<!\w){re.escape(old)}(?!\w)")
    return where.sub(lambda _: new, english), where.sub(lambda _: new, german)


def labelled(english: str, german: str, rng: random.Random) -> Line | None:
    """A placeholder, a number or a file name before or behind the text."""
    sign = rng.choice(
        [*PLACEHOLDERS, f"{rng.randint(1, 99)}", "v2.1", "file.txt", "https://a.org/b"]
    )
    if rng.random() < 0.5:
        return f"{sign}: {english}", f"{sign}: {german}"
    return f"{END.sub('', english)}: {sign}", f"{END.sub('', german)}: {sign}"


CHANGES: list[Change] = [
    capitals, capitals, no_end, no_end, quoted, listed, with_emoji, other_name, other_name,
    other_number, other_number, labelled,
]  # fmt: skip

FIGURES = [
    ("It costs €{a}.{b}.", "Es kostet {a},{b} €."),
    ("It costs {a} €.", "Es kostet {a} €."),
    ("The ticket is £{a}.", "Die Fahrkarte kostet {a} £."),
    ("Total: ${a}.{b}", "Gesamt: {a},{b} $"),
    ("€{a}.{b}", "{a},{b} €"),
    ("{a} €", "{a} €"),
    ("£{a}", "{a} £"),
    ("The price rose from €{a} to €{c}.", "Der Preis stieg von {a} € auf {c} €."),
    ("See § {a}.", "Siehe § {a}."),
    ("under Section {a} of the law", "nach § {a} des Gesetzes"),
    ("Bake at {c} °C for {a} minutes.", "Bei {c} °C {a} Minuten backen."),
    ("It is {a} °C outside.", "Draußen sind es {a} °C."),
    ("{a} µm", "{a} µm"),
    ("The tolerance is ±{a} mm.", "Die Toleranz beträgt ±{a} mm."),
    ("{a} × {c} = {e}", "{a} × {c} = {e}"),
    ("{a} + {c} = {f}", "{a} + {c} = {f}"),
    ("Size: {a} × {c} cm", "Größe: {a} × {c} cm"),
    ("{a} % discount", "{a} % Rabatt"),
    ("Save {a}% today!", "Sparen Sie heute {a} %!"),
    ("{d},{h} people live here.", "Hier leben {d}.{h} Menschen."),
    ("about {d},{h} euros", "etwa {d}.{h} Euro"),
    ("a rise of {d}.{b}%", "ein Anstieg von {d},{b} %"),
    ("page {a}", "Seite {a}"),
    ("The meeting is at {d}:{b} p.m.", "Die Besprechung ist um {g}:{b} Uhr."),
    ("Version {d}.{a}", "Version {d}.{a}"),
    ("Room {c}", "Zimmer {c}"),
]  # fmt: skip
"""Prices, units and the like; numbers go where the braces are."""


def figures(rng: random.Random, count: int = 6000) -> Iterator[Line]:
    """Pairs about numbers with signs that text hardly holds."""
    for _ in range(count):
        english, german = rng.choice(FIGURES)
        a, c, d = rng.randint(2, 99), rng.randint(100, 999), rng.randint(1, 11)
        numbers = {
            "a": a, "b": f"{rng.randint(0, 5)}{rng.choice('05')}", "c": c, "d": d, "e": a * c,
            "f": a + c, "g": d + 12, "h": f"{rng.randint(0, 999):03}",
        }  # fmt: skip
        yield english.format(**numbers), german.format(**numbers)

"""One translated sentence as a drawing in HTML: the source words, what the decoder looked at,
the translation, and the remembered pairs that spoke, side by side.

Every word stands in a row of its own, so that the ribbons between them, in SVG, need to measure
no text. The look of it is in page.css.
"""

import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape as _escape

from rarenmt.text.pairs import Pair
from rarenmt.translator.result import Entry, Part, Word

ROW = 26
"""Pixels; grid-auto-rows in page.css."""

LOOKS, HEARS = 150, 110
"""Pixels between the columns of words, and between the translation and the pairs."""

THICK = 15
"""Pixels of a ribbon that carries all the weight."""

SEEN = 0.05
"""Weight from which a ribbon is drawn and a pair is shown."""

PAIRS = 8
"""Pairs beside one part, at most; they have as many colours."""

LINE = 46
"""Characters of a line in the box of a pair, roughly."""

TALLEST = 12
"""Rows of such a box; the rest is scrolled."""


@dataclass(frozen=True)
class _Box:
    """A remembered pair beside the translation."""

    pair: Pair
    heard: dict[int, Entry]
    """What it said for each target word."""
    note: str
    """The same in words."""
    colour: int
    top: int
    """First row, from 0."""
    rows: int

    @property
    def middle(self) -> float:
        """Where its ribbons arrive, in rows: by the name of the file."""
        return self.top + 0.5


def escape(text: str) -> str:
    """Text as HTML; characters that no page may hold are replaced."""
    allowed = (
        c if c in "\t\n" or unicodedata.category(c) not in ("Cc", "Cs") else "�" for c in text
    )
    return _escape("".join(allowed))


def place(pair: Pair) -> str:
    """Where a pair stands, in HTML."""
    return f'<bdi class="place">{escape(pair.location)}</bdi>'


def percent(weight: float) -> str:
    """A share to read; nothing where there is hardly any."""
    return f"{weight:.0%}".replace("%", "\u202f%") if weight >= 0.005 else ""


def shade(weight: float) -> str:
    """The class of a word or cell that owes the memory so much."""
    return f"m{math.ceil(weight * 5 - 0.25)}" if weight >= SEEN else ""


def draw(part: Part, source_language: str, target_language: str) -> str:
    """The drawing of a part."""
    words, sources = part.words(), part.source_words()
    high = max(len(words), len(sources))
    above_source, above_target = (high - len(sources)) // 2, (high - len(words)) // 2
    boxes = _boxes(part, words, above_target)
    rows = max([high, *(box.top + box.rows for box in boxes)])
    colours = _colours(boxes)
    lines = [
        *(_source_word(i, text, above_source, source_language) for i, text in enumerate(sources)),
        _ribbons("looks", LOOKS, rows, _attention(words, colours, above_source, above_target)),
        *(
            _target_word(i, word, colours.get(i), above_target, target_language)
            for i, word in enumerate(words)
        ),
        _ribbons("hears", HEARS, rows, _recall(boxes, above_target)),
        *(
            _pair(number, box, words, sources, source_language, target_language)
            for number, box in enumerate(boxes)
        ),
    ]
    return '<div class="part">\n' + "\n".join(lines) + "\n</div>"


def said(words: Iterable[Word], text: str) -> str:
    """A translation in HTML with its remembered words marked, each by its strength."""
    found, done = [], 0
    for word in words:
        at = text.find(word.text, done)
        if at < 0 or not word.pair:
            continue
        found.append(escape(text[done:at]))
        found.append(
            f'<span class="w c0 remembered {shade(word.weight)}">{escape(word.text)}</span>'
        )
        done = at + len(word.text)
    return "".join(found) + escape(text[done:])


def _boxes(part: Part, words: Sequence[Word], above: int) -> list[_Box]:
    """The pairs that count, each as near to its words as there is room."""
    heard: dict[Pair, dict[int, Entry]] = {}
    for i, word in enumerate(words):
        for entry in word.entries:
            if entry.weight >= SEEN and not word.is_sign:
                heard.setdefault(entry.pair, {})[i] = entry
    loudest = sorted(heard, key=lambda pair: -sum(e.weight for e in heard[pair].values()))[:PAIRS]
    boxes: list[_Box] = []
    free = 0
    for pair in sorted(loudest, key=lambda pair: _centre(heard[pair])):
        note = part.tm_match.note if part.tm_match else _heard(heard[pair], words)
        rows = _rows(pair, note)
        top = max(free, round(above + _centre(heard[pair])))
        boxes.append(_Box(pair, heard[pair], note, len(boxes), top, rows))
        free = top + rows
    return boxes


def _centre(heard: dict[int, Entry]) -> float:
    """The middle of the words that a pair spoke for, by weight."""
    total = sum(entry.weight for entry in heard.values())
    return sum(i * entry.weight for i, entry in heard.items()) / total


def _rows(pair: Pair, note: str) -> int:
    """Rows that the box of a pair fills."""
    texts = [pair.location, pair.source, pair.target, note]
    lines = sum(math.ceil(max(1, _width(text)) / LINE) for text in texts)
    return min(TALLEST, math.ceil((lines * 19 + 24) / ROW))


def _width(text: str) -> int:
    """Columns of a text; East Asian characters are as wide as two letters."""
    return len(text) + sum(unicodedata.east_asian_width(c) in "WF" for c in text)


def _colours(boxes: Sequence[_Box]) -> dict[int, int]:
    """The colour of each target word: that of the pair that said most of it."""
    best: dict[int, tuple[float, int]] = {}
    for box in boxes:
        for i, entry in box.heard.items():
            best[i] = max(best.get(i, (0.0, 0)), (entry.weight, box.colour))
    return {i: colour for i, (_, colour) in best.items()}


def _source_word(i: int, text: str, above: int, language: str) -> str:
    where = f"s s{i} y{above + i + 1}"
    if not text:
        return f'<div class="{where} end">end</div>'
    return f'<div class="{where}" lang="{escape(language)}" dir="auto">{escape(text)}</div>'


def _target_word(i: int, word: Word, colour: int | None, above: int, language: str) -> str:
    look = "w" if colour is None else f"w c{colour} {shade(word.weight)}"
    if word.pair:
        look += " remembered"
    return (
        f'<div class="t t{i} y{above + i + 1}">'
        f'<span class="{look}" lang="{escape(language)}" dir="auto">{escape(word.text)}</span>'
        f'<span class="number">{percent(word.weight)}</span></div>'
    )


def _ribbons(name: str, width: int, rows: int, paths: Iterable[str]) -> str:
    """A column of ribbons as tall as the drawing."""
    return (
        f'<svg class="{name} h{rows}" width="{width}" height="{rows * ROW}" aria-hidden="true">'
        + "".join(paths)
        + "</svg>"
    )


def _ribbon(names: str, width: int, left: float, right: float, weight: float) -> str:
    """A ribbon from a row on the left to one on the right, as thick as its weight."""
    y, z, half = round(left * ROW), round(right * ROW), width // 2
    return (
        f'<path class="{names}" d="M0 {y}C{half} {y} {half} {z} {width} {z}" '
        f'stroke-width="{max(1.0, THICK * weight):.1f}" stroke-opacity="{0.2 + 0.5 * weight:.2f}"/>'
    )


def _attention(
    words: Sequence[Word], colours: dict[int, int], above_source: int, above_target: int
) -> Iterable[str]:
    """From the source words to those that were written looking at them."""
    order = sorted(range(len(words)), key=lambda i: words[i].pair is not None)  # these on top
    for i, word in ((i, words[i]) for i in order):
        colour = f" c{colours[i]}" if i in colours and word.pair else ""
        for j, weight in enumerate(word.attention):
            if weight >= SEEN:
                left, right = above_source + j + 0.5, above_target + i + 0.5
                yield _ribbon(f"s{j} t{i}{colour}", LOOKS, left, right, weight)


def _recall(boxes: Sequence[_Box], above: int) -> Iterable[str]:
    """From the words to the pairs that spoke for them."""
    for number, box in enumerate(boxes):
        for i, entry in box.heard.items():
            names = f"t{i} k{number} c{box.colour}"
            yield _ribbon(names, HEARS, above + i + 0.5, box.middle, entry.weight)


def _pair(
    number: int,
    box: _Box,
    words: Sequence[Word],
    sources: Sequence[str],
    source_language: str,
    target_language: str,
) -> str:
    """The box of a pair: where it stands, its two sides, and what it said."""
    asked = {_looked_at(words[i], sources) for i in box.heard}
    source = _mark(box.pair.source, _found(box.pair.source, asked), "b")
    target = _mark(box.pair.target, [entry.span for entry in box.heard.values()], "mark")
    return (
        f'<div class="pair k{number} c{box.colour} y{box.top + 1} h{box.rows}" tabindex="0">'
        f"<p>{place(box.pair)}</p>"
        f'<p lang="{escape(source_language)}" dir="auto">{source}</p>'
        f'<p lang="{escape(target_language)}" dir="auto">{target}</p>'
        f'<p class="note">{escape(box.note)}</p></div>'
    )


def _heard(heard: dict[int, Entry], words: Sequence[Word]) -> str:
    """What a pair said, in words."""
    return " · ".join(
        f"{words[i].text} {percent(entry.weight)}, similarity {entry.similarity:.2f}"
        for i, entry in heard.items()
    )


def _looked_at(word: Word, sources: Sequence[str]) -> str:
    """The source word that a word of the translation looked at most."""
    if not word.attention:
        return ""
    return sources[max(range(len(sources)), key=word.attention.__getitem__)]


def _found(text: str, words: Iterable[str]) -> list[tuple[int, int]]:
    """Where words stand in a text for the first time, whatever their case."""
    named = (word for word in words if any(map(str.isalnum, word)))
    found = (re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text, re.IGNORECASE) for word in named)
    return [match.span() for match in found if match]


def _mark(text: str, spans: Iterable[tuple[int, int]], tag: str) -> str:
    """A text in HTML with some spans in an element."""
    found, done = [], 0
    for start, end in sorted(spans):
        start = max(start, done)
        if start < end <= len(text):
            found += [escape(text[done:start]), f"<{tag}>{escape(text[start:end])}</{tag}>"]
            done = end
    return "".join(found) + escape(text[done:])

"""One part of a translation as a drawing in HTML: the source words, the attention, the words of the
translation, and the remembered pairs that contributed to them, side by side.

Every word stands in a row of its own, so that the ribbons between them, in SVG, can be placed
without measuring text. Colours and fonts are in page.css.
"""

import math
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape as _escape

from rarenmt.text.pairs import Pair
from rarenmt.translator.contributions import (
    MIN_WEIGHT,
    Contribution,
    find_contributions,
    memory_spans,
    percent,
)
from rarenmt.translator.result import Part, Translation, Word

ROW = 26
"""Pixels; grid-auto-rows in page.css."""

ATTENTION_WIDTH, MEMORY_WIDTH = 150, 110
"""Pixels between the columns of words, and between the translation and the pairs."""

RIBBON_WIDTH = 15
"""Pixels of a ribbon of weight 1."""

MAX_PAIRS = 8
"""Pairs beside one part; page.css has as many colours."""

LINE = 46
"""Characters of a line in the box of a pair, roughly."""

MAX_BOX_ROWS = 12
"""Rows of such a box; the rest is scrolled."""


def escape(text: str) -> str:
    """Text as HTML; characters that no page may hold are replaced."""
    allowed = (
        c if c in "\t\n" or unicodedata.category(c) not in ("Cc", "Cs") else "�" for c in text
    )
    return _escape("".join(allowed))


def in_language(language: str) -> str:
    """The attributes of an element with text in a language."""
    return f'lang="{escape(language)}" dir="auto"'


def location(pair: Pair) -> str:
    """File and line of a pair, in HTML."""
    return f'<bdi class="location">{escape(pair.location)}</bdi>'


def shade(weight: float) -> str:
    """The class of a word or cell with this share from the memory."""
    return f"m{math.ceil(weight * 5 - 0.25)}" if weight >= MIN_WEIGHT else ""


def highlight(translation: Translation) -> str:
    """A translation in HTML with the words from the memory marked, each by its share."""
    return _mark(
        translation.text,
        (
            (start, end, f'span class="w c0 remembered {shade(word.weight)}"')
            for word, start, end in memory_spans(translation)
        ),
    )


def draw(part: Part, source_language: str, target_language: str) -> str:
    """The drawing of a part."""
    drawing = _Drawing(part, in_language(source_language), in_language(target_language))
    return '<div class="part">\n' + "\n".join(drawing.elements()) + "\n</div>"


@dataclass(frozen=True)
class _Box:
    """A contributing pair beside the translation."""

    number: int
    """From 0; also its colour."""
    contribution: Contribution
    top: int
    """First row, from 0."""
    rows: int


class _Drawing:
    """The elements of a part, and the rows in which they stand."""

    def __init__(self, part: Part, source_language: str, target_language: str) -> None:
        self._source_language, self._target_language = source_language, target_language
        self._words, self._sources = part.words(), part.source_words()
        height = max(len(self._words), len(self._sources))
        self._first_source = (height - len(self._sources)) // 2
        self._first_word = (height - len(self._words)) // 2
        self._boxes = list(self._stack(find_contributions([part], self._words, MAX_PAIRS)))
        self._rows = max([height, *(box.top + box.rows for box in self._boxes)])
        self._colours = self._strongest_boxes()

    def elements(self) -> Iterator[str]:
        """The columns from left to right."""
        for i, text in enumerate(self._sources):
            yield self._source_word(i, text)
        yield self._ribbons("attention", ATTENTION_WIDTH, self._attention())
        for i, word in enumerate(self._words):
            yield self._target_word(i, word)
        yield self._ribbons("memory", MEMORY_WIDTH, self._memory())
        for box in self._boxes:
            yield self._pair(box)

    def _stack(self, contributions: Iterable[Contribution]) -> Iterator[_Box]:
        """The boxes of pairs, each as near to its words as there is room."""
        free = 0
        for number, each in enumerate(sorted(contributions, key=_centre)):
            top = max(free, round(self._first_word + _centre(each)))
            yield _Box(number, each, top, _box_rows(each))
            free = top + _box_rows(each)

    def _strongest_boxes(self) -> dict[int, int]:
        """For each word with a contribution, the number of the box with the largest."""
        best: dict[int, tuple[float, int]] = {}
        for box in self._boxes:
            for i, entry in box.contribution.entries.items():
                best[i] = max(best.get(i, (0.0, 0)), (entry.weight, box.number))
        return {i: number for i, (_, number) in best.items()}

    def _source_word(self, i: int, text: str) -> str:
        where = f"s s{i} y{self._first_source + i + 1}"
        if not text:
            return f'<div class="{where} end">end</div>'
        return f'<div class="{where}" {self._source_language}>{escape(text)}</div>'

    def _target_word(self, i: int, word: Word) -> str:
        look = f"w c{self._colours[i]} {shade(word.weight)}" if i in self._colours else "w"
        look += " remembered" if word.pair else ""
        return (
            f'<div class="t t{i} y{self._first_word + i + 1}">'
            f'<span class="{look}" {self._target_language}>{escape(word.text)}</span>'
            f'<span class="number">{percent(word.weight)}</span></div>'
        )

    def _ribbons(self, name: str, width: int, paths: Iterable[str]) -> str:
        """A column of ribbons as tall as the drawing."""
        size = f'width="{width}" height="{self._rows * ROW}"'
        return f'<svg class="{name} h{self._rows}" {size} aria-hidden="true">{"".join(paths)}</svg>'

    def _attention(self) -> Iterator[str]:
        """From the source words to the words of the translation; those of remembered ones on
        top."""
        for i, word in sorted(enumerate(self._words), key=lambda each: each[1].pair is not None):
            colour = f" c{self._colours[i]}" if i in self._colours and word.pair else ""
            for j, weight in enumerate(word.attention):
                if weight >= MIN_WEIGHT:
                    rows = self._first_source + j, self._first_word + i
                    yield _ribbon(f"s{j} t{i}{colour}", ATTENTION_WIDTH, *rows, weight)

    def _memory(self) -> Iterator[str]:
        """From the words of the translation to the pairs that contributed to them."""
        for box in self._boxes:
            for i, entry in box.contribution.entries.items():
                names = f"t{i} k{box.number} c{box.number}"
                yield _ribbon(names, MEMORY_WIDTH, self._first_word + i, box.top, entry.weight)

    def _pair(self, box: _Box) -> str:
        """The box of a pair: its location, its two sides, and its note."""
        pair, entries = box.contribution.pair, box.contribution.entries
        attended = {_most_attended(self._words[i], self._sources) for i in entries}
        source = _mark(pair.source, ((*span, "b") for span in _first_spans(pair.source, attended)))
        target = _mark(pair.target, ((*entry.span, "mark") for entry in entries.values()))
        where = f"k{box.number} c{box.number} y{box.top + 1} h{box.rows}"
        return (
            f'<div class="pair {where}" tabindex="0">'
            f"<p>{location(pair)}</p>"
            f"<p {self._source_language}>{source}</p>"
            f"<p {self._target_language}>{target}</p>"
            f'<p class="note">{escape(box.contribution.note)}</p></div>'
        )


def _centre(contribution: Contribution) -> float:
    """The middle of the words of a contribution, by weight."""
    entries = contribution.entries.items()
    return sum(i * entry.weight for i, entry in entries) / contribution.weight


def _box_rows(contribution: Contribution) -> int:
    """Rows that the box of a pair fills."""
    pair = contribution.pair
    texts = [pair.location, pair.source, pair.target, contribution.note]
    lines = sum(math.ceil(max(1, _width(text)) / LINE) for text in texts)
    return min(MAX_BOX_ROWS, math.ceil((lines * 19 + 24) / ROW))


def _width(text: str) -> int:
    """Columns of a text; East Asian characters are as wide as two letters."""
    return len(text) + sum(unicodedata.east_asian_width(c) in "WF" for c in text)


def _ribbon(names: str, width: int, left: int, right: int, weight: float) -> str:
    """A ribbon from the middle of a row on the left to that of one on the right, as thick as its
    weight."""
    y, z, half = round((left + 0.5) * ROW), round((right + 0.5) * ROW), width // 2
    return (
        f'<path class="{names}" d="M0 {y}C{half} {y} {half} {z} {width} {z}" '
        f'stroke-width="{max(1.0, RIBBON_WIDTH * weight):.1f}" '
        f'stroke-opacity="{0.2 + 0.5 * weight:.2f}"/>'
    )


def _most_attended(word: Word, sources: Sequence[str]) -> str:
    """The source word with the largest attention weight; empty without attention."""
    if not word.attention:
        return ""
    return sources[max(range(len(sources)), key=word.attention.__getitem__)]


def _first_spans(text: str, words: Iterable[str]) -> list[tuple[int, int]]:
    """Start and end of the first occurrence of words in a text, without regard to case."""
    named = (word for word in words if any(map(str.isalnum, word)))
    found = (re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text, re.IGNORECASE) for word in named)
    return [match.span() for match in found if match]


def _mark(text: str, spans: Iterable[tuple[int, int, str]]) -> str:
    """A text in HTML with spans in elements, each given by its start, end and opening tag."""
    found, done = [], 0
    for start, end, tag in sorted(spans):
        start = max(start, done)
        if start < end <= len(text):
            name = tag.partition(" ")[0]
            found += [escape(text[done:start]), f"<{tag}>{escape(text[start:end])}</{name}>"]
            done = end
    return "".join(found) + escape(text[done:])

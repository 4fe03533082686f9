"""Explained translations as one self-contained HTML page.

It runs no script and fetches nothing: its content security policy allows only its own style sheet.
"""

import base64
import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from importlib.resources import files
from pathlib import Path

from rarenmt.storage.files import replace_bytes
from rarenmt.text.pairs import Pair
from rarenmt.translator.contributions import percent
from rarenmt.translator.html_drawing import (
    MAX_PAIRS,
    draw,
    escape,
    highlight,
    in_language,
    location,
    shade,
)
from rarenmt.translator.result import Translation

SENTENCES = 2000
"""Maximum of drawings; further sentences are only counted."""

OPEN = 12
"""Maximum of sentences on a page that shows all drawings at once."""

FIRST = 8
"""Pairs of the overview that are visible at once."""

LISTED = 1000
"""Maximum of pairs in the overview."""

ROWS = 400
"""Rows for which the style sheet has rules."""


class Page:
    """A page that grows sentence by sentence."""

    def __init__(self, source_language: str, target_language: str) -> None:
        self.languages = (source_language, target_language)
        self.sentences = 0
        self._drawn: list[tuple[int, float, str, str]] = []
        """Number, share of words from the memory, summary and drawing."""
        self._words: Counter[Pair] = Counter()
        self._numbers: dict[Pair, list[int]] = defaultdict(list)
        self._with_memory = 0

    def add(self, number: int, source: str, translation: Translation) -> None:
        """Add the translation of a line; a blank one is skipped."""
        if not source.strip():
            return
        self.sentences += 1
        words = translation.words()
        pairs = [word.pair for word in words if word.pair]
        self._with_memory += bool(pairs)
        self._words.update(pairs)
        for pair in dict.fromkeys(pairs):
            self._numbers[pair].append(number)
        if len(self._drawn) < SENTENCES:
            share = len(pairs) / len(words) if words else 0.0
            drawing = "\n".join(draw(part, *self.languages) for part in translation.parts)
            summary = self._summary(number, source, highlight(translation))
            self._drawn.append((number, share, summary, drawing))

    def save(self, path: Path) -> None:
        """Write the page, atomically."""
        replace_bytes(path, self.html().encode())

    def html(self) -> str:
        """The page as it is now."""
        style = _style()
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'"
        return "\n".join(
            [
                "<!DOCTYPE html>",
                '<html lang="en"><head><meta charset="utf-8"/>',
                f'<meta http-equiv="Content-Security-Policy" content="{policy}"/>',
                '<meta name="viewport" content="width=device-width, initial-scale=1"/>',
                "<title>Where each word came from</title>",
                f"<style>{style}</style></head><body>",
                *self._overview(),
                *self._details(),
                "</body></html>\n",
            ]
        )

    def _summary(self, number: int, source: str, text: str) -> str:
        given, target = self.languages
        return (
            f'<summary><span class="number">{number}</span><span>'
            f'<span class="source" {in_language(given)}>{escape(source.strip())}</span>'
            f'<span class="translation" {in_language(target)}>{text}</span>'
            "</span></summary>"
        )

    def _overview(self) -> Iterable[str]:
        """Totals, and how many words each pair contributed."""
        words = self._words.total()
        yield "<header><h1>Where each word came from</h1>"
        yield (
            f"<p>{_count(words, 'word')} from {_count(len(self._words), 'remembered pair')} in "
            f"{self._with_memory:,} of {_count(self.sentences, 'sentence')}.</p>"
        )
        yield from self._map()
        yield "</header>"
        pairs = [pair for pair, _ in self._words.most_common(LISTED)]
        if pairs:
            yield "<section><h2>Remembered pairs</h2>"
            yield from self._table(pairs[:FIRST])
            if len(pairs) > FIRST:
                more = _count(len(self._words) - FIRST, "more pair")
                yield f'<details class="more"><summary>{more}</summary>'
                yield from self._table(pairs[FIRST:])
                yield "</details>"
            yield "</section>"

    def _map(self) -> Iterable[str]:
        """A cell for each sentence, coloured by the share of its words from the memory."""
        if len(self._drawn) <= OPEN:
            return
        yield '<nav class="map" aria-label="Sentences">'
        for number, share, _, _ in self._drawn:
            text = percent(share) or "nothing"
            yield (
                f'<a class="{shade(share)}" href="#n{number}" title="{number}: {text}" '
                f'aria-label="sentence {number}, {text} from the memory"></a>'
            )
        yield "</nav>"
        yield '<p class="note">One cell per sentence; the stronger its colour, the more of its '
        yield "words came from the memory.</p>"

    def _table(self, pairs: Sequence[Pair]) -> Iterable[str]:
        source, target = self.languages
        yield '<div class="scroll"><table><thead><tr><th>Pair</th><th>Source</th>'
        yield '<th>Target</th><th class="number">Words</th><th>Sentences</th></tr></thead><tbody>'
        for pair in pairs:
            yield (
                f"<tr><td>{location(pair)}</td>"
                f"<td><div {in_language(source)}>{escape(pair.source)}</div></td>"
                f"<td><div {in_language(target)}>{escape(pair.target)}</div></td>"
                f'<td class="number">{self._words[pair]:,}</td>'
                f"<td>{self._links(self._numbers[pair])}</td></tr>"
            )
        yield "</tbody></table></div>"

    def _links(self, numbers: Sequence[int]) -> str:
        """Links to the first of these sentences."""
        drawn = max((number for number, _, _, _ in self._drawn), default=0)
        shown = [number for number in numbers[:8] if number <= drawn]
        links = [f'<a href="#n{number}">{number}</a>' for number in shown]
        rest = len(numbers) - len(shown)
        return ", ".join(links) + (f" and {rest:,} more" if rest else "")

    def _details(self) -> Iterable[str]:
        """Sentence by sentence."""
        if not self._drawn:
            return
        yield "<section><h2>Sentence by sentence</h2>"
        yield (
            '<p class="note">The source is on the left, its translation in the middle. The width '
            "of a ribbon between them is an attention weight: how much the source word counted "
            "when the other word was chosen. Ribbons on the right lead to the remembered pairs "
            "that contributed to a word; the percentage is the memory’s share of its probability. "
            "Point at a word or a pair to see its ribbons alone.</p>"
        )
        if len(self._drawn) > OPEN:
            yield '<p class="filter"><input type="checkbox" id="only"/> '
            yield '<label for="only">Only sentences with words from the memory</label></p>'
        opened = ' open="open"' if len(self._drawn) <= OPEN else ""
        for number, share, summary, drawing in self._drawn:
            kind = "sentence" if share else "sentence unaided"
            yield f'<details class="{kind}"{opened}>{summary}'
            yield f'<div id="n{number}">{drawing}</div></details>'
        if self.sentences > len(self._drawn):
            rest = _count(self.sentences - len(self._drawn), "further sentence")
            yield f'<p class="note">{rest} counted above but not drawn.</p>'
        yield "</section>"


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}" + ("" if number == 1 else "s")


def _style() -> str:
    """The style sheet: page.css, and rules for each row and each element under the pointer."""
    rules = [(files("rarenmt.translator") / "page.css").read_text("utf-8")]
    rules += [f".y{i}{{grid-row-start:{i}}}" for i in range(1, ROWS)]
    rules += [f".h{i}{{grid-row-end:span {i}}}" for i in range(1, ROWS)]
    for kind, most in (("s", 80), ("t", 80), ("k", MAX_PAIRS)):
        rules += [
            f".part:has(.{kind}{i}:hover) path:not(.{kind}{i}){{opacity:.07}}" for i in range(most)
        ]
    return "\n".join(rules)

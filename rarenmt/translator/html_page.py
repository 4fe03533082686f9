"""Translations and what they came from, as one HTML page that needs nothing but itself.

No script runs in it and nothing is fetched: its content security policy allows its own style
sheet and nothing else.
"""

import base64
import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from importlib.resources import files
from pathlib import Path

from rarenmt.storage.files import replace_bytes
from rarenmt.text.pairs import Pair
from rarenmt.translator.html_drawing import PAIRS, draw, escape, percent, place, said, shade
from rarenmt.translator.result import Translation

SENTENCES = 2000
"""Drawn, at most; further ones are only counted."""

OPEN = 12
"""A page of so many sentences shows all their drawings at once."""

FIRST = 8
"""Pairs of the overview that are seen at once."""

LISTED = 1000
"""Pairs of the overview, at most."""

ROWS = 400
"""Rows and words that the style sheet knows."""


class Page:
    """A page that grows sentence by sentence."""

    def __init__(self, source_language: str, target_language: str) -> None:
        self.languages = (source_language, target_language)
        self.sentences = 0
        self._drawn: list[tuple[int, float, str, str]] = []
        """Number, share of remembered words, summary and drawing"""
        self._words: Counter[Pair] = Counter()
        self._places: dict[Pair, list[int]] = defaultdict(list)
        self._asked = 0

    def add(self, number: int, source: str, translation: Translation) -> None:
        """Take in the translation of a line; a blank one is passed over."""
        if not source.strip():
            return
        self.sentences += 1
        words = translation.words()
        pairs = [word.pair for word in words if word.pair]
        self._asked += bool(pairs)
        self._words.update(pairs)
        for pair in dict.fromkeys(pairs):
            self._places[pair].append(number)
        if len(self._drawn) < SENTENCES:
            share = len(pairs) / len(words) if words else 0.0
            drawing = "\n".join(draw(part, *self.languages) for part in translation.parts)
            text = said(words, translation.text.strip())
            self._drawn.append((number, share, self._summary(number, source, text), drawing))

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
                "<title>What came from where</title>",
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
            f'<span class="given" lang="{escape(given)}" dir="auto">{escape(source.strip())}</span>'
            f'<span class="said" lang="{escape(target)}" dir="auto">{text}</span>'
            "</span></summary>"
        )

    def _overview(self) -> Iterable[str]:
        """What there is in all, and which pairs spoke how often."""
        words = self._words.total()
        yield "<header><h1>What came from where</h1>"
        yield (
            f"<p>In {self._asked:,} of {_count(self.sentences, 'sentence')} the memory spoke: "
            f"{_count(words, 'word')} from {_count(len(self._words), 'remembered pair')}.</p>"
        )
        yield from self._map()
        yield "</header>"
        pairs = [pair for pair, _ in self._words.most_common(LISTED)]
        if pairs:
            yield "<section><h2>The pairs that spoke</h2>"
            yield from self._table(pairs[:FIRST])
            if len(pairs) > FIRST:
                more = _count(len(self._words) - FIRST, "more pair")
                yield f'<details class="more"><summary>{more}</summary>'
                yield from self._table(pairs[FIRST:])
                yield "</details>"
            yield "</section>"

    def _map(self) -> Iterable[str]:
        """A cell for each sentence, the warmer the more of it came from the memory."""
        if len(self._drawn) <= OPEN:
            return
        yield '<nav class="map" aria-label="Sentences">'
        for number, share, _, _ in self._drawn:
            said = percent(share) or "nothing"
            yield (
                f'<a class="{shade(share)}" href="#n{number}" title="{number}: {said}" '
                f'aria-label="sentence {number}, {said} from the memory"></a>'
            )
        yield "</nav>"
        yield '<p class="note">One cell a sentence; the warmer, the more of its words came from '
        yield "the memory.</p>"

    def _table(self, pairs: Sequence[Pair]) -> Iterable[str]:
        source, target = self.languages
        yield '<div class="scroll"><table><thead><tr><th>Pair</th><th>Source</th>'
        yield '<th>Target</th><th class="number">Words</th><th>Sentences</th></tr></thead><tbody>'
        for pair in pairs:
            yield (
                f"<tr><td>{place(pair)}</td>"
                f'<td><div lang="{escape(source)}" dir="auto">{escape(pair.source)}</div></td>'
                f'<td><div lang="{escape(target)}" dir="auto">{escape(pair.target)}</div></td>'
                f'<td class="number">{self._words[pair]:,}</td>'
                f"<td>{self._links(self._places[pair])}</td></tr>"
            )
        yield "</tbody></table></div>"

    def _links(self, numbers: Sequence[int]) -> str:
        """The first sentences of some, to go there."""
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
            '<p class="note">Left the source, right its translation. A ribbon between them is as '
            "thick as the decoder looked at that word when it wrote the other one. What comes in "
            "from the right, in colour, is what a remembered pair said for a word; the number is "
            "the memory’s share in its probability. Point at a word or a pair to see it alone.</p>"
        )
        if len(self._drawn) > OPEN:
            yield '<p class="filter"><input type="checkbox" id="only"/> '
            yield '<label for="only">Only sentences in which the memory spoke</label></p>'
        opened = ' open="open"' if len(self._drawn) <= OPEN else ""
        for number, share, summary, drawing in self._drawn:
            silent = "" if share else " silent"
            yield f'<details class="sentence{silent}"{opened}>{summary}'
            yield f'<div id="n{number}">{drawing}</div></details>'
        if self.sentences > len(self._drawn):
            rest = _count(self.sentences - len(self._drawn), "further sentence")
            yield f'<p class="note">{rest} counted above, not drawn.</p>'
        yield "</section>"


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}" + ("" if number == 1 else "s")


def _style() -> str:
    """The style sheet: page.css, and rules for every row and for what is pointed at."""
    rules = [(files("rarenmt.translator") / "page.css").read_text("utf-8")]
    rules += [f".y{i}{{grid-row-start:{i}}}" for i in range(1, ROWS)]
    rules += [f".h{i}{{grid-row-end:span {i}}}" for i in range(1, ROWS)]
    for kind, most in (("s", 80), ("t", 80), ("k", PAIRS)):
        rules += [
            f".part:has(.{kind}{i}:hover) path:not(.{kind}{i}){{opacity:.07}}" for i in range(most)
        ]
    return "\n".join(rules)

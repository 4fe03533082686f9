"""Marks around a text are peeled off."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarenmt.translator.preparation.marks import peel


def inner(text: str) -> list[str]:
    """What is left of a text after all layers of marks."""
    found = []
    layers = [(0, len(text))]
    while layers:
        start, end = layers.pop(0)
        stretches = peel(text, start, end, "de")
        if stretches == [(start, end, False, None)]:
            found.append(text[start:end])
        else:
            layers[:0] = [(each.start, each.end) for each in stretches if not each.mark]
    return found


@pytest.mark.parametrize(
    "text",
    ['"{}"', "“{}”", "**{}**", "({})", "*{}*", "~~{}~~", "<p>{}</p>", "<td><b>{}</b></td>",
     "> {}", ">> {}", "• {}", "1) {}", "a) {}", "12. {}", "- [ ] {}", "## {}", "§ 2 {}", "| {} |",
     "🔥 {}", "★ {} ★", "→ {}", "{} 😊😊", "\x1b[31m{}\x1b[0m", "**“{}”**", "<br>{}", "12\t{}",
     '<a href="x?y=1">{}</a>', "'{}'"],
)  # fmt: skip
def test_marks_are_no_part_of_the_sentence(text: str) -> None:
    assert "I don't know." in inner(text.format("I don't know."))


@pytest.mark.parametrize(
    "text",
    ["I know.", '"Yes" and "no"', "*a* and *b*", "<b>Open</b> the <b>door</b>",
     "It is 90°", "1984 was cold", "-1 degree", "I am here", "*required"],
)  # fmt: skip
def test_what_belongs_to_the_sentence_stays(text: str) -> None:
    assert inner(text) == [text]


def test_branches_of_icu_messages_are_texts() -> None:
    text = "{n, plural, one {# new file} other {# new files}}"

    assert inner(text) == ["new file", "new files"]


def test_quotation_marks_become_those_of_the_language() -> None:
    marks = [each.replacement for each in peel('"Hi"', 0, 4, "de") if each.mark]

    assert marks == ["„", "“"]


ALPHABET = "ab .,-*_~\"'“”„«»‘’()[]<>/|{}#>•§1😊\t\u2028"


@given(st.text(st.one_of(st.sampled_from(ALPHABET), st.characters(exclude_categories=["Cs"]))))
def test_stretches_cover_the_text(text: str) -> None:
    stretches = peel(text, 0, len(text), "de")

    assert "".join(text[each.start : each.end] for each in stretches) == text
    assert all(each.start < each.end for each in stretches) or not text


@given(st.text(st.sampled_from(ALPHABET), max_size=30))
def test_peeling_ends(text: str) -> None:
    assert sum(map(len, inner(text))) <= len(text)

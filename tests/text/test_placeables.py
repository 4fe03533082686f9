"""What is kept as it stands is found in the text, and told in pieces."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarenmt.text.lexicon.frequency import Frequencies
from rarenmt.text.placeables import (
    contains,
    find_placeables,
    find_spans,
    missing_marks,
    missing_placeables,
)


def kept(text: str) -> list[str]:
    """The spans of a text, each character of which is a piece."""
    return [text[span.start : span.end] for span in find_spans(list(text))]


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("See https://example.org/a/b.html?x=1&y=2, please.", ["https://example.org/a/b.html?x=1&y=2"]),
        ("(ftp://ftp.example.org/pub/)", ["ftp://ftp.example.org/pub/"]),
        ("Go to www.example.org.", ["www.example.org"]),
        ("Write to anna.b@mail.example.org.", ["anna.b@mail.example.org"]),
        ("{{count}} of {total} in ${place}", ["{{count}}", "{total}", "${place}"]),
        ("%s has %1$s and %d, %.2f, %(name)s, %1.", ["%s", "%1$s", "%d", "%.2f", "%(name)s", "%1"]),
        ("Click <b>Save</b> or <br/>", ["<b>", "</b>", "<br/>"]),
        ("Tom &amp; Ann&#160;B", ["&amp;", "&#160;"]),
        ("Run `git push` now", ["`git push`"]),
        (r"In C:\Users\anna.", [r"C:\Users\anna"]),
        ("In /etc/x.conf, ~/.local/a/ and ./b.sh.", ["/etc/x.conf", "~/.local/a/", "./b.sh"]),
        ("$HOME/a and $(prefix)/etc/b", ["$HOME/a", "$(prefix)/etc/b"]),
        ("MAX_SIZE, first_word, __init__", ["MAX_SIZE", "first_word", "__init__"]),
        ("H2O in an MP3 of KB4012", ["H2O", "MP3", "KB4012"]),
        ("In 1984 and 1,250.50 or 2.14.3", ["1984", "1,250.50", "2.14.3"]),
        ("At 10:30, 555-0199, 24/7, 25%", ["10:30", "555-0199", "24/7", "25"]),
        ("the 20th of the 1950s", ["20", "1950"]),
    ],
)  # fmt: skip
def test_what_is_kept(text: str, spans: list[str]) -> None:
    assert kept(text) == spans


@pytest.mark.parametrize(
    "text",
    [
        "", "He/she and/or it.", "25 % decline is no %", "a < b and c > d", "an _emphasis_ here",
        "I/O, km/h and yes/no", "AT&T; and so on", "{not this one}", "a & b", "% s",
    ],
)  # fmt: skip
def test_ordinary_text_is_translated(text: str) -> None:
    assert [span for span in kept(text) if not span.isdigit()] == []


@pytest.mark.parametrize(
    ("text", "due"),
    [
        ("I have 3 cats.", [False]),
        ("I have 13 cats and 3.5 dogs.", [True, True]),
        ("At 2:30.", [True]),
        ("At 2:30 p.m. or 11 PM.", [False, False]),
        ("{n} cats", [True]),
    ],
)
def test_a_word_may_stand_for_a_digit_and_noon_begins_another_count(
    text: str, due: list[bool]
) -> None:
    assert [span.required for span in find_spans(list(text))] == due


def test_words_with_a_capital_letter_that_training_never_saw_are_names() -> None:
    counts = Frequencies(
        {"in": 9, "tom": 3, "met": 1, "the": 9, "of": 5, "al": 1, "he": 4, "saw": 1}
    )
    text = "Zara met Tom, Karzai's aide, in Al-Quds. Vera saw NATO of Śląsk: Zosia, 12 km off"

    spans = find_spans(list(text), counts)

    assert [text[span.start : span.end] for span in spans] == [
        "Karzai", "Al-Quds", "NATO", "Śląsk", "12",
    ]  # fmt: skip
    assert [span.required for span in spans] == [False] * 4 + [True]
    assert find_spans(list(text), Frequencies()) == find_spans(list(text)) == spans[-1:]


def test_a_span_is_contained_whatever_separates_its_digits() -> None:
    assert contains("1.250 Zeilen", "1250")
    assert contains("Die Karzais", "Karzai")
    assert not contains("rund um die Uhr", "24")
    assert find_placeables("1,250 of {n}") == {"1250", "{n}"}


def test_missing_placeables_are_listed_as_in_the_source() -> None:
    source = "In 1,984 of {n} at 2:30 p.m. Tom had 3 cats and 15 dogs."

    assert missing_placeables(source, "1.984 von 15") == ["{n}"]
    assert missing_placeables(source, "nichts") == ["1,984", "{n}", "15"]


def test_spans_do_not_include_the_space_before_them() -> None:
    spans = find_spans([" See", " ", "1", "9", " www", ".ex.org", ".", " {", "n}"])

    assert [(span.start, span.end) for span in spans] == [(2, 4), (4, 6), (7, 9)]
    assert [span.number for span in spans] == [True, False, False]


@pytest.mark.parametrize("text", ["a", "a.", "_", "1,", "A-", "a@", "/a", "{", "<a", "$(", "-"])
def test_a_long_word_takes_no_long_time(text: str) -> None:
    begin = time.process_time()

    find_spans(list(text * 10_000), Frequencies({"b": 1}))

    assert time.process_time() - begin < 2  # of steps by the square of the length it took 46


@given(st.lists(st.text("ab 12.,:/%{}<>@_&;`$d", min_size=1, max_size=4)))
def test_spans_stand_one_behind_the_other(texts: list[str]) -> None:
    spans = find_spans(texts)

    assert all(0 <= span.start < span.end <= len(texts) for span in spans)
    starts = [span.start for span in spans]
    assert starts == sorted(starts)
    assert all("".join(texts[span.start : span.end]).strip() for span in spans)


@pytest.mark.parametrize(
    ("source", "translation", "missing"),
    [
        ("a **new** car", "ein **neues** Auto", []),
        ("a **new** car", "ein neues Auto", ["**"]),
        ("a **new** car", "ein **new*-Auto", ["**"]),
        ("read [this](b.md)", "lies [das] (b.md)", ["](b.md)"]),
        ("5 * 3 = 15", "fünf mal drei", []),
        ("a *new* car, ~~old~~", "ein *neues* Auto, ~~alt~~", []),
    ],
)
def test_lost_marks_of_markdown_are_named(
    source: str, translation: str, missing: list[str]
) -> None:
    assert missing_marks(source, translation) == missing

"""The page of `translate --explain FILE.html`: whole, closed to the outside, and true."""

import re
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest
from conftest import Command
from hypothesis import given
from hypothesis import strategies as st

from rarenmt.text.pairs import Pair
from rarenmt.translator.html_page import OPEN, SENTENCES, Page
from rarenmt.translator.result import Entry, Origin, Part, Token, Translation

PAIR = Pair("Dostoevsky wrote this.", "Dostojewski schrieb das.", "file.txt", 7)
HOSTILE = "</style><script>alert(1)</script>&amp;<img src=x onerror='alert(2)'>\"\0"
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


def remembered(pair: Pair = PAIR) -> Translation:
    """A sentence of three words, one of them remembered."""
    origin = Origin(0.97, [Entry(pair, (0, 11), 0.93, 0.97)])
    tokens = [
        Token("Ich", None, (0.9, 0.05, 0.05, 0.0)),
        Token(" lese", None, (0.0, 1.0, 0.0, 0.0)),
        Token(" Dostojewski", origin, (0.0, 0.1, 0.9, 0.0)),
    ]
    return Translation("Ich lese Dostojewski", [Part(["I", " read", " Dostoevsky", ""], tokens)])


def plain(text: str) -> Translation:
    return Translation(text, [Part([text, ""], [Token(text, None, (0.8, 0.2))])])


def page(*lines: tuple[str, Translation]) -> Page:
    made = Page("en", "de")
    for number, (source, translation) in enumerate(lines, start=1):
        made.add(number, source, translation)
    return made


def parse(html: str) -> ElementTree.Element:
    """The page as a tree; it is written so that XML parsers read it too."""
    assert html.startswith("<!DOCTYPE html>\n")
    return ElementTree.fromstring(html.removeprefix("<!DOCTYPE html>\n"))


def texts(tree: ElementTree.Element, kind: str) -> list[str]:
    """The texts of the elements of a class."""
    return [
        "".join(element.itertext())
        for element in tree.iter()
        if kind in element.get("class", "").split()
    ]


def test_every_word_pair_and_share_is_readable() -> None:
    tree = parse(page(("I read Dostoevsky", remembered())).html())

    assert texts(tree, "s") == ["I", "read", "Dostoevsky", "end"]
    assert texts(tree, "t") == ["Ich", "lese", "Dostojewski97 %"]
    [box] = texts(tree, "pair")
    for part in ("file.txt:7", PAIR.source, PAIR.target, "Dostojewski 97 % (similarity 0.93)"):
        assert part in box
    assert [mark.text for mark in tree.iter("mark")] == ["Dostojewski"]


def test_a_ribbon_is_as_thick_as_its_weight() -> None:
    tree = parse(page(("I read Dostoevsky", remembered())).html())

    thick = {path.get("class"): float(path.get("stroke-width", "")) for path in tree.iter("path")}
    assert set(thick) == {"s0 t0", "s1 t0", "s2 t0", "s1 t1", "s1 t2 c0", "s2 t2 c0", "t2 k0 c0"}
    assert thick["s1 t1"] > thick["s0 t0"] > thick["s1 t0"]
    assert thick["t2 k0 c0"] == pytest.approx(0.97 * thick["s1 t1"], abs=0.1)


def test_the_overview_counts_sentences_words_and_pairs() -> None:
    other = Pair("Tolstoy", "Tolstoi", "other.txt", 1)
    lines = [("a", remembered()), ("b", plain("b")), ("c", remembered()), ("d", remembered(other))]

    tree = parse(page(*lines).html())

    [summary] = [p.text for p in tree.iter("p") if "remembered pairs" in (p.text or "")][:1]
    assert summary == "3 words from 2 remembered pairs in 3 of 4 sentences."
    rows = [["".join(cell.itertext()) for cell in row.iter("td")] for row in tree.iter("tr")][1:]
    assert [(row[0], row[3], row[4]) for row in rows] == [
        ("file.txt:7", "2", "1, 3"),
        ("other.txt:1", "1", "4"),
    ]


def test_links_lead_to_sentences_that_are_there() -> None:
    tree = parse(page(*[("a", remembered())] * (OPEN + 1), ("  ", plain("  "))).html())

    targets = {element.get("id") for element in tree.iter() if element.get("id")}
    links = {link.get("href", "") for link in tree.iter("a")}
    assert links
    assert all(link.startswith("#") and link[1:] in targets for link in links)


def test_few_sentences_are_open_and_many_closed() -> None:
    few = parse(page(*[("a", remembered())] * OPEN).html())
    many = parse(page(*[("a", remembered())] * (OPEN + 1)).html())

    assert all(element.get("open") for element in few.iter("details"))
    assert not any(element.get("open") for element in many.iter("details"))


def test_nothing_is_fetched_and_no_script_runs() -> None:
    html = page((HOSTILE, remembered(Pair(HOSTILE, HOSTILE, HOSTILE, 1))), ("b", plain("b"))).html()

    tree = parse(html)
    tags = {element.tag for element in tree.iter()}
    assert not tags & {"script", "link", "img", "iframe", "object", "embed", "base", "form"}
    names = {name for element in tree.iter() for name in element.attrib}
    assert not names & {"src", "style", "srcset", "action"}
    assert not [name for name in names if name.startswith("on")]
    style = next(tree.iter("style")).text or ""
    assert not re.search(r"url\(|@import|@font-face|http", style)
    [policy] = [
        meta.get("content", "") for meta in tree.iter("meta") if meta.get("http-equiv") is not None
    ]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")


def test_hostile_text_is_only_text() -> None:
    pair = Pair(HOSTILE, HOSTILE, HOSTILE, 1)

    tree = parse(page((HOSTILE, remembered(pair)), (HOSTILE, plain(HOSTILE))).html())

    shown = HOSTILE.replace("\0", "�")
    assert texts(tree, "source") == [shown, shown]
    assert texts(tree, "translation")[1] == shown
    assert f"{shown}:1" in texts(tree, "location")
    [box] = texts(tree, "pair")
    assert box.count(shown) == 3


@given(text=st.text(max_size=20), weight=st.floats(0, 1), start=st.integers(0, 30))
def test_any_text_makes_a_page(text: str, weight: float, start: int) -> None:
    entry = Entry(Pair(text, text, text, 1), (start, start + 3), 0.5, weight)
    token = Token(text, Origin(weight, [entry]), (0.5, 0.5))

    html = page(("x" + text, Translation(text, [Part([text, ""], [token])]))).html()

    parse(html.encode("utf-8", "strict").decode())


def test_further_sentences_are_counted_not_drawn() -> None:
    html = page(*[("a", plain("a"))] * (SENTENCES + 2)).html()

    assert html.count('class="sentence unaided"') == SENTENCES
    assert "2 further sentences counted above but not drawn." in html
    assert f"of {SENTENCES + 2:,} sentences" in html


def test_a_blank_line_is_passed_over() -> None:
    assert page(("  ", plain("  "))).sentences == 0


# The command


def test_the_command_writes_the_page_and_plain_translations(
    rarenmt: Command, folder: Path, tmp_path: Path
) -> None:
    pairs, made = tmp_path / "pairs.tsv", tmp_path / "page.html"
    pairs.write_text("The cat sleeps.\tDie Katze schläft.\n", "utf-8")
    options = ("translate", "-m", folder, "--beam", "1", "--with", pairs)
    given = b"The cat sleeps.\n\nThe cat\n"

    result = rarenmt(*options, "--explain", made, stdin=given)

    assert result.out == rarenmt(*options, stdin=given).out
    assert result.err == f"explained 2 sentences in {made}\n"
    tree = parse(made.read_text("utf-8"))
    assert texts(tree, "source") == ["The cat sleeps.", "The cat"]
    assert "exact match" in texts(tree, "note")


@pytest.mark.parametrize(
    "arguments",
    [
        ["The cat", "--explain", "PAGE.html"],
        ["--explain", "PAGE.html", "The cat"],
        ["--explain=PAGE.html", "The cat"],
        ["The cat", "--explain=PAGE"],
        ["--explain", "--explain", "PAGE.html", "The cat"],
    ],
)
def test_explain_takes_the_name_of_a_page(
    rarenmt: Command, folder: Path, tmp_path: Path, arguments: list[str]
) -> None:
    given = [argument.replace("PAGE", str(tmp_path / "PAGE")) for argument in arguments]

    result = rarenmt("translate", "-m", folder, "--beam", "1", *given)

    assert result.status == 0
    [made] = tmp_path.glob("PAGE*")
    assert texts(parse(made.read_text("utf-8")), "source") == ["The cat"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--explain", "The cat"],
        ["The cat", "--explain"],
        ["--explain", "Open the index.html"],
        ["--explain", "--", "index.html"],
    ],
)
def test_explain_does_not_take_a_text_for_a_page(
    rarenmt: Command,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)

    result = rarenmt("translate", "-m", folder, "--beam", "1", *arguments)

    assert result.status == 0
    assert result.out.count(b"\n") == 1
    assert not list(tmp_path.glob("*.html"))


def test_a_page_that_cannot_be_written_is_known_at_once(
    rarenmt: Command, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "page.html"

    result = rarenmt("translate", "-m", folder, "The cat", "--explain", path)

    assert (result.status, result.out) == (1, b"")
    assert result.err == f"error: {path}: cannot write: not a directory\n"


# In a browser


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_a_browser_shows_it_without_a_complaint(tmp_path: Path) -> None:
    made = tmp_path / "page.html"
    hostile = Pair(HOSTILE, HOSTILE, HOSTILE, 1)
    page(("I read Dostoevsky", remembered()), (HOSTILE, remembered(hostile))).save(made)

    dom, complaints = browse(made, tmp_path)

    assert "Dostojewski 97 % (similarity 0.93)" in dom
    assert "<script" not in dom
    assert complaints == []


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_the_browser_would_complain_about_a_page_that_fetches(tmp_path: Path) -> None:
    made = tmp_path / "page.html"
    html = page(("I read Dostoevsky", remembered())).html()
    made.write_text(html.replace("<body>", '<body><img src="http://localhost:9/x.png"/>'), "utf-8")

    _, complaints = browse(made, tmp_path)

    assert complaints


def browse(path: Path, folder: Path) -> tuple[str, list[str]]:
    """The page as a browser built it, and what the browser wrote to its console."""
    options = (
        "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync "
        "--disable-background-networking --disable-component-update --enable-logging=stderr"
    )
    command = [CHROMIUM or "", *options.split(), f"--user-data-dir={folder / 'profile'}"]
    done = subprocess.run(
        [*command, "--dump-dom", path.as_uri()], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]

"""TMX: the right texts of what other programs write, and nothing lost on the way out and back."""

import gzip
import io
import json
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.dom import minidom

import pytest
from conftest import Command
from hypothesis import given, settings
from hypothesis import strategies as st

from rarenmt.errors import DataError
from rarenmt.text.corpus.reader import read_corpus
from rarenmt.text.languages import NAMED, OTHER, REGION, SAME, suits
from rarenmt.text.pairs import LONGEST_LINE, Pair
from rarenmt.text.tmx.reader import read_tmx
from rarenmt.text.tmx.writer import write_tmx

HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE tmx SYSTEM "tmx14.dtd">
<tmx version="1.4"><header creationtool="x" creationtoolversion="1" segtype="sentence" o-tmf="x"
 adminlang="EN-US" srclang="en" datatype="plaintext"/><body>
"""
FIRST = HEAD.count("\n") + 1
"""The line on which the body starts."""

FOOT = "</body></tmx>"


@pytest.fixture
def tmx(tmp_path: Path) -> Callable[..., Path]:
    """Write a TMX file with this body."""

    def write(body: str, head: str = HEAD) -> Path:
        path = tmp_path / "memory.tmx"
        path.write_text(head + body + FOOT, "utf-8", newline="")
        return path

    return write


def unit(source: str, target: str = "Katze", attributes: str = "") -> str:
    """A `<tu>` of these segments, which may hold inline elements."""
    return (
        f"<tu{attributes}><tuv xml:lang='en'><seg>{source}</seg></tuv>"
        f"<tuv xml:lang='de'><seg>{target}</seg></tuv></tu>"
    )


def variants(*texts: tuple[str, str], attributes: str = "") -> str:
    """A `<tu>` of these languages and texts."""
    inner = (f"<tuv xml:lang='{name}'><seg>{text}</seg></tuv>" for name, text in texts)
    return f"<tu{attributes}>{''.join(inner)}</tu>"


def read(path: Path, source: str = "en", target: str = "de") -> list[Pair]:
    return list(read_tmx(path, source, target))


def texts(path: Path, source: str = "en", target: str = "de") -> list[tuple[str, str]]:
    return [(pair.source, pair.target) for pair in read(path, source, target)]


def complaint(path: Path, source: str = "en", target: str = "de") -> str:
    with pytest.raises(DataError) as caught:
        read(path, source, target)
    return str(caught.value)


def written(pairs: list[Pair], source: str = "en", target: str = "de") -> bytes:
    stream = io.BytesIO()
    write_tmx(stream, pairs, source, target)
    return stream.getvalue()


def again(pairs: list[Pair], folder: Path) -> list[Pair]:
    """The pairs after a way through TMX."""
    path = folder / "again.tmx"
    path.write_bytes(written(pairs))
    return read(path)


# What other programs write


def test_units_become_pairs_with_the_lines_they_start_on(tmx: Callable[..., Path]) -> None:
    path = tmx(unit("cat") + "\n\n" + unit("water", "Wasser"))

    assert read(path) == [
        Pair("cat", "Katze", str(path), FIRST),
        Pair("water", "Wasser", str(path), FIRST + 2),
    ]


def test_a_file_of_omegat(tmp_path: Path) -> None:
    path = tmp_path / "project-omegat.tmx"
    path.write_text(
        """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE tmx SYSTEM "tmx11.dtd">
<tmx version="1.1">
  <header creationtool="OmegaT" o-tmf="OmegaT TMX" adminlang="EN-US" datatype="plaintext" \
creationtoolversion="6.0" segtype="paragraph" srclang="EN-US"/>
  <body>
<!-- Default translations -->
    <tu>
      <tuv lang="EN-US">
        <seg>The cat</seg>
      </tuv>
      <tuv lang="DE-DE" changeid="anna" changedate="20240131T101500Z">
        <seg>Die Katze</seg>
      </tuv>
    </tu>
<!-- Alternative translations -->
  </body>
</tmx>
""",
        "utf-8",
    )

    (pair,) = read(path)

    assert (pair.source, pair.target, pair.line) == ("The cat", "Die Katze", 7)
    assert json.loads(pair.unit) == {
        "segtype": "paragraph",
        "source": {"xml:lang": "EN-US"},
        "target": {"changedate": "20240131T101500Z", "changeid": "anna", "xml:lang": "DE-DE"},
    }


def test_a_file_of_trados(tmp_path: Path) -> None:
    path = tmp_path / "trados.tmx"
    text = """<?xml version="1.0" encoding="utf-16"?>\r
<tmx version="1.4">\r
  <header creationtool="SDL Language Platform" creationtoolversion="8.0" \
o-tmf="SDL TM8 Format" datatype="xml" segtype="sentence" adminlang="en-GB" srclang="en-GB">\r
    <prop type="x-Recognizers">RecognizeAll</prop>\r
  </header>\r
  <body>\r
    <tu creationdate="20190502T090000Z" creationid="PC\\anna" usagecount="3">\r
      <prop type="x-LastUsedBy">PC\\bert</prop>\r
      <prop type="x-ConfirmationLevel">ApprovedTranslation</prop>\r
      <tuv xml:lang="en-GB">\r
        <seg>Press <bpt i="1" type="13" x="1" />Start<ept i="1" /> now.<ph x="2" type="4"/></seg>\r
      </tuv>\r
      <tuv xml:lang="de-DE">\r
        <seg>Jetzt <bpt i="1" type="13" x="1" />Start<ept i="1" /> drücken.</seg>\r
      </tuv>\r
    </tu>\r
  </body>\r
</tmx>\r
"""
    path.write_bytes(b"\xff\xfe" + text.encode("utf-16-le"))

    (pair,) = read(path)

    assert (pair.source, pair.target) == ("Press Start now.", "Jetzt Start drücken.")
    assert pair.line == 7
    assert json.loads(pair.unit) == {
        "creationdate": "20190502T090000Z",
        "creationid": "PC\\anna",
        "usagecount": "3",
        "datatype": "xml",
        "prop": [
            {"type": "x-LastUsedBy", "text": "PC\\bert"},
            {"type": "x-ConfirmationLevel", "text": "ApprovedTranslation"},
        ],
        "source": {"xml:lang": "en-GB"},
        "target": {"xml:lang": "de-DE"},
    }


def test_a_file_of_weblate(tmp_path: Path) -> None:
    path = tmp_path / "weblate.tmx"
    path.write_text(
        """<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE tmx SYSTEM "tmx14.dtd">
<tmx version="1.4">
  <header creationtool="Translate Toolkit" creationtoolversion="3.8" segtype="sentence" \
o-tmf="UTF-8" adminlang="en" srclang="en" datatype="PlainText"/>
  <body>
  <tu>
      <note>Shown on the door.</note>
      <tuv xml:lang="en">
        <seg>Push</seg>
      </tuv>
      <tuv xml:lang="de">
        <seg>Drücken</seg>
      </tuv>
    </tu></body>
</tmx>""",
        "utf-8",
    )

    (pair,) = read(path)

    assert json.loads(pair.unit) == {
        "datatype": "PlainText",
        "note": [{"text": "Shown on the door."}],
    }


@pytest.mark.parametrize(
    ("segment", "text"),
    [
        ("cat", "cat"),
        ("  cat\n    sat\t\n  down ", "cat sat down"),
        ("two  spaces", "two  spaces"),
        ("a&#10;b", "a b"),
        ("a&#13;&#10;b&#9;c", "a b c"),
        ("K&#228;se &#x1F63A; &lt;b&gt; &amp;amp;", "Käse \U0001f63a <b> &amp;"),
        ("<![CDATA[<b> & ]]>c", "<b> & c"),
        ("ca<!-- not a -->t", "cat"),
        ("ca<?php echo 1 ?>t", "cat"),
        ("a <hi type='x'>big <hi>red</hi></hi> cat", "a big red cat"),
        ("<bpt i='1'>&lt;b&gt;</bpt>cat<ept i='1'>&lt;/b&gt;</ept>", "cat"),
        ("<it pos='begin'>{</it>cat<ph>{1}</ph><ut>}</ut>", "cat"),
        ("<ph>&lt;img alt='<sub>a dog</sub>'&gt;</ph>cat", "cat"),
        ("<ph><ph>x</ph>y</ph>cat<ph/>", "cat"),
        ("a <hi>cat<ph>{<hi>x</hi>}</ph> and</hi> a dog", "a cat and a dog"),
        ("a <mrk>cat</mrk>", "a cat"),
        ("First line<ph>&lt;br/></ph>second line", "First line second line"),
        ("You have <ph>%d</ph> new messages.", "You have new messages."),
        ("One.<ph/>Two: <ph/> three, <bpt i='1'/>four<ept i='1'/>.", "One. Two: three, four."),
        ("page<ph/><ph/>12 <ph/> <ph/> (<bpt i='1'/>x<ept i='1'/>) 3.<ph/>5", "page 12 (x) 3.5"),
        ("<ph/>cat\n <ph/>\n<ph/>sat<ph/>", "cat sat"),
        ("12\xa0<ph/>kg, two  <ph/>  <ph/>dogs", "12\xa0kg, two dogs"),
        ("第<ph/>一章<ph/>abc", "第一章 abc"),
        ("big<hi>cat</hi>", "bigcat"),
        ("a\x85b\u2028c", "a\x85b\u2028c"),
        ("<prop type='x'>cat</prop><tuv/>", "cat"),
    ],
)
def test_a_segment_becomes_one_line_without_codes(
    segment: str, text: str, tmx: Callable[..., Path]
) -> None:
    assert texts(tmx(unit(segment))) == [(text, "Katze")]


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_lines_may_end_in_any_way(ending: str, tmx: Callable[..., Path]) -> None:
    path = tmx("\n\n" + unit("the\ncat"))
    path.write_bytes(path.read_bytes().replace(b"\n", ending.encode()))

    assert [(pair.source, pair.line) for pair in read(path)] == [("the cat", FIRST + 2)]


@pytest.mark.parametrize("name", ["utf-8-sig", "utf-16", "utf-16-le", "latin-1", "cp1252"])
def test_encodings_are_read_as_they_are_declared(name: str, tmx: Callable[..., Path]) -> None:
    declared = {"utf-8-sig": "UTF-8", "utf-16-le": "UTF-16"}.get(name, name)
    path = tmx(unit("cheese", "Käse"), HEAD.replace("UTF-8", declared))
    path.write_bytes(path.read_text("utf-8").encode(name))

    assert texts(path) == [("cheese", "Käse")]


@pytest.mark.parametrize(
    ("suffix", "compress"), [("", bytes), (".gz", gzip.compress), (".xz", lzma.compress)]
)
@pytest.mark.parametrize("name", ["memory.tmx", "MEMORY.TMX"])
def test_a_corpus_named_tmx_is_read_as_such(
    suffix: str, compress: Callable[[bytes], bytes], name: str, tmx: Callable[..., Path]
) -> None:
    plain = tmx(unit("cat"))
    path = plain.with_name(name + suffix)
    path.write_bytes(compress(plain.read_bytes()))

    assert list(read_corpus(str(path), ("en", "de"))) == [Pair("cat", "Katze", str(path), FIRST)]


def test_pairs_arrive_while_the_rest_of_the_file_is_not_there(tmx: Callable[..., Path]) -> None:
    path = tmx(unit("cat") * 2000 + "<oops>")

    assert next(read_tmx(path, "en", "de")).source == "cat"


def test_units_of_one_line_are_counted(tmx: Callable[..., Path]) -> None:
    lacking = variants(("en", "sun"), ("fr", "soleil"))
    path = tmx(unit("cat") + lacking + unit("dog") + "\n" + unit("bird"))

    places = [pair.location.removeprefix(str(path)) for pair in read(path)]

    assert places == [f":{FIRST}", f":{FIRST}#3", f":{FIRST + 1}"]


@settings(deadline=None)
@given(
    words=st.lists(st.text("ab", min_size=1, max_size=3), min_size=1, max_size=6),
    gaps=st.lists(st.text(" |", min_size=1, max_size=4), min_size=6, max_size=6),
)
def test_codes_between_words_never_join_them_nor_double_a_space(
    words: list[str], gaps: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    codes = (f" {gap} " if "|" not in gap else gap for gap in gaps)
    pairs = zip(words, codes, strict=False)
    text = "".join(word + gap.replace("|", "<ph>x</ph>") for word, gap in pairs)
    path = tmp_path_factory.mktemp("codes", numbered=True) / "codes.tmx"
    path.write_text(HEAD + unit(text) + FOOT, "utf-8")

    (pair,) = read(path)

    assert pair.source.split() == words[: len(gaps)]
    for word, gap in zip(words, gaps, strict=False):
        if "|" in gap and "  " not in text.replace("<ph>x</ph>", ""):
            assert "  " not in pair.source, (word, gap)


# Languages


@pytest.mark.parametrize(
    ("language", "answer"),
    [
        ("en", SAME),
        ("EN", SAME),
        (" en ", SAME),
        ("EN_us", NAMED),
        ("en-GB", REGION),
        ("en-Latn-GB", REGION),
        ("eng", SAME),
        ("ENG_us", NAMED),
        ("deu", OTHER),
        ("ger", OTHER),
        ("de", OTHER),
        ("", OTHER),
    ],
)
def test_a_language_is_also_that_of_its_regions(language: str, answer: int) -> None:
    assert suits(language, "en", "de", "en-US") == answer


def test_the_exact_language_is_preferred_then_the_header_then_the_first(
    tmx: Callable[..., Path],
) -> None:
    german = ("de-AT", "Sackerl"), ("de-DE", "Tüte")
    path = tmx(
        variants(("en-GB", "lift"), ("en-US", "elevator"), ("en", "hoist"), *german)
        + variants(("en-GB", "lift"), ("en-US", "elevator"), *german)
        + variants(("en-GB", "lift"), ("en-US", "elevator"), *german, attributes=" srclang='en-GB'")
        + variants(("en-AU", "lift"), ("en-GB", "lift2"), *german),
        HEAD.replace('srclang="en"', 'srclang="en_us"'),
    )

    assert [source for source, _ in texts(path)] == ["hoist", "elevator", "lift", "lift"]
    assert [target for _, target in texts(path)] == ["Sackerl"] * 4
    assert [target for _, target in texts(path, target="de-DE")] == ["Tüte"] * 4


def test_two_regions_of_one_language_are_two_languages(tmx: Callable[..., Path]) -> None:
    both = ("en-US", "elevator"), ("en-GB", "lift")
    path = tmx(variants(*both) + variants(("en", "flat"), both[0]) + variants(both[0]))

    assert texts(path, "en-GB", "en-US") == [("lift", "elevator"), ("flat", "elevator")]
    assert texts(path, "en-US", "en-GB") == [("elevator", "lift"), ("elevator", "flat")]


def test_a_language_into_itself_takes_two_texts(tmx: Callable[..., Path]) -> None:
    path = tmx(variants(("en", "a lift"), ("en", "an elevator"), ("en", "a hoist")))

    assert texts(path, "en", "en") == [("a lift", "an elevator")]


def test_a_file_is_read_in_the_other_direction(tmx: Callable[..., Path]) -> None:
    path = tmx(unit("cat"))

    assert texts(path, "de", "en") == [("Katze", "cat")]
    assert json.loads(read(path, "de", "en")[0].unit) == {"srclang": "en"}


def test_units_that_lack_a_language_are_passed_over_and_counted(tmx: Callable[..., Path]) -> None:
    missing_placeables = [
        variants(("en", "cat"), ("fr", "chat")),
        variants(("de", "Katze")),
        variants(("en", "cat"), ("de", " \n ")),
        "<tu><tuv xml:lang='en'><seg/></tuv><tuv xml:lang='de'><seg>Katze</seg></tuv></tu>",
        "<tu><tuv xml:lang='en'/><tuv><seg>Katze</seg></tuv></tu>",
        "<tu/>",
    ]
    remarks: list[str] = []

    path = tmx("".join(missing_placeables) + unit("dog", "Hund"))
    assert [pair.source for pair in read_tmx(path, "en", "de", remarks.append)] == ["dog"]
    assert remarks == [f"6 units of {path} lack en or de; found en, fr, de, no language"]

    path = tmx(missing_placeables[0] + unit("dog", "Hund"))
    list(read_corpus(str(path), ("en", "de"), remarks.append))
    assert remarks[1:] == [f"1 unit of {path} lacks en or de; found en, fr"]


def test_a_whole_file_is_not_remarked_upon(tmx: Callable[..., Path]) -> None:
    remarks: list[str] = []

    list(read_tmx(tmx(unit("cat")), "en", "de", remarks.append))

    assert remarks == []


def test_an_empty_variant_gives_way_to_a_fuller_one(tmx: Callable[..., Path]) -> None:
    path = tmx(variants(("en", " "), ("en-GB", "lift"), ("de", "Aufzug"), ("de", "Lift")))

    assert texts(path) == [("lift", "Aufzug")]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("", "no text"),
        ("<tu/>", "no text"),
        (variants(("fr-FR", "chat"), ("EN-US", "cat")) * 2, "fr-FR, EN-US"),
        ("<tu><tuv><seg>cat</seg></tuv></tu>", "no language"),
        (
            variants(*((f"x{i}", "cat") for i in range(20))),
            ", ".join(f"x{i}" for i in range(10)),
        ),
    ],
)
def test_the_error_for_a_file_without_a_pair_names_its_languages(
    body: str, found: str, tmx: Callable[..., Path]
) -> None:
    path = tmx(body)

    assert complaint(path) == f"{path}: no unit has text in en and de; found {found}"


# What a unit says of itself


def test_a_unit_keeps_what_tmx_knows_in_one_way(tmx: Callable[..., Path]) -> None:
    path = tmx(
        "<tu tuid='7' changeid='Jürgen' odd='x' xmlns:y='y' y:z='w'>"
        "<note xml:lang='fr'>bon</note><prop type='client'>A &amp; B</prop><note> n </note>"
        "<tuv xml:lang='de' changedate='20240101T000000Z'><prop type='p' lang='de'/>"
        "<seg>Katze</seg></tuv><tuv xml:lang='en'><seg>cat</seg></tuv></tu>"
    )

    assert [pair.unit for pair in read(path)] == [
        '{"changeid":"Jürgen","note":[{"text":"bon","xml:lang":"fr"},{"text":" n "}],'
        '"prop":[{"text":"A & B","type":"client"}],"target":{"changedate":"20240101T000000Z",'
        '"prop":[{"text":"","type":"p","xml:lang":"de"}]},"tuid":"7"}'
    ]


def test_settings_of_the_header_hold_for_each_unit(tmx: Callable[..., Path]) -> None:
    head = (
        "<tmx version='1.4'><header srclang='*all*' adminlang='fr' segtype='phrase' "
        "datatype='html'><prop type='of the header'>x</prop></header><body>"
    )
    path = tmx("<tu segtype='block'><note>bon</note>" + unit("cat").removeprefix("<tu>"), head)

    (pair,) = read(path)

    assert json.loads(pair.unit) == {
        "datatype": "html",
        "note": [{"text": "bon", "xml:lang": "fr"}],
        "segtype": "block",
        "srclang": "*all*",
    }


# Out and back


def test_what_is_written_is_tmx_to_the_byte() -> None:
    said = {"tuid": 'a"\n', "note": [{"text": "<\r"}], "target": {"xml:lang": "de-AT"}}
    pairs = [
        Pair("cat & dog", "Katze", "a.tsv", 3, json.dumps(said), 1_700_000_000),
        Pair("\x01 cat", "Katze", 'say "cat".tsv', 1),
    ]

    assert written(pairs).decode() == (
        '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE tmx SYSTEM "tmx14.dtd">\n'
        '<tmx version="1.4">\n<header adminlang="en" creationtool="rarenmt" '
        'creationtoolversion="0.1.0" datatype="plaintext" o-tmf="rarenmt" segtype="sentence" '
        'srclang="en"/>\n<body>\n'
        '<tu tuid="a&quot;&#10;">\n<note>&lt;&#13;</note>\n'
        '<prop type="x-rarenmt-file">a.tsv</prop>\n<prop type="x-rarenmt-line">3</prop>\n'
        '<prop type="x-rarenmt-time">1700000000</prop>\n'
        '<tuv xml:lang="en"><seg>cat &amp; dog</seg></tuv>\n'
        '<tuv xml:lang="de-AT"><seg>Katze</seg></tuv>\n</tu>\n'
        '<tu>\n<prop type="x-rarenmt-file">say "cat".tsv</prop>\n'
        '<prop type="x-rarenmt-line">1</prop>\n'
        '<tuv xml:lang="en"><prop type="x-rarenmt-text">"\\u0001 cat"</prop>\n'
        "<seg>\ufffd cat</seg></tuv>\n"
        '<tuv xml:lang="de"><seg>Katze</seg></tuv>\n</tu>\n</body>\n</tmx>\n'
    )


NO_SURROGATES = st.characters(exclude_categories=["Cs"])

LINES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\t\n")).filter(
    str.strip
)
"""What a line of a TSV file can hold on either side of its tab."""

LEGAL = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff")
    | st.sampled_from("\t\n\r")
)
"""What XML can hold."""

NOTES = st.lists(
    st.fixed_dictionaries({"text": LEGAL}, optional={"xml:lang": LEGAL, "o-encoding": LEGAL}),
    min_size=1,
    max_size=3,
)
PROPS = st.lists(
    st.fixed_dictionaries(
        {"text": LEGAL, "type": LEGAL.map("x-{}".format)}, optional={"xml:lang": LEGAL}
    ),
    min_size=1,
    max_size=3,
)
SIDE = {"creationid": LEGAL, "changedate": LEGAL, "note": NOTES, "prop": PROPS}


def said_of(language: str) -> st.SearchStrategy[dict[str, Any]]:
    """What a `<tuv>` says, at least one thing."""
    regions = st.sampled_from([f"{language}-AT", language.upper()])
    return st.fixed_dictionaries({}, optional={**SIDE, "xml:lang": regions}).filter(bool)


SAID = st.fixed_dictionaries(
    {},
    optional={
        **SIDE,
        "tuid": LEGAL,
        "segtype": st.just("block"),
        "srclang": st.just("fr"),
        "source": said_of("en"),
        "target": said_of("de"),
    },
)
UNITS = SAID.map(
    lambda said: (
        json.dumps(said, sort_keys=True, ensure_ascii=False, separators=(",", ":")) if said else ""
    )
)
PAIRS = st.builds(
    Pair,
    LINES,
    LINES,
    st.text(NO_SURROGATES),
    st.integers(1, 2**31 - 1),
    UNITS,
    st.none() | st.integers(-(10**17), 10**17),
    st.integers(1, 2**31 - 1),
)


@settings(deadline=None)
@given(pairs=st.lists(PAIRS, min_size=1, max_size=4))
def test_pairs_come_back_from_tmx_as_they_were(
    pairs: list[Pair], tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert again(pairs, tmp_path_factory.mktemp("tmx", numbered=True)) == pairs


@settings(max_examples=50, deadline=None)
@given(pairs=st.lists(PAIRS, max_size=3))
def test_what_is_written_is_well_formed_and_always_the_same(pairs: list[Pair]) -> None:
    text = written(pairs)

    assert minidom.parseString(text).documentElement.tagName == "tmx"  # type: ignore[union-attr]
    assert written(pairs) == text


@pytest.mark.parametrize("character", ["x", "\x01", "ä", "\U0001f63a", '"', "\ufffe", "<"])
def test_the_longest_line_comes_back(character: str, tmp_path: Path) -> None:
    line = character * (LONGEST_LINE - 1)
    pairs = [Pair(line, "x", "a.tsv", 1), Pair("x", line, "a.tsv", 2)]

    assert again(pairs, tmp_path) == pairs


def test_a_foreign_file_keeps_its_content_when_read_and_written(tmx: Callable[..., Path]) -> None:
    head = (
        "<tmx version='1.4'><header srclang='FR' adminlang='fr' segtype='phrase' datatype='html'/>"
        "<body>"
    )
    body = "<tu usagecount='2'><note>\n bon\r\n</note>" + variants(
        ("EN-gb", "lift"), ("de", "Aufzug"), ("fr", "ascenseur")
    ).removeprefix("<tu>")
    pairs = read(tmx(body, head))

    assert again(pairs, tmx("").parent) == pairs


def test_a_segment_that_was_changed_since_counts(tmp_path: Path) -> None:
    text = written([Pair(" cat ", " Katze ", "a.tsv", 4)])
    path = tmp_path / "changed.tmx"
    path.write_bytes(text.replace(b"<seg>Katze<", b"<seg>Kater<"))

    assert read(path) == [Pair(" cat ", "Kater", "a.tsv", 4)]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("line", "0"),
        ("line", "-1"),
        ("line", "2147483648"),
        ("line", "1" * 5000),
        ("line", "٣"),
        ("line", "1.0"),
        ("line", ""),
        ("file", '"half'),
        ("file", '"\\ud800"'),
        ("file", '"' + "[" * 100_000),
        ("file", "x" * 5000),
    ],
)
def test_a_place_that_cannot_be_is_that_in_the_tmx_file(
    name: str, value: str, tmx: Callable[..., Path]
) -> None:
    props = {"file": "a.tsv", "line": "3"} | {name: value}
    inner = "".join(f"<prop type='x-rarenmt-{k}'>{v}</prop>" for k, v in props.items())
    path = tmx("<tu>" + inner + unit("cat").removeprefix("<tu>"))

    assert read(path) == [Pair("cat", "Katze", str(path), FIRST)]


@pytest.mark.parametrize("time", ["soon", "", "1e9", "1" * 19, "1" * 5000, "٣", " 5"])
def test_a_time_that_cannot_be_is_none(time: str, tmx: Callable[..., Path]) -> None:
    prop = f"<prop type='x-rarenmt-time'>{time}</prop>"
    path = tmx("<tu>" + prop + unit("cat").removeprefix("<tu>"))

    assert read(path) == [Pair("cat", "Katze", str(path), FIRST)]


@pytest.mark.parametrize(
    "exact", ['"ca\\u0000t"', '"ca\\tt"', '"ca\\nt"', '"\\ud800cat"', '"dog"', '" cat', "[]", "NaN"]
)
def test_an_exact_text_that_no_line_can_hold_does_not_count(
    exact: str, tmx: Callable[..., Path]
) -> None:
    prop = f"<prop type='x-rarenmt-text'>{exact}</prop>"
    path = tmx(unit("cat").replace("<seg>", prop + "<seg>", 1))

    assert read(path) == [Pair("cat", "Katze", str(path), FIRST)]


@pytest.mark.parametrize(
    "said",
    [
        "{", "[]", "1", '"tuid"', '{"tuid":1}', '{"tuid":"\\u0001"}', '{"note":[1]}', '{"note":1}',
        '{"note":[{}]}', '{"source":[]}', '{"source":{"note":[{"text":null}]}}',
        '{"tuid":"\\ud800"}', "[" * 100_000,
    ],
)  # fmt: skip
def test_a_damaged_unit_is_one_sentence(said: str) -> None:
    with pytest.raises(DataError) as caught:
        written([Pair("cat", "Katze", "a.tsv", 3, said)])

    assert str(caught.value) == "a.tsv:3: the metadata of its TMX unit are damaged"


# As a command


def test_the_command_remembers_tmx_and_remarks_upon_it(
    rarenmt: Command, folder: Path, tmx: Callable[..., Path], tmp_path: Path
) -> None:
    path = tmx(unit("cat") + variants(("en", "dog")))

    result = rarenmt("remember", path, "-m", folder, "--memory", tmp_path / "m")

    assert result.status == 0
    assert result.err.startswith(f"1 unit of {path} lacks en or de; found en\nremembered ")


def test_the_command_reports_an_error_in_one_sentence(
    rarenmt: Command, folder: Path, tmx: Callable[..., Path], tmp_path: Path
) -> None:
    path = tmx(unit("cat") + "\n<tu>")

    result = rarenmt("remember", path, "-m", folder, "--memory", tmp_path / "m")

    assert (result.status, result.err) == (
        1,
        f"error: {path}:{FIRST + 1}: not well-formed XML: mismatched tag\n",
    )
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize("verb", [["score"], ["reproduce", "gnmt"]])
def test_tmx_is_a_corpus_of_every_command(
    verb: list[str], rarenmt: Command, folder: Path, tmx: Callable[..., Path]
) -> None:
    path = tmx(unit("cat") + unit("dog", "Hund"))

    result = rarenmt(*verb, path, "-m", folder, "--beam", "1")

    assert result.status == 0, result.err


def test_training_reads_tmx_in_its_own_languages(
    rarenmt: Command, number_format: str, tmx: Callable[..., Path], tmp_path: Path
) -> None:
    path = tmx(variants(("fr", "chat"), ("hsb", "kočka")))
    result = rarenmt(
        "train", path, "--dev", path, "-o", tmp_path / "out", "--target-language", "hsb",
        number_format,
    )  # fmt: skip

    assert result.err == (f"error: {path}: no unit has text in en and hsb; found fr, hsb\n")

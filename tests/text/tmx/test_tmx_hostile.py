"""TMX that was damaged or made to do harm: one sentence or pairs, in bounded time and memory."""

import gzip
import io
import random
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Iterable, Iterator
from itertools import islice, pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rarenmt.errors import DataError, RareError
from rarenmt.text.pairs import LONGEST_LINE, Pair
from rarenmt.text.tmx.parser import Parser
from rarenmt.text.tmx.reader import read_tmx
from rarenmt.text.tmx.writer import write_tmx

HEAD = "<tmx version='1.4'><header srclang='en'/><body>"
UNIT = "<tu><tuv xml:lang='en'><seg>cat</seg></tuv><tuv xml:lang='de'><seg>Katze</seg></tuv></tu>"
FOOT = "</body></tmx>"

BILLION = (
    '<!DOCTYPE tmx [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {name} "{f"&{before};" * 10}">' for before, name in pairwise("abcdefghi"))
    + "]>"
)


class Endless(io.RawIOBase):
    """A stream of parts that are made as they are read."""

    def __init__(self, parts: Iterable[bytes]) -> None:
        self.parts = iter(parts)
        self.given = 0

    def read(self, size: int = -1) -> bytes:
        part = next(self.parts, b"")
        self.given += len(part)
        return part


def repeated(before: str, part: str, count: int, after: str = "") -> Iterator[bytes]:
    """A file in chunks, with the part so many times in its middle."""
    if before:
        yield before.encode()
    some = max(1, 65536 // len(part))
    for _ in range(count // some):
        yield (part * some).encode()
    yield (part * (count % some) + after).encode()


def complaint(content: str | bytes, folder: Path) -> str:
    path = folder / "hostile.tmx"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(DataError) as caught:
        list(read_tmx(path, "en", "de"))
    return str(caught.value).removeprefix(str(path))


def complaint_about(stream: Endless) -> str:
    with pytest.raises(DataError) as caught:
        for _ in Parser(Path("endless.tmx")).parse(stream):  # type: ignore[arg-type]
            pass
    return str(caught.value).removeprefix("endless.tmx")


def whole_file() -> bytes:
    """A file with something of everything."""
    said = '{"note":[{"text":"n"}],"prop":[{"text":"x","type":"y"}],"tuid":"1"}'
    stream = io.BytesIO()
    write_tmx(
        stream, [Pair(" cät ", "Katze", "a.tsv", i, said, 5) for i in range(1, 4)], "en", "de"
    )
    return stream.getvalue()


# Not TMX


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", ":1: not well-formed XML: no element found"),
        (b"   \n \n", ":3: not well-formed XML: no element found"),
        (b"cat\tKatze\n", ":1: not well-formed XML: syntax error"),
        (b"\0" * 100_000, ":1: not well-formed XML: invalid token"),
        (b"\x89PNG\r\n\x1a\n\0\0", ":1: not well-formed XML: invalid token"),
        (b"<html>\n</html>", ":1: the root is <html>; expected a TMX file, whose root is <tmx>"),
        (b"<!-- x -->\n<TMX/>", ":2: the root is <TMX>; expected a TMX file, whose root is <tmx>"),
        (b"<tmx/>\n<tmx/>", ":2: not well-formed XML: junk after document element"),
        (b"<tmx>\n<body>\n</tmx>", ":3: not well-formed XML: mismatched tag"),
        (b"<tmx a='1' a='2'/>", ":1: not well-formed XML: duplicate attribute"),
        (b"<tmx>\n\x01</tmx>", ":2: not well-formed XML: invalid token"),
        (b"<tmx>&#1;</tmx>", ":1: not well-formed XML: reference to invalid character number"),
        (
            b"<tmx>\n\n<a>K\xe4se</a></tmx>",
            ":3: byte 0xe4 is not UTF-8; the file seems to be in ISO-8859-1; convert it first: "
            "iconv -f ISO-8859-1 -t UTF-8 FILE > NEW",
        ),
        (
            b"<?xml version='1.0' encoding='UTF-8'?><tmx>" + b"<a/>" * 70_000 + b"\n<a>\x93a\x94",
            ":2: byte 0x93 is not UTF-8; the file seems to be in WINDOWS-1252; convert it first: "
            "iconv -f WINDOWS-1252 -t UTF-8 FILE > NEW",
        ),
        (
            b"<tmx>\xed\xa0\x80</tmx>",
            ":1: byte 0xed is not UTF-8; convert the file first, for example with iconv",
        ),
        (b"\xff\xfe<\0t\0m\0x\0/", ":1: not well-formed XML: unclosed token"),
        ("<tmx>" + UNIT.replace("<tuv", "<tu><tuv", 1) + "</tmx>", ":1: a <tu> inside a <tu>"),
        (
            "<tmx><tu><tuv><tuv/></tuv></tu></tmx>",
            ":1: a <tuv> that is not a child of a <tu>",
        ),
        ("<tmx><tuv/></tmx>", ":1: a <tuv> that is not a child of a <tu>"),
    ],
)
def test_what_is_no_tmx_is_one_sentence(
    content: str | bytes, sentence: str, tmp_path: Path
) -> None:
    assert complaint(content, tmp_path) == sentence


@pytest.mark.parametrize(
    "encoding",
    ["klingon", "shift_jis", "gb18030", "utf-7", "utf8", "utf-32", "punycode", "idna", "rot13",
     "base64", "undefined", "mbcs", "e" * 1000],
)  # fmt: skip
def test_an_encoding_that_cannot_be_read_is_one_sentence(encoding: str, tmp_path: Path) -> None:
    declaration = f"<?xml version='1.0' encoding='{encoding}'?>"

    assert complaint(declaration + HEAD + UNIT + FOOT, tmp_path) == (
        f":1: cannot read the encoding {encoding[:60]!r}; "
        "convert the file to UTF-8 and declare that in its first line"
    )


@pytest.mark.parametrize("encoding", ["utf-16", "cp037", "cp424", "UTF-16BE", "iso-8859-99"])
def test_a_wrong_encoding_is_one_sentence(encoding: str, tmp_path: Path) -> None:
    declaration = f"<?xml version='1.0' encoding='{encoding}'?>"

    assert complaint(declaration + HEAD + UNIT + FOOT, tmp_path).startswith(":1: ")


def test_a_name_of_megabytes_is_not_repeated_in_the_sentence(tmp_path: Path) -> None:
    assert len(complaint("<" + "x" * 3_000_000 + "/>", tmp_path)) < 200


# Damage


def test_a_truncated_file_is_one_sentence_wherever_it_ends(tmp_path: Path) -> None:
    whole = whole_file()
    end = whole.rindex(b">")  # without the last line feed it is whole

    for size in range(0, end, 7):
        assert "not well-formed XML" in complaint(whole[:size], tmp_path)


@settings(deadline=None)
@given(
    damage=st.lists(
        st.tuples(st.integers(0, len(whole_file()) - 1), st.integers(0, 255)), max_size=4
    )
)
def test_changed_bytes_give_pairs_or_a_sentence(
    damage: list[tuple[int, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    content = bytearray(whole_file())
    for place, byte in damage:
        content[place] = byte

    assert_harmless(bytes(content), tmp_path_factory.mktemp("damaged"))


def test_flipped_bits_and_lost_pieces_give_pairs_or_a_sentence(tmp_path: Path) -> None:
    rng = random.Random(1)
    whole = whole_file()
    for encoded in (whole, whole.decode().replace("UTF-8", "UTF-16").encode("utf-16")):
        for _ in range(150):
            content = bytearray(encoded)
            for _ in range(rng.choice([1, 1, 2, 10])):
                content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
            if rng.random() < 0.3:
                a, b = sorted(rng.choices(range(len(content)), k=2))
                del content[a:b]
            assert_harmless(bytes(content), tmp_path)


@pytest.mark.parametrize("suffix", [".gz", ".xz"])
def test_a_truncated_compressed_file_is_one_sentence(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"memory.tmx{suffix}"
    path.write_bytes(gzip.compress(whole_file())[:100])

    with pytest.raises(DataError, match=f"is not a complete {suffix} file"):
        list(read_tmx(path, "en", "de"))


def assert_harmless(content: bytes, folder: Path) -> None:
    """The file is refused in one sentence, or its pairs are such as a memory can hold."""
    path = folder / "damaged.tmx"
    path.write_bytes(content)
    sentence, pairs = outcome(path)
    assert (sentence == "") == bool(pairs)
    assert "\n" not in sentence
    for pair in pairs:
        assert pair.source.strip()
        assert pair.target.strip()
        assert not set("\0\t\n") & set(pair.source + pair.target)
        assert pair.line > 0
        "".join([pair.source, pair.target, pair.path, pair.unit]).encode()


def outcome(path: Path) -> tuple[str, list[Pair]]:
    """What is complained about, or the pairs."""
    try:
        return "", list(read_tmx(path, "en", "de"))
    except RareError as error:
        return str(error), []


# Entities


@pytest.mark.parametrize(
    ("prolog", "name"),
    [
        (BILLION, "a"),
        ('<!DOCTYPE tmx [<!ENTITY file SYSTEM "file:///etc/passwd">]>', "file"),
        ('<!DOCTYPE tmx [<!ENTITY web SYSTEM "http://127.0.0.1:1/x">]>', "web"),
        ('<!DOCTYPE tmx [<!ENTITY % part SYSTEM "part.dtd"> %part;]>', "part"),
        ('<!DOCTYPE tmx [<!NOTATION n SYSTEM "n"><!ENTITY pic SYSTEM "p" NDATA n>]>', "pic"),
        ('<!DOCTYPE tmx [<!ENTITY kat "' + "Katze " * 9000 + '">]>', "kat"),
    ],
)
def test_an_entity_is_refused_where_it_is_declared(prolog: str, name: str, tmp_path: Path) -> None:
    body = UNIT.replace("Katze", f"&{name if name != 'a' else 'i'};")

    assert complaint(f"{prolog}{HEAD}{body}{FOOT}", tmp_path) == (
        f":1: declares the entity {name!r}; TMX files need no entities"
    )


def test_an_entity_of_an_external_declaration_is_not_dropped_in_silence(tmp_path: Path) -> None:
    prolog = '<!DOCTYPE tmx SYSTEM "tmx14.dtd">\n'

    assert complaint(prolog + HEAD + UNIT.replace("cat", "a&nbsp;cat") + FOOT, tmp_path) == (
        ":2: unknown entity 'nbsp'; write the character itself"
    )


def test_external_declarations_are_not_fetched(tmp_path: Path) -> None:
    (tmp_path / "tmx14.dtd").write_text("<!ENTITY nbsp '&#160;'> nonsense")
    path = tmp_path / "x.tmx"
    path.write_text('<!DOCTYPE tmx SYSTEM "tmx14.dtd">' + HEAD + UNIT + FOOT)

    assert [pair.source for pair in read_tmx(path, "en", "de")] == ["cat"]


def test_declared_attributes_are_not_added_to_every_element(tmp_path: Path) -> None:
    path = tmp_path / "x.tmx"
    declared = f'<!DOCTYPE tmx [<!ATTLIST tu tuid CDATA "{"x" * 50_000}">]>'
    path.write_text(declared + HEAD + UNIT * 100 + FOOT)

    assert {pair.unit for pair in read_tmx(path, "en", "de")} == {""}


# Amounts

MEGABYTES_200 = 200_000_000


@pytest.mark.parametrize(
    ("before", "part", "sentence"),
    [
        (HEAD + "<tu tuid='", "x", "a tag or comment of over 4,194,304 bytes"),
        (HEAD + "<tu ", "a='x' ", "a tag or comment of over 4,194,304 bytes"),
        (HEAD + "<", "x", "a tag or comment of over 4,194,304 bytes"),
        ("<!--", " x", "a tag or comment of over 4,194,304 bytes"),
        ("<?x ", " x", "a tag or comment of over 4,194,304 bytes"),
        ("<!DOCTYPE tmx SYSTEM '", "x", "a tag or comment of over 4,194,304 bytes"),
        ("<!DOCTYPE tmx [", "<!ELEMENT x ANY>", "a document type declaration of over 65,536 bytes"),
        ("<!DOCTYPE tmx [<!ATTLIST tu ", "x CDATA '' ", "a document type declaration of over "),
        ("<!DOCTYPE tmx [<!ELEMENT x ", "(", "a document type declaration of over "),
        (HEAD, "<a>", "over 100 nested elements"),
        (HEAD + "<tu><tuv><seg>", "<hi>", "over 100 nested elements"),
        (HEAD + "<tu><tuv><seg>", "a cat ", "over 4,194,304 characters in one unit"),
        (HEAD + "<tu><tuv><seg>", "<hi>a </hi>", "over 10,000 elements and pieces of text"),
        (HEAD + "<tu><note>", "\n", "over 4,194,304 characters in one unit"),
        (HEAD + "<tu><prop type='x-rarenmt-file'>", "x", "over 4,194,304 characters in one unit"),
        (HEAD + "<tu>", "<note/>", "over 10,000 elements and pieces of text in one unit"),
        (HEAD + "<tu>", "<tuv/>", "over 10,000 elements and pieces of text in one unit"),
        (HEAD + "<tu>", "<prop type='x-rarenmt-file'>y</prop>", "over 10,000 elements"),
        (
            HEAD + "<tu>",
            f"<tuv><seg>{'cat ' * 20_000}</seg></tuv>",
            "over 4,194,304 characters in one unit",
        ),
        (HEAD + "<tu><tuv><seg><ph>", "<x/>", ""),
        (HEAD, "<tu/>", ""),
        (HEAD, UNIT, ""),
    ],
)
def test_an_amount_without_end_is_refused_early_or_not_held(
    before: str, part: str, sentence: str
) -> None:
    size = MEGABYTES_200 if sentence else 300_000
    stream = Endless(repeated(before, part, size // len(part)))
    tracemalloc.start()
    begun = time.process_time()
    said = complaint_about(stream)
    seconds = time.process_time() - begun
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert sentence in said
    assert said.count("\n") == 0
    assert stream.given < 6_000_000
    assert peak < 60_000_000
    assert seconds < 20


def test_names_without_end_are_refused() -> None:
    parts = (f"<x{i} y{i}=''/>".encode() for i in range(1_000_000))
    stream = Endless([HEAD.encode(), *(b"".join(islice(parts, 1000)) for _ in range(50))])

    assert "over 10,000 different names of elements and attributes" in complaint_about(stream)
    assert stream.given < 1_000_000


@pytest.mark.parametrize("place", ["{}" + HEAD + UNIT + FOOT, HEAD + "{}" + UNIT + FOOT,
                                   HEAD + UNIT + FOOT + "{}"])  # fmt: skip
def test_white_space_without_end_is_read_to_its_end(place: str) -> None:
    before, after = place.split("{}")
    stream = Endless(repeated(before, " \n", 10_000_000, after))

    assert len(list(Parser(Path("x.tmx")).parse(stream))) == 1  # type: ignore[arg-type]


def test_a_code_of_megabytes_is_not_held(tmp_path: Path) -> None:
    path = tmp_path / "x.tmx"
    path.write_text(HEAD + UNIT.replace("cat", f"<ph>{'x' * 6_000_000}</ph>cat") + FOOT)

    assert [pair.source for pair in read_tmx(path, "en", "de")] == ["cat"]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (
            UNIT.replace("cat", "x" * (LONGEST_LINE + 1)),
            "100,001 characters in one segment; at most 100,000 are read",
        ),
        (
            UNIT.replace("<tu>", f"<tu tuid='{'x' * LONGEST_LINE}' x='y'>"),
            "100,001 characters of attributes; at most 100,000 are read",
        ),
        (
            "<a>" * 100_000 + "</a>" * 100_000,
            "over 100 nested elements",
        ),
        (
            UNIT.replace("<seg>", f"<prop type='x-rarenmt-text'>{'[' * 100_000}</prop><seg>\n&"),
            "not well-formed XML: invalid token",
        ),
    ],
)
def test_what_is_too_long_or_too_deep_is_one_sentence(
    body: str, sentence: str, tmp_path: Path
) -> None:
    assert complaint(HEAD + body + FOOT, tmp_path).endswith(f": {sentence}")


def test_white_space_in_a_segment_takes_no_time(tmp_path: Path) -> None:
    path = tmp_path / "x.tmx"
    spaces = " " * (LONGEST_LINE - 20)
    path.write_text(HEAD + UNIT.replace("cat", f"a{spaces}b\n c") * 20 + FOOT)
    begun = time.process_time()

    assert {pair.source for pair in read_tmx(path, "en", "de")} == {f"a{spaces}b c"}
    assert time.process_time() - begun < 5


def test_a_large_file_takes_no_more_memory_than_a_small_one(tmp_path: Path) -> None:
    """A child process reads 100 MB from 0.4 MB of gzip."""
    path = tmp_path / "bomb.tmx.gz"
    with gzip.open(path, "wb", 1) as stream:
        stream.write((HEAD + UNIT).encode())
        for _ in range(100):
            stream.write(b" " * 1_000_000)
        stream.write(FOOT.encode())
    code = (
        "import resource, sys; from pathlib import Path;"
        "from rarenmt.text.tmx.reader import read_tmx;"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss;"
        "print(len(list(read_tmx(Path(sys.argv[1]), 'en', 'de'))),"
        "resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )

    said = subprocess.run(
        [sys.executable, "-c", code, path], capture_output=True, text=True, check=True
    ).stdout

    pairs, kilobytes = map(int, said.split())
    assert pairs == 1
    assert kilobytes < 30_000

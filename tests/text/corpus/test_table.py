"""Tables as people have them: glossaries, spreadsheets, headers; and nothing lost on the way out
and back."""

import gzip
import io
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rarenmt.errors import DataError
from rarenmt.text.corpus.reader import read_corpus, read_stream
from rarenmt.text.corpus.writer import write_csv, write_tsv
from rarenmt.text.pairs import Pair

LANGUAGES = ("en", "de")
Read = Callable[..., tuple[list[tuple[int, str, str]], list[str]]]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Writes a file; returns line, source and target of its pairs, and the remarks."""

    def write_and_read(
        content: str | bytes, name: str = "pairs.tsv", skip: list[DataError] | None = None
    ) -> tuple[list[tuple[int, str, str]], list[str]]:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        remarks: list[str] = []
        extra = {} if skip is None else {"skip": skip.append}
        pairs = list(read_corpus(str(path), LANGUAGES, remarks.append, **extra))
        places = [(pair.line, pair.source, pair.target) for pair in pairs]
        return places, [remark.removeprefix(str(path)) for remark in remarks]

    return write_and_read


def complaint(read: Read, content: str | bytes, name: str = "pairs.tsv") -> str:
    with pytest.raises(DataError) as caught:
        read(content, name)
    return str(caught.value).partition(name)[2]


# Glossaries


def test_a_plain_file_is_read_without_a_remark(read: Read) -> None:
    assert read("cat\tKatze\n\n#1\tNr. 1\n") == ([(1, "cat", "Katze"), (3, "#1", "Nr. 1")], [])


def test_a_glossary_of_three_columns_gives_the_first_two(read: Read) -> None:
    found, remarks = read("kettle\tKessel\tfor water\nfuse\tSicherung\t\n#old\tAlt\t\n")

    assert found == [(1, "kettle", "Kessel"), (2, "fuse", "Sicherung")]
    assert remarks == [
        ": source and target are columns 1 and 2",
        ": lines that begin with # are comments: 1",
    ]


def test_a_glossary_of_omegat_may_mix_two_and_three_columns(read: Read) -> None:
    head = "# Glossary in tab-separated format -*- coding: utf-8 -*-\n"
    found, remarks = read(head + "kettle\tKessel\n# old\tAlt\nfuse\tSicherung\tnote\n")

    assert found == [(2, "kettle", "Kessel"), (4, "fuse", "Sicherung")]
    assert remarks[1] == ": lines that begin with # are comments: 2"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (
            "kettle\tKessel\nfuse\tSicherung\tnote\n",
            ":2: 3 columns; expected source<TAB>target; to keep two: cut -f1,2 FILE",
        ),
        (
            "fuse\tSicherung\tnote\nkettle\tKessel\n",
            ":1: 3 columns; expected source<TAB>target; to keep two: cut -f1,2 FILE",
        ),
        (
            "1\tkettle\tKessel\n2\tfuse\tSicherung\n",  # numbers are no sources
            ":1: 3 columns; expected source<TAB>target; to keep two: cut -f2,3 FILE",
        ),
        ("kettle\tKessel\nfuse\n", ":2: no tab; expected source<TAB>target"),
        ("# only\n# comments\n", ": contains no sentence pair; expected source<TAB>target lines"),
        ("EN\tDE\n", ": contains no sentence pair; expected source<TAB>target lines"),
    ],
)
def test_what_is_no_glossary_as_a_whole_is_refused(content: str, sentence: str, read: Read) -> None:
    assert complaint(read, content) == sentence


def test_invalid_lines_are_skipped_on_request(read: Read) -> None:
    skipped: list[DataError] = []

    found, _ = read(b"a\tA\tx\nb\nc\tC\ty\td\n\xff\te\nf\tF\t\n", skip=skipped)

    assert [source for _, source, _ in found] == ["a", "f"]
    assert len(skipped) == 3  # each once, though the file is read twice


# Headers


@pytest.mark.parametrize(
    "header",
    [
        "source\ttarget",
        "Source\tTranslation",
        "EN\tDE",
        "en-US\tde_DE",
        "eng\tger",
        "English\tGerman",
        "ENGLISCH\tDeutsch",
        "English (US)\tGerman [de]",
        '"source"\t"target"',
    ],
)
def test_a_header_is_no_pair_unless_a_blank_line_stands_above_it(header: str, read: Read) -> None:
    found, (remark,) = read(f"{header}\nEN 123\tEN 123\n")
    assert found == [(2, "EN 123", "EN 123")]
    assert remark.endswith("are taken for a header, not for a pair; with a blank line above it, "
                           "it is a pair")  # fmt: skip

    found, remarks = read(f"\n{header}\nEN 123\tEN 123\n")
    assert [line for line, _, _ in found] == [2, 3]
    assert not any("header" in each for each in remarks)


@pytest.mark.parametrize(
    "first",
    [
        "English\tEnglisch",
        "German\tDeutsch",
        "source\tQuelle",
        "target\tZiel",
        "EN 123\tDE 123",
        "de facto\ten bloc",
        "en-suite\tde-luxe",
        "France\tFrankreich",
        "fr\tde",
    ],
)
def test_a_pair_is_no_header(first: str, read: Read) -> None:
    source, _, target = first.partition("\t")

    assert read(f"{first}\ncat\tKatze\n") == ([(1, source, target), (2, "cat", "Katze")], [])


def test_only_the_first_line_can_be_a_header(read: Read) -> None:
    assert len(read("cat\tKatze\nEN\tDE\n")[0]) == 2
    assert read("# words\nEN\tDE\ncat\tKatze\n")[0] == [(3, "cat", "Katze")]


@pytest.mark.parametrize(
    ("content", "columns"),
    [
        ("German\tEnglish\nKatze\tcat\n", "2 and 1"),
        ("id\ten\tde\tnote\n7\tcat\tKatze\tx\n", "2 and 3"),
        ("en\tnote\tde\nx\n".replace("x", "cat\tx\tKatze"), "1 and 3"),
    ],
)
def test_a_header_names_the_columns(content: str, columns: str, read: Read) -> None:
    found, remarks = read(content)

    assert found == [(2, "cat", "Katze")]
    assert remarks[1] == f": source and target are columns {columns}"


# Spreadsheets


def test_quotation_marks_around_all_cells_are_those_of_a_spreadsheet(read: Read) -> None:
    found, remarks = read('en\tde\n"cat"\t"Katze"\n"say ""a"""\t"sag ""a"""\n')

    assert found == [(2, "cat", "Katze"), (3, 'say "a"', 'sag "a"')]
    assert remarks[1] == ": lines that lost the quotation marks of a spreadsheet: 2"


def test_quotation_marks_around_some_lines_belong_to_the_text(read: Read) -> None:
    pairs = [(1, '"cat"', '"Katze"'), (2, "dog", "Hund")]
    assert read('"cat"\t"Katze"\ndog\tHund\n') == (pairs, [])
    assert read('"a" and "b"\t"a" und "b"\n')[0] == [(1, '"a" and "b"', '"a" und "b"')]


def test_doubled_quotation_marks_are_those_of_a_spreadsheet_on_any_line(read: Read) -> None:
    found, remarks = read('dog\tHund\n"say ""a"", now"\tSag a\n')

    assert found[1] == (2, 'say "a", now', "Sag a")
    assert len(remarks) == 1


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "utf-8"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize(("name", "mark"), [("a.tsv", "\t"), ("a.csv", ","), ("a.CSV", ";")])
def test_text_of_a_spreadsheet_is_read(
    encoding: str, ending: str, name: str, mark: str, read: Read
) -> None:
    text = f"cheese{mark}Käse{ending}cat{mark}Katze{ending}"

    assert read(text.encode(encoding), name) == ([(1, "cheese", "Käse"), (2, "cat", "Katze")], [])


def test_utf_16_is_read_from_a_big_endian_file_and_from_standard_input(read: Read) -> None:
    text = "\ufeffcheese\tKäse\n"
    stream = io.BufferedReader(io.BytesIO(text.encode("utf-16-le")))

    assert read(text.encode("utf-16-be"))[0] == [(1, "cheese", "Käse")]
    assert list(read_stream(stream, "-", LANGUAGES)) == [Pair("cheese", "Käse", "-", 1)]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("cat\tKatze\n".encode("utf-16")[:-1], ": is not complete UTF-16: truncated data"),
        (
            "cat\tKatze\n".encode("utf-16-le"),
            ":1: UTF-16 without a byte order mark; convert it first: "
            "iconv -f UTF-16LE -t UTF-8 FILE > NEW",
        ),
        (
            "cat\t„Kätzchen“\n".encode("cp1252"),
            ":1: byte 5 (0x84) is not UTF-8; the file seems to be in WINDOWS-1252; "
            "convert it first: iconv -f WINDOWS-1252 -t UTF-8 FILE > NEW",
        ),
    ],
)
def test_another_encoding_is_named(content: bytes, sentence: str, read: Read) -> None:
    assert complaint(read, content) == sentence


# CSV


def test_cells_of_csv_may_hold_marks_and_line_breaks(read: Read) -> None:
    text = 'source,target,note\n"Hi, you","Hallo, ""du""",x\n\n"two\nlines",zwei,\ncat,Katze,\n'

    found, remarks = read(text, "a.csv")

    assert found == [
        (2, "Hi, you", 'Hallo, "du"'), (4, "two lines", "zwei"), (6, "cat", "Katze")
    ]  # fmt: skip
    assert remarks[1:] == [": source and target are columns 1 and 2"]


@pytest.mark.parametrize(
    "text",
    [
        "Hello, Bob;Hallo Bob\n",
        "Hello, Bob;Hallo, Bob\ncat;Katze\n",
        '"Hello, Bob";"Hallo, Bob"\n',
        'Hello, Bob\t"Hallo, Bob"\n',
        "en;de\nHello, Bob;Hallo Bob\n",
        'en,de\n"Hello, Bob",Hallo Bob\nx,a;b\n',
    ],
)
def test_the_delimiter_of_csv_is_found(text: str, read: Read) -> None:
    ((_, source, target), *_), _ = read(text, "a.csv")

    assert source == "Hello, Bob"
    assert target in ("Hallo Bob", "Hallo, Bob")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("cat,Katze\n\"dog,Hund\n", ":2: a quotation mark begins a cell here and none ends it"),
        ("cat,Katze\n\"dog\" x,Hund\n", ":2: not a row of CSV: ',' expected after '\"'"),
        ("cat,Katze\ndog\n", ":2: no comma; expected source,target"),
        ("cat;Katze\ndog\n", ":2: no semicolon; expected source;target"),
        ("cat,\n", ":1: the target is empty; expected source,target"),
        ("", ": contains no sentence pair; expected source,target lines"),
        (b"cat,K\xe4se\n", ":1: byte 6 (0xe4) is not UTF-8; the file seems to be in ISO-8859-1; "
         "convert it first: iconv -f ISO-8859-1 -t UTF-8 FILE > NEW"),
    ],
)  # fmt: skip
def test_a_bad_row_of_csv_is_refused(content: str | bytes, sentence: str, read: Read) -> None:
    assert complaint(read, content, "a.csv") == sentence


def test_invalid_rows_of_csv_are_skipped_on_request(read: Read) -> None:
    skipped: list[DataError] = []

    found, _ = read(b'cat,Katze\n"dog" x,Hund\nx\n\xff,y\nsun,Sonne\n', "a.csv", skip=skipped)

    assert [line for line, _, _ in found] == [1, 5]
    assert len(skipped) == 3


def test_csv_may_be_compressed(read: Read) -> None:
    assert read(gzip.compress(b"cat,Katze\n"), "a.csv.gz")[0] == [(1, "cat", "Katze")]


# Out and back

SIDES = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\t\n\r"), min_size=1),
    st.text('"#,; aE\ufeff', min_size=1, max_size=5),
    st.sampled_from(["en", "DE", "source", "target", "English", '"a"', '"a ""b"""', '""""']),
).filter(str.strip)
PAIRS = st.lists(st.tuples(SIDES, SIDES), min_size=1, max_size=5)


@settings(deadline=None, max_examples=300)
@given(sides=PAIRS, form=st.sampled_from(["tsv", "csv"]))
def test_pairs_come_back_from_tsv_and_csv_as_they_were(
    sides: list[tuple[str, str]], form: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("table", numbered=True) / f"pairs.{form}"
    write = write_tsv if form == "tsv" else write_csv
    with path.open("wb") as stream:
        write(stream, [Pair(*both) for both in sides], LANGUAGES)

    again = read_corpus(str(path), LANGUAGES)

    assert [(pair.source, pair.target) for pair in again] == sides


def test_a_plain_pair_is_written_plainly() -> None:
    stream = io.BytesIO()

    write_tsv(stream, [Pair('"cat"', "Katze"), Pair("dog", "Hund")], LANGUAGES)

    assert stream.getvalue() == b'"cat"\tKatze\ndog\tHund\n'

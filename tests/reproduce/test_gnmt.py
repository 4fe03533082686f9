"""Even lines are the context, odd ones the question, and the oracle has seen everything."""

import json
from pathlib import Path

import pytest
from conftest import SENTENCES, Command

from rarenmt.config import SearchConfig
from rarenmt.reproduce.gnmt import reproduce
from rarenmt.text.pairs import Pair
from rarenmt.translation_memory.store import TranslationMemory
from rarenmt.translator.translator import Translator


@pytest.fixture
def pairs() -> list[Pair]:
    return [Pair(s, t, "test", i) for i, (s, t) in enumerate(SENTENCES, start=1)]


def test_what_is_shown_and_asked(
    folder: Path, pairs: list[Pair], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[tuple[list[str], int]] = []
    asked: list[tuple[list[str], int]] = []
    remember, translate = TranslationMemory.remember, Translator.translate

    def spy_remember(self: TranslationMemory, given: list[Pair], *, passes: int = 1) -> object:
        shown.append(([pair.source for pair in given], passes))
        return remember(self, given, passes=passes)

    def spy_translate(
        self: Translator,
        sources: list[str],
        config: SearchConfig,
        *,
        memory: bool = True,
        explain: bool = True,
    ) -> object:
        asked.append((sources, self.memory.entries.size if memory else 0))
        return translate(self, sources, config, memory=memory, explain=explain)

    monkeypatch.setattr(TranslationMemory, "remember", spy_remember)
    monkeypatch.setattr(Translator, "translate", spy_translate)

    report = reproduce(Translator.load(folder), pairs, SearchConfig(beam=1))

    sources = [pair.source for pair in pairs]
    assert shown == [(sources[::2], 3), (sources, 3)]
    assert [given for given, _ in asked] == [sources[1::2]] * 2 + [sources] * 2
    assert [used > 0 for _, used in asked] == [False, True, False, True]
    ours = [figure.ours for figure in report.figures]
    assert ours[2::3] == [ours[1] - ours[0], ours[4] - ours[3]]
    assert [figure.published for figure in report.figures] == [None, None, 0.5, None, None, 8.0]
    assert [figure.within is None for figure in report.figures] == [True, True, False] * 2


def test_the_command_prints_the_published_gain_beside_ours(
    rarenmt: Command, folder: Path, tmp_path: Path
) -> None:
    path = tmp_path / "test.tsv"
    path.write_text("".join(f"{s}\t{t}\n" for s, t in SENTENCES), "utf-8")

    plain = rarenmt("reproduce", "gnmt", path, "-m", folder, "--beam", "1")
    piped = rarenmt("reproduce", "gnmt", "-", "-m", folder, "--json", stdin=path.read_bytes())
    kept = rarenmt("reproduce", "gnmt", path, "-m", folder, "--json", "-o", tmp_path / "out")

    assert plain.status == 0
    assert "almost +0.5" in plain.out.decode()
    assert json.loads(piped.out)["figures"] == json.loads(kept.out)["figures"]
    assert json.loads((tmp_path / "out" / "gnmt.json").read_bytes()) == json.loads(kept.out)
    assert not (folder / "memory.safetensors").exists()


def test_one_pair_has_no_context(rarenmt: Command, folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "test.tsv"
    path.write_text("a\tb\n", "utf-8")

    result = rarenmt("reproduce", "gnmt", path, "-m", folder)

    assert result.status == 1
    assert "expected at least two" in result.err

"""The index a memory gets, by name or by its size and device."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from conftest import Command

from rarenmt.config import IndexName, SearchConfig
from rarenmt.errors import SettingError
from rarenmt.memory.index import choose as choice
from rarenmt.memory.index.choose import MAX_EXACT_SLOTS, choose_index
from rarenmt.memory.index.exact import ExactIndex
from rarenmt.memory.index.faiss import FaissIndex
from rarenmt.text.pairs import Pair
from rarenmt.translator.translator import Translator

CPU, GPU = torch.device("cpu"), torch.device("cuda")


@pytest.mark.parametrize(
    ("name", "slots", "device", "kind"),
    [
        ("auto", 0, CPU, ExactIndex),
        ("auto", MAX_EXACT_SLOTS, CPU, ExactIndex),
        ("auto", MAX_EXACT_SLOTS + 1, GPU, ExactIndex),
        ("exact", MAX_EXACT_SLOTS + 1, CPU, ExactIndex),
    ],
)
def test_size_and_device_choose_unless_an_index_is_named(
    name: IndexName, slots: int, device: torch.device, kind: type
) -> None:
    assert type(choose_index(name, slots, device)) is kind


def test_faiss_can_be_named_and_serves_what_is_too_large() -> None:
    pytest.importorskip("faiss")

    assert type(choose_index("faiss", 0, CPU)) is FaissIndex
    assert type(choose_index("auto", MAX_EXACT_SLOTS + 1, CPU)) is FaissIndex


def test_without_faiss_what_is_too_large_is_compared_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(choice, "find_spec", lambda name: None)

    assert type(choose_index("auto", MAX_EXACT_SLOTS + 1, CPU)) is ExactIndex


def test_without_its_library_faiss_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faiss", None)

    with pytest.raises(SettingError, match=r"pip install 'rarenmt\[faiss\]'"):
        choose_index("faiss", 0, CPU)


def test_a_whole_memory_answers_alike_through_another_index(folder: Path, tmp_path: Path) -> None:
    """A memory so small that no index has reason to miss anything."""
    pytest.importorskip("faiss")
    path = tmp_path / "memory.safetensors"
    first = Translator.load(folder, memory=path)
    first.memory.remember([Pair("The cat sleeps.", "Die Katze schläft.", "a.tsv", 1)])
    first.memory.save()
    answers = []
    for name in ("exact", "faiss"):
        translator = Translator.load(folder, memory=path, index=name)
        entries = translator.memory.entries
        entries.config = replace(entries.config, lookup="whole", reinforce=True)
        answers.append(
            translator.translate(["The cat sleeps."], SearchConfig(beam=2, repeat=False))
        )

    assert isinstance(entries.index, FaissIndex)
    assert answers[0] == answers[1]


def test_the_flag_names_the_index(rarenmt: Command, folder: Path) -> None:
    known = rarenmt(
        "translate", "-m", folder, "--index", "exact", "--beam", "1", stdin=b"The cat.\n"
    )
    unknown = rarenmt("translate", "-m", folder, "--index", "lsh", stdin=b"The cat.\n")

    assert known.status == 0
    assert unknown.status == 2
    assert "'lsh' is not one of 'auto', 'exact', 'faiss'" in unknown.err

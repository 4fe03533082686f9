"""A model of two layers and eight units, small enough to be built for every test."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import entry_points
from multiprocessing import set_forkserver_preload
from pathlib import Path
from typing import Protocol

import pytest
import torch
from shipped import load_once

from rarenmt.config import Block, Config, MemoryConfig, ModelConfig
from rarenmt.model.checkpoint import save_checkpoint
from rarenmt.model.seq2seq import Model
from rarenmt.text.tokenizer import Tokenizer
from rarenmt.training.precision import bfloat16_is_faster

torch.set_num_threads(1)
set_forkserver_preload(  # for `processes.py`
    ["rarenmt.training.trainer", "rarenmt.translator.translator", "rich.table", "torch._dynamo"]
)


@pytest.fixture(autouse=True)
def data_home(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The user's data folder: an empty one for each test, where no memory of ours is touched."""
    path = tmp_path_factory.mktemp("data")
    monkeypatch.setenv("XDG_DATA_HOME", str(path))
    return path


ALL_BLOCKS: tuple[Block, ...] = ("context", "source", "bottom", "top")
"""Every part that a query can have."""


@pytest.fixture(scope="session")
def tiny_config() -> Config:
    """Two layers on either side, forty pieces, sixteen slots; no dropout."""
    return Config(
        model=ModelConfig(
            vocabulary=40, embedding=6, hidden=8, attention=4, encoder_layers=2, decoder_layers=2,
            dropout=0.0,
        ),
        memory=MemoryConfig(slots=16, block=4, neighbours=4, query=ALL_BLOCKS),
    )  # fmt: skip


@pytest.fixture
def tiny_model(tiny_config: Config) -> Model:
    """Untrained, but with opinions, and the same at every call; in evaluation mode."""
    model = Model(tiny_config)
    model.initialise(torch.Generator().manual_seed(1))
    model.embedding.weight.data *= 30  # or all pieces would be as good as equally likely
    return model.eval()


@dataclass(frozen=True)
class Result:
    """What a command left behind."""

    status: int
    out: bytes
    err: str


class Command(Protocol):
    """Runs the installed command in this process."""

    def __call__(self, *arguments: str | Path, stdin: bytes = b"") -> Result: ...


@pytest.fixture
def loads_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The shipped checkpoint is loaded once a process."""
    for module in ("rarenmt.model.checkpoint", "rarenmt.translator.translator"):
        monkeypatch.setattr(f"{module}.load_checkpoint", load_once)


@pytest.fixture
def rarenmt(
    monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes], tmp_path: Path,
    loads_once: None,
) -> Command:  # fmt: skip
    """The installed `rarenmt` command, found as a shell finds it."""
    (script,) = entry_points(group="console_scripts", name="rarenmt")
    app = script.load()

    def command(*arguments: str | Path, stdin: bytes = b"") -> Result:
        given = tmp_path / "stdin"
        given.write_bytes(stdin)
        monkeypatch.setattr("sys.argv", ["rarenmt", *map(str, arguments)])
        capfdbinary.readouterr()
        with given.open() as stream:
            monkeypatch.setattr("sys.stdin", stream)
            with pytest.raises(SystemExit) as ended:
                app()
        captured = capfdbinary.readouterr()
        status = ended.value.code or 0
        return Result(int(status), captured.out, captured.err.decode())

    return command


@pytest.fixture(scope="session")
def number_format() -> str:
    """The option for the number format that `rarenmt train` would choose here; to measure which is
    faster takes a second, so it is done once."""
    return "--bf16" if bfloat16_is_faster(torch.device("cpu")) else "--no-bf16"


SENTENCES = [
    ("The cat sleeps.", "Die Katze schläft."),
    ("The dog eats bread.", "Der Hund frisst Brot."),
    ("A bird sings in the tree.", "Ein Vogel singt im Baum."),
    ("We drink water.", "Wir trinken Wasser."),
]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint folder: untrained weights and a vocabulary that spells with bytes."""
    path = tmp_path_factory.mktemp("checkpoint") / "tiny-en-de"
    tokenizer = Tokenizer.train([side for pair in SENTENCES for side in pair], 310)
    sizes = ModelConfig(vocabulary=310, embedding=6, hidden=8, attention=4, dropout=0.0)
    model = Model(Config(model=sizes, memory=MemoryConfig(block=4, neighbours=4, query=ALL_BLOCKS)))
    model.initialise(torch.Generator().manual_seed(1))
    save_checkpoint(path, model, tokenizer)
    return path


@contextmanager
def as_an_ordinary_user() -> Iterator[None]:
    """Root may read and write everything; be somebody else for a while."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)

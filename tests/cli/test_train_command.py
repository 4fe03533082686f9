"""`rarenmt train`: what it refuses, and that Ctrl-C or kill -9 costs no more than a few steps."""

import json
import os
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TextIO

import pytest
import torch
from conftest import Command
from processes import Process

from rarenmt.config import MEMORIES
from rarenmt.model.checkpoint import CONFIG, METRICS, TRAINING, VOCABULARY, WORDS, load_checkpoint


def write_corpus(folder: Path) -> None:
    """Digits and the same digits the other way round."""
    rng = random.Random(1)
    with (folder / "corpus.tsv").open("w") as stream:
        for _ in range(120):
            digits = [str(rng.randrange(10)) for _ in range(rng.randint(2, 4))]
            stream.write(f"{' '.join(digits)}\t{' '.join(reversed(digits))}\n")
    (folder / "dev.tsv").write_text("1 2 3\t3 2 1\n4 5\t5 4\n")


def options_for(folder: Path, number_format: str) -> list[str]:
    """A run of a second or two, on the corpus in a folder."""
    return [
        "train", str(folder / "corpus.tsv"), "--dev", str(folder / "dev.tsv"), "--preset", "tiny",
        "--vocabulary", "271", "--steps", "60", "--batch-tokens", "50", "--slots", "64",
        "--memory-positions", "8", "--evaluate-every", "30", "--save-every", "7",
        "--device", "cpu", number_format,
    ]  # fmt: skip


@pytest.fixture
def options(tmp_path: Path, number_format: str) -> list[str]:
    write_corpus(tmp_path)
    return options_for(tmp_path, number_format)


@dataclass(frozen=True)
class Trained:
    """A whole run, in a folder of its own, and what it printed."""

    folder: Path
    status: int
    out: str
    err: str
    seconds: float


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, number_format: str) -> Trained:
    """The run of `options`; nobody may change its folder."""
    work = tmp_path_factory.mktemp("trained")
    write_corpus(work)
    with (
        open(os.devnull, "r+") as nothing,
        (work / "1").open("w") as out,
        (work / "2").open("w") as err,
    ):
        null = nothing.fileno()
        Process("--version", streams=(null, null, null)).wait()  # the first one waits for torch
        streams = (null, out.fileno(), err.fileno())
        began = time.perf_counter()
        process = Process(*options_for(work, number_format), "-o", work / "out", streams=streams)
        status = process.wait()
    seconds = time.perf_counter() - began
    out_text, err_text = ((work / stream).read_text("utf-8") for stream in "12")
    return Trained(work / "out", status, out_text, err_text, seconds)


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def weights(folder: Path) -> list[str]:
    """Names of the weight files; they are made from their content."""
    return json.loads((folder / CONFIG).read_text())["weights"]


def steps(folder: Path) -> list[int]:
    return [json.loads(line)["step"] for line in (folder / METRICS).read_text().splitlines()]


# A whole run


def test_a_run_starts_from_the_weights_and_vocabulary_of_a_checkpoint(
    rarenmt: Command, options: list[str], trained: Trained, tmp_path: Path
) -> None:
    first, second = trained.folder, tmp_path / "second"
    chosen = ["--preset", "tiny", "--vocabulary", "271"]
    rest = [option for option in options if option not in chosen]

    result = rarenmt(*rest, "-o", second, "--from", first, "--learning-rate", "1e-12")

    assert result.status == 0
    assert weights(second) == weights(first)
    assert (second / VOCABULARY).read_bytes() == (first / VOCABULARY).read_bytes()


def test_an_option_that_the_starting_checkpoint_decides_is_an_error(
    rarenmt: Command, options: list[str], tmp_path: Path
) -> None:
    result = rarenmt(*options, "-o", tmp_path / "out", "--from", tmp_path)

    assert result.status == 2
    assert result.err == "error: --preset is given by the checkpoint of --from; leave it out\n"


def test_training_writes_a_folder_and_prints_reports(trained: Trained) -> None:
    folder = trained.folder

    assert (trained.status, trained.out) == (0, "")
    assert files(folder) == {CONFIG, VOCABULARY, WORDS, TRAINING, METRICS, *weights(folder)}
    assert steps(folder) == [25, 30, 50, 60]
    first, second, *reports, last = trained.err.splitlines()
    assert first == "learning a vocabulary of 271 pieces"
    assert second.startswith("120 pairs · ")
    assert [report.split(" · ")[0] for report in reports] == [
        f"step {n}/60" for n in (25, 30, 50, 60)
    ]
    assert last.startswith("done: best dev BLEU ")
    assert last.endswith(f", in {folder}")


def test_a_quiet_run_prints_nothing(rarenmt: Command, options: list[str], tmp_path: Path) -> None:
    options.pop()  # so that the number format is chosen

    result = rarenmt("-q", *options, "--steps", "1", "-o", tmp_path / "out")

    assert (result.status, result.out, result.err) == (0, b"", "")


def test_another_kind_of_memory_keeps_the_other_weights(
    rarenmt: Command, options: list[str], trained: Trained, tmp_path: Path
) -> None:
    first, second = trained.folder, tmp_path / "second"
    chosen = ["--preset", "tiny", "--vocabulary", "271"]
    rest = [option for option in options if option not in chosen]

    result = rarenmt(
        *rest, "-o", second, "--from", first, "--memory-kind", "paper", "--slots", "256",
        "--steps", "1", "--learning-rate", "1e-12",
    )  # fmt: skip

    assert result.status == 0, result.err
    before, after = (load_checkpoint(path, torch.device("cpu")).model for path in (first, second))
    kept, now = before.state_dict(), after.state_dict()
    own = ("query.", "readout.")
    assert after.config.memory == replace(MEMORIES["paper"], slots=256)
    assert all(torch.equal(kept[name], now[name]) for name in kept if not name.startswith(own))
    assert now.keys() - kept.keys() == {
        "query.projections.context.weight", "readout.combine.weight"
    }  # fmt: skip


def test_the_vocabulary_of_another_run_is_used(
    rarenmt: Command, options: list[str], folder: Path, tmp_path: Path
) -> None:
    vocabulary = folder / "vocabulary.model"

    result = rarenmt(*options, "-o", tmp_path / "out", "--vocabulary", vocabulary, "--steps", "1")

    assert result.status == 0
    assert (tmp_path / "out" / "vocabulary.model").read_bytes() == vocabulary.read_bytes()


def test_the_learning_rate_falls_over_the_last_fraction_of_the_steps(
    rarenmt: Command, options: list[str], tmp_path: Path
) -> None:
    short = [*options, "--steps", "2", "--warmup", "0", "--learning-rate", "0.1"]

    for decay in ("0", "1"):
        assert rarenmt(*short, "-o", tmp_path / decay, "--decay", decay).status == 0

    assert weights(tmp_path / "0") != weights(tmp_path / "1")


def test_guided_alignment_lowers_the_attention_loss(
    rarenmt: Command, options: list[str], tmp_path: Path
) -> None:
    short = [*options, "--steps", "50", "--warmup", "0", "--learning-rate", "0.01", "--decay", "0"]

    assert rarenmt(*short, "-o", tmp_path / "out", "--align", "1").status == 0

    lines = (tmp_path / "out" / METRICS).read_text().splitlines()
    first, last = (json.loads(line)["attention_loss"] for line in (lines[0], lines[-1]))
    assert last < first


# Refusals


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (["--steps", "0"], 2, "steps must be at least 1"),
        (["--save-every", "0"], 2, "save_every must be at least 1"),
        (["--evaluate-every", "0"], 2, "evaluate_every must be at least 1"),
        (["--seed", "-1"], 2, "seed must be from 0 to 2³² − 1, not -1"),
        (["--decay", "1.5"], 2, "decay_fraction must be in [0, 1], not 1.5"),
        (["--align", "-1"], 2, "alignment_weight must not be negative, not -1.0"),
        (["--dropout", "1"], 2, "dropout must be in [0, 1), not 1.0"),
        (
            ["--preset", "huge"],
            2,
            "unknown preset 'huge'; choose from tiny, small, everyday, base, gnmt",
        ),
        (["--dev", "{tmp}/none.tsv"], 1, "{tmp}/none.tsv: cannot read: no such file or directory"),
        (
            ["--resume"],
            2,
            "{tmp}/out contains no training run to resume; leave out --resume",
        ),
        (["--accumulate", "0"], 2, "accumulation_steps must be at least 1"),
        (
            ["--vocabulary", "16k"],
            2,
            "--vocabulary 16k: expected a number of pieces, or a vocabulary.model",
        ),
        (
            ["--vocabulary", "9000"],
            2,
            "a vocabulary of 9000 pieces is larger than this data allows; "
            "use --vocabulary 271 or less",
        ),
        (
            ["--slots", "64", "--memory-positions", "65"],
            2,
            "65 positions per step query the memory but it has 64 slots; "
            "use more slots or fewer memory_positions",
        ),
        (
            ["-o", "{tmp}/corpus.tsv"],
            1,
            "{tmp}/corpus.tsv: cannot read: not a directory",
        ),
    ],
)
def test_an_invalid_setting_is_one_sentence(
    arguments: list[str],
    status: int,
    sentence: str,
    rarenmt: Command,
    options: list[str],
    tmp_path: Path,
) -> None:
    given = [argument.format(tmp=tmp_path) for argument in arguments]

    result = rarenmt(*options, "-o", tmp_path / "out", *given)

    assert result.status == status
    assert result.err.splitlines()[-1] == f"error: {sentence.format(tmp=tmp_path)}"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "contains no sentence pair; expected source<TAB>target lines"),
        ("\n \n\r\n", "contains no sentence pair; expected source<TAB>target lines"),
        (f"{101 * '1 '}\t2\n", "every pair is over 100 pieces"),
    ],
)
def test_a_corpus_without_a_pair_to_use_is_named(
    text: str, sentence: str, rarenmt: Command, options: list[str], tmp_path: Path
) -> None:
    (tmp_path / "useless.tsv").write_text(text)

    result = rarenmt(*options, tmp_path / "useless.tsv", "-o", tmp_path / "out")

    assert result.status == 1
    assert result.err.splitlines()[-1] == f"error: {tmp_path / 'useless.tsv'}: {sentence}"


def test_a_folder_with_a_run_in_it_is_refused(
    rarenmt: Command, options: list[str], tmp_path: Path
) -> None:
    (tmp_path / TRAINING).touch()

    result = rarenmt(*options, "-o", tmp_path)

    assert result.status == 2
    assert result.err == (
        f"error: {tmp_path} contains a training run; add --resume, or choose another folder\n"
    )


def test_files_of_a_run_killed_in_its_first_save_are_ignored(
    rarenmt: Command, options: list[str], tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / ".vocabulary.model.x.rarenmt").write_bytes(b"half")
    (folder / WORDS).write_text("of\t1\n")

    result = rarenmt(*options, "-o", folder, "--steps", "1")

    assert result.status == 0
    assert files(folder) == {CONFIG, VOCABULARY, WORDS, TRAINING, METRICS, *weights(folder)}


def test_a_folder_with_anything_else_in_it_is_refused(
    rarenmt: Command, options: list[str], tmp_path: Path
) -> None:
    before = files(tmp_path)

    result = rarenmt(*options, "-o", tmp_path)

    assert result.status == 2
    assert result.err == f"error: {tmp_path} is not empty; choose another folder\n"
    assert files(tmp_path) - {"stdin"} == before


def test_an_empty_folder_is_accepted(rarenmt: Command, options: list[str], tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()

    assert rarenmt(*options, "--steps", "1", "-o", tmp_path / "out").status == 0


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (
            lambda file: None,
            "belongs to another configuration; resume with the options the run was started with",
        ),
        (
            lambda file: file.write_bytes(file.read_bytes()[:1000]),
            "is damaged or not a safetensors file: ",
        ),
    ],
)
def test_a_run_that_cannot_be_resumed_is_one_sentence_and_status_3(
    damage: Callable[[Path], object],
    sentence: str,
    rarenmt: Command,
    options: list[str],
    tmp_path: Path,
) -> None:
    folder = tmp_path / "out"
    rarenmt(*options, "--steps", "1", "-o", folder)
    damage(folder / TRAINING)

    result = rarenmt(*options, "-o", folder, "--resume", "--slots", "65")

    assert result.status == 3
    assert result.err.startswith(f"error: {folder / TRAINING} {sentence}")
    assert result.err.count("\n") == 1


# Interruptions


@pytest.fixture
def start(options: list[str], tmp_path: Path) -> Callable[..., tuple[Process, TextIO]]:
    """Starts a process that trains into the folder `out`; what it writes to stderr."""

    def begin(*arguments: str) -> tuple[Process, TextIO]:
        read, write = os.pipe()
        with open(os.devnull) as nothing, (tmp_path / "stdout").open("w") as out:
            streams = (nothing.fileno(), out.fileno(), write)
            process = Process(*options, "-o", tmp_path / "out", *arguments, streams=streams)
        os.close(write)
        return process, open(read)

    return begin


def test_control_c_saves_and_resume_continues(
    start: Callable[..., tuple[Process, TextIO]], rarenmt: Command, options: list[str],
    tmp_path: Path,
) -> None:  # fmt: skip
    folder = tmp_path / "out"
    process, errors = start("--steps", "100000", "--evaluate-every", "100000")
    with errors:
        for line in errors:
            if line.startswith("step 25/"):
                break
        process.send_signal(signal.SIGINT)
        said = errors.read().splitlines()[-1]

    assert process.wait() == 128 + signal.SIGINT
    assert (tmp_path / "stdout").read_text() == ""
    assert said.startswith("saved at step ")
    assert said.endswith("; continue with --resume")
    step = int(said.split()[3].rstrip(";"))
    assert step >= 25

    result = rarenmt(*options, "-o", folder, "--resume", "--steps", str(step + 2))

    assert result.status == 0
    assert f" · step {step} of {step + 2}\n" in result.err
    assert steps(folder)[-1] == step + 2


@pytest.mark.slow
def test_a_killed_and_resumed_run_equals_an_uninterrupted_one(
    start: Callable[..., tuple[Process, TextIO]], rarenmt: Command, options: list[str],
    trained: Trained, tmp_path: Path,
) -> None:  # fmt: skip
    folder = tmp_path / "out"
    rng = random.Random(os.getpid())

    for kill in range(4):
        process, errors = start(*(["--resume"] if (folder / TRAINING).exists() else []))
        with errors:
            while kill == 1 and not (folder / TRAINING).exists():  # or nothing might be resumed
                assert process.poll() is None
                time.sleep(0.001)
            time.sleep(rng.uniform(0, 1.2 * trained.seconds))
            process.kill()
            process.wait()
    result = rarenmt(*options, "-o", folder, "--resume")

    assert result.status == 0, result.err
    assert weights(folder) == weights(trained.folder)
    assert steps(folder) == sorted(set(steps(folder)))
    assert {30, 60} <= set(steps(folder))

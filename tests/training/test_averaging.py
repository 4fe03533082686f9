"""Weights averaged: over the last steps of a run, and over checkpoints to start from."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import Command
from test_trainer import begin, never, tokenizer  # noqa: F401

from rarenmt.config import Config, ModelConfig
from rarenmt.model.checkpoint import load_checkpoint, save_checkpoint
from rarenmt.model.seq2seq import Model
from rarenmt.training.averaging import AveragedModel
from rarenmt.training.trainer import Trainer

Begin = Callable[..., Trainer]
CPU = torch.device("cpu")


def test_it_is_the_plain_mean_until_it_has_seen_enough_and_then_old_weights_fade() -> None:
    model = Model(Config(model=ModelConfig(vocabulary=300, embedding=8, hidden=8, attention=8)))
    average = AveragedModel(model, 3)
    means = []
    for number in (3.0, 5.0, 10.0, 0.0):
        model.embedding.weight.data.fill_(number)
        average.add(model)
        means.append(average.model.embedding.weight[0, 0].item())

    assert means == pytest.approx([3, 4, 6, 6 * 2 / 3])


def averaged(run: Trainer) -> dict[str, torch.Tensor]:
    assert run.average is not None
    return {name: tensor.clone() for name, tensor in run.average.state_dict().items()}


def test_what_is_kept_is_the_average_and_training_goes_on_from_the_last_weights(
    begin: Begin,  # noqa: F811
    tmp_path: Path,
) -> None:
    plain = begin(tmp_path / "plain")
    run = begin(tmp_path / "averaged", average=10, evaluate_every=plain.config.steps)
    list(plain.train(never))
    list(run.train(never))

    last, mean = run.model.state_dict(), averaged(run)
    kept = load_checkpoint(tmp_path / "averaged", CPU).model.state_dict()
    assert all(torch.equal(tensor, last[name]) for name, tensor in plain.model.state_dict().items())
    assert any(not torch.equal(mean[f"model.{name}"], last[name]) for name in last)
    assert all(torch.equal(kept[name], mean[f"model.{name}"].bfloat16()) for name in kept)


def test_a_stopped_run_goes_on_with_its_average_bit_for_bit(
    begin: Begin,  # noqa: F811
    tmp_path: Path,
) -> None:
    whole = begin(tmp_path / "whole", average=10)
    list(whole.train(never))
    first = begin(tmp_path / "stopped", average=10)
    list(first.train(lambda: first.progress.step == 15))

    second = begin(tmp_path / "stopped", average=10)
    second.resume()
    list(second.train(never))

    assert_equal(averaged(second), averaged(whole))


def test_a_run_may_begin_to_average_when_it_goes_on(
    begin: Begin,  # noqa: F811
    tmp_path: Path,
) -> None:
    first = begin(tmp_path / "run")
    list(first.train(lambda: first.progress.step == 23))

    second = begin(tmp_path / "run", average=10)
    second.resume()
    list(second.train(never))

    last = second.model.state_dict()
    assert averaged(second)["shown"] == 1
    assert_equal(averaged(second), {f"model.{n}": t for n, t in last.items()} | {"shown": 1})


def assert_equal(found: dict[str, Any], wanted: dict[str, Any]) -> None:
    assert found.keys() == wanted.keys()
    different = [n for n in wanted if not torch.equal(found[n], torch.as_tensor(wanted[n]))]
    assert different == []


@pytest.fixture
def options(tmp_path: Path, number_format: str) -> list[str]:
    """A run of a second or two."""
    lines = (f"{' '.join(str(n))}\t{' '.join(str(n)[::-1])}\n" for n in range(1000, 1200))
    (tmp_path / "corpus.tsv").write_text("".join(lines))
    return [
        "train", str(tmp_path / "corpus.tsv"), "--dev", str(tmp_path / "corpus.tsv"),
        "--steps", "5", "--batch-tokens", "50", "--slots", "64", "--memory-positions", "8",
        "--device", "cpu", number_format,
    ]  # fmt: skip


TINY = ["--preset", "tiny", "--vocabulary", "271"]


def test_a_run_may_start_from_the_mean_of_several_checkpoints(
    rarenmt: Command, options: list[str], tmp_path: Path
) -> None:
    first, second, third = (tmp_path / name for name in ("first", "second", "third"))
    rarenmt(*options, *TINY, "-o", first, "--steps", "2")
    rarenmt(*options, "-o", second, "--from", first, "--average", "3")

    result = rarenmt(
        *options, "-o", third, "--from", first, "--from", second, "--steps", "1",
        "--learning-rate", "1e-12",
    )  # fmt: skip

    assert result.status == 0, result.err
    a, b, mean = (
        load_checkpoint(folder, CPU).model.state_dict() for folder in (first, second, third)
    )
    assert any(not torch.equal(a[name], b[name]) for name in a)
    for name, tensor in mean.items():
        assert torch.equal(tensor, ((a[name].float() + b[name].float()) / 2).bfloat16()), name


def test_only_checkpoints_of_one_vocabulary_and_size_are_averaged(
    rarenmt: Command, options: list[str], tmp_path: Path
) -> None:
    one, other, resized = (tmp_path / name for name in ("one", "other", "resized"))
    rarenmt(*options, *TINY, "-o", one)
    digits = (tmp_path / "corpus.tsv").read_text()
    letters = digits.translate(str.maketrans("0123456789", "abcdefghij"))
    (tmp_path / "letters.tsv").write_text(letters)
    rarenmt("train", tmp_path / "letters.tsv", *options[2:], *TINY, "-o", other)
    sizes = ModelConfig(vocabulary=271, embedding=8, hidden=8, attention=8)
    save_checkpoint(resized, Model(Config(model=sizes)), load_checkpoint(one, CPU).tokenizer)

    for second, wrong in ((other, "another vocabulary"), (resized, "other sizes")):
        result = rarenmt(*options, "-o", tmp_path / "new", "--from", one, "--from", second)

        assert result.status == 3
        assert result.err.startswith(f"error: {second} has {wrong} than {one}, so their weights")
        assert not (tmp_path / "new").exists()

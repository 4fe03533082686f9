"""Networks that name characters: what is learned, scored and reported, in tiny."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from conftest import Command
from torch import Tensor, nn

from rarenmt.errors import CheckpointError
from rarenmt.reproduce.mann import experiment as mann
from rarenmt.reproduce.mann.episodes import SHOWN, Labels
from rarenmt.reproduce.mann.experiment import Settings
from rarenmt.reproduce.mann.networks import Augmented, Name, Sizes, network
from rarenmt.reproduce.omniglot.data import DRAWERS, PACKED, SIDE, SPLITS, Characters, read_omniglot
from rarenmt.reproduce.run import Run

TINY = Settings(units=8, batch=4, steps=4, watched=2, trials=5)


def pack(folder: Path, characters: int) -> Path:
    """Omniglot in small: strokes that differ from character to character, drawn alike."""
    packed = {}
    for part, count in [("background", characters), ("evaluation", characters // 2)]:
        images = np.zeros((count, DRAWERS, SIDE, SIDE), dtype=np.uint8)
        for character in range(count):
            for drawer in range(DRAWERS):
                images[character, drawer, 20 + 5 * character :][:9, 20 + drawer % 3 : 80] = 1
        packed[f"{part}_images"] = np.packbits(images.reshape(count * DRAWERS, -1), axis=1)
        packed[f"{part}_character_names"] = np.array([f"{part}/{c:02}" for c in range(count)])
    counts = (characters, characters // 2)
    for split, part, count in zip(SPLITS, ("background", "evaluation"), counts, strict=True):
        (folder / split).write_text("".join(f"{part}/{c:02}\n" for c in range(count)))
    np.savez_compressed(folder / PACKED, **packed)  # type: ignore[arg-type]
    return folder


@pytest.fixture
def parts(tmp_path: Path) -> tuple[Characters, Characters]:
    return read_omniglot(pack(tmp_path, 12), mann.SIDE)


def new_run(path: Path | None = None, settings: Settings = TINY) -> Run:
    return Run(path, 3, repr(settings.lasting()), lambda _: None)


def fresh(settings: Settings = TINY) -> nn.Module:
    torch.manual_seed(0)
    return network(settings.model, Sizes(label=settings.naming().width, units=settings.units))


@pytest.mark.parametrize("name", mann.NAMES)
def test_a_network_does_not_see_the_label_before_it_has_named_the_image(name: Name) -> None:
    model = fresh(replace(TINY, model=name))
    images, before = torch.rand(2, 6, 400), torch.rand(2, 6, 5)
    other = before.clone()
    other[:, 4:] = 0  # what comes at the fifth step

    one, another = model(images, before), model(images, other)

    assert one.shape == (2, 6, 5)
    assert torch.equal(one[:, :4], another[:, :4])
    assert not torch.allclose(one[:, 4], another[:, 4])


@pytest.mark.parametrize("name", mann.NAMES)
def test_all_but_the_feed_forward_network_keep_what_they_saw(name: Name) -> None:
    model = fresh(replace(TINY, model=name))
    images, before = torch.rand(1, 3, 400), torch.rand(1, 3, 5)
    other = images.clone()
    other[:, 0] = 0

    last, same = model(images, before)[:, 2], model(other, before)[:, 2]

    assert torch.equal(last, same) is (name == "feedforward")


@pytest.mark.parametrize("name", ["mann", "ntm"])
def test_a_label_goes_through_the_memory(name: Name) -> None:
    """With a controller that forgets at once, what was shown is known from the memory alone."""
    model = fresh(replace(TINY, model=name))
    assert isinstance(model, Augmented)
    with torch.no_grad():
        model.recurrent.weight[:, : TINY.units] = 0
        model.shown.bias[: TINY.units] = -99
    images, before = torch.rand(1, 4, 400), torch.rand(1, 4, 5)
    other = before.clone()
    other[:, 1] = 0

    assert not torch.allclose(model(images, before)[:, 3], model(images, other)[:, 3])


def test_the_mann_of_the_paper_has_its_sizes() -> None:
    model = network("mann", Sizes())

    shapes = {name: tuple(tensor.shape) for name, tensor in model.named_parameters()}
    assert shapes["recurrent.weight"] == (4 * 200, 200 + 4 * 40)
    assert shapes["heads.weight"] == (4 * 40 + 4, 200)
    assert shapes["output.weight"] == (5, 200 + 4 * 40)


def test_a_label_is_right_when_all_its_letters_are() -> None:
    labels = torch.tensor([[[0, 1], [1, 1]]])
    scores = torch.tensor([[[3.0, 1.0, 0.0, 2.0], [0.0, 1.0, 5.0, 4.0]]])

    # first (0, 1): letters 0 and 1, right; second (1, 1): letters 1 and 0, wrong
    assert mann.labels_right(scores, labels).tolist() == [[True, False]]


def test_the_loss_is_the_mean_over_letters() -> None:
    labels = torch.tensor([[[0, 1]]])
    scores = torch.tensor([[[2.0, 0.0, 0.0, 0.0]]])

    first = -np.log(np.exp(2) / (np.exp(2) + 1))
    assert mann.label_loss(scores, labels).item() == pytest.approx((first + np.log(2)) / 2)


class Knowing(nn.Module):
    """Names what it was told at the step before, whatever it sees."""

    def __init__(self) -> None:
        super().__init__()
        self.unused = nn.Parameter(torch.zeros(1))

    def forward(self, images: Tensor, before: Tensor) -> Tensor:
        return before


def test_accuracy_is_counted_by_how_often_a_class_was_shown(
    parts: tuple[Characters, Characters],
) -> None:
    settings = replace(TINY, classes=2)

    right = mann.by_instance(Knowing(), parts[1], settings, trials=200, seed=1)

    assert right.shape == (200, SHOWN)
    assert set(right.unique().tolist()) <= {0.0, 0.5, 1.0}
    # the class before is the same one as often as nine of the nineteen others are
    assert right[:, 5].mean().item() == pytest.approx(9 / 19, abs=0.08)


def test_a_resumed_run_is_the_run_that_was_not_interrupted(
    parts: tuple[Characters, Characters], tmp_path: Path
) -> None:
    whole, begun, resumed = new_run(), new_run(tmp_path / "a"), new_run(tmp_path / "a")
    one, other = fresh(), fresh()
    mann.train(one, parts, TINY, whole)

    mann.train(fresh(), parts, replace(TINY, steps=2), begun)
    mann.train(other, parts, TINY, resumed)

    assert resumed.curves == whole.curves
    assert all(map(torch.equal, one.state_dict().values(), other.state_dict().values()))


def test_a_run_of_another_network_is_not_gone_on_with(
    parts: tuple[Characters, Characters], tmp_path: Path
) -> None:
    mann.train(fresh(), parts, TINY, new_run(tmp_path / "a"))
    other = replace(TINY, model="lstm")

    with pytest.raises(CheckpointError, match="other settings"):
        mann.train(fresh(other), parts, other, new_run(tmp_path / "a", other))


@pytest.mark.parametrize("optimiser", ["adam", "rmsprop"])
def test_training_lowers_the_loss_of_what_it_is_trained_on(
    parts: tuple[Characters, Characters], optimiser: Literal["adam", "rmsprop"]
) -> None:
    settings = replace(TINY, model="lstm", classes=1, rate=0.01, steps=30, watched=5)
    ran = new_run(settings=settings)

    mann.train(fresh(settings), parts, replace(settings, optimiser=optimiser), ran)

    assert ran.curves["loss"][-1][1] <= ran.curves["loss"][0][1]


class Seeing(nn.Module):
    """Keeps what it saw."""

    def forward(self, images: Tensor, before: Tensor) -> Tensor:
        self.seen = images
        return before


def test_pixels_are_standardised_for_every_network(parts: tuple[Characters, Characters]) -> None:
    seen = []
    for standardised in (True, False):
        module = Seeing()
        settings = replace(TINY, standardised=standardised)
        mann.by_instance(module, parts[1], settings, trials=1, seed=1)
        seen.append(module.seen)

    assert torch.equal(seen[0], (seen[1] - mann.INK) / mann.SPREAD)
    assert seen[1].min() == 0


def test_published_figures_stand_beside_one_hot_ones_alone(
    parts: tuple[Characters, Characters],
) -> None:
    string = replace(TINY, labels="string", steps=0)

    report = mann.reproduce(
        parts, {replace(TINY, steps=0): new_run(), string: new_run()}, torch.device("cpu")
    )

    assert [figure.published for figure in report.figures] == [
        *mann.PUBLISHED["mann"],
        *[None] * (len(mann.INSTANCES) + 2),
    ]
    assert all(figure.within is not None for figure in report.figures)
    assert string.naming() == Labels(5, 5)


def test_what_was_learnt_of_the_trained_characters_stands_beside(
    parts: tuple[Characters, Characters],
) -> None:
    start = replace(TINY, steps=0)
    torch.manual_seed(new_run().seed)
    module = network("mann", Sizes(400, 5, start.units))

    [*_, last, seen] = mann.reproduce(parts, {start: new_run()}, torch.device("cpu")).figures

    for figure, part in ((last, parts[1]), (seen, parts[0])):
        right = mann.by_instance(module, part, start, start.trials, new_run().seed)
        assert figure.ours == pytest.approx(float(right[:, -1].mean()) * 100)
    assert "trained characters" in seen.name


def test_the_command_trains_and_prints_the_published_numbers(
    rarenmt: Command, tmp_path: Path
) -> None:
    folder = pack(tmp_path, 12)
    said = rarenmt(
        "reproduce", "mann", folder, "--steps", "1", "--batch", "2", "--model", "all",
        "-o", tmp_path / "out",
    )  # fmt: skip

    assert said.status == 0, said.err
    assert "98.1" in said.out.decode()
    written = json.loads((tmp_path / "out" / "mann.json").read_text("utf-8"))
    assert [figure["name"].split(",")[0] for figure in written["figures"][::7]] == [
        "MANN", "LSTM", "NTM", "feed-forward",
    ]  # fmt: skip
    assert (tmp_path / "out" / "mann-instance.svg").exists()


def test_more_classes_than_characters_are_one_sentence(rarenmt: Command, tmp_path: Path) -> None:
    folder = pack(tmp_path, 12)

    said = rarenmt("reproduce", "mann", folder, "--classes", "19")

    assert said.status == 2
    assert "--classes 19: there are 6 characters to choose from" in said.err


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("name", mann.NAMES)
def test_a_gpu_names_as_the_cpu_does(parts: tuple[Characters, Characters], name: Name) -> None:
    settings = replace(TINY, model=name)
    here, there = new_run(settings=settings), new_run(settings=settings)

    for ran, device in ((here, "cpu"), (there, "cuda")):
        mann.reproduce(parts, {settings: ran}, torch.device(device))

    losses = ([y for _, y in ran.curves["loss"]] for ran in (here, there))
    assert next(losses) == pytest.approx(next(losses), rel=1e-3)

"""Characters never seen before are known again after one drawing."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from conftest import Command

from rarenmt.errors import CheckpointError
from rarenmt.reproduce.omniglot.augment import choose, distorted, with_turns
from rarenmt.reproduce.omniglot.convnet import ConvNet
from rarenmt.reproduce.omniglot.data import DRAWERS, SIDE, Characters, read_omniglot
from rarenmt.reproduce.omniglot.experiment import CLASSIFIERS, QUICK, VARIANTS, reproduce, train
from rarenmt.reproduce.omniglot.learners import NAMES, Name, build
from rarenmt.reproduce.run import Run

TINY = replace(QUICK, side=12, channels=2, width=8, ways=6, shots=3, steps=6, watched=3, trials=20)

CPU = torch.device("cpu")


def strokes(characters: int, side: int, seed: int) -> np.ndarray:
    """Characters of four thick strokes (C, 20, S, S), each drawing moved by up to a pixel in
    twelve."""
    random = np.random.default_rng(seed)
    ends = random.integers(2, 10, (characters, 1, 4, 2, 2))
    ends = ends + random.integers(-1, 2, (characters, DRAWERS, 1, 1, 2))  # start, end · row, column
    shares = np.linspace(0, 1, 2 * 12)[:, None]
    start, end = ends[..., None, 0, :], ends[..., None, 1, :]
    points = np.round(start + shares * (end - start)).astype(int).reshape(-1, 4 * 24, 2)
    drawn = np.zeros((len(points), 12, 12), dtype=np.uint8)
    drawn[np.arange(len(points))[:, None], points[..., 0], points[..., 1]] = 1
    scale = -(-side // 12)
    large = drawn.repeat(scale, axis=1).repeat(scale, axis=2)[:, :side, :side]
    return large.reshape(characters, DRAWERS, side, side)


def characters(count: int, seed: int) -> Characters:
    images = torch.from_numpy(strokes(count, TINY.side, seed)).float()
    return Characters(tuple(f"Strokes/character{n:02}" for n in range(count)), images)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A packed Omniglot of sixty made-up characters, in the folder that the command reads."""
    packed = {}
    for part, count, seed in [("background", 40, 1), ("evaluation", 30, 2)]:
        images = strokes(count, SIDE, seed).reshape(-1, SIDE * SIDE)
        packed[f"{part}_images"] = np.packbits(images, axis=1)
        packed[f"{part}_character_names"] = np.array(
            [f"{part}/character{number:02}" for number in range(count)]
        )
    path = tmp_path_factory.mktemp("omniglot")
    np.savez_compressed(path / "omniglot_105_packed.npz", **packed)  # type: ignore[arg-type]
    return path


def test_pooling_before_the_activation_is_pooling_after_it() -> None:
    torch.manual_seed(0)
    network = ConvNet(12, 3, 8, dropout=0.0, normalised=False).eval()
    images = torch.rand(5, 12, 12)

    hidden = images[:, None]
    convolutions = [m for m in network.convolutions if isinstance(m, torch.nn.Conv2d)]
    for number, convolution in enumerate(convolutions):
        hidden = F.relu(convolution(hidden))
        if number % 2:
            hidden = F.max_pool2d(hidden, 2)
    expected = network.output(network.hidden(hidden.flatten(1)))

    assert [tuple(c.weight.shape[:2]) for c in convolutions] == [(3, 1), (3, 3), (6, 3), (6, 6)]
    assert torch.allclose(network(images), expected, atol=1e-5)


def test_dropout_drops_a_share_and_keeps_the_mean() -> None:
    torch.manual_seed(0)
    network = ConvNet(12, 2, 64, dropout=0.5, normalised=False)
    network.output = torch.nn.Linear(64, 64)
    torch.nn.init.eye_(network.output.weight)
    torch.nn.init.zeros_(network.output.bias)
    images = torch.rand(200, 12, 12)

    whole, dropped = network(images), network(images, torch.Generator().manual_seed(3))

    active = whole > 1e-4
    gone = (dropped == 0) & active
    assert gone.sum() / active.sum() == pytest.approx(0.5, abs=0.05)
    assert torch.allclose(dropped[active & ~gone], 2 * whole[active & ~gone], rtol=1e-4)


def test_rotations_are_further_classes() -> None:
    drawings = torch.arange(2 * 3 * 4 * 4.0).view(2, 3, 4, 4)

    turned = with_turns(drawings)

    assert turned.shape == (8, 3, 4, 4)
    assert torch.equal(turned[:2], drawings)
    assert torch.equal(turned[2 + 1, 0], drawings[1, 0].t().flip(0))
    assert torch.equal(turned[4 + 1, 2], drawings[1, 2].flip(0, 1))


def test_a_distorted_drawing_is_a_little_different() -> None:
    images = characters(10, 1).images[:, 0]

    changed = distorted(images, torch.Generator().manual_seed(1))

    assert changed.shape == images.shape
    ink, before = changed.mean(dim=(1, 2)), images.mean(dim=(1, 2))
    assert ((changed - images).abs().amax(dim=(1, 2)) > 0.2).all()
    assert torch.allclose(ink, before, rtol=0.5)


def test_what_is_chosen_is_all_different() -> None:
    named = torch.arange(7)[:, None] * 100 + torch.arange(5)  # class · 100 + drawing

    classes, drawings = choose(named, 6, 4, torch.Generator().manual_seed(2))

    assert classes.unique().numel() == 6
    assert torch.equal(drawings // 100, classes[:, None].expand(-1, 4))
    assert drawings.unique().numel() == 24


@pytest.mark.parametrize("name", NAMES)
def test_a_resumed_training_is_the_one_that_was_not_interrupted(name: Name, tmp_path: Path) -> None:
    drawings = characters(8, 1).images
    unseen = characters(20, 2).images
    settings = replace(TINY, cleared=False)

    def trained(path: Path | None, steps: int) -> tuple[dict[str, torch.Tensor], Run]:
        run = Run(path, 5, "x", lambda _: None)
        learner = build(name, settings, len(drawings), 5)
        train(learner, CLASSIFIERS[name], drawings, unseen, replace(settings, steps=steps), run)
        return learner.state_dict(), run

    # the rate of a step depends on the last one, so that the file is of a run cut off on its way
    settings = replace(settings, decay=0.0)
    whole, run = trained(None, 6)
    trained(tmp_path / "a.safetensors", 3)
    again, resumed = trained(tmp_path / "a.safetensors", 6)

    assert all(torch.equal(whole[key], again[key]) for key in whole)
    assert resumed.curves == run.curves
    assert len(run.curves["accuracy"]) == 2


def test_training_makes_drawings_of_a_character_alike() -> None:
    settings = replace(TINY, channels=8, width=16, ways=12, steps=40, watched=40)
    drawings, unseen = characters(40, 1).images, characters(20, 2).images
    learner = build("memory", settings, len(drawings), 1)

    def near() -> float:
        keys = learner.embed_all(unseen)
        alike = torch.einsum("cid,kjd->ckij", keys, keys).mean(dim=(2, 3))
        others = alike[~torch.eye(len(keys), dtype=torch.bool)]
        return (alike.diagonal().mean() - others.mean()).item()

    before = near()
    train(learner, CLASSIFIERS["memory"], drawings, unseen, settings, Run(None, 1, "", print))

    assert near() > before + 0.05


def test_the_report_has_every_learner_and_the_long_life() -> None:
    parts = (characters(30, 1), characters(25, 2))
    runs = {name: Run(None, 1, "", lambda _: None) for name in NAMES}

    report = reproduce(parts, replace(TINY, turned_trials=True), runs, CPU)

    names = [figure.name for figure in report.figures]
    assert sum("way" in name for name in names) == 16
    assert "life-long, 25 classes, showing 2, %" in names
    assert "life-long, 100 classes, showing 10, %" in names
    assert [chart.name for chart in report.charts] == ["learning", "loss", "delay", "showing"]
    published = [f.published for f in report.figures if "CNN + memory" in f.name]
    assert published == [98.4, 99.6, 95.0, 98.6]


def test_lake_has_no_published_numbers_beside_it() -> None:
    parts = (characters(30, 1), characters(25, 2))
    runs: dict[Name, Run] = {"memory": Run(None, 1, "", lambda _: None)}

    report = reproduce(parts, replace(TINY, split="lake", steps=0), runs, CPU)

    assert all(figure.published is None for figure in report.figures)
    assert [chart.name for chart in report.charts] == ["delay", "showing"]


def test_every_variant_changes_something() -> None:
    changed = [change(QUICK) for change in VARIANTS.values()]

    assert len({QUICK, *changed}) == 1 + len(VARIANTS)


def test_the_command_trains_writes_and_goes_on(
    rarenmt: Command, folder: Path, tmp_path: Path
) -> None:
    pytest.importorskip("matplotlib", reason="pictures are an extra")
    output = tmp_path / "out"
    asked = ("reproduce", "omniglot", folder, "--steps", "2", "--split", "lake", "-o", output)

    first = rarenmt(*asked)
    again = rarenmt(*asked, "--json")
    other = rarenmt("reproduce", "omniglot", folder, "--steps", "3", "-o", output)

    assert first.status == 0, first.err
    assert "lake, 20-way 5-shot, CNN + memory, %" in first.out.decode()
    assert (output / "omniglot-delay.svg").exists()
    assert "resumes at step 2" in again.err
    ours = {f["name"]: f["ours"] for f in json.loads(again.out)["figures"]}
    written = json.loads((output / "omniglot.json").read_text("utf-8"))
    assert ours == {f["name"]: f["ours"] for f in written["figures"]}
    assert other.status == CheckpointError.status
    assert "of a run with other settings" in other.err


def test_an_unknown_variant_is_one_sentence(rarenmt: Command, folder: Path) -> None:
    result = rarenmt("reproduce", "omniglot", folder, "--variant", "faster")

    assert result.status == 2
    assert "--variant must be one of plain, no-normalisation" in result.err


def test_a_folder_without_omniglot_is_one_sentence(rarenmt: Command, tmp_path: Path) -> None:
    result = rarenmt("reproduce", "omniglot", tmp_path)

    assert "holds neither omniglot_105_packed.npz nor images_background.zip" in result.err
    assert len(result.err.strip().splitlines()) == 1


def test_the_archive_made_up_here_is_read_as_omniglot(folder: Path) -> None:
    background, evaluation = read_omniglot(folder, 28)

    assert (len(background), len(evaluation)) == (40, 30)

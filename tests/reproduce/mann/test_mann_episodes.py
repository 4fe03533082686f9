"""Episodes: which character is shown when, under which name, and turned how."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rarenmt.reproduce.mann.episodes import SHOWN, Labels, moved, present
from rarenmt.reproduce.omniglot.data import Characters

SIDE = 20


def blocks(characters: int) -> Characters:
    """Every character is a filled square of its own size, every drawing of it of its own ink."""
    images = torch.zeros(characters, 20, SIDE, SIDE)
    for character in range(characters):
        low, high = 8 - character, 12 + character
        for drawer in range(20):
            images[character, drawer, low:high, low:high] = 0.5 + drawer / 40
    return Characters(tuple(f"A/{n}" for n in range(characters)), images)


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@given(
    seed=st.integers(0, 999),
    classes=st.integers(2, 4),
    labels=st.sampled_from([Labels(1, 4), Labels(5, 5), Labels(2, 3)]),
)
@settings(deadline=None, max_examples=30)
def test_the_label_of_a_showing_is_an_input_of_the_next(
    seed: int, classes: int, labels: Labels
) -> None:
    shown = present(blocks(6), labels, batch=3, classes=classes, generator=generator(seed))

    assert shown.images.shape == (3, classes * SHOWN, SIDE * SIDE)
    assert not shown.previous[:, 0].any()
    assert torch.equal(shown.previous[:, 1:], labels.hot(shown.labels)[:, :-1])


@given(seed=st.integers(0, 999))
@settings(deadline=None, max_examples=30)
def test_every_class_is_shown_ten_times_under_one_name_of_its_own(seed: int) -> None:
    shown = present(blocks(6), Labels(5, 5), batch=2, classes=3, generator=generator(seed))

    for labels, instance in zip(shown.labels, shown.instance, strict=True):
        names = [tuple(letters) for letters in labels.tolist()]
        assert len(set(names)) == 3
        for name in set(names):
            showings = [
                i for i, other in zip(instance.tolist(), names, strict=True) if other == name
            ]
            assert showings == list(range(1, SHOWN + 1))


def test_an_episode_shows_different_drawings_of_a_few_characters() -> None:
    shown = present(blocks(6), Labels(1, 3), batch=8, classes=3, generator=generator(0))

    ink = shown.images.view(8, 3 * SHOWN, SIDE, SIDE)[:, :, 8:12, 8:12].mean((2, 3))
    for row, labels in zip(ink, shown.labels[:, :, 0], strict=True):
        for label in range(3):
            drawn = row[labels == label]
            assert drawn.unique().numel() == SHOWN  # no drawing twice, each of its own ink


def test_names_are_drawn_anew_for_every_episode() -> None:
    one = Characters(("A/0", "A/1"), blocks(2).images)

    shown = present(one, Labels(1, 2), batch=400, classes=2, generator=generator(0))

    # whether the smaller square is named 1 is a coin's throw: 200 ± 10 of 400
    smallest = shown.images.sum(2).argmin(1)
    assert 150 < shown.labels[torch.arange(400), smallest, 0].sum().item() < 250


def test_a_class_is_turned_by_the_same_right_angle_all_through_an_episode() -> None:
    bar = torch.zeros(1, 20, SIDE, SIDE)
    bar[:, :, 2:18, 8:12] = 1.0  # upright, and it leans and moves too little to look otherwise
    shown = present(
        Characters(("A/0",), bar), Labels(1, 1), batch=64, classes=1, generator=generator(0)
    )

    images = shown.images.view(64, SHOWN, SIDE, SIDE)
    upright = images.amax(3).sum(2) > images.amax(2).sum(2)
    assert (upright.all(1) | (~upright).all(1)).all()
    assert 10 < upright[:, 0].sum().item() < 54


def test_an_image_turns_counter_clockwise_and_then_moves() -> None:
    image = torch.rand(1, SIDE, SIDE, generator=generator(0))

    turned = moved(image.repeat(4, 1, 1), torch.tensor([0.0, 90, 180, 270]), torch.zeros(4, 2))
    shifted = moved(image, torch.tensor([90.0]), torch.tensor([[0.1, -0.05]]))

    for quarters in range(4):
        assert torch.allclose(turned[quarters], torch.rot90(image[0], quarters), atol=1e-5)
    # two pixels right and one up
    assert torch.allclose(shifted[0, :-1, 2:], turned[1, 1:, :-2], atol=1e-5)


def test_a_drawing_leans_and_moves_a_little_and_never_the_same_way() -> None:
    same = blocks(1).images[:, :1].repeat(1, 20, 1, 1)

    shown = present(
        Characters(("A/0",), same), Labels(1, 1), batch=1, classes=1, generator=generator(0)
    )

    images = shown.images.view(SHOWN, SIDE, SIDE)
    place = torch.arange(SIDE) - (SIDE - 1) / 2
    weight = images.sum((1, 2))
    right = (images.sum(1) * place).sum(1) / weight
    down = (images.sum(2) * place).sum(1) / weight
    for middle in (right, down):
        assert middle.abs().max() <= 2.1  # a tenth of twenty pixels
        assert middle.unique().numel() == SHOWN


def test_the_letters_of_a_name_are_one_hot_side_by_side() -> None:
    hot = Labels(2, 3).hot(torch.tensor([[2, 0]]))

    assert hot.tolist() == [[0, 0, 1, 1, 0, 0]]


def test_the_same_seed_shows_the_same() -> None:
    first, second, other = (
        present(blocks(6), Labels(1, 3), batch=2, classes=3, generator=generator(seed))
        for seed in (1, 1, 2)
    )

    assert torch.equal(first.images, second.images)
    assert not torch.equal(first.images, other.images)

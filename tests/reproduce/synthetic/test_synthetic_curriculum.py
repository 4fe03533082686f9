"""The order and length of the training strings."""

import torch

from rarenmt.reproduce.synthetic.curriculum import FIRST_LONGEST, GOOD, Curriculum, Step
from rarenmt.reproduce.synthetic.task import DIGITS, Strings, draw_strings, draw_table


def train() -> Strings:
    generator = torch.Generator().manual_seed(1)
    return draw_strings(60, draw_table(20, generator), 12, generator)


def draw(curriculum: Curriculum, steps: int) -> list[Step]:
    return [curriculum.next(torch.Generator().manual_seed(step)) for step in range(steps)]


def test_a_round_has_every_string_of_its_numbers_once() -> None:
    strings = train()
    curriculum = Curriculum(strings, 5, batch=4, seed=1)

    seen = draw(curriculum, 40)

    starts = [number for number, step in enumerate(seen) if step.first]
    assert starts[0] == 0
    assert len(starts) > 2
    numbers = torch.cat([step.strings.numbers for step in seen[: starts[1]]])
    assert len(numbers.unique()) == 5
    for number in numbers.unique():
        assert (numbers == number).sum() == (strings.numbers == number).sum()


def test_a_number_is_known_if_an_earlier_step_of_the_round_had_it() -> None:
    before = set[int]()
    for step in draw(Curriculum(train(), 5, batch=4, seed=1), 40):
        before = set() if step.first else before
        numbers = step.strings.numbers.tolist()
        assert step.known.tolist() == [number in before for number in numbers]
        before |= set(numbers)


def test_strings_grow_while_neighbours_are_right_and_then_rounds_do() -> None:
    curriculum = Curriculum(train(), 5, batch=4, seed=1)

    draw(curriculum, 1)
    curriculum.update(GOOD - 0.1)
    assert float(curriculum.longest) == FIRST_LONGEST
    for _ in range(600):
        curriculum.update(1.0)
    assert float(curriculum.longest) == 12
    lengths = {step.strings.questions.shape[1] for step in draw(curriculum, 40)}
    assert lengths == set(range(DIGITS, 13))
    assert float(curriculum.larger) > 5
    assert float(curriculum.larger) <= len(train().numbers.unique())


def test_the_recipe_of_the_paper_has_whole_strings_and_no_rounds() -> None:
    strings = train()
    curriculum = Curriculum(strings, None, batch=20, seed=1)

    seen = draw(curriculum, 6)

    for part in (seen[:3], seen[3:]):
        lengths = torch.cat([step.strings.lengths for step in part])
        assert sorted(lengths.tolist()) == sorted(strings.lengths.tolist())
    assert not any(step.first for step in seen)


def test_a_curriculum_resumes_from_its_buffers() -> None:
    whole, begun = (Curriculum(train(), 5, batch=4, seed=1) for _ in range(2))
    expected = draw(whole, 12)
    draw(begun, 7)

    resumed = Curriculum(train(), 5, batch=4, seed=1)
    resumed.load_state_dict(begun.state_dict())
    found = [resumed.next(torch.Generator().manual_seed(step)) for step in range(7, 12)]

    for one, other in zip(expected[7:], found, strict=True):
        assert torch.equal(one.strings.questions, other.strings.questions)
        assert torch.equal(one.known, other.known)
        assert one.first == other.first

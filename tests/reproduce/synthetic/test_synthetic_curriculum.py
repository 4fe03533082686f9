"""Which strings are shown when."""

import torch

from rarenmt.reproduce.synthetic.curriculum import FIRST_LONGEST, GOOD, Lesson, Lessons
from rarenmt.reproduce.synthetic.task import DIGITS, Strings, draw_strings, draw_table


def train() -> Strings:
    generator = torch.Generator().manual_seed(1)
    return draw_strings(60, draw_table(20, generator), 12, generator)


def shown(lessons: Lessons, steps: int) -> list[Lesson]:
    return [lessons.next(torch.Generator().manual_seed(step)) for step in range(steps)]


def test_a_life_shows_every_string_of_its_numbers_once() -> None:
    strings = train()
    lessons = Lessons(strings, 5, batch=4, seed=1)

    seen = shown(lessons, 40)

    starts = [number for number, lesson in enumerate(seen) if lesson.first]
    assert starts[0] == 0
    assert len(starts) > 2
    life = torch.cat([lesson.strings.numbers for lesson in seen[: starts[1]]])
    assert len(life.unique()) == 5
    for number in life.unique():
        assert (life == number).sum() == (strings.numbers == number).sum()


def test_known_is_what_an_earlier_step_of_the_life_showed() -> None:
    before = set[int]()
    for lesson in shown(Lessons(train(), 5, batch=4, seed=1), 40):
        before = set() if lesson.first else before
        numbers = lesson.strings.numbers.tolist()
        assert lesson.known.tolist() == [number in before for number in numbers]
        before |= set(numbers)


def test_strings_grow_while_neighbours_are_right_and_then_lives_do() -> None:
    lessons = Lessons(train(), 5, batch=4, seed=1)

    shown(lessons, 1)
    lessons.note(GOOD - 0.1)
    assert float(lessons.longest) == FIRST_LONGEST
    for _ in range(600):
        lessons.note(1.0)
    assert float(lessons.longest) == 12
    lengths = {lesson.strings.questions.shape[1] for lesson in shown(lessons, 40)}
    assert lengths == set(range(DIGITS, 13))
    assert float(lessons.larger) > 5
    assert float(lessons.larger) <= len(train().numbers.unique())


def test_the_paper_shows_whole_strings_in_one_life() -> None:
    strings = train()
    lessons = Lessons(strings, None, batch=20, seed=1)

    seen = shown(lessons, 6)

    for part in (seen[:3], seen[3:]):
        lengths = torch.cat([lesson.strings.lengths for lesson in part])
        assert sorted(lengths.tolist()) == sorted(strings.lengths.tolist())
    assert not any(lesson.first for lesson in seen)


def test_lessons_go_on_where_their_buffers_stand() -> None:
    whole, begun = (Lessons(train(), 5, batch=4, seed=1) for _ in range(2))
    expected = shown(whole, 12)
    shown(begun, 7)

    resumed = Lessons(train(), 5, batch=4, seed=1)
    resumed.load_state_dict(begun.state_dict())
    found = [resumed.next(torch.Generator().manual_seed(step)) for step in range(7, 12)]

    for one, other in zip(expected[7:], found, strict=True):
        assert torch.equal(one.strings.questions, other.strings.questions)
        assert torch.equal(one.known, other.known)
        assert one.first == other.first

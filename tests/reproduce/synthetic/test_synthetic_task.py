"""The strings of the synthetic task, by hand."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rarenmt.reproduce.synthetic.task import (
    BASE,
    DIGITS,
    LARGEST,
    SMALLEST,
    VOCABULARY,
    ZERO,
    A,
    B,
    Strings,
    ceiling,
    crop,
    digits,
    draw_strings,
    draw_table,
    hamming_neighbours,
    right,
    write,
)
from rarenmt.text.tokenizer import PAD

TABLE = torch.zeros(16_001, dtype=torch.long)
TABLE[27], TABLE[16_000] = 5, 2


def spelt(row: torch.Tensor) -> str:
    """Ids as the paper writes them."""
    return "".join("0123AB"[i - ZERO] for i in row.tolist() if i != PAD)


def read(text: str, width: int) -> torch.Tensor:
    ids = [ZERO + "0123AB".index(symbol) for symbol in text]
    return torch.tensor([*ids, *[PAD] * (width - len(text))])


def strings(*pairs: tuple[str, str], numbers: list[int]) -> Strings:
    width = max(len(question) for question, _ in pairs)
    return Strings(
        torch.stack([read(question, width) for question, _ in pairs]),
        torch.stack([read(answer, width) for _, answer in pairs]),
        torch.tensor([len(question) for question, _ in pairs]),
        torch.tensor(numbers),
    )


def test_numbers_have_seven_digits_in_base_four() -> None:
    # 27 = 16 + 2·4 + 3, and 16,000 = 3·4096 + 3·1024 + 2·256 + 2·64
    found = digits(torch.tensor([2, 27, 16_000, 4**7 - 1]))

    assert found.tolist() == [
        [0, 0, 0, 0, 0, 0, 2], [0, 0, 0, 0, 1, 2, 3], [3, 3, 2, 2, 0, 0, 0], [3] * 7,
    ]  # fmt: skip


def test_the_run_of_digits_is_replaced_and_the_letters_stay() -> None:
    letters = torch.tensor([[A, B, B, A, A, B, A, B, A, B, A], [B] * 11])

    found = write(
        letters, torch.tensor([10, 7]), torch.tensor([2, 0]), torch.tensor([27, 16_000]), TABLE
    )

    assert [spelt(row) for row in found.questions] == ["AB0000123B", "3322000"]
    assert [spelt(row) for row in found.answers] == ["AB0000011B", "0000002"]
    assert found.questions[1, 7:].tolist() == [PAD] * 4


def test_the_table_and_the_strings_are_those_of_the_paper() -> None:
    generator = torch.Generator().manual_seed(3)
    table = draw_table(LARGEST, generator)
    drawn = draw_strings(5000, table, 40, generator)

    assert (SMALLEST, LARGEST) == (2, 16_000)
    assert set(draw_table(4, generator).tolist()) <= {2, 3, 4}
    assert len(table) == 16_001
    assert len(table.unique()) < 11_000  # drawn, not shuffled: 1 − 1/e of S are values
    assert set(drawn.lengths.tolist()) == set(range(7, 41))
    assert int(drawn.numbers.min()) >= 2
    assert int(drawn.numbers.max()) <= 16_000
    for question, answer, number in zip(
        drawn.questions[:50], drawn.answers[:50], drawn.numbers[:50], strict=True
    ):
        asked, said = spelt(question), spelt(answer)
        start = next(i for i, symbol in enumerate(asked) if symbol in "0123")
        assert int(asked[start : start + DIGITS], BASE) == number
        assert int(said[start : start + DIGITS], BASE) == table[number]
        for text in (asked, said):
            assert set(text[:start] + text[start + DIGITS :]) <= set("AB")


def test_forty_thousand_draws_leave_eight_percent_unseen() -> None:
    # (1 − 1/15,999)^40,000 = e^−2.5002 = 8.2 %
    generator = torch.Generator().manual_seed(1)
    table = draw_table(LARGEST, generator)
    train, test = (draw_strings(n, table, 7, generator) for n in (40_000, 20_000))

    assert ceiling(train, test) == pytest.approx(0.918, abs=0.01)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(DIGITS, 40))
def test_a_crop_is_a_window_with_all_its_digits(seed: int, longest: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    whole = draw_strings(20, TABLE.clamp(min=2), 40, generator)

    cut = crop(whole, longest, generator)

    for row in range(20):
        question, answer = spelt(cut.questions[row]), spelt(cut.answers[row])
        assert len(question) == len(answer) == cut.lengths[row]
        assert cut.lengths[row] == min(longest, whole.lengths[row])
        assert sum(symbol in "0123" for symbol in question) == DIGITS
        start = next(
            i
            for i in range(41)
            if spelt(whole.questions[row]).startswith(question, i)
            and spelt(whole.answers[row]).startswith(answer, i)
        )
        assert start >= 0


def test_the_nearest_question_differs_in_the_fewest_places() -> None:
    train = strings(
        ("A0000123", "A0000011"), ("B0000123", "B0000011"), ("A3322000", "A0000002"),
        ("0000123", "0000011"), numbers=[27, 27, 16_000, 27],
    )  # fmt: skip
    asked = strings(
        ("B0000122", "B0000003"),  # one place from the second
        ("A3322111", "A0000003"),  # three from the third
        ("0000122", "0000003"),  # of its own length is only the last
        numbers=[26, 1, 26],
    )

    assert hamming_neighbours(train, asked).tolist() == [1, 2, 3]


def test_an_answer_counts_when_all_its_symbols_are_right() -> None:
    asked = strings(
        ("A0000123", "A0000011"), ("0000123B", "0000011B"), ("0000123", "0000011"),
        numbers=[27] * 3,
    )  # fmt: skip
    found = asked.answers.clone()
    found[0, 7] = ZERO  # a digit
    found[1, 7] = A  # a letter
    found[2, 7] = B  # padding

    whole, letters = right(found, asked)

    assert whole.tolist() == [False, False, True]
    assert letters.tolist() == [True, False, True]
    assert VOCABULARY == B + 1

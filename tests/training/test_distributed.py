"""Several processes: what they tell each other, and that two train as one would."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import Tensor, nn

from rarenmt.config import Config, MemoryConfig, ModelConfig, TrainConfig
from rarenmt.model.seq2seq import Model
from rarenmt.storage.tensors import load_tensors, save_tensors
from rarenmt.text.tokenizer import Tokenizer
from rarenmt.training import distributed
from rarenmt.training.data import Corpus
from rarenmt.training.trainer import Trainer
from rarenmt.training.validation import ValidationSet

TEXTS = [(f"{a} {b} {c}", f"{c} {b} {a}") for a in "abcde" for b in "fg" for c in "hij"]
LONG = " ".join("klmnopqrstuvwxyz" * 3)
"""A sentence that fills a batch alone, so that one of two processes has nothing to do."""

CONFIG = Config(
    model=ModelConfig(
        vocabulary=290, embedding=8, hidden=16, attention=8, encoder_layers=2, decoder_layers=2,
        dropout=0.0,
    ),
    memory=MemoryConfig(slots=20, block=4, neighbours=4),
)  # fmt: skip


def begin(folder: Path, **settings: Any) -> Trainer:
    """The same run wherever it is begun."""
    texts = [*TEXTS, (LONG, LONG)]
    tokenizer = Tokenizer.train([side for pair in texts for side in pair], 290, threads=1)
    pairs = [(tokenizer.encode(source), tokenizer.encode(target)) for source, target in texts]
    model = Model(CONFIG)
    model.initialise(torch.Generator().manual_seed(1))
    wanted = {"memory_positions": 0, "bf16": False, "steps": 12, "warmup": 4, **settings}
    config = TrainConfig(batch_tokens=80, evaluate_every=100, save_every=100, **wanted)
    return Trainer(
        folder, model, tokenizer, Corpus([(pairs, 1.0)]), ValidationSet(pairs[:2], ["", ""]), config
    )


def finish(run: Trainer, stop: Callable[[], bool] = lambda: False) -> dict[str, Tensor]:
    """Everything that training changed."""
    list(run.train(stop))
    state = {f"model.{name}": tensor for name, tensor in run.model.state_dict().items()}
    if run.memory is not None:
        state |= {f"memory.{name}": tensor for name, tensor in run.memory.state_dict().items()}
    return state | {"step": torch.tensor(run.progress.step)}


# What each of the two processes does


def gather(folder: Path) -> dict[str, Tensor]:
    rank = distributed.rank()
    return {
        "pairs": distributed.gather_rows(torch.full((3 - 2 * rank, 2), rank + 0.5)),
        "numbers": distributed.gather_rows(torch.arange(rank, 2 + 3 * rank)),
        "only the first has any": distributed.gather_rows(torch.ones(4 * (1 - rank), 3)),
        "nobody has any": distributed.gather_rows(torch.ones(0, 3)),
    }


def add_up(folder: Path) -> dict[str, Tensor]:
    rank = distributed.rank()
    model = nn.ModuleList([nn.Linear(2, 1), nn.Linear(1, 1, bias=False)])
    for number, parameter in enumerate(model.parameters()):
        parameter.grad = torch.full_like(parameter, 10.0**number * (rank + 1))
    distributed.sum_gradients(model)
    sums = {f"gradient {n}": p.grad for n, p in enumerate(model.parameters()) if p.grad is not None}
    return sums | {"numbers": distributed.sum_numbers(torch.tensor([1.0, rank]))}


def agree(folder: Path) -> dict[str, Tensor]:
    rank = distributed.rank()
    answers = [distributed.any_rank(flag) for flag in (rank == 0, rank == 1, True, False)]
    return {"answers": torch.tensor(answers), "world": torch.tensor(distributed.world())}


def train_without_memory(folder: Path) -> dict[str, Tensor]:
    return finish(begin(folder))


def train_with_memory(folder: Path) -> dict[str, Tensor]:
    return finish(begin(folder, memory_positions=7, bf16=True))


def train_with_exact_memory(folder: Path) -> dict[str, Tensor]:
    return finish(begin(folder, memory_positions=7))


def stop_and_go_on(folder: Path) -> dict[str, Tensor]:
    run = begin(folder, memory_positions=7, bf16=True)
    stopped = finish(run, lambda: distributed.rank() == 1 and run.progress.step == 5)
    dist.barrier()  # the first one saves
    resumed = begin(folder, memory_positions=7, bf16=True)
    resumed.resume()
    return finish(resumed) | {"stopped": stopped["step"]}


TASKS = [
    gather,
    add_up,
    agree,
    train_without_memory,
    train_with_memory,
    train_with_exact_memory,
    stop_and_go_on,
]


def work(rank: int, folder: Path) -> None:
    """One of the two processes."""
    torch.set_num_threads(1)
    store = f"file://{folder / 'store'}"
    patience = timedelta(seconds=300)
    dist.init_process_group("gloo", store, timeout=patience, rank=rank, world_size=2)
    for task in TASKS:
        found = task(folder / task.__name__)
        save_tensors(folder / f"{task.__name__}-{rank}", found, {})
    dist.destroy_process_group()


Found = Callable[[Callable[[Path], dict[str, Tensor]]], list[dict[str, Tensor]]]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    """What each of two processes found in a task."""
    folder = tmp_path_factory.mktemp("two")
    mp.start_processes(  # type: ignore[attr-defined,no-untyped-call]
        work, (folder,), nprocs=2, start_method="forkserver"
    )

    def look(task: Callable[[Path], dict[str, Tensor]]) -> list[dict[str, Tensor]]:
        return [load_tensors(folder / f"{task.__name__}-{rank}")[0] for rank in range(2)]

    return look


def assert_equal(first: dict[str, Tensor], second: dict[str, Tensor]) -> None:
    assert first.keys() == second.keys()
    assert [name for name in first if not torch.equal(first[name], second[name])] == []


# What comes of it


def test_rows_are_gathered_in_the_order_of_the_processes(found: Found) -> None:
    first, second = found(gather)

    assert first["pairs"].tolist() == [[0.5, 0.5]] * 3 + [[1.5, 1.5]]
    assert first["numbers"].tolist() == [0, 1, 1, 2, 3, 4]
    assert first["numbers"].dtype == torch.long
    assert_equal(first, second)


def test_a_process_may_have_no_rows_at_all(found: Found) -> None:
    _, second = found(gather)

    assert second["only the first has any"].tolist() == [[1.0] * 3] * 4
    assert second["nobody has any"].shape == (0, 3)


def test_gradients_and_numbers_are_added_up(found: Found) -> None:
    first, second = found(add_up)

    assert [first[f"gradient {n}"].unique().tolist() for n in range(3)] == [[3], [30], [300]]
    assert first["numbers"].tolist() == [2.0, 1.0]
    assert_equal(first, second)


def test_the_decision_of_one_process_holds_for_all(found: Found) -> None:
    for answers in found(agree):
        assert answers["world"] == 2
        assert answers["answers"].tolist() == [True, True, True, False]


def test_alone_there_is_nobody_to_ask() -> None:
    rows = torch.ones(2, 3)

    assert (distributed.rank(), distributed.world()) == (0, 1)
    assert distributed.gather_rows(rows) is rows
    assert distributed.sum_numbers(rows) is rows
    assert distributed.any_rank(True)
    assert not distributed.any_rank(False)


def test_two_processes_train_as_one(found: Found, tmp_path: Path) -> None:
    first, second = found(train_without_memory)
    alone = finish(begin(tmp_path))

    assert_equal(first, second)
    for name, tensor in alone.items():
        torch.testing.assert_close(first[name], tensor, rtol=1e-3, atol=1e-4)


def test_there_was_a_batch_in_which_one_process_had_nothing_to_do(tmp_path: Path) -> None:
    run = begin(tmp_path)
    epoch = run.corpus.epoch(0, run.config.seed, run.config.batch_tokens)

    assert 1 in {len(batch) for batch in epoch}
    assert len(epoch) <= run.config.steps


def test_two_processes_keep_the_same_memory(found: Found) -> None:
    first, second = found(train_with_memory)

    assert_equal(first, second)
    assert int((first["memory.values"] >= 0).sum()) == CONFIG.memory.slots


@pytest.mark.parametrize("parts", [1, 3])
def test_two_processes_train_and_remember_as_one(found: Found, tmp_path: Path, parts: int) -> None:
    first, _ = found(train_with_exact_memory)
    alone = finish(begin(tmp_path, memory_positions=7, accumulation_steps=parts))

    for name in ("values", "ages", "latest"):
        assert torch.equal(first[f"memory.{name}"], alone[f"memory.{name}"])
    for name, tensor in alone.items():
        torch.testing.assert_close(first[name], tensor, rtol=1e-3, atol=1e-4)


def test_all_processes_stop_when_one_is_interrupted(found: Found) -> None:
    assert [int(state["stopped"]) for state in found(stop_and_go_on)] == [5, 5]


def test_two_processes_go_on_bit_for_bit(found: Found) -> None:
    for whole, resumed in zip(found(train_with_memory), found(stop_and_go_on), strict=True):
        del resumed["stopped"]
        assert_equal(resumed, whole)

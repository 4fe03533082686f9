"""Training: its schedule, and that an interrupted run goes on as if nothing had happened."""

import json
import random
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from rarenmt.config import PRESETS, Config, MemoryConfig, ModelConfig, TrainConfig
from rarenmt.errors import CheckpointError, SettingError, StorageError
from rarenmt.model.checkpoint import METRICS, TRAINING, load_checkpoint
from rarenmt.model.seq2seq import Model
from rarenmt.storage.tensors import load_tensors, save_tensors
from rarenmt.text.batch import Ids
from rarenmt.text.lexicon.lexicon import Lexicon
from rarenmt.text.tokenizer import Tokenizer
from rarenmt.training import trainer as train
from rarenmt.training.aligner import Alignments
from rarenmt.training.data import Corpus
from rarenmt.training.episodes import EpisodeMaker
from rarenmt.training.practice import Practice
from rarenmt.training.state import TrainingReport
from rarenmt.training.trainer import Trainer, learning_rate
from rarenmt.training.validation import ValidationSet
from rarenmt.translation_memory.word_alignment import WordAligner

NAMES = ["anna", "bernd", "clara", "david", "emilia", "farid", "greta", "harald"]
TEXTS = [
    (f"{name} {verb} the {thing}", f"{name} {other} das {thing}")
    for name in NAMES
    for verb, other in [("sees", "sieht"), ("buys", "kauft"), ("paints", "malt")]
    for thing in ["piano", "radio"]
]
RARE = [("yesterday brought winterlight", "gestern brachte winterlicht")]
STEPS = 24


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.train([side for pair in TEXTS + RARE for side in pair], 300)


CONFIG = Config(
    model=ModelConfig(
        vocabulary=300, embedding=8, hidden=16, attention=8, encoder_layers=2, decoder_layers=2,
        dropout=0.1,
    ),
    memory=MemoryConfig(slots=24, block=4, neighbours=4),
)  # fmt: skip
SETTINGS = TrainConfig(
    steps=STEPS, batch_tokens=120, warmup=4, memory_positions=10, evaluate_every=10, save_every=4
)

Begin = Callable[..., Trainer]


@pytest.fixture(scope="module")
def begin(tokenizer: Tokenizer) -> Begin:
    """Makes a run in a folder, always the same one but for the settings named."""

    def make(folder: Path, config: Config = CONFIG, **settings: Any) -> Trainer:
        model = Model(config)
        model.initialise(torch.Generator().manual_seed(1))
        encoded = [(tokenizer.encode(source), tokenizer.encode(target)) for source, target in TEXTS]
        held_out = ValidationSet(encoded[::9], [target for _, target in TEXTS[::9]])
        maker = EpisodeMaker(TEXTS + RARE, tokenizer, 100)
        assert maker.word_pairs
        practice = Practice(maker, WordAligner(tokenizer, Lexicon()))
        wanted = replace(SETTINGS, **settings)
        links = Alignments(encoded, tokenizer) if wanted.alignment_weight else None
        corpus = Corpus([(encoded, 1.0)])
        return Trainer(folder, model, tokenizer, corpus, held_out, wanted, practice, links)

    return make


@pytest.fixture(scope="module")
def reported(
    begin: Begin, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Trainer, list[TrainingReport]]:
    """The run that nothing interrupted, and its reports."""
    run = begin(tmp_path_factory.mktemp("whole"))
    return run, list(run.train(never))


@pytest.fixture(scope="module")
def whole(reported: tuple[Trainer, list[TrainingReport]]) -> Trainer:
    return reported[0]


def never() -> bool:
    return False


def finish(run: Trainer) -> Trainer:
    list(run.train(never))
    return run


def state(run: Trainer) -> dict[str, torch.Tensor]:
    """All tensors of a run, by name."""
    tensors = {f"model.{name}": tensor for name, tensor in run.model.state_dict().items()}
    for name, parameter in run.model.named_parameters():
        for kind, tensor in run.optimizer.state[parameter].items():
            tensors[f"{kind}.{name}"] = tensor
    if run.memory is not None:
        tensors |= {f"memory.{name}": tensor for name, tensor in run.memory.state_dict().items()}
        tensors["memory used"] = torch.tensor(run.memory.size)
    return {name: tensor.detach().clone() for name, tensor in tensors.items()}


def assert_same(run: Trainer, other: Trainer) -> None:
    """Bit for bit, but for the time it took."""
    found, wanted = state(run), state(other)
    assert found.keys() == wanted.keys()
    assert [name for name in wanted if not torch.equal(found[name], wanted[name])] == []
    progress = asdict(run.progress) | {"seconds": 0}
    assert progress == asdict(other.progress) | {"seconds": 0}


def metrics(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / METRICS).read_text().splitlines()]


class Killed(BaseException):
    """Stands for kill -9: nothing is saved on the way out."""


def kill_at(run: Trainer, step: int) -> None:
    """Run up to a step and no further, without the save at the end."""

    def stop() -> bool:
        if run.progress.step == step:
            raise Killed
        return False

    with pytest.raises(Killed):
        list(run.train(stop))


# The schedule


@pytest.mark.parametrize(
    ("settings", "rates"),
    [
        # up over 2 steps, and down over the last 0.4 × 10
        ({"warmup": 2, "decay_fraction": 0.4}, [0.5, 1, 1, 1, 1, 1, 1, 0.75, 0.5, 0.25]),
        ({"warmup": 0, "decay_fraction": 0.0}, [1] * 10),
        ({"warmup": 1, "decay_fraction": 0.2}, [1, 1, 1, 1, 1, 1, 1, 1, 1, 0.5]),
        ({"warmup": 0, "decay_fraction": 1.0}, [1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1]),
        # both at once are multiplied
        ({"warmup": 20, "decay_fraction": 0.2}, [*[n / 20 for n in range(1, 10)], 0.5 * 10 / 20]),
    ],
)
def test_the_learning_rate_rises_stays_and_falls(
    settings: dict[str, Any], rates: Sequence[float]
) -> None:
    config = TrainConfig(steps=10, learning_rate=1.0, **settings)

    assert [learning_rate(step, config) for step in range(10)] == pytest.approx(rates)


def test_the_learning_rate_is_a_multiple_of_the_one_asked_for() -> None:
    config = TrainConfig(steps=10, warmup=2, learning_rate=0.002)

    assert learning_rate(0, config) == pytest.approx(0.001)


# A run


def test_a_run_leaves_a_checkpoint_that_can_be_loaded(begin: Begin, tmp_path: Path) -> None:
    run = finish(begin(tmp_path, evaluate_every=100))  # so only at the end

    loaded = load_checkpoint(tmp_path, torch.device("cpu"))

    for name, tensor in run.model.state_dict().items():
        assert torch.equal(loaded.model.state_dict()[name], tensor.bfloat16().float())


def test_a_report_comes_at_every_measurement_and_at_the_end(
    reported: tuple[Trainer, list[TrainingReport]],
) -> None:
    run, reports = reported

    assert [report.step for report in reports] == [10, 20, STEPS]
    assert all(report.dev_bleu is not None for report in reports)
    assert metrics(run.folder) == [asdict(report) for report in reports]


def test_reports_without_a_measurement_say_so(
    begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train, "REPORT_EVERY", 8)

    reports = list(begin(tmp_path, evaluate_every=20).train(never))

    assert [(report.step, report.dev_bleu is None) for report in reports] == [
        (8, True),
        (16, True),
        (20, False),
        (24, False),
    ]


def test_a_run_learns(begin: Begin, tmp_path: Path) -> None:
    first, *_, last = begin(tmp_path, steps=60, learning_rate=0.01).train(never)

    assert last.translation_loss < 0.9 * first.translation_loss


def test_the_same_seed_is_the_same_run(begin: Begin, whole: Trainer, tmp_path: Path) -> None:
    torch.manual_seed(7)
    random.seed(7)

    assert_same(finish(begin(tmp_path)), whole)


def test_another_seed_is_another_run(begin: Begin, whole: Trainer, tmp_path: Path) -> None:
    other = finish(begin(tmp_path, seed=2))

    assert not torch.equal(other.model.embedding.weight, whole.model.embedding.weight)


def test_a_run_leaves_the_random_numbers_of_others_alone(begin: Begin, tmp_path: Path) -> None:
    run = begin(tmp_path)
    before = torch.get_rng_state(), random.getstate()

    finish(run)

    assert torch.equal(torch.get_rng_state(), before[0])
    assert random.getstate() == before[1]


def test_a_run_without_memory_never_makes_one(begin: Begin, tmp_path: Path) -> None:
    run = finish(begin(tmp_path, memory_positions=0))

    assert run.memory is None
    assert not [name for name in load_tensors(tmp_path / TRAINING)[0] if "memory" in name]


def test_the_memory_of_a_run_fills_up(whole: Trainer) -> None:
    assert whole.memory is not None
    assert whole.memory.size == CONFIG.memory.slots


def test_an_epoch_in_which_nothing_is_drawn_is_passed_over(
    tokenizer: Tokenizer, tmp_path: Path
) -> None:
    pair = (tokenizer.encode("anna"), tokenizer.encode("anna"))
    corpus = Corpus([([pair], 0.1)])  # in one epoch out of ten
    dev = ValidationSet([pair], ["anna"])
    settings = replace(SETTINGS, steps=3)

    run = finish(Trainer(tmp_path, Model(CONFIG), tokenizer, corpus, dev, settings))

    assert (run.progress.step, run.progress.epoch > 3) == (3, True)


def test_text_without_word_pairs_is_no_text_to_practise_on(
    tokenizer: Tokenizer, tmp_path: Path
) -> None:
    texts = [("1 2 3", "3 2 1"), ("4 5 6", "6 5 4")]
    pairs: list[tuple[Ids, Ids]] = [(tokenizer.encode(s), tokenizer.encode(t)) for s, t in texts]
    practice = Practice(EpisodeMaker(texts, tokenizer, 100), WordAligner(tokenizer, Lexicon()))
    settings = replace(SETTINGS, steps=10, decay_fraction=1.0, episode_rate=0.99)
    dev = ValidationSet(pairs, ["3 2 1", "6 5 4"])

    run = Trainer(
        tmp_path, Model(CONFIG), tokenizer, Corpus([(pairs, 1.0)]), dev, settings, practice
    )

    assert finish(run).progress.step == 10


def test_more_questions_a_step_than_slots_are_refused(begin: Begin, tmp_path: Path) -> None:
    with pytest.raises(SettingError) as caught:
        begin(tmp_path, memory_positions=25)

    assert str(caught.value) == (
        "25 positions per step query the memory but it has 24 slots; "
        "use more slots or fewer memory_positions"
    )


def test_a_run_may_ask_as_often_as_there_are_slots(begin: Begin, tmp_path: Path) -> None:
    assert finish(begin(tmp_path, memory_positions=24)).progress.step == STEPS


def test_a_folder_that_cannot_be_made_ends_a_run_at_once(begin: Begin, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    run = begin(tmp_path / "file")

    with pytest.raises(StorageError):
        next(run.train(never))

    assert run.progress.step == 0


def test_only_a_run_with_guided_alignment_reports_its_loss(
    begin: Begin, whole: Trainer, tmp_path: Path
) -> None:
    guided = finish(begin(tmp_path, alignment_weight=0.5))

    assert all(line["attention_loss"] > 0 for line in metrics(guided.folder))
    assert all(line["attention_loss"] is None for line in metrics(whole.folder))


# Going on


def stop_and_go_on(step: int, make: Callable[[], Trainer]) -> Trainer:
    """A run that was stopped after so many steps, and finished by another process."""
    stopped = make()
    list(stopped.train(lambda: stopped.progress.step == step))
    assert stopped.progress.step == step
    resumed = make()
    resumed.resume()
    return finish(resumed)


@pytest.mark.parametrize("step", [0, 1, 8, 10, 23])
def test_a_stopped_run_goes_on_bit_for_bit(
    step: int, begin: Begin, whole: Trainer, tmp_path: Path
) -> None:
    assert_same(stop_and_go_on(step, lambda: begin(tmp_path)), whole)


@pytest.mark.parametrize("settings", [{"bf16": False}, {"memory_positions": 0}])
def test_other_kinds_of_run_go_on_bit_for_bit_too(
    settings: dict[str, Any], begin: Begin, tmp_path: Path
) -> None:
    whole = finish(begin(tmp_path / "whole", **settings))

    assert_same(stop_and_go_on(7, lambda: begin(tmp_path / "parts", **settings)), whole)


def test_those_steps_lie_within_an_epoch_and_between_two(whole: Trainer) -> None:
    assert len(whole.corpus.epoch(0, SETTINGS.seed, SETTINGS.batch_tokens)) == 8


@pytest.mark.parametrize("step", [0, 3, 9, 19])
def test_a_killed_run_goes_on_bit_for_bit_from_its_last_save(
    step: int, begin: Begin, whole: Trainer, tmp_path: Path
) -> None:
    kill_at(begin(tmp_path), step)

    resumed = begin(tmp_path)
    resumed.resume()
    assert resumed.progress.step == step - step % 4
    finish(resumed)

    assert_same(resumed, whole)


def test_a_run_goes_on_bit_for_bit_after_being_stopped_at_every_step(
    begin: Begin, whole: Trainer, tmp_path: Path
) -> None:
    run = begin(tmp_path)
    for step in range(STEPS):
        list(run.train(lambda step=step, run=run: run.progress.step == step))  # type: ignore[misc]
        run = begin(tmp_path)
        run.resume()
    finish(run)

    assert_same(run, whole)


def test_a_finished_run_has_nothing_to_go_on_with(begin: Begin, whole: Trainer) -> None:
    again = begin(whole.folder)

    again.resume()

    assert list(again.train(never)) == []
    assert_same(again, whole)


def test_a_finished_run_can_be_given_more_steps(begin: Begin, tmp_path: Path) -> None:
    finish(begin(tmp_path, steps=2))
    longer = begin(tmp_path, steps=5)

    longer.resume()

    assert finish(longer).progress.step == 5


def test_metrics_of_lost_steps_are_replaced(
    begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train, "REPORT_EVERY", 1)
    finish(begin(tmp_path / "whole"))
    kill_at(begin(tmp_path / "parts"), 7)
    assert [line["step"] for line in metrics(tmp_path / "parts")] == [1, 2, 3, 4, 5, 6, 7]

    resumed = begin(tmp_path / "parts")
    resumed.resume()
    assert [line["step"] for line in metrics(tmp_path / "parts")] == [1, 2, 3, 4]
    finish(resumed)

    def without_time(line: dict[str, Any]) -> dict[str, Any]:
        return line | {"seconds": 0, "tokens_per_second": 0}

    whole = [without_time(line) for line in metrics(tmp_path / "whole")]
    assert [without_time(line) for line in metrics(tmp_path / "parts")] == whole
    assert [line["step"] for line in whole] == list(range(1, STEPS + 1))


@pytest.fixture(scope="module")
def stopped_at_12(begin: Begin, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that was stopped after twelve steps, to be copied."""
    run = begin(tmp_path_factory.mktemp("stopped"))
    list(run.train(lambda: run.progress.step == 12))
    return run.folder


@pytest.fixture(scope="module")
def of_three_steps(begin: Begin, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run of three steps, to be copied."""
    return finish(begin(tmp_path_factory.mktemp("short"), steps=3)).folder


@pytest.mark.parametrize("torn", ['{"step": 5, "epo', "{", '{"step": 4}', "\0\0\0"])
def test_a_torn_last_line_of_the_metrics_is_forgotten(
    torn: str, begin: Begin, stopped_at_12: Path, tmp_path: Path
) -> None:
    shutil.copytree(stopped_at_12, tmp_path, dirs_exist_ok=True)
    whole = (tmp_path / METRICS).read_text()
    (tmp_path / METRICS).write_text(whole + torn)

    begin(tmp_path).resume()

    assert (tmp_path / METRICS).read_text() == whole


def test_the_time_a_run_took_is_added_up(begin: Begin, tmp_path: Path) -> None:
    first = begin(tmp_path)
    list(first.train(lambda: first.progress.step == 10))
    resumed = begin(tmp_path)
    resumed.resume()

    reports: list[TrainingReport] = list(resumed.train(never))

    assert 0 < first.progress.seconds < reports[0].seconds < reports[-1].seconds


@pytest.mark.parametrize(
    "config",
    [
        replace(CONFIG, model=replace(CONFIG.model, hidden=32)),
        replace(CONFIG, model=replace(CONFIG.model, dropout=0.2)),
        replace(CONFIG, memory=replace(CONFIG.memory, slots=25)),
        replace(CONFIG, memory=replace(CONFIG.memory, query=("context",))),
        replace(CONFIG, target_language="fr"),
    ],
)
def test_another_configuration_cannot_go_on(
    config: Config, begin: Begin, of_three_steps: Path, tmp_path: Path
) -> None:
    shutil.copytree(of_three_steps, tmp_path, dirs_exist_ok=True)

    with pytest.raises(CheckpointError) as caught:
        begin(tmp_path, config).resume()

    assert str(caught.value) == (
        f"{tmp_path / TRAINING} belongs to another configuration; "
        "resume with the options the run was started with"
    )


def test_a_setting_that_is_newer_than_the_run_has_its_default(begin: Begin, tmp_path: Path) -> None:
    finish(begin(tmp_path, steps=1))
    tensors, metadata = load_tensors(tmp_path / TRAINING)
    config = json.loads(metadata["config"])
    del config["memory"]["temperature"]
    save_tensors(tmp_path / TRAINING, tensors, metadata | {"config": json.dumps(config)})

    resumed = begin(tmp_path)
    resumed.resume()

    assert resumed.progress.step == 1


def test_nothing_to_go_on_from_is_one_sentence(begin: Begin, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError) as caught:
        begin(tmp_path).resume()

    assert str(caught.value) == f"{tmp_path} holds no training.safetensors"


def edited(
    tensors: Callable[[dict[str, torch.Tensor]], object] = lambda _: None, **metadata: str | None
) -> Callable[[Path], None]:
    """Damage to what is inside a whole safetensors file."""

    def damage(path: Path) -> None:
        found, texts = load_tensors(path)
        tensors(found)
        texts |= {name: text for name, text in metadata.items() if text is not None}
        kept = {n: t for n, t in texts.items() if n not in metadata or metadata[n] is not None}
        save_tensors(path, found, kept)

    return damage


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:-10]),
        lambda path: path.write_bytes(path.read_bytes()[:100]),
        lambda path: path.write_bytes(b"hello"),
        lambda path: save_tensors(path, {"a": torch.zeros(1)}, {}),
        edited(config="{"),
        edited(config="[]"),
        edited(config="{}"),
        edited(config=None),
        edited(progress=None),
        edited(progress="7"),
        edited(progress='{"steps": 7}'),
        edited(lambda tensors: tensors.pop("model.query.shares")),
        edited(lambda tensors: tensors.pop("exp_avg.query.shares")),
        edited(lambda tensors: tensors.pop("exp_avg_sq.output.bias")),
        edited(lambda tensors: tensors.pop("memory.ages")),
        edited(lambda tensors: tensors.update({"model.output.bias": torch.zeros(3)})),
    ],
)
def test_a_damaged_run_is_one_sentence(
    damage: Callable[[Path], object], begin: Begin, of_three_steps: Path, tmp_path: Path
) -> None:
    shutil.copytree(of_three_steps, tmp_path, dirs_exist_ok=True)
    damage(tmp_path / TRAINING)

    with pytest.raises(CheckpointError) as caught:
        begin(tmp_path).resume()

    assert str(caught.value).startswith(f"{tmp_path / TRAINING} is damaged")
    assert "\n" not in str(caught.value)


def test_a_run_begins_with_files(tmp_path: Path) -> None:
    corpus, dev = tmp_path / "corpus.tsv", tmp_path / "dev.tsv"
    corpus.write_text("".join(f"{n} {n + 1}\t{n + 1} {n}\n" for n in range(60)))
    dev.write_text("1 2\t2 1\n")
    config = Config(model=replace(PRESETS["tiny"], vocabulary=271))
    training = TrainConfig(steps=2, batch_tokens=50, memory_positions=8, warmup=0)
    lines: list[str] = []

    def run(folder: Path, **options: Any) -> Trainer:
        corpora = [(str(corpus), 2.0)]
        return Trainer.from_files(
            folder, corpora, str(dev), config, training, log=lines.append, **options
        )

    trainer = run(tmp_path / "out", concatenated=0.5)
    [report] = trainer.train(lambda: False)

    assert lines == ["learning a vocabulary of 271 pieces"]
    assert 60 < len(trainer.corpus.pairs) <= 90
    assert report.step == 2
    saved = load_checkpoint(tmp_path / "out", torch.device("cpu"))
    assert saved.frequencies.information("7") > 0
    assert run(tmp_path / "out", resume=True).progress.step == 2
    weights = run(tmp_path / "next", start=saved).model.state_dict()
    assert all(torch.equal(weights[n], t) for n, t in saved.model.state_dict().items())
    with pytest.raises(SettingError, match="contains a training run"):
        run(tmp_path / "out")

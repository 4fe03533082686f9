"""Runs a suite of sentences with and without memory; prints a Markdown table by kind.

    python benchmarks/sentences.py data/sentences/development.jsonl --wrong

A suite is JSONL. Each line is a case: what is remembered, what is asked, and checks of the answer;
benchmarks/README.md lists the fields. A case is right if all its checks pass, and worse if one of
them passes without the memory and fails with it. chrF is the mean over sentences, from 0 to 100.
"""

import argparse
import json
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sacrebleu.metrics.chrf import CHRF

from rarenmt import DataError, Pair, RareError, SettingError, StorageError, Translator
from rarenmt.text.pairs import read_sentences

BLANK = re.compile(r"\{(upper)?\}")
"""The place in a form where a translation goes, in capitals or as it is."""


@dataclass(frozen=True)
class Case:
    """A source, the pairs that are remembered before, and what its translation must hold."""

    place: str
    """FILE:LINE in the suite."""
    kind: str
    source: str
    memory: tuple[tuple[str, str], ...] = ()
    """Sources and targets."""
    must: tuple[str, ...] = ()
    """Regular expressions; each must match somewhere."""
    must_not: tuple[str, ...] = ()
    """Regular expressions; none may match."""
    equals: tuple[str, ...] = ()
    """If there are any, the translation must be one of them."""
    like: str | None = None
    """Another source, whose translation in `form` must be the translation."""
    form: str = "{}"
    """Holds {} for the translation of `like`, {upper} for it in capitals."""
    reference: tuple[str, ...] = ()
    note: str = ""

    @property
    def asked(self) -> list[str]:
        """The sources that must be translated."""
        return [self.source] if self.like is None else [self.source, self.like]


@dataclass(frozen=True)
class Output:
    """A translation, the checks that it fails, and its chrF."""

    text: str
    failed: tuple[str, ...]
    chrf: float | None
    """From 0 to 100; None without a reference."""


@dataclass(frozen=True)
class Result:
    """A case with its outputs."""

    case: Case
    with_memory: Output
    without: Output

    @property
    def worse(self) -> bool:
        """Whether a check passes without the memory and fails with it."""
        return not set(self.with_memory.failed) <= set(self.without.failed)

    @property
    def verdicts(self) -> dict[str, str]:
        """With memory: right, wrong or worse; without memory: right or wrong."""
        found = "wrong" if self.with_memory.failed else "right"
        return {
            "with memory": "worse" if self.worse else found,
            "without memory": "wrong" if self.without.failed else "right",
        }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("suite", type=Path, help="suite of sentences (JSONL)")
    parser.add_argument("--model", type=Path, help="checkpoint folder (default: the shipped one)")
    parser.add_argument("--kinds", help="kinds of cases to run, with commas between them")
    parser.add_argument("--wrong", action="store_true", help="print every wrong case")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write outputs and verdicts")
    parser.add_argument(
        "--compare", type=Path, metavar="FILE",
        help="print the cases whose verdict differs from an earlier --json",
    )  # fmt: skip
    try:
        measure(parser.parse_args())
    except RareError as error:
        print(error, file=sys.stderr)
        sys.exit(error.status)


def measure(options: argparse.Namespace) -> None:
    """Read what is given before anything is translated, so that its faults show at once."""
    cases = choose(list(read_cases(options.suite)), options.kinds)
    earlier = None if options.compare is None else read_results(options.compare)
    with TemporaryDirectory() as folder:  # the memory is never saved, and not the user's
        translator = Translator.load(options.model, memory=Path(folder) / "memory.safetensors")
        results = run(translator, cases)
    if options.json is not None:
        write_results(options.json, results)
    print_table(results)
    if options.wrong:
        for result in results:
            if result.with_memory.failed:
                print_wrong(result)
    if earlier is not None:
        print_changes(earlier, results)


# The suite


def is_text(value: object) -> bool:
    return is_line(value) and bool(str(value).strip())


def is_line(value: object) -> bool:
    return isinstance(value, str) and "\n" not in value


def is_form(value: object) -> bool:
    return isinstance(value, str) and bool(BLANK.search(value))


def is_list(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def is_memory(value: object) -> bool:
    return isinstance(value, list) and all(
        isinstance(pair, list) and len(pair) == 2 and all(map(is_text, pair)) for pair in value
    )


def is_patterns(value: object) -> bool:
    try:
        return isinstance(value, list) and all(re.compile(each) for each in value)
    except (re.error, TypeError):
        return False


FIELDS: dict[str, tuple[Callable[[object], bool], str]] = {
    "kind": (is_text, "a text"),
    "source": (is_line, "one line of text"),
    "memory": (is_memory, "a list of pairs [source, target], no side empty"),
    "must": (is_patterns, "a list of regular expressions that compile"),
    "must_not": (is_patterns, "a list of regular expressions that compile"),
    "equals": (is_list, "a list of texts"),
    "like": (is_text, "one line of text"),
    "form": (is_form, "a text with {} or {upper}"),
    "reference": (is_list, "a list of texts"),
    "note": (is_text, "a text"),
}
"""For each field of a case whether a value is valid, and what is wanted."""

NEEDED = ("kind", "memory", "source")
CHECKS = ("must", "must_not", "equals", "like")


def read_cases(path: Path) -> Iterator[Case]:
    """The cases of a suite, blank lines skipped; DataError for an invalid line or without a
    case."""
    count = 0
    for number, text in enumerate(read_sentences(path), start=1):
        if text.strip():
            count += 1
            yield parse_case(text, path, number)
    if not count:
        raise DataError(path, None, "contains no case; wanted one JSON object a line")


def parse_case(text: str, path: Path, line: int) -> Case:
    """The case of a line; DataError if it is not one."""
    try:
        data = json.loads(text)
    except ValueError as error:
        raise DataError(path, line, f"is not JSON ({error}); wanted one object a line") from None
    if not isinstance(data, dict):
        raise DataError(path, line, f"is {shown(data)}; wanted a JSON object")
    for name, value in data.items():
        if name not in FIELDS:
            raise DataError(path, line, f"has a field {name!r}; wanted {', '.join(FIELDS)}")
        is_valid, wanted = FIELDS[name]
        if not is_valid(value):
            raise DataError(path, line, f"{name} is {shown(value)}; wanted {wanted}")
    for name in NEEDED:
        if name not in data:
            raise DataError(path, line, f"has no field {name!r}; wanted {', '.join(NEEDED)}")
    if not any(data.get(name) for name in CHECKS):
        raise DataError(path, line, f"has no check; wanted one of {', '.join(CHECKS)}")
    if "form" in data and "like" not in data:
        raise DataError(path, line, "has a form but no like; wanted both")
    return case_of({**data, "place": f"{path}:{line}"})


def case_of(data: Mapping[str, Any]) -> Case:
    """A case from JSON values, whose lists become tuples."""
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in data.items()
    }
    values["memory"] = tuple((source, target) for source, target in data["memory"])
    return Case(**values)


def shown(value: object) -> str:
    """A JSON value in at most 60 characters."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:59]}…"


def choose(cases: Sequence[Case], kinds: str | None) -> list[Case]:
    """The cases of some kinds, all if none is given; SettingError for a kind without cases."""
    if kinds is None:
        return list(cases)
    wanted, known = kinds.split(","), {case.kind for case in cases}
    for kind in wanted:
        if kind not in known:
            raise SettingError(
                f"--kinds: no case is {kind!r}; there are {', '.join(sorted(known))}"
            )
    return [case for case in cases if case.kind in wanted]


# Translations and their checks


def run(translator: Translator, cases: Sequence[Case]) -> list[Result]:
    """The results in the order of the cases; those with equal memories are translated together."""
    groups: dict[tuple[tuple[str, str], ...], list[Case]] = defaultdict(list)
    for case in cases:
        groups[case.memory].append(case)
    results = {}
    for remembered, group in groups.items():
        without = with_memory = translate(translator, group)
        if remembered:
            memory = translator.memory
            memory.remember(Pair(source, target) for source, target in remembered)
            with_memory = translate(translator, group)
            memory.forget(memory.journal.select(last_call=True))
        for case in group:
            results[case.place] = Result(case, judge(case, with_memory), judge(case, without))
    return [results[case.place] for case in cases]


def translate(translator: Translator, cases: Sequence[Case]) -> dict[str, str]:
    """The translation of each source that the cases ask for, all in one batch."""
    sources = list(dict.fromkeys(source for case in cases for source in case.asked))
    found = translator.translate(sources, explain=False)
    return {source: each.text for source, each in zip(sources, found, strict=True)}


def judge(case: Case, found: Mapping[str, str]) -> Output:
    """The output of a case, by the translations of the sources that it asks for."""
    text = found[case.source]
    checks = {f"must {each}": bool(re.search(each, text)) for each in case.must}
    checks |= {f"must not {each}": not re.search(each, text) for each in case.must_not}
    if case.equals:
        checks[f"equals {' or '.join(case.equals)}"] = text in case.equals
    if case.like is not None:
        checks[f"like {case.like} as {case.form}"] = text == fill(case.form, found[case.like])
    failed = tuple(name for name, passed in checks.items() if not passed)
    chrf = CHRF().sentence_score(text, case.reference).score if case.reference else None
    return Output(text, failed, chrf)


def fill(form: str, translation: str) -> str:
    """A form with a translation in its blanks."""
    return BLANK.sub(lambda blank: translation.upper() if blank[1] else translation, form)


# Earlier results


def write_results(path: Path, results: Iterable[Result]) -> None:
    """One JSON object a line: the case, both outputs, and the verdicts for other readers."""
    records = ({**asdict(result), "verdicts": result.verdicts} for result in results)
    text = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise StorageError(path, "write", error) from error


def read_results(path: Path) -> list[Result]:
    """What `write_results` wrote; DataError if a line is of another kind."""
    results = []
    for number, text in enumerate(read_sentences(path), start=1):
        try:
            data = json.loads(text)
            outputs = [output_of(data[name]) for name in ("with_memory", "without")]
            results.append(Result(case_of(data["case"]), *outputs))
        except (ValueError, KeyError, TypeError):
            raise DataError(path, number, "is no result; wanted a line that --json wrote") from None
    return results


def output_of(data: Mapping[str, Any]) -> Output:
    return Output(data["text"], tuple(data["failed"]), data["chrf"])


def identity(case: Case) -> str:
    """What makes two cases the same: everything but their place, references and note."""
    ignored = ("place", "reference", "note")
    return repr([value for name, value in asdict(case).items() if name not in ignored])


# Printing


def print_table(results: Sequence[Result]) -> None:
    """One row for each kind, and one for all."""
    print(
        "| kind | cases | right with memory | right without memory | worse | "
        "chrF with memory | chrF without memory |"
    )
    print("|---|---|---|---|---|---|---|")
    for kind in sorted({result.case.kind for result in results}):
        print_row(kind, [result for result in results if result.case.kind == kind])
    print_row("all", results)


def print_row(name: str, results: Sequence[Result]) -> None:
    outputs = [[each.with_memory for each in results], [each.without for each in results]]
    right = [sum(not output.failed for output in each) for each in outputs]
    cells = [name, len(results), *right, sum(each.worse for each in results), *map(mean, outputs)]
    print(f"| {' | '.join(map(str, cells))} |")


def mean(outputs: Iterable[Output]) -> str:
    """The mean chrF of the outputs that have a reference; empty without any."""
    figures = [output.chrf for output in outputs if output.chrf is not None]
    return f"{sum(figures) / len(figures):.1f}" if figures else ""


def print_wrong(result: Result) -> None:
    case = result.case
    print(f"\n{result.verdicts['with memory']}: {case.kind}, {case.place}")
    for source, target in case.memory:
        print_line("remembered", f"{source} | {target}")
    print_line("asked", case.source)
    print_line("with memory", result.with_memory.text)
    print_line("without memory", result.without.text)
    for check in result.with_memory.failed:
        print_line("failed", check)


def print_changes(earlier: Iterable[Result], results: Sequence[Result]) -> None:
    """The cases whose verdict changed, with and without memory."""
    known = {identity(result.case): result for result in earlier}
    compared = [(known.get(identity(result.case)), result) for result in results]
    changed = [(a, b) for a, b in compared if a is not None and a.verdicts != b.verdicts]
    new = sum(before is None for before, _ in compared)
    print(f"\n{len(changed)} verdicts changed; {new} cases were not measured before.")
    for before, now in changed:
        print(f"\n{now.case.kind}, {now.case.place}")
        print_line("asked", now.case.source)
        old, outputs = (before.with_memory, before.without), (now.with_memory, now.without)
        for name, one, other in zip(now.verdicts, old, outputs, strict=True):
            if before.verdicts[name] != now.verdicts[name]:
                print_line(name, f"{before.verdicts[name]} → {now.verdicts[name]}")
                print_line("before", one.text)
                print_line("now", other.text)


def print_line(name: str, text: str) -> None:
    """A text with what cannot be seen as escapes."""
    visible = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    print(f"  {name:<14}  {visible}")


if __name__ == "__main__":
    main()

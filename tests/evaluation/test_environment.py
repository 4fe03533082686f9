"""Where and with what a figure was measured."""

import subprocess
from pathlib import Path

import pytest

import rarenmt
from rarenmt.evaluation.environment import Environment


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one commit."""
    for arguments in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "Begin"]):
        who = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
        subprocess.run(["git", *who, *arguments], cwd=tmp_path, check=True)
    return tmp_path


def commit_of(package: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    package.mkdir(parents=True)
    monkeypatch.setattr(rarenmt, "__file__", str(package / "__init__.py"))
    return Environment.now().commit


def test_a_figure_names_the_commit_of_the_checkout(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=repository, capture_output=True, check=True
    ).stdout.decode()

    assert commit_of(repository / "rarenmt", monkeypatch) == head.strip()


def test_an_installed_package_names_no_commit_of_the_repository_it_is_used_in(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = repository / ".venv" / "lib" / "site-packages" / "rarenmt"

    assert commit_of(installed, monkeypatch) == "unknown"

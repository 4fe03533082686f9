"""The environment of a measurement."""

import os
import platform
import subprocess
from dataclasses import dataclass
from pathlib import Path

import torch

import rarenmt


@dataclass(frozen=True)
class Environment:
    """Machine and versions that a measurement depends on."""

    machine: str
    threads: int
    torch: str
    commit: str
    """Of the checkout, with + if the working tree differs from it; unknown for an installed
    package."""
    load: float
    """Load average of the last minute."""

    @classmethod
    def now(cls) -> "Environment":
        return cls(_machine(), torch.get_num_threads(), torch.__version__, _commit(), _load())


def _machine() -> str:
    """Name, family, model and cores of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores"
    known = {key.strip(): value.strip() for key, _, value in (x.partition(":") for x in lines)}
    name, family, model = (known.get(k, "?") for k in ("model name", "cpu family", "model"))
    return f"{name} (family {family}, model {model}), {os.cpu_count()} cores"


def _commit() -> str:
    checkout = Path(rarenmt.__file__).resolve().parent.parent

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(checkout), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    if not (checkout / ".git").exists():  # or git would report a repository above it
        return "unknown"
    try:
        return git("rev-parse", "--short", "HEAD") + "+" * bool(git("status", "--porcelain"))
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _load() -> float:
    return round(os.getloadavg()[0], 1)

"""Where and with what a figure was measured."""

import os
import platform
import subprocess
from dataclasses import dataclass
from pathlib import Path

import torch

import rarenmt


@dataclass(frozen=True)
class Environment:
    """What a figure depends on beside the code that was timed."""

    machine: str
    threads: int
    torch: str
    commit: str
    """Of the checkout that runs, with + where the working tree differs from it; unknown where the
    package is installed."""
    load: float
    """Runnable processes over the last minute."""

    @classmethod
    def now(cls) -> "Environment":
        return cls(_machine(), torch.get_num_threads(), torch.__version__, _commit(), _load())


def _machine() -> str:
    """The processor as the system names it, with family and model, for names alone say little."""
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

    if not (checkout / ".git").exists():  # git would name the commit of a folder above
        return "unknown"
    try:
        return git("rev-parse", "--short", "HEAD") + "+" * bool(git("status", "--porcelain"))
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _load() -> float:
    return round(os.getloadavg()[0], 1)

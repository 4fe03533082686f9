"""The command in a process of its own that starts at once: a fork of one that imported torch.

To import torch takes seconds of CPU time, and each installed command does it again. What depends on
how the installed command starts is tested with that."""

import multiprocessing
import os
import signal
import sys
from importlib.metadata import entry_points
from multiprocessing.reduction import DupFd
from pathlib import Path
from typing import Any

SERVER = multiprocessing.get_context("forkserver")
"""`conftest.py` says what it imports."""


class Process:
    """`rarenmt` with these arguments, its three streams as descriptors, and more environment."""

    def __init__(
        self, *arguments: str | Path, streams: tuple[int, int, int], **environment: str
    ) -> None:
        copies = [DupFd(stream) for stream in streams]
        given = (list(map(str, arguments)), copies, {**os.environ, **environment})
        self._process = SERVER.Process(target=_work, args=given)
        self._process.start()

    def send_signal(self, number: int) -> None:
        assert self._process.pid is not None
        os.kill(self._process.pid, number)

    def kill(self) -> None:
        """End it at once, if it has not ended."""
        self._process.kill()

    def poll(self) -> int | None:
        """The exit status, negative for a signal; None while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """The exit status, once it has ended."""
        self._process.join(timeout)
        status = self._process.exitcode
        assert status is not None, f"still running after {timeout} s"
        return status


def _work(arguments: list[str], streams: list[Any], environment: dict[str, str]) -> None:
    """Run rarenmt as a shell would."""
    import torch

    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # the shell may have it ignored
    os.environ.clear()
    os.environ.update(environment)
    torch.set_num_threads(1)
    for number, stream in enumerate(streams):
        os.dup2(stream.detach(), number)
    sys.stdin = open(0)  # noqa: SIM115
    sys.stdout, sys.stderr = (open(n, "w", buffering=1) for n in (1, 2))  # noqa: SIM115
    sys.argv = ["rarenmt", *arguments]
    (script,) = entry_points(group="console_scripts", name="rarenmt")
    script.load()()

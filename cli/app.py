"""The command as a whole: its subcommands, its exit status, its way with errors."""

import signal
import sys
from typing import Annotated

import typer

from rarenmt.errors import RareError

from . import console
from .remember import remember
from .score import score
from .train import train
from .translate import translate

CLOSED_PIPE = 128 + signal.SIGPIPE
INTERRUPTED = 128 + signal.SIGINT

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
)
app.command(no_args_is_help=True)(train)
app.command(no_args_is_help=True)(remember)
app.command()(translate)
app.command(no_args_is_help=True)(score)


def _version(wanted: bool) -> None:
    if not wanted:
        return
    import torch

    from rarenmt import __version__

    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    typer.echo(f"rarenmt {__version__} · torch {torch.__version__} · {device}")
    raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_version,
            is_eager=True,
            help="Print the versions and the device, and stop.",
        ),
    ] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="No remarks, no progress.")] = False,
) -> None:
    """A translator that remembers what it is shown once.

    \b
    echo "I read Dostoevsky every winter." | rarenmt translate
    printf 'Dostoevsky wrote this.\\tDostojewski schrieb das.\\n' | rarenmt remember -
    echo "I read Dostoevsky every winter." | rarenmt translate --explain
    """
    console.quiet(quiet)


def run() -> None:
    """The entry point: errors a user can cause are one sentence, bugs keep their traceback."""
    try:
        app(standalone_mode=True)
    except RareError as error:
        console.error(str(error))
        sys.exit(error.status)
    except BrokenPipeError:
        console.silence_closed_stdout()
        sys.exit(CLOSED_PIPE)
    except KeyboardInterrupt:
        console.error("interrupted")
        sys.exit(INTERRUPTED)

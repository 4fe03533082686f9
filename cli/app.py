"""The command as a whole: subcommands, exit status, error handling."""

import signal
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from rarenmt.errors import RareError

from . import console
from .explanation import Explaining
from .forget import forget
from .memory import memory
from .remember import remember
from .reproduce import reproduce
from .score import score
from .train import train
from .translate import translate

CLOSED_PIPE = 128 + signal.SIGPIPE
INTERRUPTED = 128 + signal.SIGINT


class Boundary(TyperGroup):
    """Print an error that a user can cause as one line and set the exit status; a bug keeps its
    traceback."""

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]
        try:
            return super().invoke(ctx)
        except RareError as error:
            console.error(str(error))
            raise typer.Exit(error.status) from error
        except BrokenPipeError as error:
            console.silence_closed_stdout()
            raise typer.Exit(CLOSED_PIPE) from error
        except KeyboardInterrupt as error:
            console.error("interrupted")
            raise typer.Exit(INTERRUPTED) from error


app = typer.Typer(
    cls=Boundary,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
)
app.command(no_args_is_help=True)(train)
app.command(no_args_is_help=True)(remember)
app.command()(forget)
app.command(cls=Explaining)(translate)
app.command(no_args_is_help=True)(score)
app.add_typer(memory, name="memory")
app.add_typer(reproduce, name="reproduce")


def _print_version(requested: bool) -> None:
    if not requested:
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
            callback=_print_version,
            is_eager=True,
            help="Print the versions and the device, and exit.",
        ),
    ] = False,
    quiet: Annotated[
        bool, typer.Option("-q", "--quiet", help="Print no remarks and no progress.")
    ] = False,
) -> None:
    """A translator that remembers what it is shown once.

    \b
    echo "I read Dostoevsky every winter." | rarenmt translate
    printf 'Dostoevsky wrote this.\\tDostojewski schrieb das.\\n' | rarenmt remember -
    echo "I read Dostoevsky every winter." | rarenmt translate --explain
    """
    console.quiet(quiet)

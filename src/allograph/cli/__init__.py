"""The command line: parse, call, print.

Exit status 0: done; 1: a part of a batch failed, the rest is done; 2: nothing was done, and one line on stderr says
why; 130: stopped with Ctrl-C. Results go to stdout, everything else to stderr. Every command imports what it needs
when it runs, so that `allograph --help` is quick.
"""

from __future__ import annotations

__all__ = ["app", "main"]

import io
import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from typer.exceptions import TyperException

from allograph import __version__
from allograph.cli.augment import augment
from allograph.cli.classify import classify
from allograph.cli.complete import complete
from allograph.cli.compose import compose
from allograph.cli.console import STOPPED, Stopped, complain, say
from allograph.cli.evaluate import evaluate
from allograph.cli.evaluate_augmentation import augmentation
from allograph.cli.evaluate_completion import completion
from allograph.cli.evaluate_oneshot import oneshot
from allograph.cli.evaluate_recognition import recognition
from allograph.cli.export import export
from allograph.cli.font import font
from allograph.cli.info import info
from allograph.cli.inspect import inspect
from allograph.cli.invent import invent
from allograph.cli.read_sheet import read_sheet
from allograph.cli.recognise import recognise
from allograph.cli.report import report
from allograph.cli.sheet import sheet
from allograph.cli.split import split
from allograph.cli.studio import studio
from allograph.cli.train import train
from allograph.cli.write import write
from allograph.errors import AllographError
from allograph.runtime.distributed import LostProcess, launched

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
app.command()(write)
app.command()(invent)
app.command()(complete)
app.command()(augment)
app.command()(recognise)
app.command()(inspect)
app.command()(split)
app.command()(sheet)
app.command()(read_sheet)
app.command()(font)
app.command()(compose)
app.command()(train)
app.command()(info)
app.command()(report)
app.command()(studio)
app.command()(export)
evaluate.command()(oneshot)
evaluate.command()(augmentation)
evaluate.command()(classify)
evaluate.command()(completion)
evaluate.command()(recognition)
app.add_typer(evaluate, name="evaluate")


def _version(wanted: bool) -> None:
    if wanted:
        print(f"allograph {__version__}")
        raise typer.Exit


@app.callback()
def _allograph(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Show one drawing of a symbol; get new drawings of the same symbol."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # a file name may hold bytes that no encoding can show
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        status = app(args=arguments, prog_name="allograph", standalone_mode=False)
    except LostProcess as error:
        if launched().local_rank < 2:  # one of the first two on a machine is left to say it
            complain(str(error))
        return 2
    except AllographError as error:
        if launched().local_rank == 0:  # what is wrong on one machine need not be wrong on the others
            complain(str(error))
        return 2
    except TyperException as error:  # an option or argument that does not exist or does not fit
        message = error.format_message().strip()
        if message:
            say(f"{message.rstrip('.')}; see allograph {_command(arguments)}--help")
        return 2
    except OSError as error:  # from the system, where no code could say more about it
        from allograph.runtime.files import explain_os_error

        say(str(explain_os_error(error, f"cannot use {error.filename}" if error.filename else "cannot continue")))
        return 2
    except Stopped as stop:
        say(str(stop))
        return STOPPED
    if status == STOPPED:
        say("stopped")
    return status or 0


def _command(arguments: Sequence[str] | None) -> str:
    """The command's name among the arguments, followed by a space; or nothing."""
    words = sys.argv[1:] if arguments is None else arguments
    functions = [command.callback for command in app.registered_commands if command.callback]
    names = {function.__name__.replace("_", "-") for function in functions} | {"evaluate"}
    return next((f"{word} " for word in words if word in names), "")

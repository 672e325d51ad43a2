"""How a command ends: 0 fine, 1 it did not succeed, 2 it could not be tried. Never a stack trace."""

import functools
import os
import sys
from collections.abc import Callable
from typing import ParamSpec

import typer

from agent_runtime.local.failure import Failure

P = ParamSpec("P")


def guarded(command: Callable[P, None]) -> Callable[P, None]:
    """The command, with a Failure told on standard error and turned into its exit status."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except Failure as failure:
            tell(failure)
            raise typer.Exit(failure.code) from failure
        except BrokenPipeError:  # the reader of our output went away, as `head` does
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from None

    return run


def tell(failure: Failure) -> None:
    """What is wrong, and below it what to do; in colour on a terminal."""
    typer.secho("error: ", fg=typer.colors.RED, bold=True, nl=False, err=True)
    typer.echo(failure.what, err=True)
    if failure.cure:
        typer.echo(failure.cure, err=True)

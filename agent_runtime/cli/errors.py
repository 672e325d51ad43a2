"""How a command ends: 0 fine, 1 it did not succeed, 2 it could not be tried. Never a stack trace.

`covey run` and `covey run follow` have more: see `agent_runtime.cli.flows.run`.
"""

import functools
import os
import sys
from collections.abc import Callable
from typing import ParamSpec

import typer

from agent_runtime.cli.output import printing as output
from agent_runtime.local.errors import UserError

P = ParamSpec("P")


class Left(UserError):
    """No error: the command ends before what it is about has ended, with a status of its own."""


def guarded(command: Callable[P, None]) -> Callable[P, None]:
    """The command, with a UserError told on standard error and turned into its exit status."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except UserError as failure:
            tell(failure)
            raise typer.Exit(failure.code) from failure
        except BrokenPipeError:  # the reader of our output went away, as `head` does
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from None

    return run


def tell(failure: UserError) -> None:
    """What is wrong, and below it what to do."""
    if isinstance(failure, Left):
        output.tell(str(failure))
    else:
        output.tell_error(failure.what, failure.cure)

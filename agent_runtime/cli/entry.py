"""How the process of a command begins and ends: whatever happens, with an exit status and no stack trace."""

import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

import typer
from typer.main import get_command

from agent_runtime.cli.completion import prepare
from agent_runtime.cli.interrupt import INTERRUPTED, listen
from agent_runtime.cli.output.printing import OutputLost, tell, tell_error
from agent_runtime.core.visible import visible_line
from agent_runtime.local.errors import UserError

TRACEBACK_VARIABLE = "COVEY_TRACEBACK"


class CommandLine(typer.Typer):
    """The commands, as the program that a shell starts."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the command that the arguments name, and leave the process."""
        try:
            status = self._status(*args, **kwargs)
        except KeyboardInterrupt:
            status = INTERRUPTED
        # What is left is to leave: a second Ctrl-C must not be told as an error of the interpreter.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        sys.exit(_flushed(status))

    def _status(self, *args: Any, **kwargs: Any) -> int:
        try:
            listen()
            prepare()
            code = get_command(self)(*args, standalone_mode=False, **kwargs)
        except BrokenPipeError:
            return 0
        except SystemExit as left:  # the completion ends so, and the help that nobody reads any more
            return left.code if isinstance(left.code, int) and "_COVEY_COMPLETE" in os.environ else 0
        except UserError as failure:
            return _told(failure)
        except typer.Abort:
            return INTERRUPTED
        except Exception as error:
            if isinstance(error, OSError) and _is_of_output(error):
                return _told(OutputLost.of(error))
            return _misused(error) if hasattr(error, "format_message") else _unexpected(error)
        return code if isinstance(code, int) else 0


def _misused(error: Any) -> int:  # the library's exceptions are of a private package
    """The command line cannot be read."""
    if type(error).__name__ == "NoArgsIsHelpError":  # the help was printed as the error was made
        return int(error.exit_code)
    context = getattr(error, "ctx", None)
    message = visible_line(error.format_message().strip())
    cure = "" if context is None else f"{context.get_usage()}\nSee: {context.command_path} --help"
    tell_error(message[:1].lower() + message[1:], cure)
    return int(error.exit_code)


def _unexpected(error: Exception) -> int:
    """A fault of ours: where it happened, and the traceback for those who ask for it."""
    if os.environ.get(TRACEBACK_VARIABLE):
        tell("".join(traceback.format_exception(error)), end="")
    place = traceback.extract_tb(error.__traceback__)[-1]
    tell_error(
        f"{type(error).__name__}: {error} ({Path(place.filename).name}:{place.lineno})",
        f"This is a fault of Covey. For a report, do it again with {TRACEBACK_VARIABLE}=1.",
    )
    return 1


def _is_of_output(error: OSError) -> bool:
    """Whether a stream refused it: an error of a file names the file."""
    return error.filename is None


def _told(failure: UserError) -> int:
    tell_error(failure.what, failure.cure)
    return failure.code


def _flushed(status: int) -> int:
    """The exit status, after what is left in the buffers; the interpreter finds nothing to complain of."""
    for number, stream in ((1, sys.stdout), (2, sys.stderr)):
        try:
            if stream is not None:
                stream.flush()
        except BrokenPipeError:
            _discard(number)
        except (OSError, ValueError) as error:
            _discard(number)
            if number == 1 and status == 0 and isinstance(error, OSError):
                status = _told(OutputLost.of(error))
    return status


def _discard(number: int) -> None:
    """Send the stream nowhere from now on."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)

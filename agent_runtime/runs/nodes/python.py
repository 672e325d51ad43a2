"""Call a function of the user's own."""

import asyncio
import contextvars
import difflib
import importlib
import inspect
import threading
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from types import ModuleType
from typing import Any

from agent_runtime.api.nodes import FlowNode
from agent_runtime.durable.strict_json import NotJson, dumps
from agent_runtime.runs import reloading
from agent_runtime.runs.errors import NodeFailed
from agent_runtime.runs.failures import Raised, raised, traceback_text
from agent_runtime.runs.functions import FunctionNotAllowed, Functions
from agent_runtime.runs.nodes.step import PlainWork, StepResult
from agent_runtime.runs.nodes.template_field import Field
from agent_runtime.runs.port import Invocation

CONTEXT = "context"
"""A parameter of this name gets the Invocation, unless the input has such a key."""


class PythonWork(PlainWork):
    """What the function returns. A plain one runs in a thread of its own, an async one on the event loop."""

    def __init__(self, node: FlowNode, variables: Iterable[str], functions: Functions) -> None:
        assert node.python is not None
        self._name = node.python.function
        self._functions = functions
        self._input = Field("input", node.input, variables)

    def given(self, variables: Mapping[str, object]) -> Any:
        """The keyword arguments."""
        arguments = self._input.render(variables)
        if arguments is None:
            return {}
        if not isinstance(arguments, dict):
            raise NodeFailed(
                f"the input of python {self._name} must be an object of its keyword arguments, "
                f"not {arguments!r}"
            )
        return arguments

    async def do(self, given: Any, invocation: Invocation) -> StepResult:
        function = find(self._name, self._functions)
        arguments = _bound(function, self._name, given, invocation)
        try:
            if inspect.iscoroutinefunction(function):
                value = await _awaited(function(**arguments))
            else:
                value = await _in_thread(lambda: function(**arguments))
                if inspect.isawaitable(value):
                    value = await _awaited(value)
        except _Escaped as escaped:
            raise raised(self._name, escaped.error) from escaped.error
        try:
            dumps(value, "result")
        except NotJson as fault:
            raise NodeFailed(f"python {self._name} returned what is not JSON: {fault}") from None
        return StepResult(value)


class _Escaped(Exception):
    """What a function raised, whatever it is: `SystemExit` must end neither the run nor the process."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error


def find(name: str, functions: Functions) -> Callable[..., Any]:
    """The function of that name; its module is imported, again when its file was edited on the laptop.

    Raises NodeFailed, which names what is missing and the nearest name, or why the function may not be
    called.
    """
    reloading.forget_edited()
    try:
        functions.check_name(name)
        way, function = _find(name)
        functions.check_found(name, way, function)
    except FunctionNotAllowed as error:
        raise NodeFailed(str(error)) from None
    finally:
        reloading.note_imports()
    return function


def _find(name: str) -> tuple[list[Any], Callable[..., Any]]:
    """The function, and what lies between its module and it."""
    module_name, _, path = name.partition(":")
    try:
        found: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is not None and (module_name == error.name or module_name.startswith(f"{error.name}.")):
            raise NodeFailed(
                f"python {name}: there is no module {error.name}: put it into the image, or beside the "
                "manifests on the laptop"
            ) from error
        message = f"python {name}: its module imports {error.name}, which is not there"
        raise Raised(message, type(error).__name__, traceback_text(error)) from error
    except (Exception, SystemExit, KeyboardInterrupt) as error:
        raise raised(f"{name}: its module cannot be imported", error) from error
    way: list[Any] = []
    for part in path.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            raise NodeFailed(
                f"python {name}: {module_name} has no function {path}{_near(found, part)}"
            ) from None
        except (Exception, SystemExit, KeyboardInterrupt) as error:  # a `__getattr__` of the module's own
            raise raised(f"{name}: {path} cannot be looked up", error) from error
        way.append(found)
    if not callable(found) and not isinstance(found, ModuleType):
        raise NodeFailed(f"python {name}: {path} is a {type(found).__name__}, not a function")
    function: Callable[..., Any] = found
    return way[:-1], function


def _near(owner: object, name: str) -> str:
    """Where it was looked for, and which name comes close."""
    file = getattr(owner, "__file__", None)
    try:
        there = [each for each in dir(owner) if callable(getattr(owner, each, None))]
    except Exception:  # whatever the owner does when it is asked
        there = []
    near = difflib.get_close_matches(name, there, n=1)
    cure = f"did you mean {near[0]}?" if near else "define it there, or name another"
    return (f" in {file}" if file else "") + f": {cure}"


def _bound(
    function: Callable[..., Any], name: str, given: Mapping[str, Any], invocation: Invocation
) -> dict[str, Any]:
    """The arguments, checked before the call: a TypeError from within is the function's own."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some builtins tell none: the call itself checks
        return dict(given)
    arguments = dict(given)
    if CONTEXT in signature.parameters:
        arguments.setdefault(CONTEXT, invocation)
    try:
        signature.bind(**arguments)
    except TypeError as error:
        raise NodeFailed(f"python {name}{signature} does not take this input: {error}") from None
    return arguments


async def _awaited(value: Awaitable[Any]) -> Any:
    """Await it in a task of its own: a function that cancels its task ends its node, not the run.

    A cancellation is passed on only when it was asked for. Raises _Escaped.
    """

    async def own() -> Any:
        try:
            return await value
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # SystemExit would leave the loop
            raise _Escaped(error) from None

    try:
        return await asyncio.ensure_future(own())
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise _Escaped(error) from None


async def _in_thread(function: Callable[[], Any]) -> Any:
    """Run it in a daemon thread: one that never ends is abandoned, and does not keep the process."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Any] = loop.create_future()
    context = contextvars.copy_context()

    def settle(value: Any, error: BaseException | None) -> None:
        if done.cancelled():
            return
        if error is None:
            done.set_result(value)
        else:
            done.set_exception(_Escaped(error))

    def run() -> None:
        value, failed = None, None
        try:
            value = context.run(function)
        except BaseException as error:
            failed = error
        with suppress(RuntimeError):  # the loop is closed: nobody waits for the answer
            loop.call_soon_threadsafe(settle, value, failed)

    threading.Thread(target=run, name="python-node", daemon=True).start()
    return await done

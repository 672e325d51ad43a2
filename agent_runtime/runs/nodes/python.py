"""Call a function of the user's own."""

import asyncio
import contextvars
import importlib
import inspect
import threading
from collections.abc import Callable, Iterable, Mapping
from types import ModuleType
from typing import Any

from agent_runtime.api.nodes import FlowNode
from agent_runtime.durable.strict_json import NotJson, dumps
from agent_runtime.runs.errors import NodeFailed
from agent_runtime.runs.functions import FunctionNotAllowed, Functions
from agent_runtime.runs.nodes.field import Field
from agent_runtime.runs.nodes.work import Done, PlainWork
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

    async def do(self, given: Any, invocation: Invocation) -> Done:
        function = self._allowed()
        arguments = _bound(function, self._name, given, invocation)
        if inspect.iscoroutinefunction(function):
            value = await function(**arguments)
        else:
            value = await _in_thread(lambda: function(**arguments))
            if inspect.isawaitable(value):
                value = await value
        try:
            dumps(value, "result")
        except NotJson as fault:
            raise NodeFailed(f"python {self._name} returned what is not JSON: {fault}") from None
        return Done(value)

    def _allowed(self) -> Callable[..., Any]:
        try:
            self._functions.check_name(self._name)
            way, function = _find(self._name)
            self._functions.check_found(self._name, way, function)
        except FunctionNotAllowed as error:
            raise NodeFailed(str(error)) from None
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
        raise NodeFailed(f"python {name}: its module imports {error.name}, which is not there") from error
    except Exception as error:
        message = f"python {name}: its module cannot be imported: {type(error).__name__}: {error}"
        raise NodeFailed(message) from error
    way: list[Any] = []
    for part in path.split("."):
        if not hasattr(found, part):
            raise NodeFailed(f"python {name}: {module_name} has no function {path}")
        found = getattr(found, part)
        way.append(found)
    if not callable(found) and not isinstance(found, ModuleType):
        raise NodeFailed(f"python {name}: {path} is a {type(found).__name__}, not a function")
    function: Callable[..., Any] = found
    return way[:-1], function


def _bound(
    function: Callable[..., Any], name: str, given: Mapping[str, Any], invocation: Invocation
) -> dict[str, Any]:
    """The arguments, checked before the call: a TypeError from within is the function's own."""
    signature = inspect.signature(function)
    arguments = dict(given)
    if CONTEXT in signature.parameters:
        arguments.setdefault(CONTEXT, invocation)
    try:
        signature.bind(**arguments)
    except TypeError as error:
        raise NodeFailed(f"python {name}{signature} does not take this input: {error}") from None
    return arguments


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
        elif isinstance(error, Exception):
            done.set_exception(error)
        else:  # SystemExit and its like must not end the run as if it were told to
            done.set_exception(NodeFailed(f"the function raised {type(error).__name__}: {error}"))

    def run() -> None:
        value, failed = None, None
        try:
            value = context.run(function)
        except BaseException as error:
            failed = error
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, value, failed)

    threading.Thread(target=run, name="python-node", daemon=True).start()
    return await done

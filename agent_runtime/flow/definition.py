"""What is decided about a node class once, when it is defined.

A fault in a class is cheapest to find here: before the first run, with the class and the signature at hand.
"""

import inspect
from types import FunctionType
from typing import Any

_PARAMETERS = {
    f"{phase}{suffix}": parameters
    for suffix in ("", "_async")
    for phase, parameters in {
        "prep": ("shared",),
        "exec": ("prep_res",),
        "post": ("shared", "prep_res", "exec_res"),
    }.items()
}
"""What a visit passes.

The fallback is not among them: published code has some with other parameters, fine until something fails.
"""
_PACKAGE = __name__.rpartition(".")[0]
_COPY_PROTOCOL = (
    "__copy__",
    "__getnewargs__",
    "__getnewargs_ex__",
    "__getstate__",
    "__new__",
    "__reduce__",
    "__reduce_ex__",
    "__setstate__",
)


def check_phases(cls: type) -> None:
    """Raise TypeError when `cls` itself defines a phase in a way that a visit cannot use.

    That is one with other parameters than a visit passes, and a coroutine where nobody awaits it.
    """
    awaited = hasattr(cls, "post_async")
    for phase, parameters in _PARAMETERS.items():
        function = vars(cls).get(phase)
        if not isinstance(function, FunctionType) or not _is_called(cls, phase):
            continue
        _check_signature(cls, phase, function, parameters)
        if inspect.iscoroutinefunction(function) and not awaited:
            base = next(klass.__name__ for klass in cls.__mro__ if is_core(klass))
            raise TypeError(
                f"{cls.__qualname__}.{phase} is `async def`, but the phases of a {base} are not awaited: "
                f"derive {cls.__qualname__} from Async{base.removeprefix('Base')}, or make it a plain `def`"
            )


def _check_signature(cls: type, phase: str, function: FunctionType, parameters: tuple[str, ...]) -> None:
    # What is really called counts: a decorator may add arguments of its own.
    signature = inspect.signature(function, follow_wrapped=False)
    try:
        signature.bind("self", *parameters)
    except TypeError:
        given = ", ".join(str(each.replace(annotation=each.empty)) for each in signature.parameters.values())
        raise TypeError(
            f"{cls.__qualname__}.{phase}({given}) cannot be called with what a visit passes; "
            f"its signature must be {phase}({', '.join(('self', *parameters))})"
        ) from None


def _is_called(cls: type, phase: str) -> bool:
    """Whether this package calls the phase of `cls`; if not, its parameters are its author's business.

    Not called are a flow's `exec`, an async node's `exec` that helps its `exec_async`, and a phase whose
    caller was overridden.
    """
    if hasattr(cls, "start_node") and phase.startswith("exec"):
        return False
    caller = "_exec" if phase.startswith("exec") else "_run_async" if hasattr(cls, "post_async") else "_run"
    if not is_core(_definer(cls, caller)):
        return False
    spelled = f"{phase}_async"
    return phase.endswith("_async") or not hasattr(cls, spelled) or spelled_plainly(cls, phase, spelled)


def _definer(cls: type, name: str) -> type:
    return next((klass for klass in cls.__mro__ if name in vars(klass)), object)


def copies_plainly(cls: type) -> bool:
    """Whether a shallow copy of an instance is a new object with a copy of its `__dict__`, no more."""
    return not any(
        any(name in vars(klass) for name in _COPY_PROTOCOL) or vars(klass).get("__slots__")
        for klass in cls.__mro__
        if klass is not object and not is_core(klass)
    )


def spelled_plainly(cls: type, plain: str, spelled: str) -> bool:
    """Whether the class that decides a phase spells it `plain` (`exec`), not (`exec_async`)."""
    for klass in cls.__mro__:
        if is_core(klass):
            continue
        if spelled in vars(klass):
            return False
        if plain in vars(klass):
            return True
    return False


def forward(plain: str, spelled: str) -> Any:
    """An async method that calls the method `plain`, which may be `async def` or plain `def`."""

    async def phase(self: Any, *args: Any) -> Any:
        result = getattr(self, plain)(*args)
        return await result if hasattr(result, "__await__") else result

    phase.__name__ = phase.__qualname__ = spelled
    phase.__dict__["forwards_to"] = plain
    return phase


def is_async_phase(cls: type, spelled: str) -> bool:
    """Whether a user's class made `spelled` (say `post_async`) a coroutine, under whichever name."""
    for klass in cls.__mro__:
        method = vars(klass).get(spelled)
        if method is not None:
            plain = getattr(method, "forwards_to", None)
            return inspect.iscoroutinefunction(getattr(cls, plain)) if plain else not is_core(klass)
    return False


def is_core(cls: type) -> bool:
    """Whether `cls` is one of this package's own classes."""
    return cls.__module__.startswith(_PACKAGE + ".")

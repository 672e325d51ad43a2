"""What is decided about a node class once, when it is defined.

A fault in a class is cheapest to find here: before the first run, with the class and the signature at hand.
"""

import inspect
from types import FunctionType
from typing import Any

_POST = "post(self, shared, prep_res, exec_res)"
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


def check_post(cls: type, name: str) -> None:
    """Raise TypeError when a visit cannot call the `name` (post or post_async) that `cls` itself defines."""
    function = vars(cls).get(name)
    if not isinstance(function, FunctionType):
        return
    # What is really called counts: a decorator may add arguments of its own.
    signature = inspect.signature(function, follow_wrapped=False)
    try:
        signature.bind("self", "shared", "prep_res", "exec_res")
    except TypeError:
        right = _POST.replace("post", name, 1)
        parameters = ", ".join(
            str(each.replace(annotation=each.empty)) for each in signature.parameters.values()
        )
        raise TypeError(
            f"{cls.__qualname__}.{name}({parameters}) cannot be called with what a visit passes; "
            f"its signature must be {right}"
        ) from None


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

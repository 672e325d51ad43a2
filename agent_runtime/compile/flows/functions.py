"""Which functions a python node may name, as far as the name alone tells."""

import sys

from agent_runtime.api.nodes import FlowNode
from agent_runtime.compile.resolution import Resolution

CURE = (
    "write a function of your own, in a module that the image declares (entry point covey.functions, or "
    "functions.txt) or that lies beside the manifests on the laptop"
)
_OURS = frozenset({"agent_runtime", "covey_operator", "__main__"})


def forbidden(function: str) -> str | None:
    """Why no flow may call `MODULE:PATH`, whatever is declared; None: that is for the image to say.

    The standard library and Covey itself hold functions that run programs and evaluate code: whoever may
    write a Flow must not get them by their names.
    """
    module, _, path = function.partition(":")
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names:
        return f"{top} is of Python's standard library: {CURE}"
    if top in _OURS:
        return f"{top} is not for flows to call: {CURE}"
    if any(part.startswith("__") for part in (*module.split("."), *path.split("."))):
        return f"a name that begins with two underscores is not for flows to call: {CURE}"
    return None


def check_function(node: FlowNode, field: str, resolution: Resolution) -> None:
    """Refuse a python node, which stands at `field`, whose function no flow may call."""
    if node.python is None:
        return
    why = forbidden(node.python.function)
    if why is not None:
        place = f"{field}.python.function"
        message = f"{place}: {node.python.function!r}: {why}"
        resolution.refuse("FunctionNotAllowed", message, place)

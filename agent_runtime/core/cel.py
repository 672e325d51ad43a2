"""CEL (Common Expression Language, https://cel.dev): compiled once, evaluated many times.

`cel-expr-python` hands a runtime error back as a truthy value; this module is the one place that
knows, and turns it into an exception. Names that were not declared fail when the expression is
compiled, which is how a wrong manifest is refused before anything runs.

The library takes a text of ours up to its first NUL, and fails with half a character in one: neither gets in,
and neither comes out. See `agent_runtime.core.texts`.
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from cel_expr_python import cel
from cel_expr_python.ext import ext_math, ext_strings

from agent_runtime.core.cel_paths import found_in
from agent_runtime.core.texts import fault_of, unfit_in

_SCOPE = "variables"
"""CEL's own names, such as `type`, cannot be declared again at the root; within a container they can."""


class CelError(ValueError):
    """An expression that does not compile or cannot be evaluated. The message names the expression."""


@lru_cache(maxsize=64)
def _environment(variables: tuple[str, ...]) -> cel.Env:
    return cel.NewEnv(
        variables={f"{_SCOPE}.{name}": cel.Type.DYN for name in variables},
        container=_SCOPE,
        extensions=[ext_strings.ExtStrings(), ext_math.ExtMath()],
    )


class Expression:
    """One compiled expression over the variables it was declared with."""

    __slots__ = ("_compiled", "_environment", "_may_make_nul", "source")

    def __init__(self, source: str, variables: Iterable[str]) -> None:
        self.source = source
        self._environment = _environment(tuple(sorted(variables)))
        if fault := fault_of(source):
            raise CelError(f"expression {source!r} does not compile: it {fault}")
        # an escape in a literal is the only way to one, since no variable has any
        self._may_make_nul = "\\" in source
        try:
            self._compiled = self._environment.compile(source)
        except Exception as error:  # the library raises bare RuntimeError and ValueError
            raise CelError(f"expression {source!r} does not compile: {_reason(error)}") from error

    def evaluate(self, variables: Mapping[str, object]) -> object:
        """The value as plain JSON-like Python. Raises CelError where CEL reports an error."""
        activation = self.activation(variables)
        try:
            return self.evaluate_in(activation)
        except CelError as error:
            found = found_in(self.source, str(error), variables)
            if not found:
                raise
            raise CelError(f"{error}: {found}") from error

    def evaluate_in(self, activation: object) -> object:
        """As `evaluate`, in an activation made by `activation`: many expressions can share one."""
        try:
            value = self._compiled.eval(activation)
        except Exception as error:
            raise CelError(f"expression {self.source!r} failed: {_reason(error)}") from error
        if value.type() == cel.Type.ERROR:
            raise CelError(f"expression {self.source!r} failed: {_reason(value.plain_value())}")
        plain: object = value.plain_value()
        if self._may_make_nul and (unfit := unfit_in(plain)) is not None:
            raise CelError(f"expression {self.source!r} failed: its result{unfit.path} {unfit.message}")
        return plain

    def activation(self, variables: Mapping[str, object]) -> object:
        """Variables prepared once, for every expression declared with the same names.

        Raises CelError when a text in them cannot be handed on whole.
        """
        if (unfit := unfit_in(variables)) is not None:
            raise CelError(f"expressions cannot read {unfit.path.removeprefix('.')}: it {unfit.message}")
        return self._environment.Activation({f"{_SCOPE}.{name}": value for name, value in variables.items()})

    def holds(self, variables: Mapping[str, object]) -> bool:
        """True or False; anything else is a CelError, because a predicate must not guess."""
        return self._as_bool(self.evaluate(variables))

    def holds_in(self, activation: object) -> bool:
        """As `holds`, in a shared activation."""
        return self._as_bool(self.evaluate_in(activation))

    def _as_bool(self, value: object) -> bool:
        if not isinstance(value, bool):
            raise CelError(f"expression {self.source!r} must yield true or false, got {type(value).__name__}")
        return value


_LOCATED = re.compile(r"^(?:[A-Z_]+: )?(?:ERROR: <input>:\d+:(?P<column>\d+): )?(?P<message>.*)$")
_NOISE = re.compile(r" \(in container '.*?'\)| expecting (?:\{.*\}|\S+)$|Syntax error: ")


_OPEN_TEXT = ("token recognition error at: ''", "token recognition error at: '\"")
"""How the library's grammar says that a text begins and does not end."""
_LINE_BREAK = (
    r" (for a line break write \n, which YAML keeps in single quotes or a block, not in double quotes)"
)


def _reason(error: object) -> str:
    """The first line of what the library says, without its status codes and its grammar's token lists."""
    line = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    located = _LOCATED.match(line)
    if located is None:
        return line
    message = (
        _NOISE.sub("", located["message"]).replace("mismatched input", "unexpected").replace("'<EOF>'", "end")
    )
    if message.startswith(_OPEN_TEXT):
        message = "a text is not closed on its line"
        if located["message"].rstrip("'").endswith("\\n"):
            message += _LINE_BREAK
    return f"{message}, at character {located['column']}" if located["column"] else message

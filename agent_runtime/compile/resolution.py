"""One compilation under way: objects are looked up, and what is wrong is collected."""

from collections.abc import Iterable
from typing import Any, TypeVar

from pydantic import ValidationError

from agent_runtime.api.base import KeyRef, Resource
from agent_runtime.api.validate import faults
from agent_runtime.compile.result import Compiled, Lookup, Manifest, Problem, Ref, SecretEnv
from agent_runtime.core.cel import CelError, Expression
from agent_runtime.core.template import Template

R = TypeVar("R", bound=Resource)
T = TypeVar("T")


class Resolution:
    """Remembers every object that was asked for, so that a change of any of them compiles again."""

    __slots__ = ("_lookup", "_namespace", "_problems", "_refs", "_secrets")

    def __init__(self, lookup: Lookup, namespace: str) -> None:
        self._lookup = lookup
        self._namespace = namespace
        self._problems: list[Problem] = []
        self._refs: dict[Ref, None] = {}
        self._secrets: dict[SecretEnv, None] = {}

    @property
    def failed(self) -> bool:
        """Whether something was wrong so far."""
        return bool(self._problems)

    def refuse(self, reason: str, message: str, field: str) -> None:
        """The spec itself is wrong."""
        self._problems.append(Problem("Accepted", reason, message, field))

    def miss(self, reason: str, message: str, field: str) -> None:
        """Something that the spec names is missing or cannot be used."""
        self._problems.append(Problem("ResolvedRefs", reason, message, field))

    def find(self, kind: str, name: str, field: str) -> Manifest | None:
        """The object, or None and a problem. One that is being deleted is as good as gone."""
        self._refs[Ref(kind, name)] = None
        found = self._lookup(kind, name)
        if found is not None and not found.get("metadata", {}).get("deletionTimestamp"):
            return found
        state = "is being deleted from" if found is not None else "not found in"
        self.miss(
            f"{kind}NotFound",
            f'{kind} "{name}" {state} namespace "{self._namespace}": create it, or name another in {field}',
            field,
        )
        return None

    def resource(self, kind: type[R], name: str, field: str) -> R | None:
        """The object as a typed resource, or None and a problem."""
        word = kind.model_fields["kind"].default
        found = self.find(word, name, field)
        if found is None:
            return None
        try:
            return kind.model_validate(found)
        except ValidationError as error:  # stored under an older definition of its kind
            why = "; ".join(str(fault) for fault in faults(found)) or str(error)
            self.not_ready(word, name, why, field)
            return None

    def not_ready(self, kind: str, name: str, why: str, field: str) -> None:
        """The object is there, and cannot be used."""
        self.miss(f"{kind}NotReady", f'{kind} "{name}" cannot be used: {why}', field)

    def key(self, kind: str, ref: KeyRef, field: str) -> str | None:
        """The value of a key of a Secret (as it is stored) or ConfigMap, or None and a problem."""
        found = self.find(kind, ref.name, f"{field}.name")
        if found is None:
            return None
        content: dict[str, Any] = {**(found.get("data") or {}), **(found.get("stringData") or {})}
        value = content.get(ref.key)
        if value is not None:
            return str(value)
        there = ", ".join(sorted(content)) or "no key at all"
        self.miss(
            f"{kind}KeyNotFound",
            f'{kind} "{ref.name}" in namespace "{self._namespace}" has no key "{ref.key}" (it has {there}): '
            f"add it, or name another in {field}.key",
            f"{field}.key",
        )
        return None

    def secret(self, ref: KeyRef, env: str, field: str) -> None:
        """A key of a user's Secret that the process gets as the environment variable `env`."""
        if self.key("Secret", ref, field) is not None:
            self.environment(SecretEnv(env, ref.name, ref.key))

    def environment(self, *variables: SecretEnv) -> None:
        """Variables that the process gets; whether their Secrets exist is not asked."""
        self._secrets.update(dict.fromkeys(variables))

    def expression(self, source: str, variables: Iterable[str], field: str) -> None:
        """Refuse an expression that does not compile over `variables`."""
        try:
            Expression(source, variables)
        except CelError as error:
            self.refuse_expression(str(error), variables, field)

    def template(self, value: object, variables: Iterable[str], field: str) -> None:
        """Refuse a template with an expression that does not compile over `variables`."""
        try:
            Template(value, variables)
        except CelError as error:
            self.refuse_expression(str(error), variables, field)

    def refuse_expression(self, message: str, variables: Iterable[str], field: str) -> None:
        """An expression over `variables` is wrong; which there are is said where that helps."""
        known = f"; it may use {', '.join(variables)}" if "undeclared reference" in message else ""
        self.refuse("InvalidExpression", f"{field}: {message}{known}", field)

    def include(self, other: Compiled[Any]) -> None:
        """Take over what another compilation looked at, and the variables it needs; not its problems."""
        self._refs.update(dict.fromkeys(other.refs))
        self.environment(*other.secrets)

    def compiled(self, config: T | None) -> Compiled[T]:
        """The config, or, when anything was wrong, the problems: first those of the spec itself."""
        problems = sorted(self._problems, key=lambda problem: problem.condition != "Accepted")
        return Compiled(
            config=None if problems else config,
            problems=tuple(problems),
            refs=tuple(self._refs),
            secrets=tuple(self._secrets),
        )

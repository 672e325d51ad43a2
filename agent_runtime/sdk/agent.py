"""The seed of an agent: what it consumes, what it publishes, and the engines in between."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal, Self, TypeVar

from pydantic import BaseModel, TypeAdapter

from agent_runtime.agents.stages import Component
from agent_runtime.api.agent import (
    AgentLimits,
    Batch,
    Consumes,
    Join,
    PrivateVisibility,
    Publishes,
    SimilarTo,
    Visibility,
)
from agent_runtime.api.base import Name
from agent_runtime.api.common import Retry
from agent_runtime.auth.identity import Identity
from agent_runtime.sdk.artifacts import type_of
from agent_runtime.sdk.engines import Role, Score, check
from agent_runtime.sdk.entries import entry
from agent_runtime.sdk.errors import UsageError, as_tuple, usage_errors
from agent_runtime.sdk.plan import Plan
from agent_runtime.sdk.results import visibility_of
from agent_runtime.sdk.worker import Call

E = TypeVar("E")
_NAME: TypeAdapter[str] = TypeAdapter(Name)


class Agent:
    """Made by `Board.agent`. Each method returns the agent, so that they can be written in a chain.

    All of them raise UsageError for what cannot work, and once the board is open.
    """

    def __init__(self, name: str, *, token: str | None = None) -> None:
        wanted = "lower case letters, digits and dashes, with a letter or digit at both ends"
        with usage_errors(f"an agent cannot be called {name!r}: want {wanted}"):
            self.name = _NAME.validate_python(name)
        self.token = token
        self.sealed = False
        """Whether the board is open, so that nothing can change any more."""
        self.models: list[type[BaseModel]] = []
        """All classes that it consumes or publishes."""
        self._consumes: list[Consumes] = []
        self._publishes: dict[type[BaseModel], Publishes] = {}
        self._last: tuple[type[BaseModel], ...] = ()
        self._engines: list[object] = []
        self._calls: list[Call] = []
        self._components: list[Component] = []
        self._labels: frozenset[str] = frozenset()
        self._tenant: str | None = None
        self._limits = AgentLimits(max_concurrency=1)
        self._retry = Retry()
        self._retried: tuple[type[Exception], ...] = ()
        self._attempts = 1
        self._score: Score | None = None

    @property
    def identity(self) -> Identity:
        """Who it is on a board in this process; on a server its token says so."""
        return Identity(self.name, "agent", self._labels, self._tenant)

    def consumes(
        self,
        *models: type[BaseModel],
        where: str | None = None,
        from_: Iterable[str] = (),
        tags: Iterable[str] = (),
        similar_to: SimilarTo | Mapping[str, Any] | None = None,
        join: Join | Mapping[str, Any] | None = None,
        batch: Batch | Mapping[str, Any] | None = None,
        delivery: Literal["Shared", "Exclusive"] = "Shared",
        mode: Literal["Events", "Direct", "Both"] = "Both",
        priority: int = 0,
    ) -> Self:
        """What sets it to work: any of these classes, or with `join` all of them together.

        The rest is as in a manifest's `consumes`; `where` is CEL. Said several times, any of it will do.
        """
        self._check_open("consumes")
        if not models:
            raise UsageError(f"agent {self.name!r} consumes nothing: name at least one class")
        self._consumes.append(
            entry(
                self.name,
                [type_of(model).name for model in models],
                where=where,
                join=join,
                delivery=delivery,
                mode=mode,
                priority=priority,
                from_=as_tuple(f"agent {self.name!r} consumes: from_", from_) or None,
                tags=as_tuple(f"agent {self.name!r} consumes: tags", tags) or None,
                similar_to=similar_to,
                batch=batch,
            )
        )
        self.models += models
        return self

    def publishes(
        self,
        *models: type[BaseModel],
        tags: Iterable[str] = (),
        visibility: Visibility | Mapping[str, Any] | None = None,
        fan_out: int | None = None,
    ) -> Self:
        """What its engines may return; `fan_out` bounds how many of each class in one piece of work.

        An Llm gives exactly one of each class, or with `fan_out` a list.
        """
        self._check_open("publishes")
        for model in models:
            type_ = type_of(model).name
            what = f"agent {self.name!r} publishes {type_}"
            with usage_errors(what):
                self._publishes[model] = Publishes(
                    type=type_,
                    tags=list(as_tuple(f"{what}: tags", tags)) or None,
                    visibility=visibility_of(visibility, what),
                    fan_out=fan_out,
                )
        self._last = models
        self.models += models
        return self

    def only_for(self, *agents: str) -> Self:
        """Who alone may see what the `publishes` before this one names."""
        self._check_open("only_for")
        if not self._last:
            raise UsageError(
                f"agent {self.name!r}: only_for(...) speaks of what publishes(...) before it names"
            )
        with usage_errors(f"agent {self.name!r} publishes only for {', '.join(agents) or 'nobody'}"):
            visibility = Visibility(private=PrivateVisibility(agents=list(agents)))
        for model in self._last:
            self._publishes[model] = self._publishes[model].model_copy(update={"visibility": visibility})
        return self

    def engine(self, engine: E) -> E:
        """As `engines`, for one; a decorator, too: returns the engine."""
        self.engines(engine)
        return engine

    def engines(self, *engines: object) -> Self:
        """Add engines to the chain: functions of a context (`async` or not), objects with `evaluate`, an Llm.

        A function that is not `async` runs in a thread.
        """
        self._check_open("engines")
        for engine in engines:
            check(engine, self.name)
        self._engines += engines
        return self

    def calls(self, call: Call) -> Self:
        """Have a function called with the artifacts, once they are published. What it raises is logged."""
        self._check_open("calls")
        self._calls.append(call)
        return self

    def components(self, *components: Component) -> Self:
        """What is around the stages of its work, the first outermost; within EVALUATE around all attempts."""
        self._check_open("components")
        for component in components:
            if not hasattr(component, "stages") or not callable(getattr(component, "around", None)):
                raise UsageError(
                    f"agent {self.name!r}: {component!r} is no component: it wants `stages` and "
                    "`async def around(self, stage, work, go)`"
                )
        self._components += components
        return self

    def labels(self, *labels: str) -> Self:
        """What it carries, for labelled artifacts. On a server its token says so."""
        self._check_open("labels")
        self._labels |= frozenset(labels)
        return self

    def tenant(self, tenant: str) -> Self:
        """Whom it belongs to. On a server its token says so."""
        self._check_open("tenant")
        self._tenant = tenant
        return self

    def max_concurrency(self, deliveries: int) -> Self:
        """Deliveries at once; 1 unless this says otherwise."""
        return self._limit("max_concurrency", deliveries)

    def timeout(self, duration: str) -> Self:
        """How long one delivery may take, for example "90s"; two minutes unless this says otherwise."""
        return self._limit("timeout", duration)

    def retry(
        self,
        max_attempts: int = 3,
        *,
        on: type[Exception] | tuple[type[Exception], ...] = Exception,
        backoff: Literal["Fixed", "Exponential"] = "Exponential",
        initial_delay: str = "1s",
        max_delay: str = "60s",
        jitter: bool = True,
    ) -> Self:
        """Try again when the engines raise one of these errors; the last one makes a dead letter.

        Without it only what says that it may pass is tried again: errors of a model.
        """
        self._check_open("retry")
        with usage_errors(f"agent {self.name!r}: retry"):
            self._retry = Retry(
                max_attempts=max_attempts,
                backoff=backoff,
                initial_delay=initial_delay,
                max_delay=max_delay,
                jitter=jitter,
            )
        self._retried = on if isinstance(on, tuple) else (on,)
        return self

    def best_of(self, attempts: int, score: Score) -> Self:
        """Run the whole chain so many times at once, and publish the result that `score` gives most.

        Attempts that fail are left out; when all fail, the work has failed.
        """
        self._check_open("best_of")
        if attempts < 1 or not callable(score):
            raise UsageError(
                f"agent {self.name!r}: best_of(n, score) wants n from 1 up and a function of a context"
            )
        self._attempts, self._score = attempts, score
        return self

    def plan(self) -> Plan:
        """All that was said. Raises UsageError when something is missing."""
        if not self._consumes:
            raise UsageError(f"agent {self.name!r} consumes nothing and would never run: add .consumes(...)")
        if not self._engines:
            raise UsageError(f"agent {self.name!r} has no engine: add .engines(...)")
        return Plan(
            name=self.name,
            consumes=tuple(self._consumes),
            role=Role(self.name, tuple(self._publishes.values()), tuple(self._publishes)),
            engines=tuple(self._engines),
            calls=tuple(self._calls),
            components=tuple(self._components),
            limits=self._limits,
            retry=self._retry,
            retried=self._retried,
            attempts=self._attempts,
            score=self._score,
        )

    def _limit(self, field: str, value: object) -> Self:
        self._check_open(field)
        with usage_errors(f"agent {self.name!r}"):
            self._limits = AgentLimits.model_validate(self._limits.model_dump() | {field: value})
        return self

    def _check_open(self, what: str) -> None:
        if self.sealed:
            raise UsageError(f"agent {self.name!r}: {what}(...) comes too late: the board is open")

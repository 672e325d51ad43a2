"""Who may do what. A run reaches itself, a worker what it holds a ticket of, the operator everything."""

from collections.abc import Awaitable, Callable

from agent_runtime.auth.run_tokens import Caller

QueueOf = Callable[[str], Awaitable[str | None]]
"""Run -> the queue whose worker holds a ticket of it; None when nobody does."""


class Denied(Exception):
    """The caller may not do that. `code` is stable for programs."""

    def __init__(self, message: str, *, code: str = "forbidden") -> None:
        super().__init__(message)
        self.code = code


class Access:
    """The checks; each returns in silence or raises Denied."""

    def __init__(self, worked_on_by: QueueOf) -> None:
        self._worked_on_by = worked_on_by

    async def write(self, caller: Caller, run: str) -> None:
        """Change the run's state."""
        root = _root(run)
        match caller.role:
            case "operator":
                return
            case "run":
                if root != caller.name:
                    raise Denied(f"run {caller.name} may write itself only, not run {run!r}")
            case "worker":
                if await self._worked_on_by(root) != caller.name:
                    message = f"no worker of {caller.name} holds a ticket for run {run!r}"
                    raise Denied(message, code="no_ticket")

    async def read(self, caller: Caller, run: str) -> None:
        """See the run's state."""
        if caller.role == "run" and _root(run) in caller.reads:
            return
        if caller.role == "run" and _root(run) != caller.name:
            raise Denied(f"run {caller.name} may not read run {run!r}")
        await self.write(caller, run)

    async def fork(self, caller: Caller, source: str, into: str) -> None:
        """Copy a boundary of one run into another."""
        await self.read(caller, source)
        await self.write(caller, into)

    async def inside(self, caller: Caller, run: str) -> None:
        """List or forget runs: those within a run who may write that one, all others the operator."""
        if "#" in run:
            await self.write(caller, run)
        else:
            self.operate(caller)

    def cache(self, caller: Caller, scope: str) -> None:
        """Keep and find results of nodes: shared within a namespace, the first part of every name."""
        namespace = caller.name.partition("/")[0]
        if caller.role != "operator" and scope.partition("/")[0] != namespace:
            raise Denied(f"{caller.name} may use scopes that begin with {namespace + '/'!r}, not {scope!r}")

    def work(self, caller: Caller, queue: str) -> None:
        """Take tickets of a queue."""
        if caller.role == "run" or (caller.role == "worker" and queue != caller.name):
            raise Denied(f"{caller.role} {caller.name} may not take tickets of queue {queue!r}")

    def operate(self, caller: Caller) -> None:
        """What only the operator does."""
        if caller.role != "operator":
            raise Denied(f"{caller.role} {caller.name} may not do this: it needs the role operator")


def _root(run: str) -> str:
    """Runs within a run, such as the items of a map over a flow, are named `RUN#...` and belong to it."""
    return run.partition("#")[0]

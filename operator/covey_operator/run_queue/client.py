"""The runs server, as the operator uses it: checkpoints and queues of every run."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Self

from agent_runtime.durable.client.store import HttpRunStore
from agent_runtime.durable.port import RunExists, RunStore
from agent_runtime.runs.queue.client import HttpQueue
from agent_runtime.runs.queue.port import RunQueue
from covey_operator.install.installation import Installation
from covey_operator.runs.queue_rows import InQueue, Step


@dataclass(frozen=True, slots=True)
class RunsServer:
    """Both of its ports. Calls raise `durable.port.StoreError`; one that is away is not waited for."""

    store: RunStore
    queue: RunQueue

    @classmethod
    def of(cls, install: Installation) -> Self | None:
        """None when the installation has none."""
        url = install.settings.run_store_url or install.places().runs()
        if url is None:
            return None
        token = install.operator_token()
        return cls(HttpRunStore(url, token, patience=0), HttpQueue(url, token, patience=0))

    async def take(self, place: InQueue, step: Step) -> None:
        """Do it. Each may be done again when its answer was lost."""
        if not step.is_new:
            await self.queue.update(place.run, step.body, step.wanted)
            return
        if step.fork is not None:
            # A worker could not: its token reaches no run but those that it has taken. One that is there was
            # forked by an earlier pass, and may have gone on since.
            with suppress(RunExists):
                await self.store.fork(step.fork.run, step.fork.at, place.run)
        await self.queue.submit(place.run, place.queue, step.body or b"")

    async def forget(self, run: str) -> None:
        """Delete everything about it."""
        await self.queue.remove(run)
        await self.store.delete(run)

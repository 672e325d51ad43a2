"""What an engine is given: the artifacts, as instances of their classes, and what engines before it left."""

import asyncio
from collections.abc import Sequence
from itertools import islice
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from agent_runtime.agents.subscription import Progress, ignore_progress
from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.sdk.artifacts import type_of
from agent_runtime.sdk.errors import UnfitInput

M = TypeVar("M", bound=BaseModel)


class Context:
    """One run of an agent's engines over what was delivered. With `best_of` there are several at once."""

    __slots__ = ("_sizes", "agent", "artifacts", "on_progress", "output", "state")

    def __init__(
        self,
        agent: str,
        artifacts: Sequence[Artifact],
        sizes: Sequence[int] = (),
        on_progress: Progress = ignore_progress,
    ) -> None:
        self.agent = agent
        """Its name."""
        self.artifacts = tuple(artifacts)
        """What was delivered, with ids, producers and tags."""
        self.state: dict[str, Any] = {}
        """Yours: what one engine puts here, the next ones find."""
        self.output: Any = None
        """What the engines so far have come to: what the last one returned that did not return None."""
        self._sizes = sizes
        self.on_progress = on_progress
        """Told by `progress`."""

    @property
    def correlation(self) -> str:
        """The correlation that results inherit."""
        return self.artifacts[0].correlation

    @property
    def sets(self) -> list["Context"]:
        """Of a batch of joined sets: each set, to be asked for its inputs. Else all of it as one set."""
        artifacts = iter(self.artifacts)
        sizes = self._sizes or (len(self.artifacts),)
        return [Context(self.agent, tuple(islice(artifacts, size)), (), self.on_progress) for size in sizes]

    async def progress(self, note: str) -> None:
        """Say how far the work is, for those who watch: one line, of which 256 characters are told.

        At most one a second is told, the newest; the last one before the work ends may not be.
        """
        self.on_progress(note)
        await asyncio.sleep(0)  # lets it be sent by an engine that waits for nothing else

    def inputs(self, model: type[M]) -> list[M]:
        """The delivered artifacts of this class, in order; none is an empty list.

        Raises UnfitInput when one passed its schema and still is none of the class.
        """
        name = type_of(model).name
        return [_read(model, artifact, self.agent) for artifact in self.artifacts if artifact.type == name]

    def input(self, model: type[M]) -> M:
        """The one artifact of this class. Raises UnfitInput when there is none, or more than one."""
        found = self.inputs(model)
        if len(found) == 1:
            return found[0]
        got = ", ".join(artifact.type for artifact in self.artifacts)
        cure = "inputs() gives all of them" if found else "inputs() gives an empty list where there is none"
        raise UnfitInput(
            f"agent {self.agent!r} asked for the one {model.__name__} and there are {len(found)}: "
            f"what was delivered is {got}; {cure}"
        )

    def result(self, model: type[M]) -> M:
        """The first instance of the class in `output`. Raises UnfitInput when there is none."""
        results = self.output if isinstance(self.output, list | tuple) else [self.output]
        for one in results:
            if isinstance(one, model):
                return one
        kinds = ", ".join(type(one).__name__ for one in results)
        raise UnfitInput(f"agent {self.agent!r} has come to no {model.__name__} yet, but to {kinds}")


def _read(model: type[M], artifact: Artifact, agent: str) -> M:
    try:
        return model.model_validate(artifact.payload)
    except ValidationError as error:
        raise UnfitInput(
            f"artifact {artifact.id} cannot be read by agent {agent!r} as the class {model.__name__}, "
            f"although it fits its schema: {error}"
        ) from error

"""Publish an artifact on a Blackboard."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from agent_runtime.api.base import seconds
from agent_runtime.api.nodes import FlowNode
from agent_runtime.blackboard.artifact import PUBLIC, Artifact, Draft
from agent_runtime.blackboard.board import BoardError
from agent_runtime.runs.errors import Hopeless, NodeFailed
from agent_runtime.runs.nodes.step import PlainWork, StepResult
from agent_runtime.runs.nodes.template_field import Field
from agent_runtime.runs.nodes.text import as_text
from agent_runtime.runs.outcome import rfc3339
from agent_runtime.runs.port import Invocation, Publish
from agent_runtime.runs.publishing import artifact_id, failure


class PublishWork(PlainWork):
    """What later nodes need to name the artifact. Its id is the same on each attempt and in every process."""

    bounded = False  # by itself, so that the Blackboard is named

    def __init__(self, node: FlowNode, variables: Iterable[str], publish: Publish, publisher: str) -> None:
        assert node.publish is not None
        self._spec = node.publish
        variables = tuple(variables)
        self._payload = Field("publish.payload", node.publish.payload, variables)
        self._tags = [
            Field(f"publish.tags[{index}]", tag, variables) for index, tag in enumerate(node.publish.tags)
        ]
        self._correlation = Field("publish.correlation", node.publish.correlation, variables)
        self._partition = Field("publish.partition", node.publish.partition, variables)
        self._publish = publish
        self._publisher = publisher
        self._timeout = seconds(node.timeout)

    def given(self, variables: Mapping[str, object]) -> Any:
        """The payload, and what is chosen besides."""
        payload = self._payload.render(variables)
        if not isinstance(payload, dict):
            raise Hopeless(f"publish.payload: want an object, got {as_text(payload)[:200]}")
        names = (self._correlation.render(variables), self._partition.render(variables))
        correlation, partition = (None if name is None else as_text(name) for name in names)
        tags = [as_text(tag.render(variables)) for tag in self._tags]
        return {"payload": payload, "tags": tags, "correlation": correlation, "partition": partition}

    async def do(self, given: Any, invocation: Invocation) -> StepResult:
        spec = self._spec
        draft = Draft(
            id=artifact_id(self._publisher, invocation.idempotency_key),
            type=spec.type,
            version=spec.version,
            payload=given["payload"],
            tags=tuple(given["tags"]),
            visibility=spec.visibility or PUBLIC,
            correlation=given["correlation"],
            partition=given["partition"],
        )
        try:
            async with asyncio.timeout(self._timeout) as bound:
                artifact = await self._publish(spec.blackboard, spec.tenant, draft)
        except BoardError as error:
            raise failure(spec.blackboard, error) from error
        except TimeoutError as error:
            if not bound.expired():
                raise
            raise NodeFailed(
                f'Blackboard "{spec.blackboard}" did not take the artifact within {self._timeout:g}s: check '
                "that it is ready, or raise the node's timeout"
            ) from error
        return StepResult(_told(spec.blackboard, artifact))


def _told(blackboard: str, artifact: Artifact) -> dict[str, Any]:
    return {
        "blackboard": blackboard,
        "id": artifact.id,
        "type": artifact.type,
        "version": artifact.version,
        "correlation": artifact.correlation,
        "createdAt": rfc3339(artifact.created_at),
    }

"""A query's filters, for what no index has settled."""

from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.board import Query


def fits(artifact: Artifact, query: Query) -> bool:
    """Whether all filters that are set hold."""
    return (
        (query.type is None or artifact.type == query.type)
        and (query.correlation is None or artifact.correlation == query.correlation)
        and (query.producer is None or artifact.producer == query.producer)
        and (query.tag is None or query.tag in artifact.tags)
        and (query.partition is None or artifact.partition == query.partition)
        and (query.since is None or artifact.created_at >= query.since)
        and (query.until is None or artifact.created_at < query.until)
    )

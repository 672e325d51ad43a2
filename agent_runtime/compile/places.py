"""Where things are reached in the cluster."""

from dataclasses import dataclass

PORT = 8080
"""The port on which every process of the runtime listens."""


@dataclass(frozen=True, slots=True)
class ClusterPlaces:
    """By the names of their Services, which resolve in every namespace of the cluster."""

    def agent(self, namespace: str, name: str) -> str:
        """Base URL of an agent."""
        return f"http://{name}-agent.{namespace}.svc:{PORT}"

    def blackboard(self, namespace: str, name: str) -> str:
        """Base URL of a blackboard's server."""
        return f"http://{name}-blackboard.{namespace}.svc:{PORT}"

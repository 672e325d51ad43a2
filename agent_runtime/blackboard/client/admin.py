"""What the keeper of a board does with it, over HTTP: look into it, and deal with what went wrong."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self
from urllib.parse import quote

import httpx2

from agent_runtime.api.agent import Consumes
from agent_runtime.auth.identity import Identity
from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.client.transport import PATIENCE, HttpCalls, artifacts_of
from agent_runtime.blackboard.matching.checks import Check
from agent_runtime.blackboard.matching.matcher import Verdict
from agent_runtime.blackboard.matching.subscriptions import Subscriber
from agent_runtime.blackboard.stores.records import DeadLetter, Stats


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why an artifact sets an agent to work or does not, by entry of the agent's `consumes`."""

    subscribed: bool
    verdicts: tuple[Verdict, ...]


class BoardAdmin:
    """For a token whose role is admin. Every call may raise BoardError. Close it when done."""

    def __init__(
        self,
        url: str,
        token: str,
        *,
        proof: Callable[[], str] | None = None,
        root: str = "/v1",
        patience: float = PATIENCE,
        client: httpx2.AsyncClient | None = None,
    ) -> None:
        """As `HttpCalls`."""
        self._calls = HttpCalls(url, token, proof=proof, root=root, patience=patience, client=client)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of the connections."""
        await self._calls.close()

    async def dead_letters(self, limit: int = 100, agent: str | None = None) -> list[DeadLetter]:
        """The newest, newest first."""
        parameters = {"limit": str(limit)} | ({} if agent is None else {"agent": agent})
        return await self._calls.read(_letters, "GET", "/deadletters", parameters=parameters)

    async def dead_letter(self, delivery: str) -> tuple[DeadLetter, list[Artifact]]:
        """One with its artifacts. BoardError 404 when there is none."""
        return await self._calls.read(_whole_letter, "GET", f"/deadletters/{quote(delivery, safe='')}")

    async def replay(self, deliveries: Sequence[str]) -> list[DeadLetter]:
        """Offer up to 1000 again, all or none. BoardError 404 names those that are no dead letters.

        When the answer is lost (`unreachable`), look before you ask again: they may be none any more.
        """
        body = {"deliveries": list(deliveries)}
        return await self._calls.read(_replayed, "POST", "/deadletters/replay", body, repeatable=False)

    async def drop(self, deliveries: Sequence[str]) -> int:
        """Delete up to 1000 for good; returns how many were dead letters."""
        body = {"deliveries": list(deliveries)}
        return await self._calls.read(
            lambda answer: int(answer["dropped"]), "POST", "/deadletters/drop", body
        )

    async def subscriptions(self) -> list[Subscriber]:
        """Who is subscribed, in order of registration."""
        return await self._calls.read(_subscribers, "GET", "/subscriptions")

    async def forget(self, agent: str) -> int:
        """End an agent's subscription; returns how many deliveries its inbox had."""
        path = f"/subscriptions/{quote(agent, safe='')}"
        return await self._calls.read(lambda answer: int(answer["deliveries"]), "DELETE", path)

    async def explain(self, artifact: str, agent: str) -> Explanation:
        """Why did it not run? BoardError 404 when there is no such artifact."""
        parameters = {"artifact": artifact, "agent": agent}
        return await self._calls.read(_explanation, "GET", "/explain", parameters=parameters)

    async def explain_all(self, artifact: str) -> dict[str, tuple[Verdict, ...]]:
        """By whom is it consumed? Of each subscriber; BoardError 404 when there is no such artifact."""
        return await self._calls.read(_consumers, "GET", "/explain", parameters={"artifact": artifact})

    async def stats(self) -> Stats:
        """How full the board is."""
        return await self._calls.read(_stats, "GET", "/stats")


def _letters(answer: Mapping[str, Any]) -> list[DeadLetter]:
    return [_letter(one) for one in answer["deadLetters"]]


def _whole_letter(answer: Mapping[str, Any]) -> tuple[DeadLetter, list[Artifact]]:
    return _letter(answer["deadLetter"]), artifacts_of(answer)


def _replayed(answer: Mapping[str, Any]) -> list[DeadLetter]:
    return [_letter(one) for one in answer["replayed"]]


def _subscribers(answer: Mapping[str, Any]) -> list[Subscriber]:
    return [_subscriber(one, order) for order, one in enumerate(answer["subscriptions"])]


def _explanation(answer: Mapping[str, Any]) -> Explanation:
    return Explanation(answer["subscribed"], tuple(_verdict(one) for one in answer["entries"]))


def _consumers(answer: Mapping[str, Any]) -> dict[str, tuple[Verdict, ...]]:
    return {
        subscriber["agent"]: tuple(_verdict(verdict) for verdict in subscriber["entries"])
        for subscriber in answer["agents"]
    }


def _stats(answer: Mapping[str, Any]) -> Stats:
    return Stats(
        answer["artifacts"],
        answer["deadLetters"],
        answer["pending"],
        subscribers=answer["subscribers"],
        unconsumed=answer.get("unconsumed", {}),
    )


def _letter(wire: Mapping[str, Any]) -> DeadLetter:
    return DeadLetter(
        wire["delivery"],
        wire["agent"],
        tuple(wire["artifacts"]),
        wire["attempts"],
        wire["error"],
        datetime.fromisoformat(wire["at"]),
    )


def _subscriber(wire: Mapping[str, Any], order: int) -> Subscriber:
    identity = Identity(wire["agent"], "agent", frozenset(wire["labels"]), wire["tenant"])
    return Subscriber(identity, tuple(Consumes.model_validate(one) for one in wire["consumes"]), order)


def _verdict(wire: Mapping[str, Any]) -> Verdict:
    check = None if wire["check"] is None else Check(wire["check"])
    return Verdict(wire["entry"], check, wire["message"])

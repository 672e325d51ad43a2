"""concurrencyPolicy, given the runs that there are."""

from typing import Any, Literal

import pytest

from agent_runtime.triggers.policy import Decision, Replace, Skip, Start, decide


def run(name: str, phase: str | None = "Running", *, key: str = "cron-k1", **more: Any) -> dict[str, Any]:
    labels = {"covey.dev/flow": more.pop("flow", "report"), "covey.dev/trigger": key}
    metadata = {"name": name, "labels": labels, **more.pop("metadata", {})}
    return {"metadata": metadata, "spec": more, "status": {"phase": phase} if phase else None}


NOTHING: list[dict[str, Any]] = []
OLD = [run("report-1")]


@pytest.mark.parametrize(
    ("policy", "runs", "decision"),
    [
        ("Allow", NOTHING, Start()),
        ("Allow", OLD, Start()),
        ("Forbid", NOTHING, Start()),
        ("Forbid", OLD, Skip("report-1 has not ended, and concurrencyPolicy is Forbid")),
        ("Forbid", [run(f"report-{n}") for n in range(1, 6)],
         Skip("report-1, report-2, report-3, ... has not ended, and concurrencyPolicy is Forbid")),
        ("Replace", NOTHING, Start()),
        ("Replace", [run("report-2"), run("report-1", "Queued")], Replace(("report-1", "report-2"))),
        # what counts as under way
        ("Forbid", [run("report-1", None)], Skip("report-1 has not ended, and concurrencyPolicy is Forbid")),
        ("Forbid", [run("report-1", "Waiting")],
         Skip("report-1 has not ended, and concurrencyPolicy is Forbid")),
        ("Forbid", [run("report-1", p) for p in ("Succeeded", "Failed", "Cancelled")], Start()),
        ("Forbid", [run("report-1", metadata={"deletionTimestamp": "2026-11-21T12:00:00Z"})], Start()),
        # other triggers, other flows and people do not count
        ("Forbid", [run("report-1", key="cron-k2")], Start()),
        ("Forbid", [run("other-1", flow="other")], Start()),
        ("Forbid", [{"metadata": {"name": "mine", "labels": {"covey.dev/flow": "report"}}}], Start()),
        ("Forbid", [{"metadata": {"name": "mine"}}], Start()),
        # told to stop and not there yet: still in the way, and not told again
        ("Forbid", [run("report-1", cancel=True)],
         Skip("report-1 has not ended, and concurrencyPolicy is Forbid")),
        ("Replace", [run("report-1", cancel=True), run("report-2")], Replace(("report-2",))),
        # made by a process that died before it noted so: never skipped for, or replaced by, itself
        ("Forbid", [run("report-9")], Start()),
        ("Replace", [run("report-9")], Start()),
        ("Forbid", [run("report-9", "Succeeded")], Start()),
    ],
)  # fmt: skip
def test_decisions(
    policy: Literal["Allow", "Forbid", "Replace"], runs: list[dict[str, Any]], decision: Decision
) -> None:
    assert decide(policy, "report", "cron-k1", "report-9", runs) == decision

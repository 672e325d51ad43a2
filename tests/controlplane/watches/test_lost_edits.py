"""What somebody does while a write of the operator is under way is looked at, whichever comes to light first.

The proxy forces the order that is rare by itself: the answer to the write shows more than the pass knew, and
the watch comes later with nothing that the answer had not shown.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hack.cluster.control_plane.control_plane import ControlPlane
from tests.controlplane import manifests as make
from tests.controlplane.api import Api, Object, says_of, until
from tests.controlplane.holding import HoldingProxy
from tests.controlplane.played import end_job, roll_out, start_job
from tests.controlplane.rig import Rig


class Place:
    """An operator behind the proxy, and a person who goes straight to the API server."""

    def __init__(self, api: Api, proxy: HoldingProxy, rig: Rig) -> None:
        self.api, self.proxy, self.rig = api, proxy, rig

    def overtaken(
        self, write: str, plural: str, *, begin: Callable[[], None], act: Callable[[], None]
    ) -> None:
        """`begin` leads to a PATCH of the path `write`, and `act` happens while that is on its way.

        Its answer is there before a watch of `plural` shows any of it.
        """
        before = self._answers(plural)
        with self.proxy.holding("PATCH", f"{write}[?]") as held:
            begin()
            held.arrived()
            with self.proxy.stalled(plural):
                act()
                held.let_pass()
                until("the answer is there", lambda: self._answers(plural) > before)

    def _answers(self, plural: str) -> float:
        answers = self.rig.operator.metrics()
        return answers.get(("covey_operator_requests_total", ("200", plural, "PATCH")), 0.0)


@pytest.fixture
def place(quiet: None, control_plane: ControlPlane, api: Api, tmp_path: Path) -> Iterator[Place]:
    with (
        HoldingProxy(control_plane.kubeconfig, tmp_path) as proxy,
        Rig(proxy.kubeconfig, api, tmp_path / "operator", COVEY_RUN_STORE="true") as rig,
    ):
        yield Place(api, proxy, rig)


RESOURCES: dict[str, tuple[Object, Object]] = {
    "Model": (make.model("edited"), {"script": [{"reply": "edited"}]}),
    "Agent": (make.agent(), {"instructions": "Edited."}),
    "Blackboard": (make.blackboard(), {"server": {"pod": {"nodeSelector": {"disk": "fast"}}}}),
    "Flow": (make.flow("edited"), {"run": {"backoffLimit": 1}}),
    "FlowRun": (make.flow_run(), {"suspend": True}),
}
"""What is applied, and the edit of its spec."""


@pytest.mark.parametrize("kind", RESOURCES)
def test_an_edit_during_the_write_of_a_status_is_looked_at(place: Place, kind: str) -> None:
    api, (manifest, edit) = place.api, RESOURCES[kind]
    name, plural = manifest["metadata"]["name"], f"{kind.lower()}s"
    api.apply(make.model(), make.flow())
    says_of(api, "Flow", "report", "Valid")
    place.overtaken(
        f"/{plural}/{name}/status",
        plural,
        begin=lambda: api.apply(manifest),
        act=lambda: api.edit(kind, name, {"spec": edit}),
    )
    until("the edit is looked at", lambda: _observed(api, kind, name) == 2)


def test_who_names_a_resource_hears_of_an_edit_during_the_write_of_its_status(place: Place) -> None:
    api = place.api
    api.apply(make.agent())
    says_of(api, "Agent", "researcher", "ModelNotFound")
    place.overtaken(
        "/models/fast/status",
        "models",
        begin=lambda: api.apply(make.model()),
        act=lambda: api.edit("Model", "fast", {"spec": {"script": [{"reply": "edited"}]}}),
    )
    until(
        "the edit is in the agent's config",
        lambda: (
            "edited"
            in (api.get("ConfigMap", "researcher-agent") or {}).get("data", {}).get("config.json", "")
        ),
    )


def test_a_resource_deleted_and_made_again_during_the_write_of_its_status_is_looked_at(place: Place) -> None:
    api = place.api
    api.apply(make.model("other"))

    def replace() -> None:
        api.delete("Model", "fast")
        api.apply(make.model(reply="another"))

    before = place.rig.operator.passes("Model")
    with place.proxy.holding("PATCH", "/models/fast/status[?]") as held:
        api.apply(make.model())
        held.arrived()
        with place.proxy.stalled("models"):
            replace()
            held.let_pass()
            until("the write was refused", lambda: place.rig.operator.passes("Model") > before)
    says_of(api, "Model", "fast", "Valid")


def test_a_workload_that_changes_while_it_is_applied_is_looked_at(place: Place) -> None:
    api = place.api
    api.apply(make.model(), make.agent())
    until("its Deployment", lambda: api.get("Deployment", "researcher-agent"))
    place.overtaken(
        "/deployments/researcher-agent",
        "deployments",
        begin=lambda: api.edit("Agent", "researcher", {"spec": {"instructions": "Edited."}}),
        act=lambda: roll_out(api, "Deployment", "researcher-agent"),
    )
    until("its pods", lambda: api.there("Agent", "researcher")["status"].get("readyReplicas") == 1)


def test_a_job_that_ends_while_it_is_held_is_looked_at(place: Place) -> None:
    """The plan of a run goes by its Jobs, as they were before the write."""
    api = place.api
    api.apply(make.model(), make.flow(), make.flow_run())
    until("the Job", lambda: api.get("Job", "monday-run"))
    start_job(api, "monday-run")
    says_of(api, "FlowRun", "monday", "Running", top="Succeeded")
    place.overtaken(
        "/jobs/monday-run",
        "jobs",
        begin=lambda: api.edit("FlowRun", "monday", {"spec": {"suspend": True}}),
        act=lambda: end_job(api, "monday-run", json.dumps({"result": "done"})),
    )
    until("its end", lambda: api.there("FlowRun", "monday")["status"]["phase"] == "Succeeded")


def test_an_edit_that_the_watch_shows_before_the_answer_to_a_write_is_looked_at(place: Place) -> None:
    api = place.api
    with place.proxy.holding("PATCH", "/models/fast/status[?]", answer=True) as held:
        api.apply(make.model())
        held.arrived()
        passes = place.rig.operator.passes("Model")
        api.edit("Model", "fast", {"spec": {"script": [{"reply": "edited"}]}})
        api.apply(make.model("later"))
        until("the watch shows it", lambda: place.rig.operator.passes("Model") > passes)
    until("the edit is looked at", lambda: _observed(api, "Model", "fast") == 2)


def _observed(api: Api, kind: str, name: str) -> object:
    return (api.there(kind, name).get("status") or {}).get("observedGeneration")

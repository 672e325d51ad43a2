"""Plans that depend on more than the spec: broken references, suspension."""

from base64 import b64decode
from dataclasses import replace
from typing import Any

import pytest

from agent_runtime.auth.identity import Identity
from agent_runtime.auth.issuer import Issuer
from agent_runtime.auth.tokens import Grant, grant_of
from covey_operator.install.installation import Installation
from tests.unit.operator.worlds import (
    AGENT,
    FAST,
    INSTALL,
    NEWSROOM,
    PAID,
    PROVIDER,
    WORLD,
    Object,
    child,
    plan,
    resource,
    secret,
)


def test_a_broken_reference_leaves_what_runs_and_is_watched() -> None:
    found = plan(AGENT)
    assert found.desired is None
    assert [problem.reason for problem in found.problems] == ["ModelNotFound"]
    assert [(ref.kind, ref.name) for ref in found.refs] == [("Model", "fast")]
    assert found.pause is None


def test_a_suspended_agent_stops_even_with_a_broken_reference() -> None:
    suspended = resource("Agent", "researcher", {"model": {"name": "gone"}, "suspend": True})
    assert plan(suspended).pause == "researcher-agent"


def config_hash(body: Object, *others: Object) -> str:
    template = child(body, "Deployment", *others)["spec"]["template"]
    return str(template["metadata"]["annotations"]["covey.dev/config-hash"])


PAYING = resource("Agent", "payer", {"model": {"name": "paid"}})
LISTENER = resource("Agent", "listener", {"model": {"name": "fast"}, "blackboard": {"name": "newsroom"}})


@pytest.mark.parametrize(
    ("body", "before", "after", "rolls"),
    [
        (PAYING, (PAID, PROVIDER), (PAID, PROVIDER), False),
        (PAYING, (PAID, PROVIDER), (PAID, secret("provider", **{"api-key": "sk-2"})), True),
        (PAYING, (PAID, PROVIDER), (PAID, secret("provider", **{"api-key": "sk-1", "other": "x"})), False),
        (
            LISTENER,
            (FAST, NEWSROOM),
            (FAST, {**NEWSROOM, "metadata": {**NEWSROOM["metadata"], "uid": "another"}}),
            True,
        ),
    ],
    ids=["nothing changed", "the key was rotated", "another key came", "another blackboard of the name"],
)
def test_pods_roll_when_what_they_read_at_their_start_changes(
    body: Object, before: tuple[Object, ...], after: tuple[Object, ...], rolls: bool
) -> None:
    assert (config_hash(body, *before) != config_hash(body, *after)) is rolls


def test_tokens_differ_by_install_key_and_by_incarnation() -> None:
    def token(install: Installation, uid: str) -> str:
        return install.agent_token("news", "researcher", uid)

    other = Installation(INSTALL.settings, b"o" * 32)
    assert len({token(INSTALL, "1"), token(INSTALL, "2"), token(other, "1")}) == 3
    assert token(INSTALL, "1") == token(INSTALL, "1")


def issued(*keys: str) -> Installation:
    return replace(INSTALL, issuer=Issuer(url="https://issuer", keys=[{"kid": key} for key in keys]))


def test_a_board_rolls_when_the_keys_of_the_issuer_change() -> None:
    def hash_by(install: Installation) -> str:
        planned = plan(NEWSROOM, *WORLD, install=install)
        (deployment,) = [each for each in planned.desired or () if each["kind"] == "Deployment"]
        return str(deployment["spec"]["template"]["metadata"]["annotations"]["covey.dev/config-hash"])

    assert hash_by(issued("a")) == hash_by(issued("a")) != hash_by(issued("a", "b"))


def test_a_board_without_an_issuer_says_so_and_an_agent_is_ready_for_both() -> None:
    careless = replace(INSTALL, issuer=None, issuer_fault="it may not: grant it")
    assert plan(NEWSROOM, *WORLD, install=INSTALL).caveat == ""
    assert plan(NEWSROOM, *WORLD, install=careless).caveat == (
        "agents are let in by their grants alone, which do not expire, as the API server does not say who "
        "signs the tokens of service accounts: it may not: grant it"
    )
    listener = (LISTENER, FAST, NEWSROOM)
    assert plan(*listener, install=careless).desired == plan(*listener, install=INSTALL).desired


@pytest.mark.parametrize(
    ("pod", "account"), [({}, "listener-agent"), ({"pod": {"serviceAccountName": "own"}}, "own")]
)
def test_an_agents_grant_is_for_the_account_of_its_pods(pod: Object, account: str) -> None:
    listener = resource("Agent", "listener", {**LISTENER["spec"], **pod})
    written = child(listener, "Secret", FAST, NEWSROOM)["data"]["blackboard-token"]
    key = INSTALL.blackboard_key("news", "newsroom", "uid-of-newsroom")
    grant = grant_of(key, b64decode(written).decode(), "blackboard/news/newsroom")
    assert (grant.bearer, grant.account, grant.via_operator) == (
        Identity("listener"),
        f"news:{account}",
        False,
    )
    pods = child(listener, "Deployment", FAST, NEWSROOM)["spec"]["template"]["spec"]
    assert pods["serviceAccountName"] == account


def test_the_operator_speaks_for_a_flow_and_says_so_and_people_are_users() -> None:
    key = INSTALL.blackboard_key("news", "newsroom", "uid")
    audience = "blackboard/news/newsroom"
    for_flow = grant_of(key, INSTALL.flow_token("news", "report", "newsroom", "uid"), audience)
    assert for_flow == Grant(Identity("flow.report"), None, True, None)
    for_people = grant_of(key, INSTALL.user_token("news", "newsroom", "uid"), audience)
    assert for_people == Grant(Identity("user", "user"), None, False, None)


def test_nothing_of_a_secret_shows_when_things_are_printed() -> None:
    assert "kkkk" not in repr(INSTALL)


def test_variables_of_opentelemetry_reach_every_process_of_ours_and_no_other() -> None:
    told = (("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318"), ("OTEL_TRACES_SAMPLER", "always_on"))
    install = replace(INSTALL, settings=replace(INSTALL.settings, telemetry=told))
    own = {"name": "OTEL_TRACES_SAMPLER", "value": "always_off"}
    agent = AGENT | {"spec": {**AGENT["spec"], "pod": {"env": [own]}}}
    found: dict[str, dict[str, str]] = {}
    board = NEWSROOM | {"spec": {**NEWSROOM["spec"], "store": {"redis": {"managed": {}}}}}
    for body in (agent, board):
        for each in plan(body, *WORLD, install=install).desired or ():
            if each["kind"] in ("Deployment", "StatefulSet"):
                (container,) = each["spec"]["template"]["spec"]["containers"]
                env = {one["name"]: one.get("value", "") for one in container["env"]}
                found[container["name"]] = {name: env[name] for name in env if name.startswith("OTEL_")}
    assert found.pop("agent") == dict(told) | {own["name"]: own["value"]}
    assert found.pop("server") == dict(told)
    assert list(found.values()) == [{}], "a store is not ours"


def test_without_network_policies_none_are_made() -> None:
    settings: dict[str, Any] = {name: getattr(INSTALL.settings, name) for name in INSTALL.settings.__slots__}
    install = Installation(type(INSTALL.settings)(**{**settings, "network_policies": False}), b"k" * 32)
    desired = plan(AGENT, *WORLD, install=install).desired or ()
    assert "NetworkPolicy" not in [each["kind"] for each in desired]

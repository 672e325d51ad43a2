"""Plans that depend on more than the spec: broken references, suspension."""

from typing import Any

import pytest

from covey_operator.installation import Installation
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


def test_nothing_of_a_secret_shows_when_things_are_printed() -> None:
    assert "kkkk" not in repr(INSTALL)


def test_without_network_policies_none_are_made() -> None:
    settings: dict[str, Any] = {name: getattr(INSTALL.settings, name) for name in INSTALL.settings.__slots__}
    install = Installation(type(INSTALL.settings)(**{**settings, "network_policies": False}), b"k" * 32)
    desired = plan(AGENT, *WORLD, install=install).desired or ()
    assert "NetworkPolicy" not in [each["kind"] for each in desired]

"""Settings, permissions, events and the lease's judgement, without an API server."""

from datetime import UTC, datetime

import pytest

from covey_operator.controller.events import event_about
from covey_operator.controller.reconcile import patience
from covey_operator.install.settings import Settings, SettingsError
from covey_operator.kube.leader_election import Rival
from covey_operator.kube.permissions import Denied, Need, complaint, needs, watchable
from tests.clocks import START
from tests.unit.operator.worlds import AGENT, Object

IMAGE = {"COVEY_RUNTIME_IMAGE": "covey:1"}


def test_settings_have_defaults_for_all_but_the_image() -> None:
    settings = Settings.from_environ({**IMAGE, "HOSTNAME": "covey-operator-x"})
    assert (settings.http_port, settings.workers, settings.namespaces) == (8081, 16, ())
    assert (settings.identity, settings.install_key_secret) == ("covey-operator-x", "covey-install-key")


def test_lists_and_commands_are_taken_apart() -> None:
    environ = {
        **IMAGE,
        "COVEY_NAMESPACES": " a, b,,a ",
        "COVEY_REDIS_COMMAND": "redis-server --loglevel 'a b'",
    }
    settings = Settings.from_environ(environ)
    assert settings.namespaces == ("a", "b")
    assert settings.redis_command == ("redis-server", "--loglevel", "a b")


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({}, "COVEY_RUNTIME_IMAGE is not set"),
        ({**IMAGE, "COVEY_HTTP_PORT": "http"}, "COVEY_HTTP_PORT is 'http', want a number"),
        (
            {**IMAGE, "COVEY_NETWORK_POLICIES": "yes"},
            "COVEY_NETWORK_POLICIES is 'yes', want one of true, false",
        ),
    ],
)
def test_wrong_settings_are_named(environ: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        Settings.from_environ(environ)


def test_one_message_for_all_that_is_missing() -> None:
    denied = [
        Denied(Need("watch", "Flow"), "news"),
        Denied(Need("list", "Flow"), "news"),
        Denied(Need("patch", "Agent", "status"), ""),
    ]
    message = complaint(denied)
    assert (
        "patch agents/status of covey.dev in all namespaces; list, watch flows of covey.dev in news"
        in message
    )


def test_only_what_may_be_listed_and_watched_is_watched() -> None:
    everything = {each.kind for each in watchable([])}
    assert {"Agent", "Secret", "Deployment"} <= everything
    assert not {"Pod", "Event", "Lease"} & everything
    denied = [Denied(Need("watch", "Flow"), ""), Denied(Need("create", "Secret"), "")]
    assert everything - {each.kind for each in watchable(denied)} == {"Flow"}


def test_every_need_is_asked_about_once() -> None:
    assert len(needs()) == len(set(needs()))


def said(status: str, reason: str) -> Object:
    return {"type": "Ready", "status": status, "reason": reason, "message": ""}


@pytest.mark.parametrize(
    ("before", "now_is", "told"),
    [
        ({}, said("False", "ModelNotFound"), "Normal"),
        (said("False", "ModelNotFound"), said("False", "SecretNotFound"), "Normal"),
        (said("True", "RolledOut"), said("False", "SecretNotFound"), "Warning"),
        ({}, said("False", "NotListening"), "Normal"),
        ({}, said("False", "InvalidSpec"), "Warning"),
        ({}, said("False", "ImagePullFailed"), "Warning"),
        (said("Unknown", "Running"), said("Unknown", "WaitingForApproval"), "Normal"),
        (said("Unknown", "WaitingForApproval"), said("Unknown", "InvalidAnswer"), "Warning"),
        (said("Unknown", "Running"), said("False", "Cancelled"), "Normal"),
        (said("Unknown", "Running"), said("False", "FlowFailed"), "Warning"),
        ({}, said("False", "RollingOut"), None),
        (said("False", "RollingOut"), said("True", "RolledOut"), "Normal"),
        (said("True", "RolledOut"), said("True", "RolledOut"), None),
        (said("True", "RolledOut"), said("False", "RolloutFailed"), "Warning"),
        (said("True", "RolledOut"), said("False", "Suspended"), "Normal"),
    ],
)
def test_events_tell_of_changes_that_matter(before: Object, now_is: Object, told: str | None) -> None:
    event = event_about(AGENT, before, now_is, START)
    assert (event and event["type"]) == told


@pytest.mark.parametrize(
    ("said_before", "seconds"),
    [
        ({}, 1),
        (said("True", "RolledOut"), 1),
        (said("False", "NameTaken") | {"lastTransitionTime": "2026-01-05T11:59:53Z"}, 7),
        (said("False", "NameTaken") | {"lastTransitionTime": "2026-01-04T12:00:00Z"}, 30),
    ],
)
def test_what_is_refused_is_tried_again_soon_and_then_less_and_less_often(
    said_before: Object, seconds: float
) -> None:
    assert patience(said_before, datetime(2026, 1, 5, 12, tzinfo=UTC)) == seconds


def test_a_lease_expires_by_our_clock_when_it_stands_still() -> None:
    rival = Rival()
    spec = {"holderIdentity": "other", "renewTime": "1", "leaseDurationSeconds": 30}
    assert not rival.has_expired(spec, now=100)
    assert not rival.has_expired(spec, now=129)
    assert not rival.has_expired({**spec, "renewTime": "2"}, now=130)
    assert not rival.has_expired({**spec, "renewTime": "2"}, now=159)
    assert rival.has_expired({**spec, "renewTime": "2"}, now=160)

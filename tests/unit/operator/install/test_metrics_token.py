"""Pods of an installation that guards its metrics know the token's digest, and nothing says otherwise."""

import hashlib
from typing import Any

import pytest

from agent_runtime.api.common import EnvVar, PodSettings
from agent_runtime.auth.metrics_token import DIGEST_ENV
from covey_operator.desired.pods import Part, http_server, pod_template
from covey_operator.install.settings import Settings

DIGEST = hashlib.sha256(b"sesame").hexdigest()


def _env(token: str, **more: Any) -> dict[str, Any]:
    settings = Settings.from_environ({"COVEY_RUNTIME_IMAGE": "runtime", "COVEY_METRICS_TOKEN": token})
    own = PodSettings(env=[EnvVar(name=DIGEST_ENV, value="mine")])
    whole: dict[str, Any] = {"image": "runtime", "container": http_server(), "settings": own, **more}
    part = Part("Agent", "a", "agent", args=(), config_hash="", service_account="a", **whole)
    variables = pod_template(part, settings)["spec"]["containers"][0]["env"]
    return {each["name"]: each.get("value") for each in variables}


def test_a_server_of_the_runtime_gets_the_digest_and_not_the_token() -> None:
    env = _env("sesame\n")
    assert env[DIGEST_ENV] == DIGEST
    assert "sesame" not in str(env)


@pytest.mark.parametrize(
    ("token", "more"), [("", {}), ("sesame", {"image": "valkey"}), ("sesame", {"container": {}})]
)
def test_others_do_not(token: str, more: dict[str, Any]) -> None:
    assert _env(token, **more)[DIGEST_ENV] == "mine"

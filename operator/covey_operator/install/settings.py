"""How the operator is configured: by environment variables, read once."""

import os
import shlex
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from agent_runtime.auth.metrics_token import MetricsToken
from covey_operator.policy.rules import Policy, PolicyError

_OWN_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


class SettingsError(ValueError):
    """A variable is missing or wrong; the message names it."""


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings. Durations are in seconds."""

    runtime_image: str
    """COVEY_RUNTIME_IMAGE, required: the image of agents, blackboard servers and runs."""
    redis_image: str
    """COVEY_REDIS_IMAGE: the image of managed stores that are a Redis."""
    redis_command: tuple[str, ...]
    """COVEY_REDIS_COMMAND: the server's program in that image."""
    postgres_image: str
    """COVEY_POSTGRES_IMAGE: the image of managed stores and vector databases that are a Postgres."""
    image_pull_policy: str
    """COVEY_IMAGE_PULL_POLICY: of all these images."""
    image_pull_secrets: tuple[str, ...]
    """COVEY_IMAGE_PULL_SECRETS: names, by comma; they must exist where the pods are."""
    namespaces: tuple[str, ...]
    """COVEY_NAMESPACES: those that are served, by comma; empty: all of them."""
    own_namespace: str
    """COVEY_OPERATOR_NAMESPACE: where the install key and the lease are."""
    install_key_secret: str
    """COVEY_INSTALL_KEY_SECRET: the name of the Secret with the install key."""
    identity: str
    """COVEY_IDENTITY: who holds the lease; the pod's name by default."""
    network_policies: bool
    """COVEY_NETWORK_POLICIES: whether NetworkPolicies are made."""
    run_store: bool
    """COVEY_RUN_STORE: whether the server `covey-runs` is there, in the operator's namespace."""
    run_store_url: str | None
    """COVEY_RUN_STORE_URL: where the operator itself reaches it; None: by its Service."""
    max_runs: int | None
    """COVEY_MAX_RUNS: runs under way at once in all; None: no limit."""
    max_runs_per_namespace: int | None
    """COVEY_MAX_RUNS_PER_NAMESPACE: the same in each namespace."""
    http_port: int
    """COVEY_HTTP_PORT: probes and metrics."""
    http_host: str
    """COVEY_HTTP_HOST: the address that they are served on."""
    workers: int
    """COVEY_WORKERS: passes at once."""
    log_level: str
    """COVEY_LOG_LEVEL."""
    environment: str = "default"
    """COVEY_ENVIRONMENT: the name of the environment, in every log line."""
    metrics_digest: str = ""
    """COVEY_METRICS_TOKEN: what `/metrics` asks for, of the operator and its pods; kept as its SHA-256."""
    policy: Policy = field(default_factory=Policy)
    """COVEY_POLICY: what people may say in resources, as JSON; see `policy.rules`."""
    pod: str = ""
    """COVEY_POD_NAME/COVEY_POD_UID: the pod that this process runs in; empty outside a cluster."""
    telemetry: tuple[tuple[str, str], ...] = ()
    """OTEL_*: variables of OpenTelemetry, which every process of the runtime image gets, by name."""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Raises SettingsError."""
        read = environ.get
        if not read("COVEY_RUNTIME_IMAGE"):
            raise SettingsError("COVEY_RUNTIME_IMAGE is not set: name the image that agents run")
        return cls(
            runtime_image=environ["COVEY_RUNTIME_IMAGE"],
            redis_image=read("COVEY_REDIS_IMAGE") or "valkey/valkey:8.1-alpine",
            redis_command=tuple(shlex.split(read("COVEY_REDIS_COMMAND") or "valkey-server")),
            postgres_image=read("COVEY_POSTGRES_IMAGE") or "pgvector/pgvector:0.8.1-pg17",
            image_pull_policy=_one_of(
                environ, "COVEY_IMAGE_PULL_POLICY", ("IfNotPresent", "Always", "Never")
            ),
            image_pull_secrets=_names(read("COVEY_IMAGE_PULL_SECRETS", "")),
            namespaces=_names(read("COVEY_NAMESPACES", "")),
            own_namespace=own_namespace(environ),
            install_key_secret=read("COVEY_INSTALL_KEY_SECRET") or "covey-install-key",
            identity=read("COVEY_IDENTITY") or read("HOSTNAME") or socket.gethostname(),
            network_policies=_one_of(environ, "COVEY_NETWORK_POLICIES", ("true", "false")) == "true",
            run_store=_one_of(environ, "COVEY_RUN_STORE", ("true", "false")) == "true",
            run_store_url=read("COVEY_RUN_STORE_URL") or None,
            max_runs=_limit(environ, "COVEY_MAX_RUNS"),
            max_runs_per_namespace=_limit(environ, "COVEY_MAX_RUNS_PER_NAMESPACE"),
            http_port=_number(environ, "COVEY_HTTP_PORT", 8081),
            http_host=read("COVEY_HTTP_HOST") or "0.0.0.0",
            workers=_number(environ, "COVEY_WORKERS", 16),
            log_level=_one_of(environ, "COVEY_LOG_LEVEL", ("info", "debug", "warning", "error")),
            environment=read("COVEY_ENVIRONMENT") or "default",
            metrics_digest=MetricsToken.from_environ(environ).digest,
            policy=_policy(environ),
            pod=_pod(environ),
            telemetry=tuple(sorted((name, value) for name, value in environ.items() if name[:5] == "OTEL_")),
        )


def _policy(environ: Mapping[str, str]) -> Policy:
    try:
        return Policy.read(environ.get("COVEY_POLICY", ""))
    except PolicyError as error:
        raise SettingsError(f"COVEY_POLICY: {error}") from None


def _pod(environ: Mapping[str, str]) -> str:
    name, uid = environ.get("COVEY_POD_NAME"), environ.get("COVEY_POD_UID")
    return f"{name}/{uid}" if name and uid else ""


def _names(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def _one_of(environ: Mapping[str, str], variable: str, allowed: tuple[str, ...]) -> str:
    value = environ.get(variable) or allowed[0]
    if value not in allowed:
        raise SettingsError(f"{variable} is {value!r}, want one of {', '.join(allowed)}")
    return value


def _number(environ: Mapping[str, str], variable: str, default: int) -> int:
    value = environ.get(variable) or str(default)
    if not value.isdecimal():
        raise SettingsError(f"{variable} is {value!r}, want a number")
    return int(value)


def _limit(environ: Mapping[str, str], variable: str) -> int | None:
    """A number from 1; unset, empty and 0 mean that there is no limit."""
    return _number(environ, variable, 0) or None


def own_namespace(environ: Mapping[str, str]) -> str:
    """COVEY_OPERATOR_NAMESPACE; without it the one that the pod's service account is of."""
    return environ.get("COVEY_OPERATOR_NAMESPACE") or _mounted_namespace()


def _mounted_namespace() -> str:
    return _OWN_NAMESPACE.read_text().strip() if _OWN_NAMESPACE.exists() else "default"

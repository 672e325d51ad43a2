"""The event log that a config asks for."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry

from agent_runtime.blackboard.service.service import utc_now
from agent_runtime.blackboard.stores.port import Store
from agent_runtime.config.models import BlackboardConfig, EventLogConfig
from agent_runtime.eventlog.brokers.open import MAX_LENGTH, make_log
from agent_runtime.eventlog.metrics import LogMetrics
from agent_runtime.eventlog.recorder import Recorder


def make_recorder(
    board: BlackboardConfig,
    config: EventLogConfig,
    environ: Mapping[str, str],
    store: Store,
    registry: CollectorRegistry,
) -> Recorder:
    """Not entered yet. Raises ValueError when the URL is missing or of another kind."""
    url = config.url or environ.get(config.url_env or "", "")
    if not url:
        raise ValueError(f"the event log needs a URL: set {config.url_env or 'urlEnv'}")
    log = make_log(url, f"{board.namespace}/{board.name}", config.max_length or MAX_LENGTH)
    return Recorder(store, log, utc_now, LogMetrics(registry))

"""`python -m covey_operator`: everything is set by environment variables, see `settings`."""

import asyncio
import os
import sys

import structlog
from kubernetes.aio.config import ConfigException

from covey_operator.install.install_key import BadInstallKey
from covey_operator.install.settings import Settings, SettingsError, own_namespace
from covey_operator.kube.client import KubeClient
from covey_operator.kube.leader_election import LeaseLost
from covey_operator.main import Operator
from covey_operator.telemetry import logs
from covey_operator.telemetry.metrics import Metrics


async def operate(settings: Settings) -> None:
    """Connects and runs until it is told to stop."""
    metrics = Metrics()
    cluster = await KubeClient.connect(metrics)
    try:
        await Operator(settings, cluster, metrics).run()
    finally:
        await cluster.close()


def main() -> int:
    """The exit status: 0 when told to stop, 1 when it had to, 2 for wrong settings or no kubeconfig."""
    logs.configure(
        os.environ.get("COVEY_LOG_LEVEL") or "info",
        environment=os.environ.get("COVEY_ENVIRONMENT") or "default",
        namespace=own_namespace(os.environ),
    )
    log = structlog.get_logger("covey_operator")
    try:
        settings = Settings.from_environ(os.environ)
        asyncio.run(operate(settings))
    except (SettingsError, ConfigException) as error:
        log.error(str(error))
        return 2
    except (LeaseLost, BadInstallKey) as error:
        log.error(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

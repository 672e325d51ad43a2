"""The backup of a blackboard: a CronJob that copies what is in the store onto a volume of yours."""

from agent_runtime.api.backup import Backup
from agent_runtime.api.blackboard import BlackboardResource
from agent_runtime.api.common import PodSettings
from agent_runtime.compile.result import SecretEnv
from covey_operator.desired.manifests import manifest, seclusion_policy
from covey_operator.desired.pods import CONFIG_FOLDER, CONFIG_KEY, Part, pod_template, secret_env
from covey_operator.install.settings import Settings
from covey_operator.kube.digest import digest
from covey_operator.kube.labels import labels
from covey_operator.kube.resources import Object

COMPONENT = "backup"
_FOLDER = "/backup"


def child_name(board: str) -> str:
    """The name of the CronJob."""
    return f"{board}-backup"


def desired(
    board: BlackboardResource, backup: Backup, shared: str, store_url: SecretEnv, install: Settings
) -> list[Object]:
    """Its children. `shared` names the servers' service account and ConfigMap."""
    name = child_name(board.name)
    children = [_cron_job(board, name, backup, shared, store_url, install)]
    if install.network_policies:
        children.append(seclusion_policy(name, "Blackboard", board.name, COMPONENT))
    return children


def _cron_job(
    board: BlackboardResource, name: str, backup: Backup, shared: str, store_url: SecretEnv, install: Settings
) -> Object:
    args = (
        *("blackboard-backup", "--config", f"{CONFIG_FOLDER}/{CONFIG_KEY}"),
        *("--to", _FOLDER, "--keep", str(backup.keep)),
    )
    part = Part(
        kind="Blackboard",
        name=board.name,
        component=COMPONENT,
        image=install.runtime_image,
        args=args,
        config_hash=digest(args),  # each pod is a new one, and reads what there is then
        service_account=shared,
        settings=board.spec.server.pod or PodSettings(),
        env=secret_env((store_url,)),
        container={"terminationMessagePolicy": "FallbackToLogsOnError"},
        config_map=shared,
        writable={"backup": _FOLDER},
    )
    labelled = labels("Blackboard", board.name, COMPONENT)
    template = pod_template(part, install)
    claim = {"claimName": backup.to.pvc.claim_name}
    template["spec"]["volumes"].append({"name": "backup", "persistentVolumeClaim": claim})
    template["spec"]["restartPolicy"] = "Never"
    spec = {
        "schedule": backup.schedule,
        "timeZone": backup.time_zone,
        "suspend": backup.suspend,
        "concurrencyPolicy": "Forbid",
        "startingDeadlineSeconds": 3600,  # later, the next copy is as good
        "successfulJobsHistoryLimit": 1,
        "failedJobsHistoryLimit": 3,
        # By the labels the operator sees the Jobs, and whether they come to a good end.
        "jobTemplate": {
            "metadata": {"labels": labelled},
            "spec": {"backoffLimit": 2, "template": template},
        },
    }
    return manifest("batch/v1", "CronJob", name, labelled, spec=spec)

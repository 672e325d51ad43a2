"""A CronJob whose controller cannot create its Jobs, which it says by events alone."""

from datetime import UTC, datetime, timedelta
from functools import partial

from tests.controlplane import manifests as make
from tests.controlplane.agents_and_boards.waiting_pods import ago, event_about
from tests.controlplane.api import Api, condition, says_of, until
from tests.controlplane.played import roll_out
from tests.controlplane.rig import Rig


def test_a_cron_job_that_cannot_create_a_job_is_told_with_its_controllers_words(rig: Rig, api: Api) -> None:
    backup = {"schedule": "* * * * *", "to": {"pvc": {"claimName": "copies"}}}
    api.apply(make.blackboard(store={"redis": {"managed": {}}}, backup=backup))
    cron = until("its CronJob", lambda: api.get("CronJob", "newsroom-backup"))
    for kind, name in (("StatefulSet", "newsroom-redis"), ("Deployment", "newsroom-blackboard")):
        until(name, partial(api.get, kind, name))
        roll_out(api, kind, name)
    words = (
        'Error creating job: jobs.batch "newsroom-backup-29000000" is forbidden: exceeded quota: jobs, '
        "requested: count/jobs.batch=1, used: count/jobs.batch=4, limited: count/jobs.batch=4"
    )
    event_about(api, "CronJob", cron["metadata"]["name"], "FailedCreate", words)
    rig.clock(datetime.now(UTC) + timedelta(minutes=5))
    rig.touch("Blackboard", "newsroom")
    said = says_of(api, "Blackboard", "newsroom", "QuotaExceeded", top="BackedUp")
    assert "CronJob newsroom-backup cannot create a Job" in said["message"]
    assert "used: count/jobs.batch=4" in said["message"]
    says_of(api, "Blackboard", "newsroom", "RolledOut")
    api.set_status("CronJob", "newsroom-backup", {"lastScheduleTime": ago(-400)})
    says_of(api, "Blackboard", "newsroom", "BackupPending", top="BackedUp")
    api.edit("Blackboard", "newsroom", {"spec": {"backup": {"suspend": True}}})
    until(
        "it says that it is suspended",
        lambda: (
            "spec.backup.suspend is true" in str(condition(api.get("Blackboard", "newsroom"), "BackedUp"))
        ),
    )

"""Every command says which server it speaks to; `kubectl covey` never takes a laptop's for the cluster's."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.laptop.conftest import PATIENCE, Covey, example

PLUGIN = Path(sys.executable).with_name("kubectl-covey")
KUBECONFIG = "apiVersion: v1\nkind: Config\ncurrent-context: production\n"


def plugin(covey: Covey, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PLUGIN, *arguments],
        env={**covey.environ, **environ},
        cwd=covey.home,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def test_each_command_says_which_covey_up_it_means(covey: Covey) -> None:
    folder = example("hello", covey.home)
    with covey.up(folder) as up:
        there = f"covey up of {folder} at {up.url}"
        for command in (["get"], ["chat", "polly", "Hello"], ["logs"], ["flow", "draw", "greet"]):
            assert covey(*command).target == there
        assert covey("get", "-o", "json").stdout.startswith("{")
        assert covey("chat", "molly", "Hello", status=1).target == there


def test_what_speaks_to_no_server_names_none(covey: Covey) -> None:
    assert covey("validate", example("hello", covey.home)).target == ""


COMMANDS = [
    (["get"], "kubectl get covey"),
    (["apply", "."], "kubectl apply -f"),
    (["delete", "agent", "polly"], "kubectl delete"),
    (["chat", "polly", "Hello"], "kubectl port-forward service/NAME-agent"),
    (["logs"], "kubectl logs"),
    (["publish", "Order", "{}"], "--url"),
    (["board", "query"], "--url"),
    (["run", "greet"], "kubectl create -f"),
    (["run", "show", "x"], "kubectl describe flowrun"),
    (["run", "answer", "x", "approve"], "kubectl describe flowrun"),
    (["run", "suspend", "x"], "kubectl patch flowrun"),
    (["run", "resume", "x"], "kubectl patch flowrun"),
    (["run", "cancel", "x"], "kubectl patch flowrun"),
    (["run", "fork", "x"], "spec.forkOf"),
    (["flow", "draw", "greet"], "file or folder"),
]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Covey:
    return Covey(tmp_path_factory.mktemp("home"))


def test_as_a_plugin_of_kubectl_it_refuses_what_it_cannot_do_in_the_cluster(running: Covey) -> None:
    kubeconfig = running.home / "config"
    kubeconfig.write_text(KUBECONFIG)
    with running.up(example("hello", running.home)) as up:
        for command, instead in COMMANDS:
            done = plugin(running, *command, KUBECONFIG=str(kubeconfig))
            assert (done.returncode, done.stdout) == (2, ""), command
            assert "kubectl covey means the cluster of context production" in done.stderr
            assert instead in done.stderr, command
            assert "--state" in done.stderr
        named = plugin(running, "get", "agents", "--state", str(up.state), KUBECONFIG=str(kubeconfig))
        assert named.returncode == 0, named.stderr
        assert up.url in named.stderr
        assert plugin(running, "get", COVEY_STATE=str(up.state)).returncode == 0


def test_what_needs_no_server_works_as_a_plugin(covey: Covey) -> None:
    folder = example("hello", covey.home)
    done = plugin(covey, "validate", str(folder), HOME=str(covey.home), PATH=os.environ["PATH"])
    assert done.returncode == 0, done.stderr

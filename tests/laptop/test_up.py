"""`covey up` that stays: start, reload, stop, and being killed."""

import json
import os
import signal
import socket
import stat
import subprocess
from pathlib import Path

import httpx2 as httpx
import pytest

from hack.find import find_program
from tests.laptop.boards import kitchen
from tests.laptop.conftest import COVEY, Covey, example
from tests.skips import ROOT_AND_UNSHARE


def test_it_says_where_it_is_and_what_to_try(covey: Covey, hello: Path) -> None:
    with covey.up(hello) as up:
        assert httpx.get(f"{up.url}/healthz").json() == {"status": "alive"}
        assert "agents       polly" in up.output
        assert 'covey chat polly "hello"' in up.output


def test_the_token_is_private_and_needed(covey: Covey, hello: Path) -> None:
    with covey.up(hello) as up:
        server = up.state / "server.json"
        assert stat.S_IMODE(server.stat().st_mode) == 0o600
        assert stat.S_IMODE(up.state.stat().st_mode) == 0o700
        for headers in ({}, {"Authorization": "Bearer wrong"}):
            refused = httpx.get(f"{up.url}/v1/resources", headers=headers)
            assert refused.status_code == 401
            assert refused.json()["error"]["code"] == "unauthenticated"
        token = json.loads(server.read_text())["token"]
        allowed = httpx.get(f"{up.url}/v1/resources", headers={"Authorization": f"Bearer {token}"})
        assert allowed.status_code == 200


def test_an_edit_is_taken_in(covey: Covey, hello: Path) -> None:
    with covey.up(hello) as up:
        model = hello / "model.yaml"
        model.write_text(model.read_text().replace("You said:", "You whispered:"))
        up.wait_for("taken in: 3 resources")
        assert covey("chat", "polly", "hi").stdout == "You whispered: hi\n"


def test_a_broken_edit_keeps_the_last_good_state(covey: Covey, hello: Path) -> None:
    with covey.up(hello) as up:
        agent = hello / "agent.yaml"
        good = agent.read_text()
        agent.write_text(good.replace("instructions:", "instruction:"))
        told = up.wait_for("the change is not taken in, the last good state goes on:")
        assert f"{agent}:6:3: spec.instruction: " in up.wait_for("spec.instruction"), told
        assert covey("chat", "polly", "hi").stdout == "You said: hi\n"
        agent.write_text(good)
        up.wait_for("taken in: 3 resources")


def test_a_missing_model_is_shown_and_heals(covey: Covey, hello: Path) -> None:
    (hello / "model.yaml").rename(hello / "model.later")
    with covey.up(hello) as up:
        assert f'{hello}/agent.yaml:7:11: spec.model.name: Model "parrot" not found' in up.output
        shown = covey("get", "agents").stdout
        assert 'agent/polly: ModelNotFound: Model "parrot" not found in namespace "default"' in shown
        refused = covey("chat", "polly", "hi", status=1).stderr
        assert 'Agent "polly" is not ready: Model "parrot" not found' in refused
        (hello / "model.later").rename(hello / "model.yaml")
        up.wait_for("taken in: 3 resources")
        assert covey("chat", "polly", "hi").stdout == "You said: hi\n"


def test_a_damaged_database_is_named_at_the_start(covey: Covey, tmp_path: Path) -> None:
    folder = kitchen(tmp_path / "kitchen")
    file = folder / ".covey" / "blackboards" / "kitchen.db"
    file.parent.mkdir(parents=True, mode=0o700)
    file.write_bytes(b"noise" * 1000)
    with covey.up(folder) as up:
        told = up.wait_for("Try, in another terminal")
        assert "blackboard/kitchen is not ready: the store does not answer: NotADBError: file is no" in told
        assert f"{file}: move it away, or restore a backup" in told
        assert 'agent/cook is not ready: Blackboard "kitchen" is not running' in told
        assert "blackboard/kitchen: NotRunning: the store" in covey("get").stdout


def test_ctrl_c_finishes_the_work_under_way(covey: Covey, tmp_path: Path) -> None:
    folder = kitchen(tmp_path / "kitchen", delay="2s")
    with covey.up(folder) as up:
        covey("publish", "Order", '{"dish": "soup"}')
        up.wait_for("works on Order")
        up.signal(signal.SIGINT)
        assert up.end() == 0
        assert "finishing the work under way; Ctrl-C again stops at once" in up.output
        assert "cook           published Dish" in up.output
    assert not (up.state / "server.json").exists()


def test_a_second_ctrl_c_stops_at_once_and_loses_nothing(covey: Covey, tmp_path: Path) -> None:
    folder = kitchen(tmp_path / "kitchen", delay="50s")
    with covey.up(folder) as up:
        covey("publish", "Order", '{"dish": "soup"}')
        up.wait_for("works on Order")
        up.signal(signal.SIGINT)
        up.wait_for("finishing the work under way")
        up.signal(signal.SIGINT)
        assert up.end() == 0
        assert "published Dish" not in up.output
    with covey.up(kitchen(folder)) as up:
        up.wait_for("cook           published Dish")


def test_killed_and_started_again(covey: Covey, tmp_path: Path) -> None:
    folder = kitchen(tmp_path / "kitchen")
    with covey.up(folder) as up:
        covey("publish", "Order", '{"dish": "soup"}')
        up.wait_for("published Dish")
    slow = kitchen(folder, delay="50s")
    with covey.up(slow) as up:
        covey("publish", "Order", '{"dish": "stew"}')
        up.wait_for("works on Order")
        up.signal(signal.SIGKILL)
        up.end()
    covey("get", status=2)
    with covey.up(kitchen(folder)) as up:
        up.wait_for("published Dish")
        names = [
            item["payload"] for item in json.loads(covey("get", "artifacts", "-o", "json").stdout)["items"]
        ]
    assert names == [{"dish": "soup"}, {"name": "soup"}, {"dish": "stew"}, {"name": "stew"}]


def test_a_run_that_was_killed_begins_again(covey: Covey, hello: Path) -> None:
    model = hello / "model.yaml"
    quick = model.read_text()
    model.write_text(quick.replace('    - reply: "You', '    - delay: 50s\n      reply: "You'))
    with covey.up(hello) as up:
        started = httpx.post(
            f"{up.url}/v1/flows/greet/runs",
            headers={
                "Authorization": f"Bearer {json.loads((up.state / 'server.json').read_text())['token']}"
            },
            json={"params": {"name": "Ada"}},
        )
        run = started.json()["metadata"]["name"]
        up.wait_for("ask running")
        up.signal(signal.SIGKILL)
        up.end()
    model.write_text(quick)
    with covey.up(hello) as up:
        up.wait_for(f"{run:<13}  succeeded")
        assert json.loads(covey("get", "run", run, "-o", "json").stdout)["status"]["result"] == (
            "You said: Hello, Ada!"
        )


def test_a_port_in_use(covey: Covey, hello: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        told = covey("up", hello, "--port", str(port), status=2).stderr
    assert told == (
        f"error: port {port} on 127.0.0.1 cannot be used: address already in use\n"
        "Stop what uses it, or choose another with --port (0 takes any free one).\n"
    )


def test_a_state_folder_in_use(covey: Covey, hello: Path) -> None:
    with covey.up(hello) as up:
        told = covey("up", hello, "--port", "0", status=2).stderr
    assert told == (
        f"error: the state folder {up.state} is in use by another covey up (pid {up.process.pid})\n"
        "Stop that one, or choose another folder with --state.\n"
    )


def test_a_model_of_a_provider_without_its_key(covey: Covey, hello: Path) -> None:
    (hello / "model.yaml").write_text(
        "apiVersion: covey.dev/v1alpha1\nkind: Model\nmetadata: {name: parrot}\nspec:\n"
        "  provider: OpenAI\n  model: gpt-5-mini\n"
        "  apiKeyFrom: {secretKeyRef: {name: openai, key: api-key}}\n"
    )
    with covey.up(hello):
        assert 'Secret "openai" not found' in covey("get", "models").stdout
    with covey.up(hello, COVEY_SECRET_OPENAI_API_KEY="not-a-real-key"):
        assert (
            json.loads(covey("get", "model", "parrot", "-o", "json").stdout)["status"]["conditions"][-1][
                "status"
            ]
            == "True"
        )


@pytest.mark.skipif(find_program("unshare") is None or os.geteuid() != 0, reason=ROOT_AND_UNSHARE)
def test_the_demo_needs_no_network(covey: Covey, tmp_path: Path) -> None:
    newsroom = example("newsroom", tmp_path)
    job = ["--publish", f"Assignment=@{newsroom}/assignment.json", "--until", "Report", "--timeout", "110s"]
    alone = subprocess.run(
        ["unshare", "--net", str(COVEY), "up", str(newsroom), *job],
        env=covey.environ,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    if "unshare failed" in alone.stderr:
        pytest.skip(alone.stderr.strip())
    assert alone.returncode == 0, alone.stderr

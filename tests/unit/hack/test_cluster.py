"""The parts of hack/cluster that decide and render; the clusters themselves run in the tiers above."""

import ipaddress
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from hack.cluster import processes, run_folder, waiting
from hack.cluster.audit import parse_writes
from hack.cluster.cache import building, content_key, forget_unused
from hack.cluster.choose import VARIABLE, Way, choose
from hack.cluster.control_plane import pki
from hack.cluster.control_plane.commands import Ports, apiserver_command, audit_policy
from hack.cluster.fault import ClusterError
from hack.cluster.images.archive import archive_tags, layer_of, write_archive
from hack.cluster.images.images import Build, bud_command, pip_conf
from hack.cluster.node import cgroups
from hack.cluster.node.configs import NodeSettings, config_files
from hack.cluster.node.network import Cable, free_subnet, reachable_nameservers
from hack.cluster.programs import API_PROGRAMS, CONTAINERD_SUITE, NODE_PROGRAMS
from hack.cluster.waiting import until

NODE = NodeSettings(
    name="one",
    address="10.201.0.2",
    run_dir=Path("/state/one"),
    cgroup="covey-one",
    cni_folder=Path("/usr/lib/cni"),
    runc="/usr/sbin/runc",
    pause_tag="localhost/pause:1",
    nameservers=("192.0.2.53",),
)


class TestCache:
    def test_the_key_follows_content_names_and_recipe_but_not_order(self, tmp_path: Path) -> None:
        first, second = tmp_path / "go.mod", tmp_path / "go.sum"
        first.write_text("module x")
        second.write_text("")
        key = content_key([first, second], "-tags a")
        assert content_key([second, first], "-tags a") == key
        assert content_key([first, second], "-tags b") != key
        assert content_key([first], "-tags a") != key
        second.write_text("changed")
        assert content_key([first, second], "-tags a") != key

    def test_a_folder_appears_whole_or_not_at_all(self, tmp_path: Path) -> None:
        def fail_half_way() -> None:
            with building(tmp_path / "part") as draft:
                (draft / "half").touch()
                raise RuntimeError

        with pytest.raises(RuntimeError):
            fail_half_way()
        assert list(tmp_path.iterdir()) == []
        with building(tmp_path / "part") as draft:
            (draft / "whole").touch()
            assert not (tmp_path / "part").exists()
        assert (tmp_path / "part" / "whole").exists()

    def test_what_nobody_used_for_a_month_is_forgotten(self, tmp_path: Path) -> None:
        ages = {"etcd-0123456789ab": 31, ".kube-0123456789ab.x_1": 31, "helm-0123456789ab": 29, "buildah": 31}
        for name, days in ages.items():
            (tmp_path / name).mkdir()
            os.utime(tmp_path / name, (0, (40 - days) * 86400))
        forget_unused(tmp_path, now=40 * 86400)
        assert {folder.name for folder in tmp_path.iterdir()} == {"helm-0123456789ab", "buildah"}

    def test_every_program_has_a_key_of_its_own(self) -> None:
        programs = (*API_PROGRAMS, *NODE_PROGRAMS)
        assert len({program.folder for program in programs}) == len(programs)

    def test_programs_are_built_reproducibly(self) -> None:
        command = CONTAINERD_SUITE.command("ctr", "example.org/ctr", Path("/out"))
        assert {"-trimpath", "-buildvcs=false", "no_btrfs no_devmapper no_zfs"} <= set(command)
        assert command[-3:] == ["-o", "/out/ctr", "example.org/ctr"]


class TestCertificates:
    def test_authorities_come_before_what_they_sign(self) -> None:
        seen: set[str] = set()
        for certificate in pki.certificates(("127.0.0.1",), node="one"):
            assert certificate.authority is None or certificate.authority in seen
            seen.add(certificate.name)

    def test_the_api_servers_names(self) -> None:
        wanted = pki.certificates(("127.0.0.1", "10.96.0.1"), node=None)
        server = next(each for each in wanted if each.name == "apiserver")
        assert {"IP:127.0.0.1", "IP:10.96.0.1", "DNS:localhost", "DNS:kubernetes.default.svc"} <= set(
            server.names
        )
        assert "node" not in {each.name for each in wanted}

    @pytest.mark.parametrize(
        ("certificate", "part", "present"),
        [
            (pki.Certificate("ca", "/CN=ca", None), "basicConstraints=critical,CA:TRUE", True),
            (pki.Certificate("ca", "/CN=ca", None), "-CA", False),
            (pki.Certificate("a", "/CN=a", "ca", "clientAuth"), "extendedKeyUsage=clientAuth", True),
            (pki.Certificate("a", "/CN=a", "ca", "clientAuth"), "/pki/ca.crt", True),
            (pki.Certificate("a", "/CN=a", "ca", "clientAuth"), "basicConstraints=critical,CA:FALSE", True),
            (
                pki.Certificate("a", "/CN=a", "ca", "serverAuth", ("IP:1.2.3.4", "DNS:a")),
                "subjectAltName=IP:1.2.3.4,DNS:a",
                True,
            ),
        ],
    )
    def test_openssl_is_told(self, certificate: pki.Certificate, part: str, present: bool) -> None:
        assert (part in pki.openssl_arguments(certificate, Path("/pki"))) is present


class TestConfiguration:
    def test_the_kubelet_runs_on_either_version_of_control_groups(self) -> None:
        config = json.loads(config_files(NODE)["kubelet.json"])
        assert config["failCgroupV1"] is False
        assert config["cgroupDriver"] == "cgroupfs"
        assert config["cgroupRoot"] == "/covey-one"
        assert config["clusterDNS"] == [NODE.address]
        assert config["authentication"]["anonymous"] == {"enabled": False}

    def test_containerd_never_lowers_a_score(self) -> None:
        runtime = tomllib.loads(config_files(NODE)["containerd.toml"])["plugins"][
            "io.containerd.cri.v1.runtime"
        ]
        assert runtime["restrict_oom_score_adj"] is True
        assert runtime["containerd"]["runtimes"]["runc"]["options"]["BinaryName"] == NODE.runc

    def test_dns_forwards_only_where_the_machine_has_a_server(self) -> None:
        alone = NodeSettings(**{**NODE.__dict__, "nameservers": ()})
        assert "forward . 192.0.2.53" in config_files(NODE)["Corefile"]
        assert "forward" not in config_files(alone)["Corefile"]

    def test_the_api_server_writes_down_every_write(self) -> None:
        command = apiserver_command(Path("/x"), Ports(1, 2, 3), bind="127.0.0.1", advertise="127.0.0.1")
        assert "--audit-log-path=/x/audit.log" in command
        rules = json.loads(audit_policy())["rules"]
        assert rules[0] == {"level": "None", "verbs": ["get", "list", "watch"]}
        assert rules[-1] == {"level": "Metadata"}

    @pytest.mark.parametrize(
        ("mounts", "version"),
        [
            ("cgroup2 /sys/fs/cgroup cgroup2 rw 0 0", 2),
            ("tmpfs /sys/fs/cgroup tmpfs rw 0 0\ncgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0", 1),
            ("tmpfs /sys/fs/cgroup tmpfs rw 0 0\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0", 1),
            ("proc /proc proc rw 0 0", 1),
        ],
    )
    def test_the_version_of_control_groups(self, mounts: str, version: int) -> None:
        assert cgroups.version(mounts) == version


class TestNetwork:
    def test_a_subnet_overlaps_nothing_in_use(self) -> None:
        free = ipaddress.IPv4Network("10.201.12.8/29")
        others = ipaddress.IPv4Network("10.201.0.0/16").address_exclude(free)
        assert free_subnet("covey", others) == free
        with pytest.raises(ClusterError, match="No /29 is free"):
            free_subnet("covey", [ipaddress.IPv4Network("10.0.0.0/8")])

    def test_names_spread_and_the_node_comes_after_its_gateway(self) -> None:
        one, two = (Cable(name, free_subnet(name, [])) for name in ("one", "two"))
        assert one.subnet != two.subnet
        assert int(ipaddress.IPv4Address(one.address)) - int(ipaddress.IPv4Address(one.gateway)) == 1
        assert f"ip saddr {one.subnet}" in one.masquerading

    def test_a_name_server_on_a_loopback_address_is_out_of_reach(self) -> None:
        text = "search lan\nnameserver 127.0.0.53\nnameserver 192.0.2.1\nnameserver ::1\noptions edns0\n"
        assert reachable_nameservers(text) == ["192.0.2.1"]


class TestChoice:
    @pytest.mark.parametrize(
        ("kind_present", "docker", "way"),
        [
            (True, True, Way.KIND),
            (True, False, Way.TOOLS),
            (False, True, Way.TOOLS),
            (False, False, Way.TOOLS),
        ],
    )
    def test_kind_takes_docker(self, kind_present: bool, docker: bool, way: Way) -> None:
        assert choose(None, {}, kind_present, lambda: docker).way is way

    def test_a_kubeconfig_counts_only_when_it_is_named_for_covey(self, tmp_path: Path) -> None:
        file = tmp_path / "config"
        file.touch()
        assert choose(str(file), {}, True, lambda: True).kubeconfig == file
        assert choose(None, {VARIABLE: str(file)}, True, lambda: True).way is Way.NAMED
        assert choose(None, {"KUBECONFIG": str(file)}, True, lambda: True).way is Way.KIND
        with pytest.raises(ClusterError, match=r"--kubeconfig names .*gone"):
            choose(str(tmp_path / "gone"), {}, True, lambda: True)


class TestImages:
    @pytest.mark.parametrize("tag", ["localhost/covey", "localhost:5000/covey", "covey:latest"])
    def test_a_tag_that_kubernetes_would_pull_is_refused(self, tag: str) -> None:
        with pytest.raises(ClusterError, match="needs a tag other than latest"):
            Build(tag)

    def test_the_build_takes_our_base_and_the_named_target(self) -> None:
        command = bud_command(
            Build("localhost/a:1", "runtime", Path("/src")), "localhost/base:1", ["/a:/b:ro"]
        )
        wanted = ["--target=runtime", "--build-arg=BASE_IMAGE=localhost/base:1", "--volume=/a:/b:ro"]
        assert set(wanted) <= set(command)
        assert command[-2:] == ["--file=/src/Dockerfile", "/src"]

    def test_pip_uses_the_index_that_the_machine_uses(self) -> None:
        assert "index-url" not in pip_conf({})
        assert "index-url = https://pypi.example/simple" in pip_conf(
            {"PIP_INDEX_URL": "https://pypi.example/simple"}
        )

    def test_an_archive_names_its_image(self, tmp_path: Path) -> None:
        (tmp_path / "program").write_bytes(b"#!")
        (tmp_path / "layer").write_bytes(layer_of(tmp_path / "program", "program"))
        archive = tmp_path / "image.tar"
        write_archive(archive, "localhost/p:1", tmp_path / "layer", command=["/program"], environment={})
        assert archive_tags(archive) == ["localhost/p:1"]
        with pytest.raises(ValueError, match="is not an image archive"):
            archive_tags(tmp_path / "layer")


class TestProcesses:
    def test_a_process_is_stopped_by_its_record(self, tmp_path: Path) -> None:
        started = processes.start(tmp_path / "records", "sleeper", ["sleep", "1000"], tmp_path / "log")
        assert processes.recorded(tmp_path / "records") == [started]
        assert processes.stop_all(tmp_path / "records") == ["sleeper"]
        assert not started.alive
        assert processes.recorded(tmp_path / "records") == []

    def test_a_process_has_ended_when_the_last_of_its_threads_has(self, tmp_path: Path) -> None:
        """Its first may end before the others, which hold its ports."""
        only_the_first_ends = (
            "import ctypes, os, threading\n"
            "threading.Thread(target=os.read, args=(0, 1)).start()\n"
            "ctypes.CDLL(None).syscall({'x86_64': 60, 'aarch64': 93}[os.uname().machine], 0)\n"
        )
        with subprocess.Popen([sys.executable, "-c", only_the_first_ends], stdin=subprocess.PIPE) as child:
            state = Path(f"/proc/{child.pid}/stat")
            until("its first thread has ended", lambda: ") Z " in state.read_text(), tmp_path, seconds=30)
            assert processes.began(child.pid) is not None
            assert child.stdin is not None
            child.stdin.close()
            until("the other has", lambda: processes.began(child.pid) is None, tmp_path, seconds=30)

    def test_an_id_that_was_given_to_another_process_is_left_alone(self) -> None:
        with subprocess.Popen(["sleep", "1000"]) as other:
            processes.Record("ours", other.pid, start=1).stop()
            assert other.poll() is None
            other.kill()

    def test_a_wait_in_vain_shows_the_log(self, tmp_path: Path) -> None:
        (tmp_path / "log").write_text("first\nthe reason\n")
        with pytest.raises(ClusterError, match=r"etcd answers: not within 0 s(?s:.*)the reason"):
            until("etcd answers", lambda: False, tmp_path / "log", seconds=0)

    def test_a_wait_ends_with_its_process(self, tmp_path: Path) -> None:
        ended = processes.start(tmp_path / "records", "brief", ["true"], tmp_path / "log")
        with pytest.raises(ClusterError, match="etcd answers: its process ended"):
            waiting.until("etcd answers", lambda: False, tmp_path / "log", ended)

    def test_a_folder_of_somebody_elses_is_never_emptied(self, tmp_path: Path) -> None:
        (tmp_path / "thesis.txt").touch()
        with pytest.raises(ClusterError, match="is not empty"):
            run_folder.claim(tmp_path)
        run_folder.discard(tmp_path)
        assert (tmp_path / "thesis.txt").exists()
        run_folder.claim(tmp_path / "new")
        run_folder.discard(tmp_path / "new")
        assert not (tmp_path / "new").exists()


def test_writes_are_read_from_the_audit_log_up_to_a_half_written_line() -> None:
    event = {
        "verb": "patch",
        "user": {"username": "operator"},
        "userAgent": "covey-operator/0.1",
        "objectRef": {"resource": "agents", "subresource": "status", "namespace": "ns", "name": "writer"},
        "responseStatus": {"code": 200},
        "stageTimestamp": "2026-11-01T12:00:00.000001Z",
    }
    [write] = parse_writes([json.dumps(event) + "\n", '{"verb": "pa'])
    assert (write.user_agent, write.verb, write.resource) == ("covey-operator/0.1", "patch", "agents/status")
    assert (write.namespace, write.name, write.code) == ("ns", "writer", 200)

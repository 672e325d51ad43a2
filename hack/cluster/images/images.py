"""Images built from the project's Dockerfile by buildah, on our base image where no registry answers."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hack.cluster.cache import cache_home
from hack.cluster.fault import ClusterError
from hack.cluster.images.debian import BASE

_CA_BUNDLES = (Path("/etc/ssl/certs/ca-certificates.crt"), Path("/etc/pki/tls/certs/ca-bundle.crt"))
_BUNDLE_INSIDE = "/etc/ssl/certs/ca-certificates.crt"


@dataclass(frozen=True)
class Build:
    """One target of a Dockerfile and the name its image gets."""

    tag: str
    target: str | None = None
    context: Path = Path()
    dockerfile: Path = Path("Dockerfile")

    def __post_init__(self) -> None:
        if ":" not in self.tag.rpartition("/")[2] or self.tag.endswith(":latest"):
            raise ClusterError(
                f"The image name {self.tag!r} needs a tag other than latest, as in localhost/covey:dev: "
                "Kubernetes would try to pull it from a registry."
            )


def pip_conf(environment: Mapping[str, str]) -> str:
    """pip's settings during the build: the machine's trusted authorities, and its package index if any."""
    index = environment.get("PIP_INDEX_URL")
    return f"[global]\ncert = {_BUNDLE_INSIDE}\n" + (f"index-url = {index}\n" if index else "")


def buildah(*arguments: str) -> list[str]:
    """A buildah command on our own store, apart from the user's."""
    home = cache_home() / "buildah"
    return ["buildah", "--root", str(home / "storage"), "--runroot", str(home / "run"), *arguments]


def bud_command(build: Build, base: str, volumes: Sequence[str]) -> list[str]:
    """The build itself; `volumes` are there while it runs and do not get into the image."""
    command = buildah(
        "bud", "--format=docker", "--isolation=chroot", "--layers", "--pull-never", f"--tag={build.tag}"
    )
    command.append(f"--build-arg=BASE_IMAGE={base}")
    command += [f"--volume={volume}" for volume in volumes]
    if build.target:
        command.append(f"--target={build.target}")
    return [*command, f"--file={build.context / build.dockerfile}", str(build.context)]


def build_archive(build: Build, target: Path) -> None:
    """Builds an image and writes it to `target` as `docker save` would; output goes to the terminal."""
    dockerfile = build.context / build.dockerfile
    if not dockerfile.is_file():
        raise ClusterError(
            f"There is no {dockerfile}: name another with --file, and its folder with --context."
        )
    home = cache_home()
    settings = home / "buildah" / "pip.conf"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(pip_conf(os.environ))
    (home / "pip").mkdir(exist_ok=True)
    volumes = [f"{settings}:/etc/pip.conf:ro", f"{home / 'pip'}:/root/.cache/pip"]
    bundle = next((file for file in _CA_BUNDLES if file.exists()), None)
    if bundle is not None:
        volumes.append(f"{bundle}:{_BUNDLE_INSIDE}:ro")
    _have(BASE.tag, BASE.archive)
    _run(bud_command(build, BASE.tag, volumes))
    target.unlink(missing_ok=True)
    _run(buildah("push", "--quiet", build.tag, f"docker-archive:{target}:{build.tag}"))


def _have(tag: str, archive: Path) -> None:
    """Brings an image of the cache into buildah's store, once."""
    known = subprocess.run(buildah("inspect", "--type=image", tag), capture_output=True, check=False)
    if known.returncode != 0:
        _run(buildah("pull", "--quiet", f"docker-archive:{archive}"))


def _run(command: list[str]) -> None:
    """Its progress goes to standard error: standard output is for what somebody asked for."""
    done = subprocess.run(command, stdout=sys.stderr, check=False)
    if done.returncode != 0:
        raise ClusterError(f"`{' '.join(command)}` failed with exit status {done.returncode}; see above.")

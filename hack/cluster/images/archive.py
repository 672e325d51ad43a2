"""Image archives (`docker save`'s format) of one layer, written without a container engine."""

import gzip
import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def image_config(
    layer_digest: str, *, command: Sequence[str], environment: Mapping[str, str]
) -> dict[str, object]:
    """The image's configuration; the digest is the SHA-256 of the uncompressed layer, in hex."""
    machine = platform.machine()
    return {
        "architecture": _ARCHITECTURES.get(machine, machine),
        "os": "linux",
        "created": "1970-01-01T00:00:00Z",
        "config": {"Cmd": list(command), "Env": [f"{name}={value}" for name, value in environment.items()]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer_digest}"]},
        "history": [{"created": "1970-01-01T00:00:00Z", "created_by": "hack/cluster"}],
    }


def layer_of(file: Path, name: str) -> bytes:
    """A layer that holds one executable, at the root of the image."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        entry = tarfile.TarInfo(name)
        content = file.read_bytes()
        entry.size, entry.mode = len(content), 0o755
        tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def write_archive(
    target: Path, tag: str, layer: Path, *, command: Sequence[str], environment: Mapping[str, str]
) -> None:
    """Writes an archive of one image named `tag` from an uncompressed layer."""
    with layer.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    config = json.dumps(image_config(digest, command=command, environment=environment)).encode()
    config_name = f"{hashlib.sha256(config).hexdigest()}.json"
    manifest = json.dumps([{"Config": config_name, "RepoTags": [tag], "Layers": ["layer.tar"]}]).encode()
    with tarfile.open(target, mode="w") as tar:
        tar.add(layer, "layer.tar", filter=_anonymous)
        for name, content in ((config_name, config), ("manifest.json", manifest)):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o644
            tar.addfile(entry, io.BytesIO(content))


def _anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry


def archive_tags(archive: Path) -> list[str]:
    """The names of the images in an archive, as containerd will list them.

    Raises ValueError when the file is no image archive.
    """
    try:
        with tarfile.open(archive) as tar:
            member = tar.extractfile("manifest.json")
            manifest = json.load(member) if member else None
    except (OSError, KeyError, tarfile.TarError, gzip.BadGzipFile) as error:
        raise ValueError(f"{archive} is not an image archive as `docker save` writes it: {error}") from error
    if not isinstance(manifest, list):
        raise ValueError(f"{archive} is not an image archive as `docker save` writes it: odd manifest.json")
    return [tag for image in manifest for tag in image.get("RepoTags") or []]

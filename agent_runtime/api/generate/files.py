"""Every file that is generated from the models, by its path in the repository."""

from pathlib import Path
from typing import Any

import yaml

from agent_runtime.api import GROUP, KINDS
from agent_runtime.api.generate.crd import crd
from agent_runtime.api.generate.reference import MARK, conditions_page, index_page, kind_page

_HEADER = f"# {MARK}; edit the models instead.\n"

_FOLDERS = ("crds", "charts/covey-crds/templates", "config/crd", "docs/reference")
_KEEP = {"helm.sh/resource-policy": "keep"}
"""Uninstalling the chart must not delete every Agent of the cluster."""


def generated_files() -> dict[Path, str]:
    """Path to content; the same for the same models, byte by byte."""
    files: dict[Path, str] = {}
    names: list[str] = []
    for kind_name, kind in KINDS.items():
        name = f"{GROUP}_{kind.plural}.yaml"
        names.append(name)
        manifest = crd(kind)
        files[Path("crds", name)] = _yaml(manifest)
        files[Path("config/crd", name)] = _yaml(manifest)
        metadata = {**manifest["metadata"], "annotations": _KEEP}
        files[Path("charts/covey-crds/templates", name)] = _yaml({**manifest, "metadata": metadata})
        files[Path("docs/reference", f"{kind_name.lower()}.md")] = kind_page(kind)
    files[Path("config/crd/kustomization.yaml")] = _yaml(
        {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "resources": sorted(names),
        }
    )
    files[Path("docs/reference/conditions.md")] = conditions_page()
    files[Path("docs/reference/index.md")] = index_page()
    return files


def differences(root: Path) -> list[str]:
    """How the files under `root` differ from what would be generated; empty: not at all."""
    wanted = generated_files()
    found = []
    for path, content in wanted.items():
        file = root / path
        if not file.exists():
            found.append(f"{path} is missing")
        elif file.read_text(encoding="utf-8") != content:
            found.append(f"{path} is out of date")
    return found + [f"{path} is of no kind any more" for path in _leftovers(root, wanted)]


def write(root: Path) -> list[str]:
    """Write what differs and remove what is left over; says what was done."""
    wanted = generated_files()
    done = []
    for path, content in wanted.items():
        file = root / path
        if not file.exists() or file.read_text(encoding="utf-8") != content:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content, encoding="utf-8")
            done.append(f"wrote {path}")
    for path in _leftovers(root, wanted):
        (root / path).unlink()
        done.append(f"removed {path}")
    return done


def _leftovers(root: Path, wanted: dict[Path, str]) -> list[Path]:
    """Generated for a kind that is gone. Files of people in the same folders are let alone."""
    there = (file for folder in _FOLDERS for file in sorted((root / folder).glob("*")) if file.is_file())
    return [
        file.relative_to(root)
        for file in there
        if file.relative_to(root) not in wanted and MARK in file.read_text(encoding="utf-8")[:300]
    ]


def _yaml(manifest: dict[str, Any]) -> str:
    text: str = yaml.dump(manifest, Dumper=_Dumper, sort_keys=False, width=110, allow_unicode=True)
    return _HEADER + text


class _Dumper(yaml.SafeDumper):
    """No anchors: what is shared between two places is written twice, as people would."""

    def ignore_aliases(self, data: object) -> bool:
        return True

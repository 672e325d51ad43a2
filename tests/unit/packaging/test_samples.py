"""The samples are what people copy first."""

import os

import yaml

from agent_runtime.api import KINDS
from agent_runtime.local.manifests.check import check
from agent_runtime.local.manifests.load import load
from tests.paths import ROOT

SAMPLES = ROOT / "config/samples"


def test_there_is_one_sample_of_each_kind() -> None:
    listed = yaml.safe_load((SAMPLES / "kustomization.yaml").read_text())["resources"]
    kinds = [yaml.safe_load((SAMPLES / name).read_text())["kind"] for name in listed]
    assert sorted(kinds) == sorted(KINDS)


def test_they_are_valid_and_find_each_other() -> None:
    files = sorted(set(SAMPLES.glob("*.yaml")) - {SAMPLES / "kustomization.yaml"})
    found = load(files)
    checked = check(found, os.environ)
    assert [str(fault) for fault in checked.faults] == []
    assert [str(fault) for fault in checked.missing] == []
    assert len(found.resources) == len(KINDS)

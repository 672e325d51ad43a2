"""What the images start is theirs, whatever lies in the folder that they start in: it may be a volume."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.paths import ROOT

STARTS = re.findall(r"^\s*(?:ENTRYPOINT|CMD) (\[.*\])$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)


def test_every_start_is_looked_at() -> None:
    assert len(STARTS) == 4


@pytest.mark.parametrize("start", STARTS)
def test_a_file_in_the_folder_is_not_run(start: str, tmp_path: Path) -> None:
    program, *arguments = json.loads(start)
    assert program == "/opt/covey/bin/python"
    planted = "open('planted', 'w')"
    for name in ("agent_runtime", "covey_operator"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(planted)
    for name in ("json", "argparse", "urllib"):
        (tmp_path / f"{name}.py").write_text(planted)
    path = f"{ROOT}:{ROOT / 'operator'}"
    if "healthcheck" not in arguments and "-m" in arguments:
        arguments.append("--help")
    subprocess.run(
        [sys.executable, *arguments],
        cwd=tmp_path,
        env={"PYTHONPATH": path, "KUBERNETES_SERVICE_HOST": "", "KUBECONFIG": str(tmp_path / "none")},
        check=False,
        timeout=120,
        capture_output=True,
    )
    assert not (tmp_path / "planted").exists()

"""A function that a Flow names and that is not there: the same words from all who can know, and one cure."""

from pathlib import Path

import pytest

from tests.laptop.conftest import Covey

FOLDER = """apiVersion: covey.dev/v1alpha1
kind: Flow
metadata: {name: fine}
spec:
  start: a
  nodes:
    - {name: a, python: {function: "steps:there"}}
---
apiVersion: covey.dev/v1alpha1
kind: Flow
metadata: {name: wrong}
spec:
  start: a
  nodes:
    - name: a
      python: {function: "steps:three"}
"""
SAID = "flows.yaml:16:16: spec.nodes[0].python.function: steps has no function three in "


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "flows.yaml").write_text(FOLDER)
    (tmp_path / "shop" / "steps.py").write_text("def there():\n    return 1\n")
    return tmp_path / "shop"


def test_validate_and_flow_check_name_the_line_and_the_cure(covey: Covey, folder: Path) -> None:
    for command in (("validate",), ("flow", "check")):
        said = covey(*command, folder, status=1).stderr
        assert SAID in said, said
        assert "did you mean there?" in said, said


def test_a_function_that_changes_the_working_directory_harms_nothing(covey: Covey, folder: Path) -> None:
    (folder / "steps.py").write_text("import os\ndef there():\n    os.chdir('/')\n    return 1\n")
    text = FOLDER.partition("---")[0]
    (folder / "flows.yaml").write_text(text)
    covey.home = folder  # so that the folder can be named by a dot
    with covey.up(Path()) as running:
        for _ in range(2):
            assert covey("run", "fine").stdout == "1\n"
        (folder / "flows.yaml").write_text(text.replace("fine", "other"))
        running.wait_for("taken in: 1 resource")
        assert covey("run", "other").stdout == "1\n"


def test_covey_up_fails_that_flow_alone_until_the_module_is_mended(covey: Covey, folder: Path) -> None:
    with covey.up(folder) as running:
        assert "did you mean there?" in running.wait_for(SAID)
        shown = covey("get", "flow", "wrong", "-o", "yaml").stdout
        assert "FunctionNotFound" in shown
        assert "FunctionNotFound" in covey("flow", "check", "wrong", status=1).stderr
        assert covey("run", "fine").stdout == "1\n"
        assert "did you mean there?" in covey("run", "wrong", status=1).stderr
        (folder / "steps.py").write_text("def there():\n    return 1\n\ndef three():\n    return 3\n")
        assert covey("run", "wrong").stdout == "3\n"
        running.wait_for("its functions are there now: flow wrong")
        assert "FunctionNotFound" not in covey("get", "flow", "wrong", "-o", "yaml").stdout

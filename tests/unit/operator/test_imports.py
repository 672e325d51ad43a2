"""The operator's image holds what its requirements name, and nothing else: it must come up with that."""

import subprocess
import sys

from tests.paths import ROOT

_AS_IN_THE_IMAGE = """
import pkgutil, re, sys
from importlib import import_module, metadata
from pathlib import Path

def normal(name):
    return re.sub("[-_.]+", "-", name).lower()

named = {normal(name) for name in re.findall(r"^([A-Za-z0-9._-]+)==", Path(sys.argv[1]).read_text(), re.M)}
owners = metadata.packages_distributions()

class Missing:
    def find_spec(self, name, path=None, target=None):
        found = {normal(owner) for owner in owners.get(name.partition(".")[0], ())} - {"covey"}
        if found and not found & named:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
import covey_operator
for module in pkgutil.walk_packages(covey_operator.__path__, "covey_operator."):
    if not module.name.endswith("__main__"):
        import_module(module.name)
"""


def test_the_operator_comes_up_with_what_is_in_its_image() -> None:
    """Each module, in a Python from which all is hidden that `requirements/operator.txt` does not name."""
    done = subprocess.run(
        [sys.executable, "-c", _AS_IN_THE_IMAGE, str(ROOT / "requirements" / "operator.txt")],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'operator'}", "PATH": ""},
    )
    assert done.returncode == 0, done.stderr

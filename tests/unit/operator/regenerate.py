"""`python -m tests.unit.operator.regenerate`: writes the golden manifests anew; look at the diff."""

from pathlib import Path

import yaml

from tests.unit.operator.golden_cases import CASES
from tests.unit.operator.worlds import WORLD, manifests

GOLDEN = Path(__file__).parent / "golden"


def golden(case: str) -> str:
    """The children of the case's resource as YAML."""
    return yaml.dump_all(manifests(CASES[case], *WORLD), Dumper=_Dumper, sort_keys=False, width=110)


class _Dumper(yaml.SafeDumper):
    """Files within a ConfigMap stay readable."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def main() -> None:
    for path in GOLDEN.glob("*.yaml"):
        path.unlink()
    for case in CASES:
        (GOLDEN / f"{case}.yaml").write_text(golden(case))


if __name__ == "__main__":
    main()

"""The API server and the operator give the same answer to what a policy is about, however it is spelt."""

import random
from collections.abc import Callable

import pytest

from covey_operator.policy.check import Found, denials
from covey_operator.policy.rules import Policy
from tests.controlplane.policy.test_policy import (
    AT,
    PLACES,
    Object,
    People,
    http,
    people,  # noqa: F401 - a fixture
    python,
    with_pod,
)

POLICY = Policy(
    pod_volumes=("configMap", "emptyDir"),
    service_accounts=(),
    python_functions=("shop.orders:*",),
    images=("registry.example.com/team/", "mirror.example.com/covey:1.*", "*.example.org/x", "covey:*"),
    hosts=("*.example.com", "10.0.0.7:8080"),
)
"""As the chart is installed for the namespace `strict`."""
SEGMENTS = (
    *(
        "",
        "opt",
        "etc",
        "tmp",
        "usr",
        "local",
        "lib",
        "Lib",
        "covey",
        "ssl",
        "hosts",
        "dev",
        "shm",
        ".",
        "..",
    ),
    *("agent_runtime", ".local", "data", "openssl.cnf", "ld.so.conf", "ld.so.conf.d", "bin", "share", "proc"),
    *("postgresql", "a:b", "libexec", "var", "resolv.conf"),
)
VARIABLES = (
    *(
        "PYTHON",
        "PYTHONPATH",
        "PYTHONPATHX",
        "python_path",
        "PYTHONSAFEPATH",
        "PYTHONUNBUFFERED",
        "LD_",
        "LD_X",
    ),
    *("BASH_ENV", "ENV", "OPENSSL_CONF", "OPENSSL_CONF_INCLUDE", "PERL5LIB", "NODE_OPTIONS", "LOCPATH"),
    *(
        "HTTP_PROXY",
        "Https_Proxy",
        "no_proxy",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTEL_EXPORTER_OTLP_X_ENDPOINT",
    ),
    *("PGHOSTADDR", "pgservicefile", "HOSTALIASES", "A\nB", "LD_\nX"),
)
REGISTRIES = ("", "registry.example.com/team/", "registry.example.com/team")
IMAGES = (
    "x",
    "/",
    "a.example.org/x",
    "evil.io/a.example.org/x",
    "mirror.example.com/covey:1.",
    "covey:",
    "covey",
)
VERSIONS = ("", "1", "2.0", "5000/evil", f"{AT}sha256:1", f"1{AT}sha256:2", "\n", "x\ny")
SCHEMES = (*["http://"] * 6, "HTTPS://", "ftp://", "//", "http:/", "h t://", "")
USERS = (*[""] * 6, f"u{AT}", f"u:p{AT}")
HOSTS = (
    *("a.example.com", "A.EXAMPLE.com", "example.com", "10.0.0.7", "evil.io", "[::1]", "a.example.com."),
    *("a.example.com\\", "a_b.example.com", "\u0430.example.com", "${x}.example.com"),
)
PORTS = ("", "", ":80", ":8080", ":8080x", ":")
PATHS = ("", "/", "?x", "#y", f"{AT}evil.io/", f"/\n{AT}x", "\n", ";x", "/${params.x}")
VALUES = ("", "1", "http://a.example.com", "http://evil.io")
FUNCTIONS = ("shop.orders:f", "shop.orders:a.b", "shop.orders2:f", "shop:orders", "os:system")

Choose = Callable[..., str]
SPELT: dict[str, Callable[[Choose], Object]] = {
    "mount": lambda of: with_pod(
        of(PLACES), volumeMounts=[{"name": "x", "mountPath": "/" + "/".join(of(SEGMENTS) for _ in range(4))}]
    ),
    "folder": lambda of: with_pod(
        of(PLACES), volumeMounts=[{"name": "x", "mountPath": f"/{of(SEGMENTS)}/{of(SEGMENTS)}"}]
    ),
    "variable": lambda of: with_pod(of(PLACES), env=[{"name": of(VARIABLES), "value": of(VALUES)}]),
    "image": lambda of: with_pod(of(PLACES), image=of(REGISTRIES) + of(IMAGES) + of(VERSIONS)),
    "host": lambda of: http(of(SCHEMES) + of(USERS) + of(HOSTS) + of(PORTS) + of(PATHS)),
    "function": lambda of: python(of(FUNCTIONS)),
}


@pytest.mark.parametrize("what", SPELT)
@pytest.mark.usefixtures("people")
def test_both_keepers_of_the_policy_agree(people: People, what: str) -> None:  # noqa: F811 - the fixture
    choose = random.Random(what).choice
    answers = set()
    for _ in range(150):
        manifest = SPELT[what](choose)
        said = people.create("alice", "strict", manifest)
        if said and "ValidatingAdmissionPolicy" not in said:
            continue  # the schema refuses it before
        denied = list(denials(manifest["spec"], lambda kind, name: None, POLICY, Found()))
        assert bool(denied) is bool(said), (manifest["spec"], said, denied)
        answers.add(bool(said))
    assert answers == {True, False}

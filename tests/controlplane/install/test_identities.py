"""Who calls a blackboard: tokens that a real API server signed for pods, at a real blackboard's server."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from time import time

import jwt
import pytest

from agent_runtime.auth.invalid_token import InvalidToken
from agent_runtime.auth.service_accounts import ProjectedTokens
from agent_runtime.blackboard.board import BoardError
from hack.cluster.control_plane.control_plane import ControlPlane, free_ports
from tests.controlplane import manifests as make
from tests.controlplane.api import Api, says_of, until
from tests.controlplane.board import BoardProcess
from tests.controlplane.newsroom import SCOUT, TYPES, Newsroom, agent_process, publishes_as
from tests.controlplane.played import roll_out
from tests.controlplane.rig import Rig
from tests.issuer import TokenIssuer


async def test_any_pod_of_the_agents_is_the_agent_and_people_need_no_pod(newsroom: Newsroom) -> None:
    for _ in range(2):
        assert await publishes_as(newsroom, newsroom.grant, newsroom.token()) == "scout"
    assert await publishes_as(newsroom, newsroom.people, None) == "user"


def forged(newsroom: Newsroom) -> str:
    """Says what a true one says, and names the issuer's key, with which it is not signed."""
    true = newsroom.token()
    claims = jwt.decode(true, options={"verify_signature": False})
    return TokenIssuer("RS256", key_id=jwt.get_unverified_header(true)["kid"]).signed(claims)


@pytest.mark.parametrize(
    ("bring", "reason"),
    [
        (
            lambda news: (news.grant, None),
            "it is the grant of an agent, who proves itself by its pod's token",
        ),
        (lambda news: (news.token(), None), "it says which pod calls, and not what it may see"),
        (
            lambda news: (news.grant, news.token("default")),
            "it is for pods of NS:scout-agent, and pod default-",
        ),
        (
            lambda news: (news.grant, news.token(audience="covey-blackboard/news/archive")),
            "its audience is covey-blackboard/news/archive, this is covey-blackboard/NS/newsroom",
        ),
        (
            lambda news: (news.grant, news.token(audience=news.known_issuer().url)),
            "its audience is https://kubernetes.default.svc",
        ),
        (lambda news: (news.grant, news.token(bound=False)), "it is bound to no pod"),
        (lambda news: (news.grant, forged(news)), "Signature verification failed"),
        (lambda news: (news.people, news.token()), "it is for no pod"),
    ],
    ids=[
        "a stolen grant",
        "a pod's token alone",
        "a stolen grant, from another pod",
        "for another board",
        "for the API server",
        "for no pod",
        "forged",
        "a person's grant, from a pod",
    ],
)
async def test_nobody_else_is(
    newsroom: Newsroom, bring: Callable[[Newsroom], tuple[str, str | None]], reason: str
) -> None:
    grant, proof = bring(newsroom)
    with pytest.raises(BoardError) as refused:
        await publishes_as(newsroom, grant, proof)
    assert (refused.value.status, refused.value.code) == (401, "unauthenticated")
    assert reason.replace("NS", newsroom.api.namespace) in str(refused.value)


async def test_a_token_that_has_expired_proves_nothing(newsroom: Newsroom) -> None:
    token, audience = newsroom.token(), newsroom.projected["audience"]
    an_hour_later = ProjectedTokens(newsroom.known_issuer(), audience, clock=lambda: time() + 3600 + 120)
    with pytest.raises(InvalidToken, match="it expired 2 min ago"):
        an_hour_later.pod_of(token)
    pod, until_ = ProjectedTokens(newsroom.known_issuer(), audience).pod_of(token)
    assert pod.account == f"{newsroom.api.namespace}:scout-agent"
    assert until_ == pytest.approx(time() + 3600 + 30, abs=60)


async def test_the_agents_process_works_by_the_token_in_its_file(newsroom: Newsroom, tmp_path: Path) -> None:
    config = json.loads(newsroom.api.there("ConfigMap", "scout-agent")["data"]["config.json"])
    mounted, token_file = config["blackboard"]["tokenFile"], tmp_path / "token"
    (container,) = newsroom.template["spec"]["containers"]
    folders = [each["mountPath"] for each in container["volumeMounts"]]
    assert str(Path(mounted).parent) in folders
    assert Path(mounted).name == newsroom.projected["path"]
    token_file.write_text(newsroom.token())
    config["blackboard"] |= {"tokenFile": str(token_file), "url": newsroom.url}
    with agent_process(config, newsroom.grant, tmp_path):
        await newsroom.board.publish("Idea", {"topic": "bees"})
        assert [(each.producer, each.payload) for each in await newsroom.notes(1)] == [
            ("scout", {"said": "noted"})
        ]


DISCOVERY = "system:service-account-issuer-discovery"


@pytest.fixture
def undescribed(control_plane: ControlPlane) -> Iterator[None]:
    """Service accounts may not read who signs their tokens."""
    control_plane.kubectl("delete", "clusterrolebinding", DISCOVERY)
    yield
    if DISCOVERY not in control_plane.kubectl("get", "clusterrolebindings", "--output=name"):
        describe(control_plane)


def describe(control_plane: ControlPlane) -> None:
    """As it was before."""
    options = (f"--clusterrole={DISCOVERY}", "--group=system:serviceaccounts")
    control_plane.kubectl("create", "clusterrolebinding", DISCOVERY, *options)


def as_service_account(control_plane: ControlPlane, api: Api, folder: Path) -> Path:
    """A kubeconfig for one that may do everything with objects, and nothing else."""
    place = f"--namespace={api.namespace}"
    control_plane.kubectl("create", "serviceaccount", "operator", place)
    name = f"everything-{api.namespace}"
    rules = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": name},
        "rules": rules,
    }
    control_plane.kubectl("apply", "-f", "-", input=json.dumps(role))
    account = f"--serviceaccount={api.namespace}:operator"
    control_plane.kubectl("create", "clusterrolebinding", name, f"--clusterrole={name}", account)
    config = json.loads(control_plane.kubeconfig.read_text())
    token = control_plane.kubectl("create", "token", "operator", place).strip()
    config["users"][0]["user"] = {"token": token}
    file = folder / "kubeconfig"
    file.write_text(json.dumps(config))
    return file


async def test_a_board_says_when_the_issuer_is_not_known_and_takes_it_up_when_it_is(
    quiet: None, undescribed: None, control_plane: ControlPlane, api: Api, tmp_path: Path
) -> None:
    def issuer() -> object:
        board = api.get("ConfigMap", "newsroom-blackboard")
        return board and json.loads(board["data"]["config.json"]).get("issuer", {"keys": None})["keys"]

    kubeconfig = as_service_account(control_plane, api, tmp_path)
    with Rig(kubeconfig, api, tmp_path / "rig") as rig:
        api.apply(make.model(), make.blackboard(artifactTypes=TYPES), SCOUT)
        until("the board", lambda: api.get("Deployment", "newsroom-blackboard"))
        roll_out(api, "Deployment", "newsroom-blackboard")
        said = says_of(api, "Blackboard", "newsroom", "RolledOut")["message"]
        assert said.startswith("1 of 1 pods are available; agents are let in by their grants alone")
        assert 'cannot get path "/.well-known/openid-configuration": grant the operator `get`' in said
        (port,) = free_ports(1)
        until("the agent's pods", lambda: api.get("Deployment", "scout-agent"))
        with BoardProcess(api, "newsroom", port, tmp_path) as board:
            newsroom = Newsroom(api, board, port)
            assert await publishes_as(newsroom, newsroom.grant, None) == "scout"
            assert await publishes_as(newsroom, newsroom.grant, newsroom.token()) == "scout"
        describe(control_plane)
        rig.operator.stop()
        rig.operator.start()
        until("the board knows the issuer", issuer)
        until(
            "it rolls", lambda: api.there("Deployment", "newsroom-blackboard")["metadata"]["generation"] > 1
        )
        roll_out(api, "Deployment", "newsroom-blackboard")
        until("it says no more", lambda: message_of(api) == "1 of 1 pods are available")


def message_of(api: Api) -> str:
    return str(says_of(api, "Blackboard", "newsroom", "RolledOut")["message"])

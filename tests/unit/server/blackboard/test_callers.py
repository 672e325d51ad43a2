"""A blackboard's callers: remembered, but no longer than what they brought is good."""

import pytest

from agent_runtime.auth.identity import Identity
from agent_runtime.auth.invalid_token import InvalidToken
from agent_runtime.auth.service_accounts import ProjectedTokens
from agent_runtime.auth.tokens import mint, sign
from agent_runtime.server.blackboard.callers import service_account, signed_grant
from agent_runtime.server.http.auth import Credentials, Verify
from tests.issuer import AUDIENCE as FOR_PODS
from tests.issuer import TokenIssuer

KEY = "k" * 64
AUDIENCE = "blackboard/news/newsroom"
NOW = 2_000_000_000
SCOUT = Identity("scout", "agent", frozenset({"desk"}), "acme")
EDITOR = Identity("editor", "user")
ADMIN = Identity("root", "admin")
FLOW = Identity("flow.report")

ISSUER = TokenIssuer()
POD = ISSUER.token("news:scout-agent", until=NOW + 3600)
THIEF = ISSUER.token("news:thief", until=NOW + 3600)
OLD_POD = ISSUER.token("news:scout-agent", until=NOW - 180)
POD_FOR_ANOTHER = ISSUER.token(until=NOW + 3600, aud=["covey-blackboard/news/archive"])
FORGED_POD = TokenIssuer().token("news:scout-agent", until=NOW + 3600)

GRANT = mint(KEY, SCOUT, AUDIENCE, account="news:scout-agent")
OLD_GRANT = mint(KEY, SCOUT, AUDIENCE, account="news:scout-agent", until=NOW - 7200)
GRANT_FOR_ANOTHER = mint(KEY, SCOUT, "blackboard/news/archive", account="news:scout-agent")
FORGED_GRANT = mint("x" * 64, SCOUT, AUDIENCE, account="news:scout-agent")
UNBOUND_GRANT = mint(KEY, SCOUT, AUDIENCE)
FOR_PERSON = mint(KEY, EDITOR, AUDIENCE)
FOR_FLOW = mint(KEY, FLOW, AUDIENCE, via_operator=True)


class Clock:
    def __init__(self) -> None:
        self.now = float(NOW)

    def __call__(self) -> float:
        return self.now


def in_the_cluster(clock: Clock | None = None) -> Verify:
    clock = clock or Clock()
    pods = ProjectedTokens(ISSUER.described, FOR_PODS, clock=clock)
    return service_account(KEY, AUDIENCE, pods, clock=clock)


@pytest.mark.parametrize(
    ("token", "grant", "bearer"),
    [
        (POD, GRANT, SCOUT),
        (FOR_PERSON, "", EDITOR),
        (mint(KEY, ADMIN, AUDIENCE), "", ADMIN),
        (FOR_FLOW, "", FLOW),
        (mint(KEY, EDITOR, AUDIENCE, until=NOW + 1), "", EDITOR),
    ],
    ids=["an agent's pod", "a person", "an admin", "the operator", "a person for a while"],
)
def test_who_is_let_in_in_the_cluster(token: str, grant: str, bearer: Identity) -> None:
    verify = in_the_cluster()
    assert verify(Credentials(token, grant)) == verify(Credentials(token, grant)) == bearer


ALONE = "it is the grant of an agent, who proves itself by its pod's token: send that .* as Covey-Grant"
OF_POD = r"the pod's token \(Authorization\): "
OF_GRANT = r"the grant \(Covey-Grant\): "


@pytest.mark.parametrize(
    ("token", "grant", "reason"),
    [
        (GRANT, "", ALONE),
        (UNBOUND_GRANT, "", ALONE),
        (POD, "", "it says which pod calls, and not what it may see: send Covey-Grant beside it"),
        (OLD_POD, GRANT, OF_POD + "it expired 3 min ago"),
        (POD_FOR_ANOTHER, GRANT, OF_POD + f"its audience is .*/archive, this is {FOR_PODS}"),
        (FORGED_POD, GRANT, OF_POD + "Signature verification failed"),
        (GRANT, GRANT, OF_POD + "it is signed with a key that is none of the issuer's"),
        (FOR_PERSON, GRANT, OF_POD + "it is signed with a key that is none of the issuer's"),
        ("nonsense", GRANT, OF_POD + "Not enough segments"),
        (POD, OLD_GRANT, OF_GRANT + "it expired 2 h ago"),
        (POD, GRANT_FOR_ANOTHER, OF_GRANT + f"its audience is blackboard/news/archive, this is {AUDIENCE}"),
        (POD, FORGED_GRANT, OF_GRANT + "Signature verification failed"),
        (POD, "nonsense", OF_GRANT + "Not enough segments"),
        (POD, POD, OF_GRANT + "The specified alg value is not allowed"),
        (THIEF, GRANT, OF_GRANT + "it is for pods of news:scout-agent, and pod thief-x is of news:thief"),
        (POD, UNBOUND_GRANT, OF_GRANT + "it is for no pod"),
        (POD, FOR_PERSON, OF_GRANT + "it is for no pod: send it as the bearer's token, alone"),
        (POD, FOR_FLOW, OF_GRANT + "it is for no pod"),
    ],
)
def test_who_is_not_let_in_the_first_time_nor_the_second(token: str, grant: str, reason: str) -> None:
    verify = in_the_cluster()
    for _ in range(2):
        with pytest.raises(InvalidToken, match=reason) as refused:
            verify(Credentials(token, grant))
    for secret in {token, grant} - {"", "nonsense"}:
        assert secret.rsplit(".")[-1] not in str(refused.value)


def test_a_grant_is_not_remembered_for_another_pod_than_it_came_with() -> None:
    verify = in_the_cluster()
    verify(Credentials(POD, GRANT))
    for token in (THIEF, OLD_POD, ""):
        with pytest.raises(InvalidToken):
            verify(Credentials(token, GRANT))


def test_an_agent_is_remembered_until_the_first_of_its_tokens_expires() -> None:
    clock = Clock()
    verify = in_the_cluster(clock)
    short = mint(KEY, SCOUT, AUDIENCE, account="news:scout-agent", until=NOW + 60)
    assert verify(Credentials(POD, GRANT)) == verify(Credentials(POD, short)) == SCOUT
    clock.now = NOW + 60
    assert verify(Credentials(POD, GRANT)) == SCOUT
    with pytest.raises(InvalidToken, match=OF_GRANT + "it expired 0 s ago"):
        verify(Credentials(POD, short))
    clock.now = NOW + 3629
    assert verify(Credentials(POD, GRANT)) == SCOUT
    clock.now = NOW + 3630
    with pytest.raises(InvalidToken, match=OF_POD + "it expired 30 s ago"):
        verify(Credentials(POD, GRANT))


@pytest.mark.parametrize(
    ("token", "grant"), [(GRANT, ""), (POD, GRANT), (FORGED_POD, GRANT), (UNBOUND_GRANT, ""), (FOR_FLOW, "")]
)
def test_where_the_issuer_is_not_known_a_grant_will_do(token: str, grant: str) -> None:
    verify = signed_grant(KEY, AUDIENCE, clock=Clock())
    assert verify(Credentials(token, grant)) in (SCOUT, FLOW)


NONE_OF_A_POD = OF_GRANT + "the bearer's token beside it is none of a pod: send the grant as that, alone"


@pytest.mark.parametrize(
    ("token", "grant", "reason"),
    [
        (FOR_PERSON, GRANT, NONE_OF_A_POD),
        (GRANT, GRANT, NONE_OF_A_POD),
        ("anything", GRANT, NONE_OF_A_POD),
        (ISSUER.token("news:scout-agent", until=NOW + 3600, sub="ann"), GRANT, NONE_OF_A_POD),
        (THIEF, GRANT, "it is for pods of news:scout-agent, and the bearer's token is of news:thief"),
        (POD, UNBOUND_GRANT, OF_GRANT + "it is for no pod"),
    ],
)
def test_but_none_beside_a_token_of_somebody_else(token: str, grant: str, reason: str) -> None:
    verify = signed_grant(KEY, AUDIENCE, clock=Clock())
    for _ in range(2):
        with pytest.raises(InvalidToken, match=reason):
            verify(Credentials(token, grant))


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("nonsense", "Not enough segments"),
        (FORGED_GRANT, "Signature verification failed"),
        (GRANT_FOR_ANOTHER, "its audience is blackboard/news/archive"),
        (OLD_GRANT, "it expired 2 h ago"),
    ],
    ids=["nonsense", "forged", "for another board", "expired"],
)
def test_but_only_one_that_is_good(token: str, reason: str) -> None:
    verify = signed_grant(KEY, AUDIENCE, clock=Clock())
    for _ in range(2):
        with pytest.raises(InvalidToken, match=reason):
            verify(Credentials(token))


def test_a_grant_that_is_remembered_expires_all_the_same() -> None:
    clock = Clock()
    verify = signed_grant(KEY, AUDIENCE, clock=clock)
    token = sign(KEY, "writer", AUDIENCE, {"role": "user", "exp": NOW + 10})
    assert verify(Credentials(token)) == Identity("writer", "user")
    clock.now += 10
    with pytest.raises(InvalidToken, match="it expired 0 s ago"):
        verify(Credentials(token))

"""Pods prove themselves by the tokens that the API server signs for them, and by nothing else."""

import hmac
import json
from base64 import urlsafe_b64encode

import pytest

from agent_runtime.auth.invalid_token import InvalidToken
from agent_runtime.auth.issuer import Issuer
from agent_runtime.auth.service_accounts import Pod, ProjectedTokens
from tests.issuer import AUDIENCE, URL, TokenIssuer

NOW = 2_000_000_000
ISSUER = TokenIssuer()
OTHER_KEY = TokenIssuer(key_id="key-2")
SAME_KEY_ID = TokenIssuer()
SCOUT = Pod("scout-agent-x", "news:scout-agent")


def pods(issuer: Issuer = ISSUER.described, now: float = NOW) -> ProjectedTokens:
    return ProjectedTokens(issuer, AUDIENCE, clock=lambda: now)


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "ES384", "ES512"])
def test_a_pod_is_who_its_token_says(algorithm: str) -> None:
    issuer = TokenIssuer(algorithm)
    token = issuer.token(until=NOW + 3600)
    assert pods(issuer.described).pod_of(token) == (SCOUT, NOW + 3600 + 30)


def test_old_and_new_keys_are_good_while_the_issuer_names_both() -> None:
    both = Issuer(url=URL, keys=[ISSUER.jwk, OTHER_KEY.jwk])
    for each in (ISSUER, OTHER_KEY):
        assert pods(both).pod_of(each.token(until=NOW + 60))[0] == SCOUT


def forged_with_the_public_key() -> str:
    """Signed by HMAC, with what everybody knows as the secret: what careless verifiers fall for."""
    said = unsigned("HS256").rstrip(".")
    key = json.dumps(ISSUER.jwk).encode()
    return f"{said}.{encoded(hmac.digest(key, said.encode(), 'sha256'))}"


def unsigned(algorithm: str = "none") -> str:
    header = {"alg": algorithm, "kid": "key-1"}
    claims = {"sub": "x", "aud": AUDIENCE}
    return ".".join([*(encoded(json.dumps(part).encode()) for part in (header, claims)), ""])


def encoded(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("nonsense", "Not enough segments"),
        (ISSUER.token(until=NOW - 180), "it expired 3 min ago"),
        (ISSUER.token(until=NOW - 30), "it expired 30 s ago"),
        (ISSUER.token(until=NOW + 3600 + 31), "it is not good yet, but in 31 s: compare the clocks"),
        (ISSUER.token(until=NOW + 60, exp=None), "it never expires: take the one that is projected"),
        (ISSUER.token(until=NOW + 60, exp="tomorrow"), 'its "exp" is no time'),
        (ISSUER.token(until=NOW + 60, aud=[URL]), f"its audience is {URL}, this is {AUDIENCE}"),
        (ISSUER.token(until=NOW + 60, aud=None), 'Token is missing the "aud" claim'),
        (ISSUER.token(until=NOW + 60, iss="https://elsewhere"), f"its issuer is not {URL}"),
        (ISSUER.token(until=NOW + 60, sub="alice"), "it is of no service account"),
        (ISSUER.token(until=NOW + 60, bound={"namespace": "news"}), "it is bound to no pod"),
        (ISSUER.token(until=NOW + 60, bound={}), "it is bound to no pod"),
        (SAME_KEY_ID.token(until=NOW + 60), "Signature verification failed"),
        (OTHER_KEY.token(until=NOW + 60), f"signed with a key that is none of the issuer's, {URL}"),
        (TokenIssuer("RS256").token(until=NOW + 60), "The specified alg value is not allowed"),
        (forged_with_the_public_key(), "The specified alg value is not allowed"),
        (unsigned(), "The specified alg value is not allowed"),
    ],
)
def test_what_proves_nothing(token: str, reason: str) -> None:
    with pytest.raises(InvalidToken, match=reason) as refused:
        pods().pod_of(token)
    assert token.rsplit(".")[-1] not in str(refused.value) or token in ("nonsense", unsigned())


def test_clocks_may_differ_by_half_a_minute() -> None:
    assert pods().pod_of(ISSUER.token(until=NOW - 29))[0] == SCOUT
    assert pods().pod_of(ISSUER.token(until=NOW + 3600 + 30))[0] == SCOUT


@pytest.mark.parametrize(
    "key",
    [
        {"kty": "oct", "k": "c2VjcmV0", "kid": "key-1"},
        {"kty": "of tomorrow", "kid": "key-1"},
        {**ISSUER.jwk, "use": "enc"},
        {name: value for name, value in ISSUER.jwk.items() if name != "kid"},
    ],
    ids=["a shared secret", "unknown", "for encryption", "without an id"],
)
def test_keys_that_cannot_be_used_are_refused_at_the_start(key: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=f"issuer {URL}: none of its 1 keys can be used"):
        pods(Issuer(url=URL, keys=[key]))
    assert pods(Issuer(url=URL, keys=[key, OTHER_KEY.jwk])).pod_of(OTHER_KEY.token(until=NOW + 60))

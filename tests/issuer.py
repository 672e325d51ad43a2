"""An issuer of service accounts' tokens, as the API server is one: keys of its own, and tokens for pods."""

import json
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from agent_runtime.auth.issuer import Issuer

URL = "https://kubernetes.default.svc.cluster.local"
AUDIENCE = "covey-blackboard/news/newsroom"


class TokenIssuer:
    """One key, `RS256` or one of `ES256`, `ES384` and `ES512`."""

    def __init__(self, algorithm: str = "ES256", key_id: str = "key-1", url: str = URL) -> None:
        self._algorithm = algorithm
        self._key_id = key_id
        self._url = url
        if algorithm == "RS256":
            self._key: Any = rsa.generate_private_key(65537, 2048)
            described = RSAAlgorithm.to_jwk(self._key.public_key())
        else:
            curves = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}
            self._key = ec.generate_private_key(curves[algorithm])
            described = ECAlgorithm.to_jwk(self._key.public_key())
        self.jwk: dict[str, Any] = {**json.loads(described), "kid": key_id, "use": "sig", "alg": algorithm}

    @property
    def described(self) -> Issuer:
        """As boards know it."""
        return Issuer(url=self._url, keys=[self.jwk])

    def token(
        self,
        account: str = "news:scout-agent",
        *,
        until: int,
        bound: dict[str, object] | None = None,
        **claims: object,
    ) -> str:
        """For a pod of the account; `bound` is what it says of that. A claim that is None is left out."""
        namespace, name = account.split(":")
        said = {
            "iss": self._url,
            "sub": f"system:serviceaccount:{account}",
            "aud": [AUDIENCE],
            "exp": until,
            "nbf": until - 3600,
            "kubernetes.io": {
                "namespace": namespace,
                "pod": {"name": f"{name}-x", "uid": "1"},
                "serviceaccount": {"name": name, "uid": "2"},
            }
            if bound is None
            else bound,
            **claims,
        }
        return self.signed({name: value for name, value in said.items() if value is not None})

    def signed(self, claims: dict[str, object], **headers: str) -> str:
        """Whatever is said."""
        headers = {"kid": self._key_id, **headers}
        return jwt.encode(claims, self._key, algorithm=self._algorithm, headers=headers)

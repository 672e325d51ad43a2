"""What the pods of runs need to publish on blackboards: a grant for each, and a token that proves the pod."""

from collections.abc import Sequence
from pathlib import PurePosixPath

from agent_runtime.auth.tokens import pod_audience
from agent_runtime.compile.result import Lookup, Problem, SecretEnv
from agent_runtime.config.models import PublishAccess
from covey_operator.desired.pods import Projected
from covey_operator.install.installation import Installation

Boards = Sequence[PublishAccess] | None


def grants(
    boards: Boards, publisher: str, namespace: str, account: str, lookup: Lookup, install: Installation
) -> dict[str, str]:
    """By the keys of a Secret. For a Blackboard that is not there, there is none."""
    found = {}
    for access in boards or ():
        board = lookup("Blackboard", access.blackboard)
        if board is not None:
            uid = str(board["metadata"].get("uid", ""))
            found[_key(access)] = install.publisher_grant(
                namespace, publisher, access.blackboard, access.tenant, uid, account
            )
    return found


def variables(boards: Boards, secret: str) -> list[SecretEnv]:
    """The grants as the process finds them."""
    return [SecretEnv(access.token_env, secret, _key(access)) for access in boards or ()]


def proofs(boards: Boards, namespace: str) -> tuple[Projected, ...]:
    """The pod's tokens, one for each Blackboard."""
    files = {access.blackboard: access.token_file for access in boards or () if access.token_file}
    return tuple(
        Projected(pod_audience(namespace, blackboard), PurePosixPath(file))
        for blackboard, file in sorted(files.items())
    )


def missing(boards: Boards, namespace: str, lookup: Lookup) -> tuple[Problem, ...]:
    """Why a pod that would start now could not publish; a grant is for one Blackboard, and goes with it."""
    return tuple(
        Problem(
            "ResolvedRefs",
            "BlackboardNotFound",
            f'Blackboard "{name}", on which the run publishes, not found in namespace "{namespace}": '
            "create it, and the run goes on",
            "spec.flow.name",
        )
        for name in sorted({access.blackboard for access in boards or ()})
        if lookup("Blackboard", name) is None
    )


def _key(access: PublishAccess) -> str:
    return access.token_env.lower().replace("_", "-")

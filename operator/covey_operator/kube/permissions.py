"""What the operator may do, asked before it starts: it watches what is granted and says what is not."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from covey_operator.kube.client import KubeClient
from covey_operator.kube.resources import BY_KIND, CHILDREN, EVENT, OWN, POD, ApiKind

_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Need:
    """One permission that is needed. Without `watching` the operator cannot see the kind."""

    verb: str
    kind: str
    subresource: str = ""

    @property
    def watching(self) -> bool:
        """Whether watching the kind depends on it."""
        return self.verb in ("list", "watch")

    @property
    def what(self) -> str:
        """The resource as RBAC rules write it."""
        kind = BY_KIND[self.kind]
        return f"{kind.plural}/{self.subresource}" if self.subresource else kind.plural


def needs() -> list[Need]:
    """Every permission that the operator uses in the namespaces that it serves."""
    wanted = [Need(verb, each.kind) for each in OWN for verb in ("list", "watch")]
    wanted += [Need("patch", each.kind, "status") for each in OWN]
    wanted += [Need(verb, "FlowRun") for verb in ("create", "patch", "delete")]
    verbs = ("list", "watch", "get", "create", "patch", "delete")
    wanted += [Need(verb, each.kind) for each in CHILDREN for verb in verbs]
    wanted += [
        Need("list", POD.kind),
        Need("create", EVENT.kind),
        Need("list", EVENT.kind),
        Need("patch", "Deployment", "scale"),
    ]
    return wanted


@dataclass(frozen=True, slots=True)
class Denied:
    """A need that was not granted, and where; an empty namespace means all of them."""

    need: Need
    namespace: str


async def review(cluster: KubeClient, namespaces: tuple[str, ...]) -> list[Denied]:
    """Asks the API server about every need in every namespace. Raises ApiError when it cannot be asked."""
    questions = [Denied(need, namespace) for namespace in namespaces or ("",) for need in needs()]
    slots = asyncio.Semaphore(_AT_ONCE)

    async def denied(question: Denied) -> bool:
        async with slots:
            kind = BY_KIND[question.need.kind]
            return not await cluster.may(
                question.need.verb, kind, question.namespace, question.need.subresource
            )

    answers = await asyncio.gather(*map(denied, questions))
    return [question for question, no in zip(questions, answers, strict=True) if no]


def watchable(denied: Iterable[Denied]) -> list[ApiKind]:
    """The kinds that may be listed and watched in every namespace that is served."""
    hidden = {each.need.kind for each in denied if each.need.watching}
    return [
        BY_KIND[kind] for kind in dict.fromkeys(each.kind for each in needs()) if _is_watched(kind, hidden)
    ]


def _is_watched(kind: str, hidden: set[str]) -> bool:
    return kind not in hidden and kind not in (POD.kind, EVENT.kind)


def complaint(denied: Iterable[Denied]) -> str:
    """What is missing, where, and what follows, in one message."""
    verbs: dict[tuple[str, str, str], list[str]] = {}
    for each in denied:
        group = BY_KIND[each.need.kind].group or "the core group"
        verbs.setdefault((each.need.what, group, each.namespace), []).append(each.need.verb)
    lines = [
        f"{', '.join(sorted(missing))} {what} of {group} in {namespace or 'all namespaces'}"
        for (what, group, namespace), missing in sorted(verbs.items())
    ]
    return (
        f"permissions are missing: {'; '.join(lines)}. What needs them is left out, everything else works. "
        "Grant them to the operator's service account, or name the namespaces that it serves in "
        "COVEY_NAMESPACES, and restart it"
    )

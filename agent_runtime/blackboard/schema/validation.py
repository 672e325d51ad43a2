"""From a draft to an artifact: every check that publishing makes, by whatever door. Pure."""

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NoReturn

from agent_runtime.api.agent import PlainVisibility, SingleVisibility, Visibility
from agent_runtime.api.base import seconds
from agent_runtime.auth.identity import Identity
from agent_runtime.blackboard.access.tenants import Isolation, foreign_part
from agent_runtime.blackboard.access.visibility import KINDS, LONGEST_EMBARGO, kind_of, parts
from agent_runtime.blackboard.artifact import PUBLIC, Artifact, Draft
from agent_runtime.blackboard.board import BoardError
from agent_runtime.blackboard.publisher_ids import is_foreign
from agent_runtime.blackboard.result_ids import is_reserved
from agent_runtime.blackboard.schema.registry import TypeRegistry
from agent_runtime.blackboard.wire.codec import plain
from agent_runtime.core import json_pointer
from agent_runtime.core.not_json import misfit_in
from agent_runtime.core.texts import unfit_in

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")
_DEEPEST = 250
"""Levels of a payload that JSON can write."""
_MAX_TAGS = 64
_MAX_NAME = 256


class Validator:
    """The rules of one board."""

    __slots__ = ("_max_payload", "_new_id", "_registry", "_strict")

    def __init__(
        self,
        registry: TypeRegistry,
        max_payload: int,
        new_id: Callable[[], str],
        isolation: Isolation | None = None,
    ) -> None:
        """`max_payload` in bytes of JSON; `new_id` names artifacts whose producer did not."""
        self._registry = registry
        self._max_payload = max_payload
        self._new_id = new_id
        self._strict = isolation == "Strict"

    def admit_all(
        self,
        drafts: Sequence[Draft],
        producer: Identity,
        now: datetime,
        causes: Sequence[Artifact] = (),
        traceparent: str | None = None,
        *,
        result_id: Callable[[int], str] | None = None,
        invoked: str | None = None,
    ) -> list[Artifact]:
        """All drafts as artifacts, made from `causes`. Raises BoardError; details point into `drafts`.

        `result_id` names those of a delivery's results that have no id; `invoked` is the agent that they are
        published for.
        """
        artifacts: list[Artifact] = []
        ids: set[str] = set()
        for at, draft in enumerate(drafts):
            try:
                own_id = None if result_id is None else result_id(at)
                artifact = self._admit(draft, producer, now, causes, traceparent, own_id, invoked)
            except BoardError as error:
                details = [{**detail, "pointer": f"/{at}{detail['pointer']}"} for detail in error.details]
                raise BoardError(error.code, str(error), status=error.status, details=details) from error
            if artifact.id in ids:
                _invalid(f"/{at}/id", f"id {artifact.id!r} stands twice in one call")
            ids.add(artifact.id)
            artifacts.append(artifact)
        return artifacts

    def _admit(
        self,
        draft: Draft,
        producer: Identity,
        now: datetime,
        causes: Sequence[Artifact],
        traceparent: str | None,
        own_id: str | None,
        invoked: str | None,
    ) -> Artifact:
        try:
            payload, size = plain(draft.payload)
        except ValueError as error:
            misfit = misfit_in(draft.payload, "publish", _DEEPEST)
            where, why = ((), str(error)) if misfit is None else (misfit.keys[:8], misfit.message)
            _invalid(json_pointer.pointer(("payload", *where)), f"the payload is not JSON: {why}")
        if size > self._max_payload:
            raise BoardError(
                "too_large",
                f"the payload has {size} bytes of JSON, this board takes {self._max_payload} "
                "(spec.limits.maxPayload)",
                status=413,
                details=[{"pointer": "/payload", "message": f"{size} bytes"}],
            )
        if (unfit := unfit_in(payload)) is not None:
            _invalid(f"/payload{unfit.pointer}", unfit.message)
        version = self._registry.check(draft.type, draft.version, payload)
        if draft.id is not None and draft.id != own_id:
            _check_id(draft.id, producer)
        id_ = draft.id or own_id or self._new_id()
        if draft.tags or draft.partition is not None or draft.correlation is not None:
            _check_names(draft)
        if draft.visibility is not PUBLIC:
            check_visibility(draft.visibility, producer, strict=self._strict)
        return Artifact(
            id=id_,
            type=draft.type,
            version=version,
            payload=payload,
            producer=producer.name,
            correlation=draft.correlation or (causes[0].correlation if causes else id_),
            created_at=now,
            tags=tuple(draft.tags),
            partition=draft.partition,
            visibility=draft.visibility,
            tenant=producer.tenant,
            depth=1 + max([cause.depth for cause in causes]) if causes else 0,
            causes=tuple([cause.id for cause in causes]) if causes else (),
            producer_role=producer.role,
            invoked=invoked,
            traceparent=traceparent,
        )


def _check_id(id_: str, producer: Identity) -> None:
    if _ID.fullmatch(id_) is None:
        _invalid("/id", "an id has 1 to 128 letters, digits, and . _ : - after the first")
    if is_reserved(id_):
        message = f"id {id_!r} is reserved for the result of a delivery: leave the id out, or choose another"
        _invalid("/id", message, "reserved_id")
    if is_foreign(id_, producer):
        owner = id_.partition(":")[0]
        message = f"id {id_!r} is reserved for what {owner} publishes: leave the id out, or choose another"
        _invalid("/id", message, "reserved_id")


def _check_names(draft: Draft) -> None:
    if len(draft.tags) > _MAX_TAGS:
        _invalid("/tags", f"{len(draft.tags)} tags, at most {_MAX_TAGS} are allowed")
    named = [(f"/tags/{at}", tag) for at, tag in enumerate(draft.tags)]
    named += [("/partition", draft.partition or "-"), ("/correlation", draft.correlation or "-")]
    for pointer, name in named:
        if not 0 < len(name) <= _MAX_NAME:
            _invalid(pointer, f"must have 1 to {_MAX_NAME} characters, has {len(name)}")
        if "\0" in name:
            _invalid(pointer, "must not contain NUL, which not every store can keep")
        try:
            name.encode()
        except UnicodeEncodeError:
            _invalid(pointer, "must be text, and holds half of a character (a lone surrogate)")


def check_visibility(visibility: Visibility, producer: Identity, *, strict: bool) -> None:
    """Refuse what says nothing, or what the producer may not say. `strict`: the board's tenants are apart.

    Raises BoardError; the detail's pointer begins with `/visibility`.
    """
    for pointer, part in parts(visibility):
        _check_part(f"/visibility{pointer}", part, producer)
    if strict:
        _check_tenants(visibility, producer)


def _check_part(pointer: str, part: PlainVisibility, producer: Identity) -> None:
    if kind_of(part) is None:
        kinds = ", ".join(written for field, written in KINDS.items() if hasattr(part, field))
        _invalid(pointer, f"exactly one of {kinds} must be set")
    tenant = part.tenant
    if tenant is not None:
        if tenant.any_ and tenant.tenant:
            _invalid(f"{pointer}/tenant", "at most one of tenant, any may be set")
        if not tenant.any_ and not tenant.tenant and not producer.tenant:
            _invalid(f"{pointer}/tenant", f"name a tenant: {producer.name} itself belongs to none")
    after = part.after if isinstance(part, SingleVisibility) else None
    if after is not None and seconds(after.ttl) > LONGEST_EMBARGO.total_seconds():
        _invalid(f"{pointer}/after/ttl", f"{after.ttl!r} is too long: at most {LONGEST_EMBARGO.days}d")


def _check_tenants(visibility: Visibility, producer: Identity) -> None:
    pointer = foreign_part(visibility, producer.tenant)
    if pointer is not None:
        message = f"{producer.name} may show it to its own tenant only (spec.isolation is Strict)"
        raise BoardError(
            "foreign_tenant",
            f"/visibility{pointer}: {message}",
            status=403,
            details=[{"pointer": f"/visibility{pointer}", "message": message}],
        )


def _invalid(pointer: str, message: str, code: str = "invalid") -> NoReturn:
    raise BoardError(
        code,
        f"{pointer}: {message}",
        status=422,
        details=[{"pointer": pointer, "message": message}],
    )

"""What is refused, by whatever door: always with a status that fits, in the one shape, with nothing done."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from agent_runtime.blackboard.board import Query
from tests.contract.boards import ADMIN, EDITOR, consumes, finding
from tests.contract.server.serving import GOOD, Server, error_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

JSON = {"content-type": "application/json"}
SECOND_IS_BAD = {"artifacts": [GOOD, GOOD | {"payload": {}}]}
PUBLISH = ("POST", "/v1/artifacts")
QUERY = "/v1/artifacts?"


@pytest.mark.parametrize(
    ("method", "path", "options", "status", "code", "pointers"),
    [
        (*PUBLISH, {"content": b"{"}, 400, "not_json", []),
        (*PUBLISH, {"content": b'{"type": NaN}'}, 400, "not_json", []),
        (*PUBLISH, {"content": b"\xff\xfe"}, 400, "not_json", []),
        (*PUBLISH, {"content": b""}, 400, "not_json", []),
        (*PUBLISH, {"content": b"[]"}, 422, "invalid", [""]),
        (*PUBLISH, {"content": b"null"}, 422, "invalid", [""]),
        (*PUBLISH, {"json": {"type": 3}}, 422, "invalid", ["/type", "/payload"]),
        (*PUBLISH, {"json": {"artifacts": [GOOD, {}]}}, 422, "invalid",
         ["/artifacts/1/type", "/artifacts/1/payload"]),
        (*PUBLISH, {"json": {"artifacts": []}}, 422, "invalid", ["/artifacts"]),
        (*PUBLISH, {"json": {"artifacts": [GOOD] * 1001}}, 422, "invalid", ["/artifacts"]),
        (*PUBLISH, {"json": {"artifacts": [GOOD | {"id": "1"}] * 2}}, 422, "invalid", ["/artifacts/1/id"]),
        (*PUBLISH, {"json": GOOD | {"colour": "red"}}, 422, "invalid", ["/colour"]),
        (*PUBLISH, {"json": GOOD | {"type": "Poem"}}, 422, "unknown_type", ["/type"]),
        (*PUBLISH, {"json": GOOD | {"version": 9}}, 422, "unknown_type", ["/version"]),
        (*PUBLISH, {"json": GOOD | {"payload": {}}}, 422, "invalid_payload", ["/payload"]),
        (*PUBLISH, {"json": SECOND_IS_BAD}, 422, "invalid_payload", ["/artifacts/1/payload"]),
        (*PUBLISH, {"json": GOOD | {"id": "../x"}}, 422, "invalid", ["/id"]),
        (*PUBLISH, {"json": GOOD | {"tags": ["a\0"]}}, 422, "invalid", ["/tags/0"]),
        (*PUBLISH, {"json": GOOD | {"payload": {"title": "a\0"}}}, 422, "invalid", ["/payload/title"]),
        (*PUBLISH, {"json": GOOD | {"payload": {"title": "", "\0": 1}}}, 422, "invalid", ["/payload/\ufffd"]),
        (*PUBLISH, {"json": GOOD | {"visibility": {}}}, 422, "invalid", ["/visibility"]),
        (*PUBLISH, {"json": GOOD | {"visibility": {"everyone": {}}}}, 422, "invalid",
         ["/visibility/everyone"]),
        (*PUBLISH, {"json": GOOD | {"visibility": {"tenant": {}}}}, 422, "invalid", ["/visibility/tenant"]),
        (*PUBLISH, {"json": {"type": "Finding", "payload": {"title": "x" * 3000}}}, 413, "too_large",
         ["/payload"]),
        (*PUBLISH, {"content": b"x" * 9_000_000}, 413, "too_large", []),
        ("POST", "/v1/agents/editor/invocations", {"json": GOOD | {"type": "Poem"}}, 422, "unknown_type",
         ["/type"]),
        ("POST", "/v1/agents/editor/invocations", {"json": GOOD | {"payload": {}}}, 422, "invalid_payload",
         ["/payload"]),
        ("POST", "/v1/agents/nobody/invocations", {"json": GOOD}, 404, "not_found", []),
        ("GET", QUERY + "limit=0", {}, 422, "invalid", ["/query/limit"]),
        ("GET", QUERY + "limit=ten", {}, 422, "invalid", ["/query/limit"]),
        ("GET", QUERY + "since=yesterday", {}, 422, "invalid", ["/query/since"]),
        ("GET", QUERY + "until=2026-11-01T12:00:00", {}, 422, "invalid", ["/query/until"]),
        ("GET", QUERY + "tag=%00", {}, 422, "invalid", ["/query/tag"]),
        ("GET", QUERY + "tpye=Finding", {}, 422, "invalid", ["/query/tpye"]),
        ("GET", QUERY + "cursor=x", {}, 422, "invalid", []),
        ("GET", "/v1/events?cursor=x", {}, 422, "invalid", []),
        ("GET", "/v1/events?limit=3", {}, 422, "invalid", ["/query/limit"]),
        ("GET", "/v1/artifacts/none", {}, 404, "not_found", []),
        ("GET", "/v1/artifacts/%00", {}, 422, "invalid", ["/path/artifact"]),
        ("GET", "/v1/nothing", {}, 404, "no_such_path", []),
        ("DELETE", "/v1/artifacts", {}, 405, "method_not_allowed", []),
        ("PUT", "/v1/subscriptions", {"json": {"consumes": [{"types": ["Poem"], "where": "1 +"}]}}, 422,
         "invalid_subscription", ["/consumes/0/types/0", "/consumes/0/where"]),
        ("PUT", "/v1/subscriptions", {"json": {"consumes": [{"types": ["Finding"]}] * 33}}, 422, "invalid",
         ["/consumes"]),
        ("PUT", "/v1/leases/1@editor~1", {}, 404, "not_found", []),
        ("PUT", "/v1/leases/1@scout~1", {"json": {}}, 409, "lease_lost", []),
        ("PUT", "/v1/leases/1@scout~1", {"json": {"note": "x" * 257}}, 422, "invalid", ["/note"]),
        ("PUT", "/v1/leases/1@scout~1", {"json": {"note": "a\nb"}}, 422, "invalid", ["/note"]),
        ("PUT", "/v1/leases/1@scout~1", {"json": {"note": 3}}, 422, "invalid", ["/note"]),
        ("PUT", "/v1/leases/1@scout~1", {"json": {"progress": "x"}}, 422, "invalid", ["/progress"]),
        (*PUBLISH, {"json": GOOD | {"traceparent": "00-x"}}, 422, "invalid", ["/traceparent"]),
        ("POST", "/v1/leases", {"json": {"wait": 61}}, 422, "invalid", ["/wait"]),
        ("POST", "/v1/leases/1@scout~1/acknowledge", {"json": {}}, 409, "lease_lost", []),
        ("POST", "/v1/leases/1@scout~1/fail", {"json": {"error": "x", "retryIn": -1}}, 422, "invalid",
         ["/retryIn"]),
    ],
)  # fmt: skip
async def test_each_has_its_status_code_and_pointers(
    shared_server: Server,
    method: str,
    path: str,
    options: dict[str, Any],
    status: int,
    code: str,
    pointers: list[str],
) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    headers = JSON | {"traceparent": f"00-{trace}-b7ad6b7169203331-01"}
    answer = await shared_server.call(method, path, headers=headers, **options)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (status, code), error
    assert [detail["pointer"] for detail in error["details"]] == pointers
    assert error["traceId"] == trace


FIELDS = "correlation, id, partition, payload, tags, type, version, visibility"
FILTERS = "type, correlation, producer, tag, partition, since, until, cursor, limit"
KINDS = "after, allOf, anyOf, labelled, private, public, tenant"
NUL = "holds a NUL character (\\u0000): not every store can keep it"


@pytest.mark.parametrize(
    ("method", "path", "body", "message"),
    [
        (*PUBLISH, b"", "the body is not JSON: it is empty"),
        (*PUBLISH, GOOD | {"colour": "red"}, f"/colour: unknown, want one of artifacts, {FIELDS}"),
        (*PUBLISH, GOOD | {"tag": ["a"]}, '/tag: unknown, did you mean "tags"?'),
        (*PUBLISH, {"artifacts": [GOOD | {"colour": "red"}]},
         f"/artifacts/0/colour: unknown, want one of {FIELDS}"),
        (*PUBLISH, GOOD | {"visibility": {"everyone": {}}},
         f"/visibility/everyone: unknown, want one of {KINDS}"),
        (*PUBLISH, GOOD | {"visibility": {"labeled": {}}},
         '/visibility/labeled: unknown, did you mean "labelled"?'),
        (*PUBLISH, GOOD | {"visibility": {"allOf": [{"anyOf": []}]}},
         "/visibility/allOf/0/anyOf: unknown, want one of after, labelled, private, public, tenant"),
        (*PUBLISH, GOOD | {"visibility": {"public": {"to": "all"}}},
         "/visibility/public/to: unknown, nothing goes in here"),
        (*PUBLISH, GOOD | {"visibility": {}},
         "/visibility: exactly one of public, private, labelled, tenant, after, allOf, anyOf must be set"),
        ("GET", QUERY + "colour=red", None, f"/query/colour: unknown, want one of {FILTERS}"),
        ("GET", QUERY + "tag=a%00", None, f"/query/tag: {NUL}"),
        ("GET", "/v1/artifacts/a%00", None, f"/path/artifact: {NUL}"),
        ("GET", "/v1/artefacts", None,
         "there is no /v1/artefacts here; the API is described at /openapi.json"),
        ("GET", "/" + "a" * 500, None,
         f"there is no /{'a' * 196}... here; the API is described at /openapi.json"),
    ],
)  # fmt: skip
async def test_what_is_wrong_and_what_is_allowed(
    shared_server: Server, method: str, path: str, body: object, message: str
) -> None:
    options: dict[str, Any] = {"content": body} if isinstance(body, bytes) else {"json": body}
    answer = await shared_server.call(method, path, headers=JSON, **options)
    assert answer.json()["error"]["message"] == message


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain", ""])
@pytest.mark.parametrize(
    ("method", "path"), [PUBLISH, ("POST", "/v1/leases"), ("PUT", "/v1/leases/1@scout~1")]
)
async def test_a_body_that_does_not_say_that_it_is_json(
    shared_server: Server, method: str, path: str, kind: str
) -> None:
    answer = await shared_server.call(method, path, content=b"{}", headers={"content-type": kind})
    assert error_of(answer) == (415, "unsupported_media_type")
    assert answer.json()["error"]["message"] == "send Content-Type: application/json"


@pytest.mark.parametrize(
    ("method", "path", "body", "pointers"),
    [
        ("POST", "/v1/deadletters/replay", {"deliveries": []}, ["/deliveries"]),
        ("POST", "/v1/deadletters/replay", {"deliveries": ["x"] * 1001}, ["/deliveries"]),
        ("POST", "/v1/deadletters/drop", {"deliveries": ["a\0"]}, ["/deliveries/0"]),
        ("POST", "/v1/deadletters/drop", {}, ["/deliveries"]),
        ("GET", "/v1/deadletters?limit=1001", None, ["/query/limit"]),
        ("GET", "/v1/explain", None, ["/query/artifact"]),
    ],
)
async def test_admins_are_refused_alike(
    shared_server: Server, method: str, path: str, body: object, pointers: list[str]
) -> None:
    answer = await shared_server.call(method, path, ADMIN, json=body)
    assert error_of(answer) == (422, "invalid")
    assert [detail["pointer"] for detail in answer.json()["error"]["details"]] == pointers


@pytest.mark.parametrize(
    "results",
    [
        [GOOD | {"type": "Poem"}],
        [GOOD, GOOD | {"payload": {}}],
        [{"type": "Finding", "payload": {"title": "x" * 3000}}],
    ],
    ids=["unknown type", "bad payload", "too large"],
)
async def test_bad_results_are_refused_and_the_delivery_is_still_held(
    server: Server, results: list[dict[str, Any]]
) -> None:
    async with server.board(EDITOR) as editor:
        await editor.subscribe([consumes()])
        assert (await server.call("POST", "/v1/artifacts", json=GOOD)).status_code == 201
        [delivery] = await editor.lease(1, 30)
        path = f"/v1/leases/{delivery.id}/acknowledge"
        answer = await server.call("POST", path, EDITOR, json={"results": results})
        assert answer.status_code in (413, 422)
        pointer = answer.json()["error"]["details"][0]["pointer"]
        assert pointer.startswith(f"/results/{len(results) - 1}/")
        assert len((await editor.query(Query())).artifacts) == 1, "all or none"
        [published] = await editor.acknowledge(delivery.id, [finding("fine")])
        assert published.causes == (delivery.artifacts[0].id,)


async def test_a_body_that_comes_without_a_length_is_not_read_past_the_limit(shared_server: Server) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(200):
            yield b" " * 100_000

    answer = await shared_server.call("POST", "/v1/artifacts", content=endless(), headers=JSON)
    assert error_of(answer) == (413, "too_large")


@pytest.mark.parametrize(
    ("payload", "status", "code"),
    [
        (b"[" * 100_000 + b"]" * 100_000, 400, "not_json"),
        (b'{"a":' * 500 + b"1" + b"}" * 500, 422, "invalid"),
        (b'{"title": 1' + b"0" * 400_000 + b"}", 400, "not_json"),
        (b'{"title": 18446744073709551616}', 400, "not_json"),
        (b'{"title": 1e999}', 400, "not_json"),
        (b'{"title": "\\ud800"}', 400, "not_json"),
    ],
    ids=["200 000 brackets", "500 deep", "a long number", "65 bits", "infinity", "half a character"],
)
async def test_json_that_is_made_to_hurt(
    shared_server: Server, payload: bytes, status: int, code: str
) -> None:
    body = b'{"type": "Finding", "payload": %b}' % payload
    answer = await shared_server.call("POST", "/v1/artifacts", content=body, headers=JSON)
    assert error_of(answer) == (status, code)


async def test_what_is_unusual_and_right_comes_back_as_it_was(server: Server) -> None:
    numbers = [18446744073709551615, -9223372036854775808, 0.1, 1e300, 12345678901234567890]
    payload = {"title": "\x01 \u2028 \U0001f41d", "numbers": numbers, "": None}
    answer = await server.call("POST", "/v1/artifacts", json=GOOD | {"payload": payload})
    [artifact] = answer.json()["artifacts"]
    assert (await server.call("GET", f"/v1/artifacts/{artifact['id']}")).json()["payload"] == payload
    twice = b'{"type": "Report", "type": "Finding", "payload": {"title": "first", "title": "last"}}'
    answer = await server.call("POST", "/v1/artifacts", content=twice, headers=JSON)
    assert answer.json()["artifacts"][0]["payload"] == {"title": "last"}

"""schemathesis asks the real functions in a simulated world: no 5xx, and every reply is as docs/api says."""

import json
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from sandbox.openapi.document import APIS, FOLDER
from sandbox.simulation.world.actors import RETURN_TO, Member
from sandbox.simulation.world.world import MERCHANT_KEY, World
from tests.sandbox.simulation.world_rig import TEA, advance, stocked_world

pytestmark = [pytest.mark.proof, pytest.mark.timeout(600)]

type Start = Callable[[str, list[tuple[str, str]]], object]
type Application = Callable[[dict[str, Any], Start], Iterable[bytes]]

_CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
_EXAMPLES = 100
_SETTINGS = settings(
    max_examples=_EXAMPLES,
    database=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)

_SECRET = "a" * 43
# What the requests to an operation have to reach, at least.
_REACHED: dict[str, set[int]] = {
    "place_order": {201, 400, 422},
    "list_orders": {200, 400},
    "show_points": {200},
    "show_order": {200, 404},
    "cancel_order": {404, 409},
    "request_refund": {202, 400, 404, 422},
    "change_points": {200, 400, 404},
    "login": {200, 302, 400},
    "callback": {400, 410},
    "open_session": {400, 410},
    "unlink": {200, 401},
}


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with stocked_world() as built:
        yield built


@pytest.fixture(scope="module")
def member(world: World) -> Member:
    logged_in = Member(world, "ou_lan")
    logged_in.log_in()
    return logged_in


@pytest.fixture(scope="module")
def paid(world: World, member: Member) -> str:
    """The number of a paid order."""
    number = member.place("k1", TEA)
    world.platform.actions.pay(number)
    advance(world, 60)
    return number


def gateway(world: World, document: dict[str, Any]) -> Application:
    """Return the world's functions behind API Gateway as a WSGI application."""

    def application(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        path, method = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace"), environ["REQUEST_METHOD"]
        if path == "/openapi.json":
            start("200 OK", [("Content-Type", "application/json")])
            return [json.dumps(document).encode()]
        # a path that no route takes is the gateway's own 404
        if not any(route.path.fullmatch(path) for one in world.functions.values() for route in one.routes):
            start("404 Not Found", [("Content-Type", "application/json")])
            return [b'{"code":404,"reason":"not_found","message":"Not Found"}']
        reply = world.http(method, path, body=_body(environ), query=environ["QUERY_STRING"], **_headers(environ))
        status = HTTPStatus(reply["statusCode"])
        start(f"{status} {status.phrase}", [(name, str(value)) for name, value in reply["headers"].items()])
        return [reply["body"].encode()]

    return application


def _body(environ: dict[str, Any]) -> str:
    raw: bytes = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    return raw.decode("utf-8", "replace")


def _headers(environ: dict[str, Any]) -> dict[str, str]:
    named = {name[5:].lower().replace("_", "-"): text for name, text in environ.items() if name.startswith("HTTP_")}
    return named | {"content-type": environ.get("CONTENT_TYPE", "")}


@pytest.mark.parametrize(("name", "operation_id"), [(name, one) for name in APIS for one in APIS[name][1].operations])
def test_every_reply_is_as_the_document_says(
    world: World, member: Member, paid: str, name: str, operation_id: str
) -> None:
    document = json.loads((FOLDER / f"{name}.openapi.json").read_text("utf-8"))
    schema = schemathesis.openapi.from_wsgi("/openapi.json", gateway(world, document))
    operation = schema.find_operation_by_id(operation_id)
    known = {"order_no": paid, "member_id": member_id(world)}
    token = MERCHANT_KEY if name == "back_office" else member.session
    statuses: list[int] = []

    @_SETTINGS
    @given(case=operation.as_strategy())
    def ask(case: Case[Any]) -> None:
        # every second request is about what exists
        if len(statuses) % 2:
            _aim(case, operation_id, known, len(statuses))
        response = case.call(headers={"Authorization": f"Bearer {token}"})
        statuses.append(response.status_code)
        case.validate_response(response, checks=_CHECKS)

    ask()

    assert _REACHED[operation_id] <= set(statuses)


def _aim(case: Case[Any], operation_id: str, known: dict[str, str], turn: int) -> None:
    """Let a request get behind the checks of form."""
    case.path_parameters = {name: known[name] for name in case.path_parameters or {}}
    if operation_id == "login":
        case.query = {"return_to": RETURN_TO} | ({"flow": "mini_program"} if turn % 4 == 1 else {})
    if operation_id == "callback":
        case.query = {"state": _SECRET, "code": "c"}
    body: Any = case.body
    if operation_id == "open_session" and isinstance(body, dict):
        case.body = {"ticket": _SECRET}
    if operation_id == "place_order" and isinstance(body, dict):
        case.body = body | {"items": [body["items"][0] | {"product_id": TEA[0]["product_id"]}]}


def member_id(world: World) -> str:
    (found,) = world.account.client("dynamodb").scan(TableName="MembersTable")["Items"]
    return str(found["member_id"]["S"])

"""Routes by Powertools' resolver, with what it lacks: one form of error, 405, and a request's state of its own."""

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Annotated, Any

import pytest
from aws_lambda_powertools.event_handler import Depends, Response

from jiuwu.aws.http.errors import HttpError
from jiuwu.aws.http.router import Call, HttpApi, Next, current_call, json_response
from jiuwu.deadline import NO_DEADLINE

Called = Annotated[Call[Barrier], Depends(current_call)]


class Missing(Exception):
    """Something is not there."""


class Busy(Exception):
    """Something passes."""


api = HttpApi(
    "tests", errors={Missing: lambda _: HttpError(404, "missing", "没有", "thing")}, busy=[Busy], base_path="/things"
)


@api.get("/things/<name>")
def show(name: str, call: Called) -> Response[str]:
    call.dependencies.wait(10)
    return json_response(200, {"name": name, "host": call.request.host})


@api.post("/things/<name>")
def make(name: str) -> Response[str]:
    raise {"missing": Missing, "busy": Busy}[name]


def event(method: str, path: str) -> dict[str, Any]:
    return {"rawPath": path, "requestContext": {"domainName": path, "http": {"method": method}}}


def ask(method: str, path: str, parties: int = 1) -> tuple[int, dict[str, Any]]:
    reply = api.serve(event(method, path), Barrier(parties), NO_DEADLINE)
    return reply["statusCode"], json.loads(reply["body"])


def test_requests_served_at_once_in_one_process_do_not_meet() -> None:
    together, paths = Barrier(8), [f"/things/{n}" for n in range(8)]
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda path: api.serve(event("GET", path), together, NO_DEADLINE), paths))

    assert [{"name": path[8:], "host": path} for path in paths] == [json.loads(reply["body"]) for reply in replies]


@pytest.mark.parametrize(
    ("method", "path", "status", "reason"),
    [
        ("GET", "/things", 404, "not_found"),
        ("GET", "/things/tea\n", 404, "not_found"),
        ("GET", "/things/", 404, "not_found"),
        ("PUT", "/things/tea", 405, "method_not_allowed"),
        ("get", "/things/tea", 405, "method_not_allowed"),
        ("POST", "/things/missing", 404, "missing"),
        ("POST", "/things/busy", 503, "unavailable"),
    ],
)
def test_an_error_has_its_status_reason_and_words_in_chinese(method: str, path: str, status: int, reason: str) -> None:
    found, content = ask(method, path)

    assert (status, status, reason) == (found, content["code"], content["reason"])
    assert not content["message"].isascii()


def test_a_path_that_a_custom_domain_puts_in_front_does_not_count() -> None:
    assert (200, "tea") == (ask("GET", "/v1/shop/things/tea")[0], ask("GET", "/v1/things/tea")[1]["name"])


def test_what_runs_before_runs_before_a_path_is_known_to_exist() -> None:
    def stop(_: HttpApi, serve: Next) -> Response[str]:
        raise HttpError(401, "who", "谁")

    guarded = HttpApi("guarded", before=[stop])
    assert 401 == guarded.serve(event("GET", "/nowhere"), None, NO_DEADLINE)["statusCode"]

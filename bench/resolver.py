"""Cost of Powertools' resolver in Storefront: a cold start and a request, over the same function without it."""

import re
from types import ModuleType
from typing import Any

from bench import cold_start, warm_invocation
from bench.measure import Ratio, alternate, cpu_milliseconds
from jiuwu.aws.http.errors import HttpError
from jiuwu.aws.http.request import parse
from jiuwu.deadline import NO_DEADLINE
from sandbox.environment import Sandbox

_ROUNDS, _CALLS = 15, 400
# Storefront's start where the resolver is a class that takes every call and does nothing.
_WITHOUT = """
import sys, types
import aws_lambda_powertools
class Nothing:
    def __init__(self, *_, **__): ...
    def __class_getitem__(cls, _): return cls
    def use(self, *_): ...
    def get(self, *_, **__): return lambda function: function
    post = exception_handler = get
stub = types.ModuleType("aws_lambda_powertools.event_handler")
stub.APIGatewayHttpResolver = stub.Response = stub.Request = stub.Depends = Nothing
sys.modules[stub.__name__] = stub
import app
"""
_EVENT: dict[str, Any] = {
    "rawPath": "/orders/JW2345672345672345672345",
    "headers": {},
    "requestContext": {"http": {"method": "GET"}},
}


def run(sandbox: Sandbox, storefront: ModuleType) -> list[Ratio]:
    """Return two ratios: Storefront's start over its start without the resolver, and the same for one request."""
    return [_cold(sandbox), _warm(storefront)]


def _cold(sandbox: Sandbox) -> Ratio:
    env, folder = cold_start.environment(sandbox, "Storefront"), sandbox.folder / "build" / "Storefront"
    times = alternate(
        lambda: cold_start.start("import app", env, folder), lambda: cold_start.start(_WITHOUT, env, folder), _ROUNDS
    )
    return Ratio("Storefront, cold ÷ cold without Powertools' resolver", *times, "ms", 1.15)


def _warm(storefront: ModuleType) -> Ratio:
    """Measure a request that is refused for want of a session, so that neither side calls AWS."""
    routes = [(re.compile(r"/orders/(?P<order_no>[^/]+)"), "GET")]

    def table() -> object:
        request = parse(_EVENT)
        found = [method for path, method in routes if path.fullmatch(request.path)]
        refused = HttpError(401 if request.method in found else 404, "session_required", "请先登录", "Authorization")
        reply = storefront.api.refuse(refused)
        return {"statusCode": reply.status_code, "headers": reply.headers, "body": reply.body}

    def resolver() -> object:
        return storefront.api.serve(_EVENT, storefront._dependencies, NO_DEADLINE)

    with warm_invocation.silent():
        resolver(), table()
        sides = alternate(lambda: cpu_milliseconds(resolver, _CALLS), lambda: cpu_milliseconds(table, _CALLS), _ROUNDS)
    return Ratio("Storefront, a request ÷ by a table of routes", *sides, "ms CPU")

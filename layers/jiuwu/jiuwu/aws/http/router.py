"""Powertools' APIGatewayHttpResolver, with what it lacks: one form of error, 405, and a state of its own per request.

An error is {"code", "reason", "message", "field"}: the HTTP status, a word for programs, a sentence in Chinese for the
member or the merchant who reads it, and the field concerned. Whatever a stranger sends ends in a 4xx.
"""

import copy
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import msgspec
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler import Request as RoutedRequest
from aws_lambda_powertools.shared.cookies import Cookie
from botocore.exceptions import BotoCoreError, ClientError

from jiuwu.aws import telemetry
from jiuwu.aws.secrets import SecretUnavailable
from jiuwu.deadline import Deadline

from .errors import HttpError
from .request import Request, parse

type Reply = dict[str, Any]
type Next = Callable[[HttpApi], Response[str]]
type Middleware = Callable[[HttpApi, Next], Response[str]]
type ErrorTable = Mapping[type[Exception], Callable[[Any], HttpError]]

# Lambda ends a function without an answer; the reply has to be on its way before.
REPLY_SECONDS = 1.0
RETRY_SOON = {"Retry-After": "2"}
# On every reply: a browser takes it for what it says it is, and nobody keeps what is a secret or about a person.
HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class Call[D](NamedTuple):
    """One request, what the function serves it with, and when the reply must be on its way."""

    request: Request
    dependencies: D
    deadline: Deadline


def current_call(routed: RoutedRequest) -> Any:  # noqa: ANN401 -- each function annotates the Call of its own Dependencies
    """Return the Call that a route serves: `Annotated[Call[Dependencies], Depends(current_call)]`."""
    return routed.context["call"]


class HttpApi(APIGatewayHttpResolver):
    """The routes of one function. `errors` maps exceptions to HttpErrors; those in `busy`, like AWS's own, are a 503.

    `before` runs ahead of all, also for paths that do not exist.
    """

    def __init__(
        self,
        name: str,
        *,
        before: Sequence[Middleware] = (),
        errors: ErrorTable | None = None,
        busy: Sequence[type[Exception]] = (),
        base_path: str = "",
    ) -> None:
        # a custom domain may put a path of its own in front of `base_path`
        super().__init__(strip_prefixes=[re.compile(rf"^/.+(?={base_path}/)")] if base_path else None)
        self.name = name
        self.use([*before, _require_route])
        self.exception_handler(HttpError)(self.refuse)
        for kind, error in (errors or {}).items():
            self.exception_handler(kind)(partial(self._refuse_as, error))
        self.exception_handler([ClientError, BotoCoreError, SecretUnavailable, *busy])(self._unavailable)

    def serve[D](self, event: object, dependencies: D, deadline: Deadline) -> Reply:
        """Return the reply to an API Gateway HTTP API event (payload 2.0)."""
        try:
            request = parse(event)
        except HttpError as error:
            refused = self.refuse(error)
            return {"statusCode": refused.status_code, "headers": refused.headers, "body": refused.body}
        http = {"method": request.method, "path": request.path}
        plain = {"rawPath": request.path, "headers": {}, "requestContext": {"stage": "$default", "http": http}}
        # The resolver keeps a request's state on its class; a copy has its own, so that threads do not mix requests.
        api = copy.copy(self)
        api.current_event = api._to_proxy_event(plain)  # type: ignore[assignment]
        api.context = {"call": Call(request, dependencies, deadline)}
        return api.resolve(plain, None)  # type: ignore[arg-type]

    def refuse(self, error: HttpError) -> Response[str]:
        """Return the error's reply, and log its reason."""
        telemetry.logger.info(self.name, outcome="refused", code=error.status, reason=error.reason)
        return json_response(error.status, error.content, error.headers)

    def _refuse_as(self, error: Callable[[Any], HttpError], fault: Exception) -> Response[str]:
        return self.refuse(error(fault))

    def _unavailable(self, fault: Exception) -> Response[str]:
        # the class says what failed; a message could quote what was sent
        failed = fault.operation_name if isinstance(fault, ClientError) else type(fault).__name__
        code = fault.response["Error"].get("Code") if isinstance(fault, ClientError) else None
        telemetry.logger.error(self.name, outcome="unavailable", failed=failed, code=code)
        message = "服务繁忙，请稍后再试"
        if isinstance(fault, SecretUnavailable):
            busy = HttpError(503, "secret_unavailable", message, headers=RETRY_SOON)
        else:
            busy = HttpError(503, "unavailable", message, headers=RETRY_SOON)
        return json_response(busy.status, busy.content, busy.headers)


def _require_route(api: HttpApi, serve: Next) -> Response[str]:
    """Answer 405 to a method that a path lacks (the resolver: 404), and refuse a line break behind a path."""
    path, request = api.context["_path"], api.context["call"].request
    routes = api._static_routes + api._dynamic_routes
    allowed = sorted(route.method for route in routes if path.isprintable() and route.rule.match(path))
    if not allowed:
        raise HttpError(404, "not_found", "没有这个地址")
    if request.method not in allowed:
        raise HttpError(405, "method_not_allowed", "不支持的请求方法", headers={"Allow": ", ".join(allowed)})
    return serve(api)


def json_response(
    status: int, content: Mapping[str, object], headers: Mapping[str, str] | None = None
) -> Response[str]:
    """Return a JSON reply."""
    body = msgspec.json.encode(content).decode()
    return Response(status, "application/json; charset=utf-8", body, {**HEADERS, **(headers or {})})


def redirect_response(url: str, *cookies: Cookie) -> Response[str]:
    """Return a 302; the page that it leaves has no name for the one it leads to."""
    headers = {"Location": url, "Referrer-Policy": "no-referrer", **HEADERS}
    return Response(302, body="", headers=headers, cookies=[*cookies])

"""API Gateway's own part before a request reaches a function, by the template's values: CORS and throttling.

The local AWS does neither. The real one, by its documentation: a preflight is answered without a function, to a foreign
origin without a word about CORS; what a function says of CORS is replaced; a request over the limit is 429.
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html and …/http-api-throttling.html
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

from jiuwu.members.return_to import ReturnOrigins
from jiuwu.throttling import token_bucket
from jiuwu.throttling.token_bucket import Rate
from sandbox.shop.upstream import Headers, Reply, Request

_TOO_MANY = Reply(429, [(b"content-type", b"application/json")], b'{"message":"Too Many Requests"}')


@dataclass(frozen=True)
class Rules:
    """The template's CorsConfiguration and its throttling."""

    origins: tuple[str, ...]
    methods: tuple[str, ...]
    headers: tuple[str, ...]
    max_age: int
    rate: Rate

    @classmethod
    def of_template(cls, template: dict[str, Any], return_origins: str) -> Self:
        """Return the rules of template.yaml, whose AllowOrigins is the parameter ReturnOrigins."""
        api = template["Globals"]["HttpApi"]
        cors, throttling = api["CorsConfiguration"], api["DefaultRouteSettings"]
        if cors["AllowOrigins"] != {"Ref": "ReturnOrigins"}:
            raise ValueError("template.yaml: CorsConfiguration.AllowOrigins is not ReturnOrigins")
        return cls(
            ReturnOrigins(return_origins).as_browsers_send,
            tuple(cors["AllowMethods"]),
            tuple(cors["AllowHeaders"]),
            int(cors["MaxAge"]),
            Rate(throttling["ThrottlingRateLimit"], throttling["ThrottlingBurstLimit"]),
        )


class ApiGateway:
    """One API's CORS and its token bucket."""

    def __init__(self, rules: Rules, *, clock: Callable[[], float] = time.time) -> None:
        self._rules, self._clock, self._full_at = rules, clock, 0

    def answer(self, request: Request) -> Reply | None:
        """Return the reply that needs no function: 429 over the limit, 204 to a preflight; None for the rest."""
        if not self._admits():
            return _TOO_MANY
        if request.method == b"OPTIONS" and _header(request, b"access-control-request-method"):
            return Reply(204, self._of_preflight(request), b"")
        return None

    def with_cors(self, request: Request, reply: Reply) -> Reply:
        """Return a function's reply with what the API says of CORS in place of what the function said."""
        kept = [(name, value) for name, value in reply.headers if not name.lower().startswith(b"access-control-")]
        return Reply(reply.status, kept + self._allowed(request), reply.body)

    def _admits(self) -> bool:
        now, rate = token_bucket.micros(self._clock()), self._rules.rate
        if not token_bucket.tokens(rate, self._full_at, now):
            return False
        self._full_at = token_bucket.taken(rate, self._full_at, now, 1)
        return True

    def _of_preflight(self, request: Request) -> Headers:
        allowed, rules = self._allowed(request), self._rules
        if not allowed:
            return []
        return [
            *allowed,
            (b"access-control-allow-methods", ",".join(rules.methods).encode()),
            (b"access-control-allow-headers", ",".join(rules.headers).encode()),
            (b"access-control-max-age", str(rules.max_age).encode()),
        ]

    def _allowed(self, request: Request) -> Headers:
        origin = _header(request, b"origin")
        if origin.decode("latin-1") not in self._rules.origins:
            return []
        return [(b"access-control-allow-origin", origin), (b"vary", b"origin")]


def _header(request: Request, name: bytes) -> bytes:
    return next((value for sent, value in request.headers if sent.lower() == name), b"")

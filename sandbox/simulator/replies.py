"""Replies in the profile's envelope, and the broken ones that faults need."""

import itertools
from collections.abc import Mapping

import msgspec
from starlette.responses import HTMLResponse, Response
from starlette.types import Receive, Scope, Send

from jiuwu.platform.profile import Profile
from sandbox.simulator.refusals import Refused


class Envelopes:
    """Makes replies, each with a request id of its own."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._numbers = itertools.count(1)

    def success(self, content: Mapping[str, object]) -> Response:
        return self._reply(self._profile.reply.success[0], "success", content)

    def refusal(self, refused: Refused) -> Response:
        content = dict(refused.data or {})
        if refused.retry_after:
            content[self._profile.reply.retry_after] = refused.retry_after
        headers = {"Retry-After": str(refused.retry_after)} if refused.retry_after and refused.status == 429 else {}
        return self._reply(self.code(refused.meaning), refused.msg, content, refused.status, headers)

    def code(self, meaning: str) -> int | str:
        """Return the first code that the profile gives this meaning."""
        first: int | str | tuple[int, int] = getattr(self._profile.codes, meaning)[0]
        return first[0] if isinstance(first, tuple) else first

    def _reply(
        self,
        code: int | str,
        msg: str,
        content: Mapping[str, object],
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        names = self._profile.reply
        head = {names.code: code, names.msg: msg, names.request_id: f"rq_{next(self._numbers):08d}"}
        envelope = head | ({names.data: content} if names.data else dict(content))
        return Response(msgspec.json.encode(envelope), status, dict(headers or {}), "application/json")


class CutOff(Response):
    """Promises more than it sends, so the server closes the connection in the middle of the reply."""

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"application/json"), (b"content-length", b"4096")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b'{"code":', "more_body": True})


def odd_reply(reply: Response, form: str) -> Response:
    """Return the same reply with one odd, unneeded field, or with null for empty lists."""
    body = bytes(reply.body)
    first = {"half_emoji": b'"\\ud83d"', "not_utf8": b'"\xff"', "beyond_numbers": b"1e400"}.get(form)
    if first is not None:
        body = body.replace(b"{", b'{"x_odd":' + first + b",", 1)
    elif form == "byte_order_mark":
        body = b"\xef\xbb\xbf" + body
    elif form == "null_lists":
        body = body.replace(b":[]", b":null")
    headers = {name: value for name, value in reply.headers.items() if name != "content-length"}
    return Response(body, reply.status_code, headers)


def bad_gateway(status: int) -> Response:
    """Return the error page of a proxy before the platform: no envelope, not even JSON."""
    return HTMLResponse(f"<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>", status)

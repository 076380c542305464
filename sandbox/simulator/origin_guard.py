"""Admit the simulator's own pages and programs, and no other site in the same browser.

Any site can make a browser post to 127.0.0.1, and read the reply after rebinding its own name to 127.0.0.1. Such a
request names the other site: in Host when the name was rebound, in Origin when a page posts across.
"""

import re
from collections.abc import Awaitable, Callable, Collection

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})

_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9.\-]+)(:\d{1,5})?")
_ORIGIN = re.compile(rf"https?://{_HOST.pattern}")

type Endpoint = Callable[[Request], Awaitable[Response]]


class OriginGuard:
    """Knows the names of the simulator: this machine's, and the one that it printed."""

    def __init__(self, host: str) -> None:
        printed = f"[{host}]" if ":" in host else host
        self._names = LOOPBACK_NAMES | {printed.lower()}

    def refusal(self, request: Request) -> str:
        """Return why a request is refused, empty if it is not."""
        hosts, origins = request.headers.getlist("host"), request.headers.getlist("origin")
        if len(hosts) != 1 or not _is_named(_HOST, hosts[0], self._names):
            return "Host is not a name of this simulator; use http://127.0.0.1 and its port"
        if not all(_is_named(_ORIGIN, origin, self._names) for origin in origins):
            return "another site's page may not press these buttons"
        return ""

    def only(self, endpoint: Endpoint) -> Endpoint:
        """Return the endpoint, which then refuses other sites with 403."""

        async def guarded(request: Request) -> Response:
            if why := self.refusal(request):
                return PlainTextResponse(why, 403)
            return await endpoint(request)

        return guarded


def _is_named(form: re.Pattern[str], value: str, names: Collection[str]) -> bool:
    found = form.fullmatch(value.lower())
    return found is not None and found["name"] in names

"""Where a login may return to: pages of the merchant's own origins, and nothing that only looks like one."""

import re
from urllib.parse import unquote_plus, urlsplit

_MAX_LENGTH = 2000
# RFC 3986's characters. Everything else (backslash, blanks, control characters, anything beyond ASCII) is read
# differently by different parsers, and must come percent-encoded or not at all.
_URL = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]*")
_HOST = re.compile(r"[a-z0-9.\-]+|\[[0-9a-f:.]+\]")
_PORTS = {"http": 80, "https": 443}
_LOOPBACK = {"127.0.0.1", "localhost", "[::1]"}

Origin = tuple[str, str, int]


class OriginMalformed(Exception):
    """An entry of RETURN_ORIGINS is no origin; says which and what one looks like."""


class ReturnRefused(Exception):
    """`return_to` is not a page of an allowed origin."""


class ReturnOrigins:
    """The origins that members may be sent back to, ticket in hand."""

    def __init__(self, listed: str) -> None:
        """`listed` is comma-separated: "https://shop.example.com,https://m.example.com"; raises OriginMalformed."""
        entries = [entry.strip() for entry in listed.split(",") if entry.strip()]
        if not entries:
            raise OriginMalformed("RETURN_ORIGINS is empty; list your app's origins, such as https://shop.example.com")
        self._origins = {_listed_origin(place, entry): entry.rstrip("/") for place, entry in enumerate(entries, 1)}

    @property
    def home(self) -> str:
        """The first origin's front page, for those who came from nowhere we know."""
        return next(iter(self._origins.values())) + "/"

    def check(self, url: str) -> str:
        """`url` without its fragment, if it is a page of an allowed origin; otherwise raises ReturnRefused."""
        if len(url) > _MAX_LENGTH or not _URL.fullmatch(url):
            raise ReturnRefused
        origin = self._origins.get(_origin(url) or ("", "", 0))
        if origin is None:
            raise ReturnRefused
        parts = urlsplit(url)
        # our own spelling of the origin, so that no reader of the result can see another host in it
        return origin + (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def with_ticket(return_to: str, ticket: str) -> str:
    """The page with ?ticket=…, its other query parameters as they were."""
    page, _, query = return_to.partition("?")
    # decoded, as the page's own parser reads it: the first of a name is usually the one that is taken
    kept = [pair for pair in query.split("&") if pair and unquote_plus(pair.partition("=")[0]) != "ticket"]
    return page + "?" + "&".join([*kept, f"ticket={ticket}"])


def _listed_origin(place: int, entry: str) -> Origin:
    origin = _origin(entry) if _URL.fullmatch(entry) else None
    is_bare = origin is not None and urlsplit(entry)._replace(scheme="", netloc="").geturl() in {"", "/"}
    if origin is None or not is_bare or not _is_private(origin):
        problem = "is not an origin such as https://shop.example.com (http only for this machine, no path)"
        raise OriginMalformed(f"RETURN_ORIGINS: entry {place} {problem}")
    return origin


def _is_private(origin: Origin) -> bool:
    """Whether nobody on the way can read the ticket."""
    return origin[0] == "https" or origin[1] in _LOOPBACK


def _origin(url: str) -> Origin | None:
    """Scheme, host and port, the default port filled in; None where there is none, or anything besides them."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    scheme, host = parts.scheme, _host(parts.netloc)
    if scheme not in _PORTS or not _HOST.fullmatch(host):
        return None
    return scheme, host, _PORTS[scheme] if port is None else port


def _host(netloc: str) -> str:
    # Not parts.hostname: that forgives userinfo.
    host, colon, port = netloc.lower().rpartition(":")
    return host if colon and port.isdecimal() else netloc.lower()

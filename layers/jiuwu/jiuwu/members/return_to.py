"""The addresses that a login may return to: pages of the merchant's own origins, and no lookalike."""

import re
from typing import Literal
from urllib.parse import quote, unquote_plus, urlsplit

_MAX_LENGTH = 2000
# RFC 3986's characters. Everything else is read differently by different parsers.
_URL_CHARACTERS = "-._~:/?#[]@!$&'()*+,;=%"
_URL = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]*")
# What people write is percent-encoded, as browsers do. Refused are blanks, control characters, marks that turn the
# direction of the text, halves of characters, and what parsers disagree about.
_REFUSED = re.compile(r'[\x00-\x20"<>\\\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]')
_HOST = re.compile(r"[a-z0-9.\-]+|\[[0-9a-f:.]+\]")
_AUTHORITY = re.compile(r"([A-Za-z]+://)([^/?#]*)")
_PORTS = {"http": 80, "https": 443}
_LOOPBACK = {"127.0.0.1", "localhost", "[::1]"}

Origin = tuple[str, str, int]


class OriginMalformed(Exception):
    """An entry of RETURN_ORIGINS is no origin; says which and what one looks like."""


class ReturnRefused(Exception):
    """`return_to` is no URL that every parser reads alike, or not a page of an allowed origin."""

    def __init__(self, reason: Literal["return_to_malformed", "return_to_refused"], message: str) -> None:
        super().__init__(message)
        self.reason, self.message = reason, message


class ReturnOrigins:
    """The origins that members may be sent back to, ticket in hand."""

    def __init__(self, listed: str) -> None:
        """Read a comma-separated list: "https://shop.example.com,https://m.example.com"; raise OriginMalformed."""
        entries = [entry.strip() for entry in listed.split(",") if entry.strip()]
        if not entries:
            raise OriginMalformed("RETURN_ORIGINS is empty; list your app's origins, such as https://shop.example.com")
        listed_origins = [_listed_origin(place, entry) for place, entry in enumerate(entries, 1)]
        self._origins = {origin: _as_browsers_send(origin) for origin in listed_origins}

    @property
    def as_browsers_send(self) -> tuple[str, ...]:
        """Return the origins as a browser's Origin header has them: lowercase, punycode, no default port, no slash."""
        return tuple(self._origins.values())

    @property
    def home(self) -> str:
        """Return the first origin's front page, for those who came from nowhere we know."""
        return next(iter(self._origins.values())) + "/"

    def check(self, url: str) -> str:
        """Return `url` percent-encoded, its fragment included, if it is a page of an allowed origin; raise
        ReturnRefused."""
        encoded = _encoded(url)
        found = _origin(encoded)
        if found is None:
            raise ReturnRefused("return_to_malformed", "return_to 应为完整的网页地址：https://…")
        origin = self._origins.get(found)
        if origin is None:
            raise ReturnRefused("return_to_refused", "return_to 不属于 ReturnOrigins 中的任何来源")
        parts = urlsplit(encoded)
        # our own spelling of the origin, so that no reader of the result can see another host in it
        query, fragment = (
            f"{mark}{part}" if part else "" for mark, part in (("?", parts.query), ("#", parts.fragment))
        )
        return origin + (parts.path or "/") + query + fragment


def with_ticket(return_to: str, ticket: str) -> str:
    """Return the page with ?ticket=… in its query and in front of its fragment, the other parameters as they were.

    A hash-routed app finds it in location.search. A fragment that brings a ticket of its own loses that one.
    """
    before, hash_mark, fragment = return_to.partition("#")
    page, _, query = before.partition("?")
    kept = [pair for pair in query.split("&") if pair and not _is_ticket(pair)]
    return page + "?" + "&".join([*kept, f"ticket={ticket}"]) + hash_mark + _without_ticket(fragment)


def _without_ticket(fragment: str) -> str:
    route, mark, parameters = fragment.partition("?")
    return mark.join("&".join(one for one in part.split("&") if not _is_ticket(one)) for part in (route, parameters))


def _is_ticket(pair: str) -> bool:
    # decoded, as the page's own parser reads it: the first of a name is usually the one that is taken
    return unquote_plus(pair.partition("=")[0]) == "ticket"


def _encoded(url: str) -> str:
    """Return `url` in RFC 3986's characters; raise ReturnRefused where that is not possible without guessing."""
    if _REFUSED.search(url):
        problem = 'return_to 含有空白、控制或方向字符，或 "<>\\ 之一，请先做百分号编码'
        raise ReturnRefused("return_to_malformed", problem)
    encoded = quote(_in_ascii(url), safe=_URL_CHARACTERS)
    if len(encoded) > _MAX_LENGTH:
        raise ReturnRefused("return_to_malformed", f"return_to 超过 {_MAX_LENGTH} 个字符")
    return encoded


def _listed_origin(place: int, entry: str) -> Origin:
    entry = _in_ascii(entry)
    origin = _origin(entry) if _URL.fullmatch(entry) else None
    is_bare = origin is not None and urlsplit(entry)._replace(scheme="", netloc="").geturl() in {"", "/"}
    if origin is None or not is_bare or not _is_private(origin):
        problem = "is not an origin such as https://shop.example.com (http only for this machine, no path)"
        raise OriginMalformed(f"RETURN_ORIGINS: entry {place} {problem}")
    return origin


def _in_ascii(url: str) -> str:
    """Return the URL with a Chinese domain name as browsers write it, xn--…; as it is where readers may not agree."""
    if (found := _AUTHORITY.match(url)) is None:
        return url
    try:
        host = found[2].encode("idna")
        agreed = host.decode("idna").lower() == found[2].lower()
    except UnicodeError:
        return url
    return found[1] + host.decode() + url[found.end() :] if agreed else url


def _as_browsers_send(origin: Origin) -> str:
    scheme, host, port = origin
    return f"{scheme}://{host}" + ("" if port == _PORTS[scheme] else f":{port}")


def _is_private(origin: Origin) -> bool:
    """Return whether the ticket is unreadable on its way."""
    return origin[0] == "https" or origin[1] in _LOOPBACK


def _origin(url: str) -> Origin | None:
    """Return scheme, host and port, the default port filled in; None where there is none, or anything besides them."""
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

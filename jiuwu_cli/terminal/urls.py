"""URLs that a person gives, and the HTTP client that speaks to them."""

import ipaddress
import ssl

import httpx

from jiuwu_cli.terminal.errors import Misuse, Problem


def read_url(text: str, option: str) -> httpx.URL:
    """An http(s) URL with a host and without credentials; raises Misuse."""
    cure = f"give {option} as https://host/path"
    try:
        url = httpx.URL(text.strip())
    except (httpx.InvalidURL, UnicodeError):
        raise Misuse(f"{option} {text!r} is not a URL", cure) from None
    if url.scheme not in ("http", "https") or not url.host or not 0 < (url.port or 1) < 65536:
        raise Misuse(f"{option} {text!r} is not an http(s) URL", cure)
    if url.userinfo:
        raise Misuse(f"{option} holds a user name or password", cure)
    if url.query or url.fragment:
        raise Misuse(f"{option} {text!r} holds a query or a fragment", cure)
    return url


def is_loopback(url: httpx.URL) -> bool:
    """Whether nothing leaves this machine."""
    try:
        return ipaddress.ip_address(url.host).is_loopback
    except ValueError:
        return url.host == "localhost"


def http_client(url: httpx.URL, *, seconds: float, connections: int = 10) -> httpx.Client:
    """A client for this address; a proxy of the environment is used, but never for this machine itself."""
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
    # the full bundle of certificates takes 40 ms to load; without TLS an empty one, which trusts nobody, does
    verify = True if url.scheme == "https" else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trust_env = not is_loopback(url)
    try:
        return httpx.Client(timeout=seconds, limits=limits, verify=verify, follow_redirects=False, trust_env=trust_env)
    except (ImportError, ValueError, httpx.InvalidURL):  # a SOCKS proxy, or no URL
        cure = "set HTTPS_PROXY to an http:// proxy, or unset it with ALL_PROXY; check NO_PROXY"
        raise Problem("the proxy settings of this shell cannot be used", cure) from None

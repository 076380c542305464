"""Parse URLs from the command line and open HTTP clients for them."""

import ipaddress
import ssl

import httpx

from jiuwu_cli.terminal.errors import CommandError, UsageError


def read_url(text: str, option: str) -> httpx.URL:
    """Return an http(s) URL that has a host and no credentials, query or fragment. Raise UsageError otherwise."""
    hint = f"give {option} as https://host/path"
    try:
        url = httpx.URL(text.strip())
    except (httpx.InvalidURL, UnicodeError):
        raise UsageError(f"{option} {text!r} is not a URL", hint) from None
    if url.scheme not in ("http", "https") or not url.host or not 0 < (url.port or 1) < 65536:
        raise UsageError(f"{option} {text!r} is not an http(s) URL", hint)
    if url.userinfo:
        raise UsageError(f"{option} contains a user name or password", hint)
    if url.query or url.fragment:
        raise UsageError(f"{option} {text!r} contains a query or a fragment", hint)
    return url


def is_loopback(url: httpx.URL) -> bool:
    """Return whether the host is this machine."""
    try:
        return ipaddress.ip_address(url.host).is_loopback
    except ValueError:
        return url.host == "localhost"


def http_client(url: httpx.URL, *, seconds: float, connections: int = 10) -> httpx.Client:
    """Return a client for this address. It uses the proxy of the environment, except for this machine."""
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
    # loading the certificate bundle takes 40 ms; a client without TLS gets an empty one
    verify = True if url.scheme == "https" else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trust_env = not is_loopback(url)
    try:
        return httpx.Client(timeout=seconds, limits=limits, verify=verify, follow_redirects=False, trust_env=trust_env)
    except (ImportError, ValueError, httpx.InvalidURL):  # a SOCKS proxy, or no URL
        hint = "set HTTPS_PROXY to an http:// proxy, or unset it with ALL_PROXY; check NO_PROXY"
        raise CommandError("the proxy settings of the environment are invalid", hint) from None

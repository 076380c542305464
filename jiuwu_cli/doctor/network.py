"""Check the network path to a host: DNS, TCP, TLS, HTTP."""

import socket
import ssl
import urllib.request

import httpx

from jiuwu_cli.doctor.findings import Check, Finding, failed, ok, skipped
from jiuwu_cli.terminal.errors import CommandError
from jiuwu_cli.terminal.urls import http_client, is_loopback

SECONDS = 5.0


def checks(url: httpx.URL) -> list[Check]:
    """Return the checks, from the name to an HTTP reply."""
    return [
        ("DNS", lambda: skip_behind_proxy(url, "DNS") or check_dns(url)),
        ("TCP", lambda: skip_behind_proxy(url, "TCP") or check_tcp(url)),
        ("TLS", lambda: skip_behind_proxy(url, "TLS") or check_tls(url)),
        ("HTTP", lambda: check_http(url)),
    ]


def skip_behind_proxy(url: httpx.URL, name: str) -> Finding | None:
    """Skip a check where a proxy resolves names and opens connections; otherwise return None."""
    found = urllib.request.getproxies()
    if not (found.get(url.scheme) or found.get("all")) or is_loopback(url) or urllib.request.proxy_bypass(url.host):
        return None
    return skipped(name, "the environment has a proxy")


def check_dns(url: httpx.URL) -> Finding:
    try:
        found = socket.getaddrinfo(url.host, _port(url), type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        hint = "check the host in --url, then this machine's DNS"
        return failed("DNS", f"{url.host} has no address ({getattr(error, 'strerror', None) or 'not a name'})", hint)
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    return ok("DNS", f"{url.host} is {', '.join(addresses[:3])}")


def check_tcp(url: httpx.URL) -> Finding:
    try:
        with socket.create_connection((url.host, _port(url)), timeout=SECONDS):
            return ok("TCP", f"port {_port(url)} is open")
    except TimeoutError:
        return failed(
            "TCP",
            f"port {_port(url)} does not answer within {SECONDS:.0f} s",
            "ask the network's administrator to open the firewall",
        )
    except OSError as error:
        hint = "check the port in --url, and that the gateway runs"
        return failed("TCP", f"port {_port(url)} cannot be reached ({error.strerror})", hint)


def check_tls(url: httpx.URL) -> Finding:
    if url.scheme == "http":
        if is_loopback(url):
            return skipped("TLS", "not needed on this machine")
        return failed("TLS", "http:// sends the app secret in clear text", "use the gateway's https:// URL")
    try:
        with (
            socket.create_connection((url.host, _port(url)), timeout=SECONDS) as plain,
            ssl.create_default_context().wrap_socket(plain, server_hostname=url.host) as encrypted,
        ):
            return ok("TLS", f"{encrypted.version()}, certificate valid")
    except ssl.SSLCertVerificationError as error:
        hint = "check the host in --url; put a private root certificate into SSL_CERT_FILE"
        return failed("TLS", f"the certificate is not trusted ({error.verify_message})", hint)
    except OSError:
        return failed(
            "TLS", "the server does not speak TLS", "check the port in --url, and whether it should be http://"
        )


def check_http(url: httpx.URL) -> Finding:
    try:
        with http_client(url, seconds=SECONDS) as http:
            reply = http.get(url)
    except CommandError as unusable:  # the proxy settings of the environment
        problem, _, hint = str(unusable).partition("; ")
        return failed("HTTP", problem, hint)
    except httpx.TimeoutException:
        return failed("HTTP", f"no reply within {SECONDS:.0f} s", "try again, then ask the platform's support")
    except httpx.HTTPError as error:
        return failed("HTTP", f"no HTTP reply ({error})", "check the port in --url; another service may listen there")
    if reply.is_redirect:
        return failed("HTTP", f"redirects to {reply.headers.get('location', '?')}", "give that URL as --url")
    return ok("HTTP", f"answers with status {reply.status_code}")


def _port(url: httpx.URL) -> int:
    return url.port or (443 if url.scheme == "https" else 80)

"""The target of notifications: the running sandbox unless a URL is given."""

import httpx
import msgspec

from jiuwu_cli.deployment.sandbox_state import START_HINT, Sandbox
from jiuwu_cli.terminal.errors import CommandError, UsageError
from jiuwu_cli.terminal.urls import read_url

WEBHOOK_PATH = "/webhooks/jiuwu"


class Target(msgspec.Struct, frozen=True):
    """A URL and the AppID to use there; `sandbox` is set if the URL is the running sandbox's."""

    url: httpx.URL
    app_id: str
    sandbox: Sandbox | None


def webhook_target(url: str | None, app_id: str | None, sandbox: Sandbox | None) -> Target:
    """Return the target for a webhook URL; a URL without a path gets ours. Raise CommandError or UsageError."""
    if url is None and sandbox is None:
        raise CommandError("no sandbox is running", f"{START_HINT}, or give --url")
    found = read_url(url or f"{sandbox.api_url if sandbox else ''}{WEBHOOK_PATH}", "--url")
    if found.path == "/":
        found = found.copy_with(path=WEBHOOK_PATH)
    return _target(found, app_id, sandbox if sandbox and _is_same_host(found, sandbox.api_url) else None)


def _target(url: httpx.URL, app_id: str | None, sandbox: Sandbox | None) -> Target:
    known = app_id or (sandbox.app_id if sandbox else None)
    if not known:
        raise UsageError("no AppID", "give --app-id, or set JIUWU_APP_ID")
    if not (known.isascii() and known.isprintable() and known == known.strip()):
        raise UsageError(f"--app-id {known!r} cannot stand in a header", "copy the AppID from the platform's console")
    return Target(url, known, sandbox)


def _is_same_host(url: httpx.URL, other: str) -> bool:
    # a sandbox's secret goes nowhere but to the sandbox
    there = httpx.URL(other)
    return (url.scheme, url.host, url.port) == (there.scheme, there.host, there.port)

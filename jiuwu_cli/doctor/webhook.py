"""Check our webhook URL: our function must refuse junk with a reason."""

import httpx
import msgspec

from jiuwu_cli.doctor.findings import Finding, failed, ok

_JUNK = b"not a notification"


def check(url: httpx.URL, http: httpx.Client) -> Finding:
    """Send a GET and a POST of junk; both must get a 4xx with our JSON."""
    seen = []
    for method, content in (("GET", None), ("POST", _JUNK)):
        try:
            reply = http.request(method, url, content=content)
        except httpx.HTTPError as error:
            hint = "check --webhook-url, and that the stack is deployed"
            return failed("webhook", f"{method}: no reply ({error or type(error).__name__})", hint)
        if problem := _problem(reply):
            return failed("webhook", f"{method}: {problem[0]}", problem[1])
        seen.append(f"{method} {reply.status_code}")
    return ok("webhook", f"refuses junk with a reason ({', '.join(seen)})")


def _problem(reply: httpx.Response) -> tuple[str, str] | None:
    """Return the problem and the hint for a reply to junk; None if the reply is ours."""
    status = reply.status_code
    if status >= 500:
        return f"status {status}", "look at the log of WebhookIntake: a setting or the secret may be missing"
    if status in (403, 404) and not _has_reason(reply):
        return (
            f"status {status}, not from our function",
            "check that the URL ends in /webhooks/jiuwu and the stack is deployed",
        )
    if not 400 <= status < 500:
        return f"junk gets status {status}", "another service answers there; give the URL of the stack"
    return (
        None
        if _has_reason(reply)
        else (f"status {status} without our reason", "check the proxy or firewall in front of the function")
    )


def _has_reason(reply: httpx.Response) -> bool:
    try:
        found = msgspec.json.decode(reply.content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return isinstance(found, dict) and isinstance(found.get("reason"), str)

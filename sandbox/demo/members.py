"""Members who log in through the real pages, order and cancel, and retry impatiently."""

import re
import time
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx

# A person retries some seconds later when a page says 请稍后再试.
_MAX_TRIES = 12


class StepFailed(Exception):
    """A page or an answer that no amount of trying again improves."""


@dataclass(slots=True)
class Member:
    """One member with a browser of their own."""

    open_id: str
    api_url: str
    return_to: str
    http: httpx.Client
    session: str = ""
    answers: list[tuple[str, int]] = field(default_factory=list)

    def log_in(self) -> None:
        """Log in, from the login button to a session of the merchant's app; raise StepFailed with the last statuses."""
        for attempt in range(_MAX_TRIES):
            ticket = self._consent()
            if ticket:
                reply = self._request("session", "POST", f"{self.api_url}/oauth/session", json={"ticket": ticket})
                if reply.status_code == 200:
                    self.session = reply.json()["session_token"]
                    return
            time.sleep(min(0.2 * (attempt + 1), 1))
        raise StepFailed(f"{self.open_id} cannot log in: {self.answers[-3:]}")

    def _consent(self) -> str:
        """Follow the redirects and press 同意; return the ticket, or empty when a page asked to try again."""
        start = self._request("login", "GET", f"{self.api_url}/oauth/login", params={"return_to": self.return_to})
        if start.status_code != 302:
            return ""
        # a cookie marked Secure stays out of an HTTP client's jar on plain http; a browser trusts the loopback
        cookie = start.headers.get("set-cookie", "").split(";", 1)[0]
        page = self._request("consent page", "GET", start.headers["location"])
        if page.status_code != 200:
            return ""
        form = _hidden_fields(page.text) | {"member": self.open_id, "decision": "allow"}
        action = urljoin(start.headers["location"], _form_action(page.text))
        back = self._request("consent", "POST", action, data=form)
        if back.status_code not in {302, 303}:
            return ""
        callback = self._request("callback", "GET", back.headers["location"], headers={"cookie": cookie})
        if callback.status_code != 302:
            return ""
        return parse_qs(urlsplit(callback.headers["location"]).query).get("ticket", [""])[0]

    def place(self, key: str, items: list[dict[str, object]]) -> str:
        """Place an order and return its number; the same key gives the same order."""
        for attempt in range(_MAX_TRIES):
            headers = {"authorization": f"Bearer {self.session}", "idempotency-key": key}
            reply = self._request("place", "POST", f"{self.api_url}/orders", json={"items": items}, headers=headers)
            if reply.status_code in {200, 201, 202}:
                order_no: str = reply.json()["order_no"]
                return order_no
            if reply.status_code < 500 and reply.status_code != 429:
                raise StepFailed(f"{self.open_id} cannot order: {reply.status_code} {reply.text[:200]}")
            time.sleep(min(0.2 * (attempt + 1), 1))
        raise StepFailed(f"{self.open_id} cannot order: {self.answers[-3:]}")

    def cancel(self, order_no: str) -> int:
        """Request cancellation until there is an answer; return the HTTP status."""
        for attempt in range(_MAX_TRIES):
            headers = {"authorization": f"Bearer {self.session}"}
            reply = self._request("cancel", "POST", f"{self.api_url}/orders/{order_no}/cancel", headers=headers)
            if reply.status_code < 500:
                return reply.status_code
            time.sleep(min(0.2 * (attempt + 1), 1))
        raise StepFailed(f"{self.open_id} cannot cancel {order_no}: {self.answers[-3:]}")

    def _request(self, step: str, method: str, url: str, **content: Any) -> httpx.Response:  # noqa: ANN401 -- httpx's own
        """Send a request; a reply that does not come in time counts as 504."""
        try:
            reply = self.http.request(method, url, **content)
        except httpx.TransportError:
            reply = httpx.Response(504)
        self.answers.append((step, reply.status_code))
        return reply


def _hidden_fields(page: str) -> dict[str, str]:
    inputs = (dict(re.findall(r'(\w+)="([^"]*)"', tag)) for tag in re.findall(r"<input[^>]*>", page))
    return {tag["name"]: unescape(tag.get("value", "")) for tag in inputs if tag.get("type") == "hidden"}


def _form_action(page: str) -> str:
    action = re.search(r'<form[^>]*action="([^"]*)"', page)
    return unescape(action.group(1)) if action else ""

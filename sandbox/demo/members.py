"""Members at their phones: they log in through the real pages and press the real buttons, impatiently."""

import re
import time
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx

# What a person does when a page says 请稍后再试: press the button again, some seconds later.
_PATIENCE = 12


class GaveUp(Exception):
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
        """From the login button to a session of the merchant's app; raises GaveUp with the last page's status."""
        for attempt in range(_PATIENCE):
            ticket = self._consent()
            if ticket:
                reply = self._ask("session", "POST", f"{self.api_url}/oauth/session", json={"ticket": ticket})
                if reply.status_code == 200:
                    self.session = reply.json()["session_token"]
                    return
            time.sleep(min(0.2 * (attempt + 1), 1))
        raise GaveUp(f"{self.open_id} cannot log in: {self.answers[-3:]}")

    def _consent(self) -> str:
        """Follows the redirects and presses 同意; the ticket, or nothing when a page said to try again."""
        start = self._ask("login", "GET", f"{self.api_url}/oauth/login", params={"return_to": self.return_to})
        if start.status_code != 302:
            return ""
        # a cookie marked Secure stays out of an HTTP client's jar on plain http; a browser trusts the loopback
        cookie = start.headers.get("set-cookie", "").split(";", 1)[0]
        page = self._ask("consent page", "GET", start.headers["location"])
        if page.status_code != 200:
            return ""
        form = _hidden_fields(page.text) | {"member": self.open_id, "decision": "allow"}
        action = urljoin(start.headers["location"], _form_action(page.text))
        back = self._ask("consent", "POST", action, data=form)
        if back.status_code not in {302, 303}:
            return ""
        callback = self._ask("callback", "GET", back.headers["location"], headers={"cookie": cookie})
        if callback.status_code != 302:
            return ""
        return parse_qs(urlsplit(callback.headers["location"]).query).get("ticket", [""])[0]

    def place(self, key: str, items: list[dict[str, object]]) -> str:
        """Places an order; the same key again is the same order. Returns its number."""
        for attempt in range(_PATIENCE):
            headers = {"authorization": f"Bearer {self.session}", "idempotency-key": key}
            reply = self._ask("place", "POST", f"{self.api_url}/orders", json={"items": items}, headers=headers)
            if reply.status_code in {200, 201, 202}:
                order_no: str = reply.json()["order_no"]
                return order_no
            if reply.status_code < 500 and reply.status_code != 429:
                raise GaveUp(f"{self.open_id} cannot order: {reply.status_code} {reply.text[:200]}")
            time.sleep(min(0.2 * (attempt + 1), 1))
        raise GaveUp(f"{self.open_id} cannot order: {self.answers[-3:]}")

    def cancel(self, order_no: str) -> int:
        """Asks for cancellation until there is an answer; the HTTP status."""
        for attempt in range(_PATIENCE):
            headers = {"authorization": f"Bearer {self.session}"}
            reply = self._ask("cancel", "POST", f"{self.api_url}/orders/{order_no}/cancel", headers=headers)
            if reply.status_code < 500:
                return reply.status_code
            time.sleep(min(0.2 * (attempt + 1), 1))
        raise GaveUp(f"{self.open_id} cannot cancel {order_no}: {self.answers[-3:]}")

    def _ask(self, step: str, method: str, url: str, **content: Any) -> httpx.Response:  # noqa: ANN401 -- httpx's own
        """One request; where no reply came in time it is as if a gateway had said so, and the member tries again."""
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

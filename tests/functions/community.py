"""The platform in a function, as far as members meet it: codes, rotating tokens, profiles. For httpx.MockTransport."""

import base64
import hashlib
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

import httpx

Answer = Callable[[], httpx.Response]


class Community:
    """Answers the token, revoke and users/me calls; `trouble` answers a path in its place, `seen` is what came."""

    def __init__(self) -> None:
        self.trouble: dict[str, Answer] = {}
        self.seen: list[tuple[str, dict[str, str]]] = []
        self.open_id = "ou_1"
        self.nickname = "小九"
        self._issued = 0
        self._codes: dict[str, tuple[str, str]] = {}
        self._refresh: dict[str, str] = {}
        self._access: dict[str, str] = {}
        self._lock = threading.Lock()

    @property
    def http(self) -> httpx.Client:
        """A client whose every request ends here."""
        return httpx.Client(transport=httpx.MockTransport(self._handle))

    def consent(self, authorize_url: str) -> dict[str, str]:
        """What a member's yes on the consent page sends back: code and state."""
        requested = dict(httpx.URL(authorize_url).params)
        self._issued += 1
        code = f"ac_{self._issued}"
        self._codes[code] = (requested["code_challenge"], requested["redirect_uri"])
        return {"code": code, "state": requested["state"]}

    def calls(self, path: str) -> list[dict[str, str]]:
        """The forms that came to a path."""
        return [form for at, form in self.seen if at == path]

    def _handle(self, request: httpx.Request) -> httpx.Response:
        path, form = request.url.path, dict(parse_qsl(request.content.decode()))
        with self._lock:
            self.seen.append((path, form))
            if path in self.trouble:
                return self.trouble[path]()
            if path == "/users/me":
                return self._me(dict(request.url.params))
            answers = {"/oauth/token": self._token, "/oauth/revoke": self._revoke}
            return answers[path](form)

    def _token(self, form: dict[str, str]) -> httpx.Response:
        if form["grant_type"] == "refresh_token":
            open_id = self._refresh.get(form["refresh_token"])
        else:
            challenge, redirect_uri = self._codes.pop(form["code"], ("", ""))
            proven = challenge == _s256(form["code_verifier"]) and redirect_uri == form["redirect_uri"]
            open_id = self.open_id if proven else None
        return self._issue(open_id) if open_id else invalid_grant()

    def _issue(self, open_id: str) -> httpx.Response:
        self._issued += 1
        access, refresh = f"at_{self._issued}", f"rt_{self._issued}"
        self._access[access] = self._refresh[refresh] = open_id
        reply = {"access_token": access, "refresh_token": refresh, "token_type": "Bearer", "open_id": open_id}
        return httpx.Response(200, json=reply | {"expires_in": 7200, "refresh_expires_in": 2592000, "scope": "profile"})

    def _revoke(self, form: dict[str, str]) -> httpx.Response:
        self._access.pop(form["token"], None)
        self._refresh.pop(form["token"], None)
        return httpx.Response(200)

    def _me(self, query: dict[str, str]) -> httpx.Response:
        open_id = self._access.get(query["access_token"])
        if open_id is None:
            return envelope(30001)
        user = {"open_id": open_id, "nickname": self.nickname, "avatar_url": "https://img.example.com/1.png"}
        return envelope(0, user | {"level": 3, "updated_at": 1763800000})


def envelope(code: int, found: dict[str, Any] | None = None) -> httpx.Response:
    """A reply of the platform's API."""
    return httpx.Response(200, json={"code": code, "msg": "", "request_id": "r-1", "data": found or {}})


def invalid_grant() -> httpx.Response:
    """RFC 6749, 5.2."""
    return httpx.Response(400, json={"error": "invalid_grant", "error_description": "the code is unknown"})


def _s256(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()

"""The member's grant: RFC 6749 authorization code with PKCE (RFC 7636, S256), refresh, and RFC 7009 revocation."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import httpx

from jiuwu.platform import errors
from jiuwu.platform.decoding import as_number, readable
from jiuwu.platform.errors import BadParameters, MalformedPayload, PlatformError
from jiuwu.platform.models import TokenReply
from jiuwu.platform.payloads import parse_token
from jiuwu.platform.profile import lookup
from jiuwu.platform.profile.contract import lists

from .base_client import HEADERS, BaseClient, Outgoing
from .envelope import Sent, known, malformed, object_of, open_envelope
from .retry import call_with_retries
from .transport import HttpReply

# RFC 6749, 5.2 and 4.1.2.1 (some platforms send the latter from the token endpoint too); what says that a grant is over
# stands in the profile
_ERRORS: dict[str, type[PlatformError]] = {
    "invalid_grant": errors.InvalidGrant,
    "invalid_client": errors.InvalidClient,
    "unauthorized_client": errors.InvalidClient,
    "invalid_request": errors.BadParameters,
    "unsupported_grant_type": errors.BadParameters,
    "invalid_scope": errors.ScopeMissing,
    "server_error": errors.PlatformInternal,
    "temporarily_unavailable": errors.PlatformBusy,
}
_IN_AN_ERROR = ("code", "type", "error", "reason", "status", "name")
# Of codes; the profile's oauth.grant_over adds words, and codes that mean it here only.
_OVER = ("token_invalid", "token_expired")


class OAuthClient(BaseClient):
    """The OAuth calls of one app. Safe to share between threads."""

    def authorize_url(self, *, redirect_uri: str, state: str, challenge: str) -> str:
        """Return where to send the member's browser; `challenge` is RFC 7636's code_challenge by S256."""
        oauth = self.profile.oauth
        params = {
            "response_type": "code",
            "client_id": self._app_id,
            "redirect_uri": redirect_uri,
            "scope": oauth.scope_joiner.join(oauth.scopes),
            "state": state,
        }
        proof = {"code_challenge": challenge, "code_challenge_method": "S256"} if oauth.pkce else {}
        return str(httpx.URL(self._sender.base_url + oauth.authorize_path, params=params | proof))

    def exchange(self, code: str, verifier: str, redirect_uri: str) -> TokenReply:
        """Return the member's tokens for the code of the callback. Never repeated: a code is good once."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        proof = {"code_verifier": verifier} if self.profile.oauth.pkce else {}
        return self._post("oauth.exchange", form | proof, self._tokens, repeatable=False)

    def refresh(self, refresh_token: str) -> TokenReply:
        """Return new tokens; a reply without refresh_token leaves the old one in force.

        Repeated when the reply is lost: by the contract the old refresh token stays good until the new one is first
        used.
        """
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        return self._post("oauth.refresh", form, self._tokens, repeatable=True)

    def revoke(self, token: str) -> None:
        """End a token at the platform; one that it does not know is revoked already (RFC 7009, 2.2)."""
        self._post("oauth.revoke", {"token": token}, self._revoked, repeatable=True)

    def _post[T](
        self, name: str, form: Mapping[str, str], read: Callable[[Sent, HttpReply], T], *, repeatable: bool
    ) -> T:
        return call_with_retries(
            lambda: self._send(name, form, read), write=True, repeatable=repeatable, runtime=self._runtime
        )

    def _send[T](self, name: str, form: Mapping[str, str], read: Callable[[Sent, HttpReply], T]) -> T:
        seconds = self.profile.gateway.timeout_seconds
        return self._sender.attempt(name, seconds, lambda base_url: self._outgoing(name, form, base_url, seconds), read)

    def _outgoing(self, name: str, form: Mapping[str, str], base_url: str, seconds: float) -> Outgoing:
        secret = self._secrets().current
        form = {**form, "client_id": self._app_id, "client_secret": secret}
        sent = Sent(name=name, nonce=self._nonce(), now=self._clock(), confidential=(secret, *_hidden(form)))
        oauth = self.profile.oauth
        url = base_url + (oauth.revoke_path if name == "oauth.revoke" else oauth.token_path)
        try:
            request = self._sender.http.build_request("POST", url, data=form, headers=HEADERS)
        except UnicodeEncodeError:
            raise BadParameters(name, msg="a text is not valid Unicode") from None
        return Outgoing(sent, request, None, True, seconds)  # noqa: FBT003 -- a write

    def _tokens(self, sent: Sent, reply: HttpReply) -> TokenReply:
        found = object_of(reply)
        self._check(sent, reply, found)
        return parse_token(self.profile, found, now=sent.now)

    def _revoked(self, sent: Sent, reply: HttpReply) -> None:
        if 200 <= reply.status < 300 and not readable(reply.body).lstrip().startswith("{"):
            return
        self._check(sent, reply, object_of(reply))

    def _check(self, sent: Sent, reply: HttpReply, found: Mapping[str, Any]) -> None:
        """Raise what a reply says in RFC 6749's way, or in the platform's envelope, or by its HTTP status alone."""
        error, code = found.get("error"), as_number(lookup(found, self.profile.reply.code))
        if reply.status != 429:
            self._check_words(sent, reply, (*_said(error), code))
        if code is not None and code not in self.profile.reply.success:
            open_envelope(self.profile, sent, reply)
        if error and reply.status != 429:
            raise malformed(self.profile, sent, reply, MalformedPayload("error", "not one of RFC 6749's"))
        if not 200 <= reply.status < 300:
            raise malformed(self.profile, sent, reply, MalformedPayload("error", "missing"))

    def _check_words(self, sent: Sent, reply: HttpReply, said: tuple[object, ...]) -> None:
        """Raise what RFC 6749's word means, and InvalidGrant where a word or code says that the grant is over."""
        over = any(map(self._is_over, said))
        kind = errors.InvalidGrant if over else next(filter(None, map(_meaning, said)), None)
        if kind is not None:
            raise kind(sent.name, **known(self.profile, sent, reply))

    def _is_over(self, said: object) -> bool:
        """Return whether a word or code says that the grant is over: at the token endpoint, what is called invalid or
        expired is what was sent here, the code or the refresh token."""
        if not isinstance(said, int | str):
            return False
        words = {_spelled(word) for word in self.profile.oauth.grant_over if isinstance(word, str)}
        number = int(said) if isinstance(said, str) and said.isascii() and said.isdigit() and len(said) < 20 else said
        return (
            _spelled(said) in words
            or lists(self.profile.oauth.grant_over, number)
            or self.profile.codes.meaning(said) in _OVER
            or self.profile.codes.meaning(number) in _OVER
        )


def _said(error: object) -> tuple[object, ...]:
    """Return what an error says: its word, or where it is an object the words and codes in it."""
    return tuple(error.get(name) for name in _IN_AN_ERROR) if isinstance(error, Mapping) else (error,)


def _meaning(word: object) -> type[PlatformError] | None:
    return _ERRORS.get(_spelled(word))


def _spelled(word: object) -> str:
    """Return an error word in one spelling (`Invalid Grant`, `invalidGrant` → `invalid_grant`); empty for other
    types."""
    if not isinstance(word, str):
        return ""
    return re.sub(r"[\s.-]+|(?<=[a-z])(?=[A-Z])", "_", word.strip()).lower()


def _hidden(form: Mapping[str, str]) -> list[str]:
    names = ("code", "code_verifier", "refresh_token", "token")
    return [form[name] for name in names if name in form]

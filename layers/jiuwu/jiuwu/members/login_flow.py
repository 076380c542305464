"""The login itself: away to the platform's consent page, and back with a code that becomes a member and a ticket."""

import base64
import hashlib
import hmac
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, cast

from botocore.exceptions import BotoCoreError, ClientError

from jiuwu.members import reporting
from jiuwu.members.accounts import member_id_for
from jiuwu.members.logins import Bearer, Claim, Ended, Flow, Logins, LoginState, StateRefused, is_secret
from jiuwu.members.tokens import Tokens
from jiuwu.platform.calls.client import PlatformClient
from jiuwu.platform.calls.oauth import OAuthClient
from jiuwu.platform.errors import BadReply, InvalidGrant, PlatformError, UnknownOutcome
from jiuwu.platform.models import TokenReply, UserProfile

LoginFailure = Literal[
    "malformed",
    "unknown",
    "expired",
    "used",
    "unfinished",
    "foreign",
    "denied",
    "code_expired",
    "not_completed",
    "unavailable",
]
_MAX_CODE_CHARACTERS = 2048
# RFC 6749, 4.1.2.1
_PASSING_ERRORS = {"temporarily_unavailable", "server_error"}
_FAULTS = (PlatformError, ClientError, BotoCoreError)


class LoginFailed(Exception):
    """A login that ended without a member; `state` is what was agreed at its beginning, if that is known."""

    def __init__(self, failure: LoginFailure, state: LoginState | None = None) -> None:
        super().__init__(failure)
        self.failure, self.state = failure, state


@dataclass(frozen=True)
class Callback:
    """The parameters with which the platform sent the member back; `binding` is the secret of the client."""

    state: str = field(repr=False)
    code: str = field(repr=False)
    error: str
    flow: Flow
    binding: str = field(repr=False)


class CompletedLogin(NamedTuple):
    """A login that worked."""

    state: LoginState
    member_id: str
    ticket: str
    repeated: bool  # the login had ended before: this request is its browser's second


class SignIn:
    """Logins of one app at one platform."""

    def __init__(
        self, app_id: str, *, logins: Logins, tokens: Tokens, oauth: OAuthClient, platform: PlatformClient
    ) -> None:
        self._app_id, self._logins, self._tokens, self._oauth, self._platform = app_id, logins, tokens, oauth, platform

    def begin(self, flow: Flow, return_to: str, *, binding: str, redirect_uri: str) -> tuple[str, str]:
        """Begin a login; return its state and the consent page's URL."""
        state = self._logins.begin(flow, return_to, binding=binding)
        challenge = _challenge(_verifier(state, binding))
        reporting.served("/oauth/login", "begun")
        return state, self._oauth.authorize_url(redirect_uri=redirect_uri, state=state, challenge=challenge)

    def complete(self, callback: Callback, *, redirect_uri: str) -> CompletedLogin:
        """Return the member and a ticket for the merchant's app; raise LoginFailed.

        A callback requested twice by one browser ends twice alike; each has a ticket of its own.
        """
        _check(callback)
        claim = self._use_state(callback)
        ended = claim if isinstance(claim, Ended) else self._first(callback, claim, redirect_uri)
        if ended.failure:
            raise LoginFailed(cast(LoginFailure, ended.failure), ended.state)
        try:
            ticket = self._logins.issue_ticket(ended.member_id)
            return CompletedLogin(ended.state, ended.member_id, ticket, repeated=ended is claim)
        except _FAULTS as fault:
            raise LoginFailed(_failure(fault), ended.state) from fault

    def _use_state(self, callback: Callback) -> Claim | Ended:
        answer = f"code {callback.code}" if callback.code else f"error {callback.error}"
        try:
            return self._logins.use_state(callback.state, Bearer(callback.flow, callback.binding, answer))
        except StateRefused as refused:
            raise LoginFailed(refused.reason, refused.state) from None

    def _first(self, callback: Callback, claim: Claim, redirect_uri: str) -> Ended:
        """Complete the login for the one caller that may, and keep how it ended."""
        try:
            if callback.error:
                raise LoginFailed(_refusal(callback.error), claim.state)
            member_id = self._link(callback, redirect_uri)
            self._logins.end(claim, member_id=member_id)
        except _FAULTS as fault:
            self._end_failed(claim, _failure(fault))
            raise LoginFailed(_failure(fault), claim.state) from fault
        except LoginFailed as failed:
            self._end_failed(claim, failed.failure)
            raise
        return Ended(claim.state, member_id, "")

    def _end_failed(self, claim: Claim, failure: LoginFailure) -> None:
        # without this mark a repeated callback waits in vain and says so
        with suppress(ClientError, BotoCoreError):
            self._logins.end(claim, failure=failure)

    def _link(self, callback: Callback, redirect_uri: str) -> str:
        verifier = _verifier(callback.state, callback.binding)
        reply = self._oauth.exchange(callback.code, verifier, redirect_uri)
        user = self._profile(reply)
        member_id = member_id_for(self._app_id, user.open_id)
        self._tokens.link(member_id, user, reply)
        return member_id

    def _profile(self, reply: TokenReply) -> UserProfile:
        user = self._platform.me(_Fresh(reply.access_token))
        if reply.open_id is not None and reply.open_id != user.open_id:
            raise BadReply("users.me", field="open_id", problem="another member's than the token's")
        return user


class _Fresh:
    """The TokenSource of a token that was issued a moment ago."""

    def __init__(self, token: str) -> None:
        self._token = token

    def access_token(self) -> str:
        return self._token

    def renew(self, stale: str) -> str:
        # newer there is none: the platform refuses it again, and that ends the call
        return stale


def _check(callback: Callback) -> None:
    one_of_both = bool(callback.code) != bool(callback.error)
    if not is_secret(callback.state) or not one_of_both or len(callback.code) > _MAX_CODE_CHARACTERS:
        raise LoginFailed("malformed")


def _refusal(error: str) -> LoginFailure:
    if error == "access_denied":
        return "denied"
    return "unavailable" if error in _PASSING_ERRORS else "not_completed"


def _failure(fault: Exception) -> LoginFailure:
    if isinstance(fault, InvalidGrant):
        return "code_expired"
    lasting = isinstance(fault, PlatformError) and not (fault.retryable or isinstance(fault, UnknownOutcome))
    return "not_completed" if lasting else "unavailable"


def _verifier(state: str, binding: str) -> str:
    """Return RFC 7636's code_verifier, made of the state and the browser's secret: so none has to be stored."""
    return _base64url(hmac.digest(binding.encode(), f"pkce\n{state}".encode(), "sha256"))


def _challenge(verifier: str) -> str:
    """Return RFC 7636's code_challenge by S256 (4.2)."""
    return _base64url(hashlib.sha256(verifier.encode()).digest())


def _base64url(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

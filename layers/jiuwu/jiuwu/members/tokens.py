"""Members' tokens: used, renewed by one process at a time, kept through every transient fault, revoked on unlinking."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from jiuwu.members.grants import Encrypted, EncryptedTokens, Grant, Grants, RecordMalformed
from jiuwu.platform.errors import BadReply, InvalidGrant, PlatformError, TokenInvalid, UnknownOutcome
from jiuwu.runtime import SYSTEM, Runtime

from . import reporting
from .encryption import TokenCipher

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_kms import KMSClient

    from jiuwu.platform.models import TokenReply, UserProfile

# How long a caller waits for a refresh that someone else has begun.
_WAIT_SECONDS = 2.0
_POLL_SECONDS = 0.1
_FIRST_PAUSE_SECONDS, _MAX_PAUSE_SECONDS = 60, 3600

RenewalOutcome = Literal["renewed", "reauth_required", "unlinked", "busy", "held_back", "failed", "not_due", "unknown"]
_FAULTS = (PlatformError, ClientError, BotoCoreError)


class TokenUnavailable(Exception):
    """There is no access token for this member; the subclass says why."""

    def __init__(self, member_id: str) -> None:
        super().__init__(member_id)
        self.member_id = member_id


class TokenBusy(TokenUnavailable):
    """Another caller is renewing this member's token and takes long; try again in a moment."""


class ReauthRequired(TokenUnavailable):
    """The link to the community account has ended; the member has to log in again."""


class MemberUnknown(TokenUnavailable):
    """There is no such member."""


class TokenCalls(Protocol):
    """The two OAuth calls that tokens need (jiuwu.platform.calls.oauth)."""

    def refresh(self, refresh_token: str) -> "TokenReply":
        """Return new tokens; raise PlatformError."""

    def revoke(self, token: str) -> None:
        """End a token at the platform; raise PlatformError."""


@dataclass(frozen=True)
class Access:
    """An access token and the version of the grant that it belongs to."""

    version: int
    token: str = field(repr=False)


class Tokens:
    """The tokens of all members."""

    def __init__(  # noqa: PLR0913 -- two stores and the platform, under the names that their owners use
        self,
        dynamodb: "DynamoDBClient",
        table: str,
        kms: "KMSClient",
        key_id: str,
        oauth: TokenCalls,
        *,
        runtime: Runtime = SYSTEM,
    ) -> None:
        self._grants, self._cipher = Grants(dynamodb, table, runtime=runtime), TokenCipher(kms, key_id)
        self._oauth, self._clock, self._sleep = oauth, runtime.clock, runtime.sleep

    def source(self, member_id: str) -> "MemberToken":
        """Return the member's token for PlatformClient; nothing is read before the token is needed."""
        return MemberToken(self, member_id)

    def link(self, member_id: str, user: "UserProfile", reply: "TokenReply") -> None:
        """Create or update the member, with the tokens of a fresh consent."""
        self._grants.link(member_id, user, self._encrypted(member_id, reply, refresh=()))

    def access(self, member_id: str) -> Access:
        """Return the access token, renewed if its time is over; raise TokenUnavailable or PlatformError."""
        grant = self._active(member_id)
        if grant.tokens.expires_at <= self._clock():
            return self.renewed(member_id, grant.version)
        return self._decrypted_access(grant)

    def renewed(self, member_id: str, version: int) -> Access:
        """Return a newer access token than that of `version`, by whichever caller renews it; raise as `access` does."""

        def attempt() -> Access | None:
            grant = self._active(member_id)
            if grant.version != version:
                return self._decrypted_access(grant)
            leased = self._grants.lease(grant)
            return self._refresh_or_release(leased) if leased else None

        return self._until_done(member_id, attempt)

    def refresh(self, member_id: str, *, ahead: int, due_before: float = float("inf")) -> RenewalOutcome:
        """Renew one member's token, or finish an unlinking; return the outcome.

        After a failure the member is due again, `ahead` seconds before its `refresh_at`, when a growing pause is over.
        """
        try:
            grant = self._grants.read(member_id)
        except RecordMalformed as malformed:
            return _note("failed", member_id, malformed)
        if grant is None or grant.status in {"reauth_required", "unlinked"}:
            return "unknown" if grant is None else "not_due"
        if grant.refresh_at > due_before:
            return "not_due"
        leased = self._grants.lease(grant)
        if leased is None:
            return _note("busy", member_id)
        return self._finish_unlinking(leased, ahead) if leased.status == "unlinking" else self._renew(leased, ahead)

    def unlink(self, member_id: str) -> bool:
        """Unlink the member here; return whether the platform has revoked the tokens, else the refresher sees to it.

        The tokens are erased only when the platform has revoked them. Raise TokenBusy, MemberUnknown.
        """

        def attempt() -> bool | None:
            grant = self._known(member_id)
            if grant.status == "unlinked":
                return True
            leased = self._grants.lease_to_unlink(grant)
            return self._finish_unlinking(leased, ahead=0) == "unlinked" if leased else None

        return self._until_done(member_id, attempt)

    def _until_done[T](self, member_id: str, attempt: Callable[[], T | None]) -> T:
        # polled at one distance: it waits for the lease of another caller, and loses no write (jiuwu/backoff)
        deadline = self._clock() + _WAIT_SECONDS
        while (result := attempt()) is None:
            if self._clock() >= deadline:
                _note("busy", member_id)
                raise TokenBusy(member_id)
            self._sleep(_POLL_SECONDS)
        return result

    def _refresh_or_release(self, leased: Grant) -> Access | None:
        try:
            return self._refresh(leased)
        except _FAULTS as fault:
            _note("failed", leased.member_id, fault)
            self._grants.release(leased)
            raise

    def _renew(self, leased: Grant, ahead: int) -> RenewalOutcome:
        try:
            return "renewed" if self._refresh(leased) else "busy"
        except ReauthRequired:
            return "reauth_required"
        except _FAULTS as fault:
            if getattr(fault, "held_back", False):  # by our own limit: nothing is wrong with this member's token
                self._grants.release(leased)
                return _note("held_back", leased.member_id, fault)
            self._defer(leased, ahead)
            return _note("failed", leased.member_id, fault)

    def _refresh(self, leased: Grant) -> Access | None:
        """Make one call of the platform; return None if someone else wrote the grant meanwhile."""
        try:
            reply = self._call_refresh(leased)
        except InvalidGrant:
            self._require_login_if_unchanged(leased)
            return None
        except (BadReply, UnknownOutcome) as refused:
            if not self._refused_an_expired_token(leased, refused):
                raise
            self._require_login_if_unchanged(leased)
            return None
        # If we die before this is written, the token we came with is still good: the new one was never used.
        if not self._grants.save(leased, self._encrypted(leased.member_id, reply, refresh=leased.tokens.refresh)):
            return None
        _note("renewed", leased.member_id)
        return Access(leased.version + 1, reply.access_token)

    def _refused_an_expired_token(self, leased: Grant, refused: PlatformError) -> bool:
        """Return whether the platform answered, in words that we do not know, of a refresh token whose time is over."""
        answered = refused.status is not None and 200 <= refused.status < 500
        return answered and leased.tokens.refresh_expires_at <= self._clock()

    def _call_refresh(self, leased: Grant) -> "TokenReply":
        if not leased.tokens.refresh:
            raise InvalidGrant("oauth.refresh", msg="the platform gave no refresh token")
        return self._oauth.refresh(self._cipher.decrypt(leased.member_id, leased.tokens.refresh))

    def _require_login_if_unchanged(self, leased: Grant) -> None:
        """Require a new login after invalid_grant, but only if the record has not changed since: else the answer was
        about an older token."""
        if self._grants.require_login(leased):
            _note("reauth_required", leased.member_id)
            raise ReauthRequired(leased.member_id)

    def _finish_unlinking(self, leased: Grant, ahead: int) -> RenewalOutcome:
        try:
            self._revoke(leased)
        except _FAULTS as fault:
            self._defer(leased, ahead)
            return _note("failed", leased.member_id, fault)
        # not erased means: the member has logged in again meanwhile, and the new tokens stay
        self._grants.erase(leased)
        return _note("unlinked", leased.member_id)

    def _revoke(self, leased: Grant) -> None:
        tokens = leased.tokens
        if max(tokens.expires_at, tokens.refresh_expires_at) <= self._clock():
            return
        for encrypted in filter(None, (tokens.access, tokens.refresh)):
            try:
                self._oauth.revoke(self._cipher.decrypt(leased.member_id, encrypted))
            except (InvalidGrant, TokenInvalid):
                continue  # as good as revoked

    def _defer(self, leased: Grant, ahead: int) -> None:
        pause = min(_FIRST_PAUSE_SECONDS * 2 ** min(leased.failures, 10), _MAX_PAUSE_SECONDS)
        self._grants.defer(leased, int(self._clock()) + ahead + pause)

    def _known(self, member_id: str) -> Grant:
        grant = self._grants.read(member_id)
        if grant is None:
            raise MemberUnknown(member_id)
        return grant

    def _active(self, member_id: str) -> Grant:
        grant = self._known(member_id)
        if grant.status != "active":
            raise ReauthRequired(member_id)
        return grant

    def _decrypted_access(self, grant: Grant) -> Access:
        return Access(grant.version, self._cipher.decrypt(grant.member_id, grant.tokens.access))

    def _encrypted(self, member_id: str, reply: "TokenReply", refresh: Encrypted) -> EncryptedTokens:
        """Return the reply's tokens, encrypted; `refresh` is kept when it brings no new one."""
        now = int(self._clock())
        if reply.refresh_token is not None:
            refresh = self._cipher.encrypt(member_id, reply.refresh_token)
        access = self._cipher.encrypt(member_id, reply.access_token)
        return EncryptedTokens(access, refresh, now + reply.expires_in, now + reply.refresh_expires_in)


class MemberToken:
    """One member's token through one request: PlatformClient's TokenSource."""

    def __init__(self, tokens: Tokens, member_id: str) -> None:
        self._tokens, self._member_id = tokens, member_id
        self._access: Access | None = None

    def access_token(self) -> str:
        """Return the token; raise TokenUnavailable or PlatformError."""
        if self._access is None:
            self._access = self._tokens.access(self._member_id)
        return self._access.token

    def renew(self, stale: str) -> str:
        """Return a token other than `stale`, which the platform has refused; raise as `access_token` does."""
        if self.access_token() == stale and self._access is not None:
            self._access = self._tokens.renewed(self._member_id, self._access.version)
        return self.access_token()


def _note(outcome: RenewalOutcome, member_id: str, cause: Exception | None = None) -> RenewalOutcome:
    reporting.renewal_tried(outcome, member_id, cause)
    return outcome

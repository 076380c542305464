"""Authorization codes and tokens as the platform keeps them. The clock is an argument."""

import base64
import hashlib
import hmac
import secrets

import msgspec

from sandbox.simulator.faults import roll
from sandbox.simulator.refusals import Refused

CODE_SECONDS = 300
ACCESS_SECONDS = 7200
REFRESH_SECONDS = 30 * 86400


class InvalidGrant(Exception):
    """RFC 6749's invalid_grant, with the reason as its description."""


class Code(msgspec.Struct):
    open_id: str
    scope: str
    redirect_uri: str
    challenge: str
    expires_at: float
    grant_id: int = 0  # set once the code was used


class Grant(msgspec.Struct):
    grant_id: int
    open_id: str
    scope: str
    refresh: str
    refresh_expires_at: float
    previous: str = ""  # stays good until `refresh` is first used: the reply that carried it may be lost
    revoked: bool = False


class Access(msgspec.Struct):
    grant_id: int
    expires_at: float
    from_code: bool
    used: bool = False


class Issued(msgspec.Struct, frozen=True):
    grant: Grant
    access_token: str
    refresh_token: str


class Grants(msgspec.Struct):
    codes: dict[str, Code] = msgspec.field(default_factory=dict)
    grants: dict[int, Grant] = msgspec.field(default_factory=dict)
    access: dict[str, Access] = msgspec.field(default_factory=dict)
    refresh: dict[str, int] = msgspec.field(default_factory=dict)

    def issue_code(self, open_id: str, scope: str, redirect_uri: str, challenge: str, now: float) -> str:
        code = "ac_" + secrets.token_urlsafe(24)
        self.codes[code] = Code(open_id, scope, redirect_uri, challenge, now + CODE_SECONDS)
        return code

    def exchange(self, code: str, redirect_uri: str, verifier: str, now: float) -> Issued:
        """Exchange a code for tokens; raise InvalidGrant. A code used twice also revokes the tokens it gave."""
        known = self.codes.get(code)
        if known is None:
            raise InvalidGrant("the code is unknown")
        if known.grant_id:
            self.grants[known.grant_id].revoked = True
            raise InvalidGrant("the code was used before; the tokens it gave are revoked")
        if now > known.expires_at:
            raise InvalidGrant(f"the code is older than {CODE_SECONDS} seconds")
        if redirect_uri != known.redirect_uri:
            raise InvalidGrant("redirect_uri is not the one the code was issued for")
        if known.challenge and not _answers(known.challenge, verifier):
            raise InvalidGrant("code_verifier does not match the code_challenge")
        known.grant_id = len(self.grants) + 1
        grant = Grant(known.grant_id, known.open_id, known.scope, "", 0)
        self.grants[grant.grant_id] = grant
        return self._issue(grant, now, from_code=True)

    def renew(self, refresh_token: str, now: float) -> Issued:
        grant = self.grants.get(self.refresh.get(refresh_token, 0))
        if grant is None or grant.revoked:
            raise InvalidGrant("the refresh token is unknown or revoked")
        if refresh_token not in {grant.refresh, grant.previous}:
            raise InvalidGrant("the refresh token was replaced, and the new one has been used")
        if now > grant.refresh_expires_at:
            raise InvalidGrant("the refresh token has expired")
        if refresh_token == grant.refresh:
            grant.previous = refresh_token
        return self._issue(grant, now, from_code=False)

    def revoke(self, token: str) -> bool:
        access = self.access.get(token)
        grant = self.grants.get(access.grant_id if access else self.refresh.get(token, 0))
        if grant is None or grant.revoked:
            return False
        grant.revoked = True
        return True

    def holder(self, access_token: str, now: float) -> Grant:
        """Return the grant of an access token; raise Refused (token_invalid, token_expired)."""
        access = self.access.get(access_token)
        if access is None or self.grants[access.grant_id].revoked:
            raise Refused("token_invalid", "access_token is unknown or revoked; the member must authorize again")
        if now > access.expires_at:
            raise Refused("token_expired", "access_token has expired; refresh it")
        return self.grants[access.grant_id]

    def expire(self, fraction: float, seed: int, now: float) -> int:
        """Expire the access tokens of this share of members; return how many."""
        hit = 0
        for access in self.access.values():
            open_id = self.grants[access.grant_id].open_id
            if access.expires_at > now and roll(seed, "expire", open_id) < fraction:
                access.expires_at = now - 1
                hit += 1
        return hit

    def _issue(self, grant: Grant, now: float, *, from_code: bool) -> Issued:
        access_token, grant.refresh = "at_" + secrets.token_urlsafe(32), "rt_" + secrets.token_urlsafe(32)
        grant.refresh_expires_at = now + REFRESH_SECONDS
        self.access[access_token] = Access(grant.grant_id, now + ACCESS_SECONDS, from_code)
        self.refresh[grant.refresh] = grant.grant_id
        return Issued(grant, access_token, grant.refresh)


def challenge_of(verifier: str) -> str:
    """Return the S256 code challenge (RFC 7636)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def _answers(challenge: str, verifier: str) -> bool:
    return hmac.compare_digest(challenge.encode(), challenge_of(verifier).encode())

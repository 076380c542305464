"""A member's grant, as the members table keeps it: encrypted tokens, version, expiry, lease.

The lease keeps a second refresh from starting while one runs; the version keeps a late one from overwriting newer
tokens. `refresh_shard` and `refresh_at` are the sparse index of what the TokenRefresher has to do, and are absent when
that is nothing.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from jiuwu.aws.dynamodb import Fields, Table
from jiuwu.members.accounts import LinkStatus
from jiuwu.runtime import SYSTEM, Runtime

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from jiuwu.platform.models import UserProfile

# Longer than the slowest refresh: the token call with its retries, three KMS calls and two writes of up to 9 s each
# (aws/clients.py). The lease of a process that died holds up renewals only, no token that is still good.
LEASE_SECONDS = 60
# A renewal moves its member in the index, which takes two of the 1,000 writes a second that a shard is good for: with a
# token's two hours, eight are enough for 28 million members.
SHARDS = tuple(str(shard) for shard in range(8))

Encrypted = tuple[bytes, ...]
_LEASE = ("lease_id", "lease_until")
_DUE = ("refresh_shard", "refresh_at")
_TOKENS = ("access_encrypted", "refresh_encrypted", "token_expires_at", "refresh_expires_at")


class RecordMalformed(Exception):
    """A member's record lacks an attribute or has it in the wrong form; names the attribute."""


@dataclass(frozen=True)
class EncryptedTokens:
    """A member's tokens, encrypted; times in Unix seconds. `refresh` is empty if the platform gave none."""

    access: Encrypted = field(repr=False)
    refresh: Encrypted = field(repr=False)
    expires_at: int
    refresh_expires_at: int


@dataclass(frozen=True)
class Grant:
    """A member's grant as read; `version` grows with every new pair of tokens."""

    member_id: str
    status: LinkStatus
    version: int
    tokens: EncryptedTokens
    lease_id: str
    refresh_at: int
    failures: int


@dataclass(frozen=True, slots=True)
class DueMembers:
    """Some members that are due, and where the rest begins (None: that was all)."""

    member_ids: tuple[str, ...]
    next_start: Mapping[str, Any] | None


class Grants:
    """The grants of the members table."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str, *, runtime: Runtime = SYSTEM) -> None:
        self._table, self._clock = Table(dynamodb, table), runtime.clock

    def read(self, member_id: str) -> Grant | None:
        """Return the grant as last written; raise RecordMalformed."""
        item = self._table.get(_key(member_id))
        return _from_item(item) if item else None

    def due(self, shard: str, before: int, *, limit: int = 100, start: Mapping[str, Any] | None = None) -> DueMembers:
        """Return the ids of a shard's members whose `refresh_at` is not after `before`, the most urgent first."""
        due = "refresh_shard = :shard AND refresh_at <= :before"
        page = self._table.query("refresh", due, shard=shard, before=before, limit=limit, start=start)
        return DueMembers(tuple(item["member_id"] for item in page.items), page.next_start)

    def link(self, member_id: str, user: "UserProfile", tokens: EncryptedTokens) -> None:
        """Create or update the member with fresh consent; it replaces whatever grant, lease or unlinking there was.

        The tokens of an earlier grant are dropped unrevoked: a platform that keeps one grant per member and app would
        end the new one with the old.
        """
        profile: Fields = {"open_id": user.open_id, "nickname": user.nickname, "avatar_url": user.avatar_url}
        profile = {**profile, "member_level": str(user.level), "profile_updated_at": user.updated_at}
        written = profile | _attributes(member_id, tokens) | {"link_status": "active", "linked_at": int(self._clock())}
        self._table.update(
            _key(member_id),
            _expression(written, _LEASE if tokens.refresh else _LEASE + _DUE)
            + ", created_at = if_not_exists(created_at, :linked_at)"
            ", token_version = if_not_exists(token_version, :none) + :one",
            **written,
            none=0,
            one=1,
        )

    def lease(self, grant: Grant) -> Grant | None:
        """Lease the grant and return it; None if it has changed or is leased."""
        return self._lease(grant, {})

    def lease_to_unlink(self, grant: Grant) -> Grant | None:
        """Lease as `lease` does. From here on no token is handed out, and the refresher finishes the unlinking."""
        due = {"refresh_at": int(self._clock()), "refresh_shard": shard_of(grant.member_id)}
        return self._lease(grant, due | {"link_status": "unlinking"})

    def save(self, leased: Grant, tokens: EncryptedTokens) -> bool:
        """Write renewed tokens and end the lease; return False if the grant is no longer the one that was leased."""
        renewed = _attributes(leased.member_id, tokens) | {"token_version": leased.version + 1}
        return self._end_lease(leased, renewed)

    def release(self, leased: Grant) -> bool:
        """End the lease, everything else untouched."""
        return self._end_lease(leased, {})

    def defer(self, leased: Grant, refresh_at: int) -> bool:
        """End the lease after a failure, so that the refresher tries again when `refresh_at` comes due."""
        due = {"refresh_at": refresh_at, "refresh_shard": shard_of(leased.member_id)}
        return self._end_lease(leased, due | {"refresh_failures": leased.failures + 1})

    def require_login(self, leased: Grant) -> bool:
        """Note that the platform has ended the grant: it is kept, but not refreshed until the member logs in again."""
        return self._end_lease(leased, {"link_status": "reauth_required"}, _DUE)

    def erase(self, leased: Grant) -> bool:
        """End an unlinking: delete the tokens here."""
        return self._end_lease(leased, {"link_status": "unlinked"}, _DUE + _TOKENS)

    def _lease(self, grant: Grant, attributes: Fields) -> Grant | None:
        lease_id, now = uuid4().hex, int(self._clock())
        written = {**attributes, "lease_id": lease_id, "lease_until": now + LEASE_SECONDS}
        _, item = self._table.update_if(
            _key(grant.member_id),
            _expression(written),
            "token_version = :version AND link_status = :was"
            " AND (attribute_not_exists(lease_until) OR lease_until <= :now)",
            **written,
            version=grant.version,
            was=grant.status,
            now=now,
        )
        # boto3 repeats a write whose reply was lost; what then stands in the way is this very lease
        leased = _from_item(item) if item else None
        return leased if leased and leased.lease_id == lease_id else None

    def _end_lease(self, leased: Grant, attributes: Fields, remove: tuple[str, ...] = ()) -> bool:
        written = self._table.update_if(
            _key(leased.member_id),
            _expression(attributes, _LEASE + remove),
            "lease_id = :lease AND token_version = :version",
            **attributes,
            lease=leased.lease_id,
            version=leased.version,
        )
        return written.done


def shard_of(member_id: str) -> str:
    """Return the member's shard of the index: always the same, and even over all members."""
    return SHARDS[hashlib.sha256(member_id.encode()).digest()[0] % len(SHARDS)]


def _key(member_id: str) -> Fields:
    return {"member_id": member_id}


def _expression(attributes: Fields, remove: tuple[str, ...] = ()) -> str:
    clauses = [f"REMOVE {', '.join(remove)}"] if remove else []
    clauses += [f"SET {', '.join(f'{name} = :{name}' for name in attributes)}"] if attributes else []
    return " ".join(clauses)


def _attributes(member_id: str, tokens: EncryptedTokens) -> dict[str, Any]:
    encrypted: dict[str, Any] = {"access_encrypted": tokens.access, "refresh_encrypted": tokens.refresh}
    encrypted |= {"token_expires_at": tokens.expires_at, "refresh_expires_at": tokens.refresh_expires_at}
    # never after the refresh token's own end, whatever the platform says of the access token
    refresh_at = min(tokens.expires_at, tokens.refresh_expires_at)
    due = {"refresh_at": refresh_at, "refresh_shard": shard_of(member_id)}
    return encrypted | (due if tokens.refresh else {}) | {"refresh_failures": 0}


def _from_item(item: Mapping[str, Any]) -> Grant:
    return Grant(
        member_id=_read(item, "member_id", str),
        status=_read(item, "link_status", str),
        version=_read(item, "token_version", int),
        tokens=EncryptedTokens(
            access=_encrypted(item, "access_encrypted"),
            refresh=_encrypted(item, "refresh_encrypted"),
            # what an unlinked member has lost counts as long over
            expires_at=_read(item, "token_expires_at", int, 0),
            refresh_expires_at=_read(item, "refresh_expires_at", int, 0),
        ),
        lease_id=_read(item, "lease_id", str, ""),
        refresh_at=_read(item, "refresh_at", int, 0),
        failures=_read(item, "refresh_failures", int, 0),
    )


def _encrypted(item: Fields, name: str) -> Encrypted:
    parts = _read(item, name, list, [])
    return tuple(_read({name: part}, name, bytes) for part in parts)


def _read(item: Fields, name: str, kind: type, default: Any = None) -> Any:  # noqa: ANN401 -- of that kind
    value = item.get(name, default)
    if type(value) is not kind:  # a yes is no 1, though Python has them equal
        raise RecordMalformed(f"attribute '{name}' is missing or of another type")
    return value

"""A login's items in the logins table: a state, a ticket, a session, each under the hash of its secret only.

The state lives ten minutes between /oauth/login and /oauth/callback and is used once; the ticket lives a minute between
the callback and /oauth/session and is used once; the session lives a week. DynamoDB deletes expired items up to days
late, so every read compares `expires_at` itself.

Browsers request one callback twice (embedded web views, prefetching, a double tap). A used state therefore keeps how
its login ended. For a minute the same browser with the same code gets the same answer. The code is exchanged once.
"""

import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

from jiuwu.aws.dynamodb import Fields, Table
from jiuwu.runtime import SYSTEM, Runtime

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

STATE_SECONDS = 600
TICKET_SECONDS = 60
SESSION_SECONDS = 7 * 86400
# How long after the end of a login its browser may request the callback again.
REPEAT_SECONDS = 60
# OAuthCallback's timeout in the template: a login that began longer ago and has no end never will have one.
MAX_LOGIN_SECONDS = 15
# How long a repeated callback waits for the first one; its own end comes after 15 seconds, too.
_WAIT_SECONDS, _POLL_SECONDS = 10.0, 0.2
# A member's open sessions; the oldest ends when one more begins, so the list of them stays a small item.
_SESSIONS_PER_MEMBER = 50

Flow = Literal["h5", "mini_program"]

# secrets.token_urlsafe(32): 256 bits
_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True)
class LoginState:
    """The terms of a login, from its beginning; `return_to` is empty where the caller needs no redirect."""

    flow: Flow
    return_to: str


class Claim(NamedTuple):
    """The one right to complete a login."""

    state: LoginState
    key: Fields
    attempt: str


@dataclass(frozen=True)
class Ended:
    """The end of a login: a member, or a failure that has a page."""

    state: LoginState
    member_id: str
    failure: str


@dataclass(frozen=True)
class Bearer:
    """The bearer of a state: the flow, its own secret, and the platform's answer that it brings."""

    flow: Flow
    binding: str = field(repr=False)
    answer: str = field(repr=False)


class StateRefused(Exception):
    """The state cannot be used; `state` is the login it belonged to, if that is still known."""

    def __init__(
        self, reason: Literal["unknown", "expired", "used", "foreign", "unfinished"], state: LoginState | None = None
    ) -> None:
        super().__init__(reason)
        self.reason, self.state = reason, state


class TicketRefused(Exception):
    """The ticket is unknown, expired or used."""


def new_secret() -> str:
    """Return 256 random bits in 43 characters that need no escaping anywhere."""
    return secrets.token_urlsafe(32)


def is_secret(text: str) -> bool:
    """Return whether `text` has the form of `new_secret`; what has not, need not be looked up."""
    return _SECRET.fullmatch(text) is not None


class Logins:
    """States and tickets."""

    def __init__(
        self,
        dynamodb: "DynamoDBClient",
        table: str,
        *,
        runtime: Runtime = SYSTEM,
    ) -> None:
        self._table, self._clock, self._sleep = Table(dynamodb, table), runtime.clock, runtime.sleep

    def begin(self, flow: Flow, return_to: str, *, binding: str) -> str:
        """Return a new state, for the bearer of `binding` alone (the browser's cookie, the mini program's header)."""
        state = new_secret()
        agreed = {"flow": flow, "return_to": return_to, "bound_to": _bound(flow, binding)}
        self._put(_key("state", state), STATE_SECONDS, agreed)
        return state

    def use_state(self, state: str, bearer: Bearer) -> Claim | Ended:
        """Consume the state: of any number of callers at once exactly one gets the claim.

        The others wait for the end of that one's login and get it, if they bring the same answer from the same browser.
        Raise StateRefused.
        """
        key, bound_to, answer = _key("state", state), _bound(bearer.flow, bearer.binding), _hash(bearer.answer)
        attempt = new_secret()
        won, item = self._use(key, {"bound_to": bound_to}, {"answer": answer, "used_at": self._clock()}, attempt)
        if not item:
            raise StateRefused("unknown")
        known = LoginState(item["flow"], item["return_to"])
        if item["bound_to"] != bound_to:
            raise StateRefused("foreign", known)
        if won:
            return Claim(known, key, attempt)
        if "used_by" not in item:
            raise StateRefused("expired", known)
        if item["answer"] != answer:
            raise StateRefused("used", known)
        return self._ended(known, self._when_ended(key, item))

    def end(self, claim: Claim, *, member_id: str = "", failure: str = "") -> None:
        """Keep how the login ended, for its browser's next request."""
        self._table.update_if(
            claim.key,
            "SET ended_at = :now, member_id = :member_id, failure = :failure",
            "used_by = :attempt",
            now=self._clock(),
            member_id=member_id,
            failure=failure,
            attempt=claim.attempt,
        )

    def _when_ended(self, key: Fields, item: Fields) -> Fields:
        """Return the state's item once its login has ended, or as it is when waiting is over."""
        now = self._clock()
        last = min(now + _WAIT_SECONDS, item["used_at"] + MAX_LOGIN_SECONDS)
        while "ended_at" not in item and self._clock() < last:
            self._sleep(_POLL_SECONDS)
            item = self._table.get(key) or item
        return item

    def _ended(self, known: LoginState, item: Fields) -> Ended:
        if "ended_at" not in item:
            raise StateRefused("unfinished", known)
        if item["ended_at"] + REPEAT_SECONDS <= self._clock():
            raise StateRefused("used", known)
        return Ended(known, item["member_id"], item["failure"])

    def issue_ticket(self, member_id: str) -> str:
        """Return a ticket that hands the member over to the merchant's app."""
        ticket = new_secret()
        self._put(_key("ticket", ticket), TICKET_SECONDS, {"member_id": member_id})
        return ticket

    def redeem(self, ticket: str) -> str:
        """Consume the ticket and return its member id, to exactly one caller. Raise TicketRefused."""
        won, item = self._use(_key("ticket", ticket), {}, {}, new_secret())
        if not won:
            raise TicketRefused
        member_id: str = item["member_id"]
        return member_id

    def _put(self, key: Fields, seconds: int, fields: Fields) -> None:
        self._table.put({**key, **fields, "expires_at": int(self._clock()) + seconds})

    def _use(self, key: Fields, demanded: Fields, marks: Fields, attempt: str) -> tuple[bool, Fields]:
        """Mark the item used if it is unused, fresh and has what is demanded; return (this call did, the item)."""
        marks = {**marks, "used_by": attempt}
        conditions = [f"{name} = :{name}" for name in demanded]
        _, item = self._table.update_if(
            key,
            "SET " + ", ".join(f"{name} = :{name}" for name in marks),
            " AND ".join(["attribute_not_exists(used_by)", "expires_at > :now", *conditions]),
            now=self._clock(),
            **marks,
            **demanded,
        )
        # boto3 repeats a call whose reply was lost: the mark that is then found is this very call's
        return item.get("used_by") == attempt, item


@dataclass(frozen=True)
class Session:
    """A session just opened; its token is nowhere else."""

    token: str
    expires_in: int


class Sessions:
    """Members' sessions in the merchant's app."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str, *, runtime: Runtime = SYSTEM) -> None:
        self._table, self._clock = Table(dynamodb, table), runtime.clock

    def member_id(self, session_token: str) -> str | None:
        """Return whose session this is; None for a token that is malformed, unknown, ended or past its week."""
        if not is_secret(session_token):
            return None
        # consistent: the session may be a moment old, or have been ended a moment ago
        item = self._table.get(_key("session", session_token))
        return item["member_id"] if item and item["expires_at"] > self._clock() else None

    def open(self, member_id: str) -> Session:
        """Open a session of the member."""
        token = new_secret()
        key, expires_at = _key("session", token), int(self._clock()) + SESSION_SECONDS
        # listed first: a session that exists can always be ended
        listed = self._list(member_id, f"{expires_at} {key['login_key']}", expires_at)
        self._table.put({**key, "member_id": member_id, "expires_at": expires_at})
        self._end(member_id, self._surplus(listed))
        return Session(token, SESSION_SECONDS)

    def end_all(self, member_id: str) -> None:
        """End every session of the member; safe to repeat."""
        item = self._table.get(_list_key(member_id)) or {}
        self._end(member_id, sorted(item.get("open", ())))

    def _list(self, member_id: str, entry: str, expires_at: int) -> list[str]:
        change = "ADD #open :entry SET expires_at = :expires_at"
        return sorted(self._table.update(_list_key(member_id), change, entry={entry}, expires_at=expires_at)["open"])

    def _surplus(self, listed: list[str]) -> list[str]:
        expired = [entry for entry in listed if int(entry.split()[0]) <= self._clock()]
        return sorted({*expired, *listed[:-_SESSIONS_PER_MEMBER]})

    def _end(self, member_id: str, entries: Sequence[str]) -> None:
        for entry in entries:
            self._table.delete({"login_key": entry.split()[1]})
        if entries:
            self._table.update(_list_key(member_id), "DELETE #open :ended", ended=set(entries))


def _key(kind: str, secret: str) -> Fields:
    return {"login_key": f"{kind}#{_hash(secret)}"}


def _list_key(member_id: str) -> Fields:
    return {"login_key": f"sessions#{member_id}"}


def _bound(flow: Flow, binding: str) -> str:
    # the flow is part of it: a mini program's login cannot be finished by a browser, nor the other way round
    return _hash(f"{flow}\n{binding}")


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()

"""What a login leaves in the logins table: a state, a ticket, a session, each under the hash of its secret only.

The state lives ten minutes between /oauth/login and /oauth/callback and is used once; the ticket lives a minute between
the callback and /oauth/session and is used once; the session lives a week. DynamoDB deletes expired items up to days
late, so every read compares `expires_at` itself.
"""

import hashlib
import re
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

STATE_SECONDS = 600
TICKET_SECONDS = 60
SESSION_SECONDS = 7 * 86400
# A member's open sessions; the oldest ends when one more begins, so the list of them stays a small item.
_SESSIONS_PER_MEMBER = 50

Flow = Literal["h5", "mini_program"]
Item = dict[str, Any]

# secrets.token_urlsafe(32): 256 bits
_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True)
class State:
    """What was agreed when the login began; `return_to` is empty where the caller needs no redirect."""

    flow: Flow
    return_to: str


class StateRefused(Exception):
    """The state cannot be used; `state` is the login it belonged to, if that is still known."""

    def __init__(self, reason: Literal["unknown", "expired", "used", "foreign"], state: State | None = None) -> None:
        super().__init__(reason)
        self.reason, self.state = reason, state


class TicketRefused(Exception):
    """The ticket is unknown, expired or used."""


def new_secret() -> str:
    """256 random bits in 43 characters that need no escaping anywhere."""
    return secrets.token_urlsafe(32)


def is_secret(text: str) -> bool:
    """Whether `text` has the form of `new_secret`; what has not, need not be looked up."""
    return _SECRET.fullmatch(text) is not None


class Logins:
    """States and tickets."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str, *, clock: Callable[[], float] = time.time) -> None:
        self._dynamodb, self._table, self._clock = dynamodb, table, clock

    def begin(self, flow: Flow, return_to: str, *, binding: str) -> str:
        """A new state; only the bearer of `binding` (the browser's cookie, the mini program's header) can use it."""
        state = new_secret()
        agreed = {"flow": {"S": flow}, "return_to": {"S": return_to}, "bound_to": {"S": _bound(flow, binding)}}
        self._put(_key("state", state), STATE_SECONDS, agreed)
        return state

    def use_state(self, state: str, *, flow: Flow, binding: str) -> State:
        """Consumes the state: of any number of callers at once exactly one gets it. Raises StateRefused."""
        won, item = self._use(_key("state", state), {"bound_to": {"S": _bound(flow, binding)}})
        if item is None:
            raise StateRefused("unknown")
        known = State(item["flow"]["S"], item["return_to"]["S"])
        if item["bound_to"]["S"] != _bound(flow, binding):
            raise StateRefused("foreign", known)
        if not won:
            raise StateRefused("used" if "used_by" in item else "expired", known)
        return known

    def issue_ticket(self, member_id: str) -> str:
        """A ticket that hands the member over to the merchant's app."""
        ticket = new_secret()
        self._put(_key("ticket", ticket), TICKET_SECONDS, {"member_id": {"S": member_id}})
        return ticket

    def redeem(self, ticket: str) -> str:
        """Consumes the ticket and returns its member id, to exactly one caller. Raises TicketRefused."""
        won, item = self._use(_key("ticket", ticket), {})
        if item is None or not won:
            raise TicketRefused
        member_id: str = item["member_id"]["S"]
        return member_id

    def _put(self, key: Item, seconds: int, fields: Item) -> None:
        expires_at = {"N": str(int(self._clock()) + seconds)}
        self._dynamodb.put_item(TableName=self._table, Item=key | fields | {"expires_at": expires_at})

    def _use(self, key: Item, demanded: Item) -> tuple[bool, Item | None]:
        """Marks the item used if nobody has, it is fresh and has what is demanded: (this call did, the item)."""
        attempt = {"S": new_secret()}
        conditions = [f"{name} = :{name}" for name in demanded]
        try:
            reply = self._dynamodb.update_item(
                TableName=self._table,
                Key=key,
                UpdateExpression="SET used_by = :attempt",
                ConditionExpression=" AND ".join(["attribute_not_exists(used_by)", "expires_at > :now", *conditions]),
                ExpressionAttributeValues={":attempt": attempt, ":now": {"N": str(self._clock())}}
                | {f":{name}": value for name, value in demanded.items()},
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException as failed:
            # boto3 repeats a call whose reply was lost: then the mark found is this very call's
            found: Item | None = failed.response.get("Item")  # type: ignore[assignment]
            return bool(found and found.get("used_by") == attempt), found
        return True, dict(reply["Attributes"])


@dataclass(frozen=True)
class Session:
    """A session just opened; its token is nowhere else."""

    token: str
    expires_in: int


class Sessions:
    """Members' sessions in the merchant's app."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str, *, clock: Callable[[], float] = time.time) -> None:
        self._dynamodb, self._table, self._clock = dynamodb, table, clock

    def member_id(self, session_token: str) -> str | None:
        """Whose session this is; None for a token that is malformed, unknown, ended or past its week."""
        if not is_secret(session_token):
            return None
        # consistent: the session may be a moment old, or have been ended a moment ago
        key = _key("session", session_token)
        item = self._dynamodb.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item")
        return item["member_id"]["S"] if item and float(item["expires_at"]["N"]) > self._clock() else None

    def open(self, member_id: str) -> Session:
        """A new session of the member."""
        token = new_secret()
        key, expires_at = _key("session", token), int(self._clock()) + SESSION_SECONDS
        # listed first: a session that exists can always be ended
        listed = self._list(member_id, f"{expires_at} {key['login_key']['S']}", expires_at)
        fields = {"member_id": {"S": member_id}, "expires_at": {"N": str(expires_at)}}
        self._dynamodb.put_item(TableName=self._table, Item=key | fields)
        self._end(member_id, self._surplus(listed))
        return Session(token, SESSION_SECONDS)

    def end_all(self, member_id: str) -> None:
        """Ends every session of the member; safe to repeat."""
        key = _list_key(member_id)
        item = self._dynamodb.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item", {})
        self._end(member_id, item["open"]["SS"] if "open" in item else [])

    def _list(self, member_id: str, entry: str, expires_at: int) -> list[str]:
        reply = self._dynamodb.update_item(
            TableName=self._table,
            Key=_list_key(member_id),
            UpdateExpression="ADD #open :entry SET expires_at = :expires_at",
            ExpressionAttributeNames={"#open": "open"},
            ExpressionAttributeValues={":entry": {"SS": [entry]}, ":expires_at": {"N": str(expires_at)}},
            ReturnValues="ALL_NEW",
        )
        return sorted(reply["Attributes"]["open"]["SS"])

    def _surplus(self, listed: list[str]) -> list[str]:
        expired = [entry for entry in listed if int(entry.split()[0]) <= self._clock()]
        return sorted({*expired, *listed[:-_SESSIONS_PER_MEMBER]})

    def _end(self, member_id: str, entries: Sequence[str]) -> None:
        for entry in entries:
            self._dynamodb.delete_item(TableName=self._table, Key={"login_key": {"S": entry.split()[1]}})
        if entries:
            self._dynamodb.update_item(
                TableName=self._table,
                Key=_list_key(member_id),
                UpdateExpression="DELETE #open :ended",
                ExpressionAttributeNames={"#open": "open"},
                ExpressionAttributeValues={":ended": {"SS": entries}},
            )


def _key(kind: str, secret: str) -> Item:
    return {"login_key": {"S": f"{kind}#{_hash(secret)}"}}


def _list_key(member_id: str) -> Item:
    return {"login_key": {"S": f"sessions#{member_id}"}}


def _bound(flow: Flow, binding: str) -> str:
    # the flow is part of it: a mini program's login cannot be finished by a browser, nor the other way round
    return _hash(f"{flow}\n{binding}")


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()

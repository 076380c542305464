"""The errors of a call of the platform, each named by the fact.

An error tells which call, which code, the platform's request id and what to do. It never shows the platform's message,
a parameter or a body: those may carry tokens and personal data, and errors end in log lines.
"""

from typing import ClassVar, TypedDict, Unpack


class Facts(TypedDict, total=False):
    """The facts that any error may know besides the call's name; see PlatformError."""

    code: int | str | None
    msg: str
    request_id: str | None
    status: int | None


class PlatformError(Exception):
    """A call of the platform that did not end in its data.

    `name` is the call ("orders.create"), `code` the platform's number if it sent one, `status` the HTTP status,
    `request_id` what to give the platform's support (ours if theirs is unknown). `msg` is the platform's text for
    people at a screen: keep it out of logs. `retryable` says that the same call may succeed a little later, `held_back`
    that our own limit or circuit kept it from leaving.
    """

    retryable: ClassVar[bool] = False
    held_back: ClassVar[bool] = False
    hint: ClassVar[str] = "look the code up in the platform's documentation and add it to the profile's [codes]"

    def __init__(self, name: str, **facts: Unpack[Facts]) -> None:
        super().__init__()
        self.name, self.msg = name, facts.get("msg", "")
        self.code, self.status, self.request_id = facts.get("code"), facts.get("status"), facts.get("request_id")

    def __str__(self) -> str:
        facts = [f"code {self.code}"] if self.code is not None else []
        facts += [f"HTTP {self.status}"] if self.status is not None else []
        facts += [f"request id {self.request_id}"] if self.request_id else []
        return f"{self.name}: {self._fact()} ({', '.join(facts) or 'no reply'}); {self.hint}"

    def __repr__(self) -> str:
        return f"<{self}>"

    def _fact(self) -> str:
        return type(self).__name__


class BadParameters(PlatformError):
    """The platform (or this client, before sending) refused a parameter."""

    hint = "compare the call's parameters with the platform's documentation"


class SignatureRefused(PlatformError):
    """The platform computed another signature."""

    hint = "check the app secret and the profile's [signing]; `jiuwu verify --explain` shows the first difference"


class ClockSkew(PlatformError):
    """Our timestamp was outside the platform's window; `server_time` is its clock in epoch seconds, if it said."""

    hint = "set this machine's clock; if it is right, `jiuwu doctor` checks the unit of time"

    def __init__(self, name: str, *, server_time: int | None = None, **facts: Unpack[Facts]) -> None:
        super().__init__(name, **facts)
        self.server_time = server_time


class NonceReused(PlatformError):
    """The platform has seen this nonce: something between us repeated the request."""

    retryable = True
    hint = "try again; if it keeps happening, look for a proxy that repeats requests"


class TokenInvalid(PlatformError):
    """The member's access token is not, or no longer, known to the platform."""

    hint = "the member has to log in again"


class TokenExpired(PlatformError):
    """The member's access token is past its time and renewing it once did not help."""

    hint = "renew the member's token"


class ScopeMissing(PlatformError):
    """The member, or the platform for this app, has not granted what the call needs."""

    hint = "ask for the scope in the profile's [oauth] scopes, and at the platform for this app"


class RateLimited(PlatformError):
    """Too many calls; `retry_after` is how many seconds to wait, if the platform said."""

    retryable = True
    hint = "try again in a moment"

    def __init__(self, name: str, *, retry_after: float | None = None, **facts: Unpack[Facts]) -> None:
        super().__init__(name, **facts)
        self.retry_after = retry_after


class OwnLimitReached(RateLimited):
    """Held back here, by the limit that the profile sets for all instances: no turn came in time; nothing was sent."""

    held_back = True
    hint = "try again in a moment; the limit is the profile's [limits]"


class CircuitOpen(PlatformError):
    """Held back here: too many calls failed, or an operator said so. Nothing was sent; `retry_after` is in seconds."""

    retryable = True
    held_back = True
    hint = "`jiuwu circuit show` tells why, and until when"

    def __init__(self, name: str, *, retry_after: float, **facts: Unpack[Facts]) -> None:
        super().__init__(name, **facts)
        self.retry_after = retry_after


class KeyUnavailable(PlatformError):
    """Held back here: a key of ours cannot be had. Nothing was sent; `problem` says why, and never shows the key."""

    retryable = True
    held_back = True
    hint = "try again in a moment"

    def __init__(self, name: str, *, problem: str, **facts: Unpack[Facts]) -> None:
        super().__init__(name, **facts)
        self.problem = problem

    def _fact(self) -> str:
        return f"{type(self).__name__}, {self.problem}"


class AppSecretUnavailable(KeyUnavailable):
    """There is no app secret to sign with."""

    hint = "mend the secret; see the runbook's SecretReadFailures"


class TokenKeyUnavailable(KeyUnavailable):
    """KMS, whose key seals members' tokens, does not answer."""

    hint = "try again; see the runbook's TokenKeyFailures"


class OrderUnknown(PlatformError):
    """The platform has no such order."""

    hint = "check the order number; the order may never have reached the platform"


class OrderConflict(PlatformError):
    """The platform has an order of this number with other content."""

    hint = "look the order up; a number is never used for two orders"


class TransitionRefused(PlatformError):
    """The order's state at the platform does not allow this step."""

    hint = "look the order up and reconcile it"


class ContentRefused(PlatformError):
    """The platform's review refused the content."""

    hint = "change the content"


class ProductUnknown(PlatformError):
    """The platform has no such product."""

    hint = "push the product; it may never have reached the platform, or was removed there"


class ProductRefused(PlatformError):
    """The platform does not take a product as it is; `reason` is its word for what it did not like, or ""."""

    hint = "change the product; `jiuwu products list` shows why it was refused"

    def __init__(self, name: str, *, reason: str = "", **facts: Unpack[Facts]) -> None:
        super().__init__(name, **facts)
        self.reason = reason

    def _fact(self) -> str:
        return f"ProductRefused, {self.reason}" if self.reason else "ProductRefused"


class PlatformInternal(PlatformError):
    """The platform, or a gateway before it, failed; the call changed nothing, for it was a read."""

    retryable = True
    hint = "try again later; give the platform's support the request id"


class PlatformBusy(PlatformError):
    """The platform itself turned the call away for load; nothing was done."""

    retryable = True
    hint = "try again later"


class PlatformUnreachable(PlatformError):
    """No answer, and certainly nothing was done: there was no connection, or the call was a read."""

    retryable = True
    hint = "check PLATFORM_URL and the network, then try again"


class UnknownOutcome(PlatformError):
    """A write may have been done or not: it was sent, and no reply came that says which; `reason` is what came."""

    hint = "look at the platform before trying again"

    def __init__(self, name: str, *, reason: str, **facts: Unpack[Facts]) -> None:
        super().__init__(name, **facts)
        self.reason = reason

    @property
    def answered(self) -> bool:
        """Return whether the write was answered with success, in words that we do not understand."""
        return self.code is None and self.status is not None and 200 <= self.status < 300

    def _fact(self) -> str:
        return f"UnknownOutcome, {self.reason}"


class BadReply(PlatformError):
    """The reply is not what the profile describes; `field` and `problem` say where, never with a value."""

    hint = "compare the reply with the profile's [reply] and [fields]"

    def __init__(self, name: str, *, field: str, problem: str, **facts: Unpack[Facts]) -> None:
        super().__init__(name, **facts)
        self.field, self.problem = field, problem

    def _fact(self) -> str:
        return f"BadReply, {self.field}: {self.problem}"


class InvalidGrant(PlatformError):
    """The token endpoint refused the code or the refresh token (RFC 6749, 5.2 invalid_grant)."""

    hint = "read the member's record again; if it has not changed, the member has to log in again"


class InvalidClient(PlatformError):
    """The token endpoint does not accept this app's id and secret (RFC 6749, 5.2 invalid_client)."""

    hint = "check the AppID and the app secret"


class MalformedPayload(Exception):
    """A payload's field is missing or wrong; says which and why, never the value."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(field, problem)
        self.field, self.problem = field, problem

    def __str__(self) -> str:
        return f"{self.field}: {self.problem}"

"""Check the clock, the signature and the token endpoint of the platform. The checks change nothing there."""

import time
from collections.abc import Callable

import httpx
import msgspec

from jiuwu.platform.calls.client import PlatformClient
from jiuwu.platform.calls.oauth import OAuthClient
from jiuwu.platform.errors import (
    BadParameters,
    BadReply,
    ClockSkew,
    InvalidClient,
    InvalidGrant,
    OrderUnknown,
    PlatformError,
    ScopeMissing,
    SignatureRefused,
)
from jiuwu.platform.profile import lookup
from jiuwu.platform.profile.contract import Profile
from jiuwu_cli.doctor.findings import Finding, failed, ok

# No order has this number; the answer shows whether the call was accepted.
_UNKNOWN_ORDER = "jiuwu-doctor"
_SAME_UNIT = 0.99  # a clock that is off by less than 1 % of the epoch counts in the same unit
_PER_SECOND = {"seconds": 1, "milliseconds": 1000}


class Account(msgspec.Struct, frozen=True):
    """The app and its secret at one gateway."""

    base_url: str
    app_id: str
    current: str

    def __repr__(self) -> str:
        return f"Account({self.app_id})"


def clock(profile: Profile, account: Account, http: httpx.Client, *, now: Callable[[], float] = time.time) -> Finding:
    """Compare our clock with the platform's; a difference above a fifth of its replay window fails."""
    if (unit := _other_unit(profile, account, http, now)) is not None:
        return unit
    skew = _skew(profile, account, http, now)
    if skew is None:
        return failed("clock", "the platform does not report its time", "compare this machine's clock with another one")
    direction = "ahead" if skew > 0 else "behind"
    window = profile.signing.tolerance_seconds
    if abs(skew) > window / 5:
        found = f"our clock is {abs(skew):.0f} s {direction}; the platform allows {window} s"
        return failed("clock", found, "set this machine's clock (turn on NTP)")
    return ok("clock", f"right to {abs(skew):.0f} s; the platform allows {window} s")


def _other_unit(profile: Profile, account: Account, http: httpx.Client, now: Callable[[], float]) -> Finding | None:
    """Return a failure if the platform reports its time in another unit than the profile signs; otherwise None."""
    written = profile.signing.timestamp_format
    if written not in _PER_SECOND:
        return None
    try:
        reported = lookup(_client(profile, account, http).call("time"), profile.reply.server_time)
        factor = float(reported) / (now() * _PER_SECOND[written])
    except (PlatformError, TypeError, ValueError):
        return None
    if not any(_SAME_UNIT < factor / times < 1 / _SAME_UNIT for times in (1000, 0.001)):
        return None
    unit = "milliseconds" if written == "seconds" else "seconds"
    found = f"the platform reports its time in another unit (factor 1000): the profile signs in {written}"
    return failed(
        "clock", found, f'set signing.timestamp_format = "{unit}" in the profile, if its documentation agrees'
    )


def _skew(profile: Profile, account: Account, http: httpx.Client, now: Callable[[], float]) -> float | None:
    """Return by how many seconds our clock is ahead, from the time call or a Date header; None if unknown."""
    client = _client(profile, account, http)
    try:
        return now() - client.time()
    except ClockSkew as error:
        return None if error.server_time is None else now() - error.server_time
    except PlatformError:
        return _skew_by_header(account, http, now)


def _skew_by_header(account: Account, http: httpx.Client, now: Callable[[], float]) -> float | None:
    from email.utils import parsedate_to_datetime

    try:
        return now() - parsedate_to_datetime(http.head(account.base_url).headers["date"]).timestamp()
    except (httpx.HTTPError, KeyError, ValueError):
        return None


def signature(profile: Profile, account: Account, http: httpx.Client) -> Finding:
    """Check that the gateway accepts our signature."""
    try:
        _client(profile, account, http).query_orders([_UNKNOWN_ORDER])
    except (OrderUnknown, ScopeMissing):
        pass  # the platform processed the call, so the signature was accepted
    except SignatureRefused as error:
        hint = "check AppID and app secret; `jiuwu verify --explain` compares canonical strings"
        return failed("signature", _describe(error, "the platform computes a different signature"), hint)
    except BadParameters as error:
        hint = "check --app-id and the path of --url, then the profile's [call] and [api]"
        return failed("signature", _describe(error, "a parameter was refused"), hint)
    except ClockSkew as error:
        return failed("signature", _describe(error, "the timestamp was refused"), _timestamp_hint(profile, error))
    except BadReply as error:
        hint = "check that --url is the gateway with its base path, then compare the profile's [reply]"
        found = f"not a reply of this platform ({error.field}: {error.problem})"
        return failed("signature", found, hint, is_stranger=True)
    except PlatformError as error:
        return failed("signature", _describe(error, type(error).__name__), error.hint)
    return ok("signature", "a signed call passed")


def _timestamp_hint(profile: Profile, error: ClockSkew) -> str:
    """Return the hint for a refused timestamp: the clock, or the format if both clocks agree."""
    if error.server_time is None or abs(error.server_time - time.time()) > profile.signing.tolerance_seconds:
        return "set this machine's clock (turn on NTP)"
    return (
        f"the clocks agree, so the unit (factor 1000) or the format is wrong: the profile signs in "
        f"{profile.signing.timestamp_format}; compare signing.timestamp_format with the platform's documentation"
    )


def token_endpoint(profile: Profile, account: Account, http: httpx.Client) -> Finding:
    """Check that an invalid authorization code is refused as RFC 6749 requires."""
    oauth = OAuthClient(profile, base_url=account.base_url, app_id=account.app_id, secrets=lambda: account, http=http)
    try:
        oauth.exchange(_UNKNOWN_ORDER, "v" * 43, "https://example.invalid/oauth/callback")
    except InvalidGrant:
        return ok("token endpoint", "refuses an invalid code with invalid_grant, as it must")
    except InvalidClient as error:
        return failed("token endpoint", _describe(error, "it does not know this app"), "check AppID and app secret")
    except PlatformError as error:
        hint = "check the profile's [oauth] token_path; the endpoint must answer as RFC 6749 requires"
        return failed("token endpoint", _describe(error, f"{type(error).__name__} instead of invalid_grant"), hint)
    return failed("token endpoint", "issued tokens for an invalid code", "this is not the platform; check --url")


def _client(profile: Profile, account: Account, http: httpx.Client) -> PlatformClient:
    return PlatformClient(profile, base_url=account.base_url, app_id=account.app_id, secrets=lambda: account, http=http)


def _describe(error: PlatformError, fact: str) -> str:
    """Return the fact with the platform's code, status and message. It goes to the terminal, never to a log."""
    details = [f"code {error.code}"] if error.code is not None else []
    details += [f"HTTP {error.status}"] if error.status not in (None, 200) else []
    details += [f'"{error.msg}"'] if error.msg else []
    return f"{fact} ({', '.join(details)})" if details else fact

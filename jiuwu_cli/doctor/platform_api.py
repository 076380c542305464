"""Checks of the platform: the clock, the signature, the token endpoint. Reads only; nothing is changed there."""

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

# An order that nobody has: the answer shows that the call was understood.
_NOBODYS = "jiuwu-doctor"
_ALIKE = 0.99  # no clock is wrong by half a year
_PER_SECOND = {"seconds": 1, "milliseconds": 1000}


class Account(msgspec.Struct, frozen=True):
    """Who calls: the app and its secret at one gateway."""

    base_url: str
    app_id: str
    current: str

    def __repr__(self) -> str:
        return f"Account({self.app_id})"


def clock(profile: Profile, account: Account, http: httpx.Client, *, now: Callable[[], float] = time.time) -> Finding:
    """Our clock against the platform's; a fifth of its window is left to each side's drift."""
    if (unit := _other_unit(profile, account, http, now)) is not None:
        return unit
    skew = _skew(profile, account, http, now)
    if skew is None:
        return failed("clock", "the platform does not tell its time", "compare this machine's clock with another's")
    direction = "ahead" if skew > 0 else "behind"
    window = profile.signing.tolerance_seconds
    if abs(skew) > window / 5:
        found = f"our clock is {abs(skew):.0f} s {direction}; the platform allows {window} s"
        return failed("clock", found, "set this machine's clock (turn on NTP)")
    return ok("clock", f"right to {abs(skew):.0f} s; the platform allows {window} s")


def _other_unit(profile: Profile, account: Account, http: httpx.Client, now: Callable[[], float]) -> Finding | None:
    """Return the finding for a platform that counts time in another unit than the profile signs in; None where it does
    not."""
    written = profile.signing.timestamp_format
    if written not in _PER_SECOND:
        return None
    try:
        told = lookup(_client(profile, account, http).call("time"), profile.reply.server_time)
        factor = float(told) / (now() * _PER_SECOND[written])
    except (PlatformError, TypeError, ValueError):
        return None
    if not any(_ALIKE < factor / times < 1 / _ALIKE for times in (1000, 0.001)):
        return None
    unit = "milliseconds" if written == "seconds" else "seconds"
    found = f"the platform tells its time in another unit (factor 1000): the profile signs in {written}"
    return failed(
        "clock", found, f'set signing.timestamp_format = "{unit}" in the profile, if its documentation agrees'
    )


def _skew(profile: Profile, account: Account, http: httpx.Client, now: Callable[[], float]) -> float | None:
    """Seconds by which we are ahead, by the time call or by the Date header of any reply."""
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
    """Whether the gateway takes what we sign."""
    try:
        _client(profile, account, http).query_orders([_NOBODYS])
    except (OrderUnknown, ScopeMissing):
        pass  # said about the matter, so the signature had passed
    except SignatureRefused as error:
        cure = "check AppID and app secret; `jiuwu verify --explain` compares canonical strings"
        return failed("signature", _said(error, "the platform computes another one"), cure)
    except BadParameters as error:
        cure = "check --app-id and the path of --url, then the profile's [call] and [api]"
        return failed("signature", _said(error, "a parameter was refused"), cure)
    except ClockSkew as error:
        return failed("signature", _said(error, "the timestamp was refused"), _cure_of_time(profile, error))
    except BadReply as error:
        cure = "is --url the gateway's, with its base path? else compare the profile's [reply]"
        found = f"not a reply of this platform ({error.field}: {error.problem})"
        return failed("signature", found, cure, stranger=True)
    except PlatformError as error:
        return failed("signature", _said(error, type(error).__name__), error.cure)
    return ok("signature", "a signed call passed")


def _cure_of_time(profile: Profile, error: ClockSkew) -> str:
    """Return the cure of a refused time. Where both clocks agree, the platform does not take how the time is
    written."""
    if error.server_time is None or abs(error.server_time - time.time()) > profile.signing.tolerance_seconds:
        return "set this machine's clock (turn on NTP)"
    return (
        f"the clocks agree, so it is the unit (factor 1000) or the form: the profile signs in "
        f"{profile.signing.timestamp_format}; compare signing.timestamp_format with the platform's documentation"
    )


def token_endpoint(profile: Profile, account: Account, http: httpx.Client) -> Finding:
    """A code that nobody issued must be refused as RFC 6749 says."""
    oauth = OAuthClient(profile, base_url=account.base_url, app_id=account.app_id, secrets=lambda: account, http=http)
    try:
        oauth.exchange(_NOBODYS, "v" * 43, "https://example.invalid/oauth/callback")
    except InvalidGrant:
        return ok("token endpoint", "refuses a made-up code with invalid_grant, as it must")
    except InvalidClient as error:
        return failed("token endpoint", _said(error, "it does not know this app"), "check AppID and app secret")
    except PlatformError as error:
        cure = "check the profile's [oauth] token_path; the endpoint must answer as RFC 6749 says"
        return failed("token endpoint", _said(error, f"no invalid_grant but {type(error).__name__}"), cure)
    return failed("token endpoint", "gave tokens for a made-up code", "this is not the platform; check --url")


def _client(profile: Profile, account: Account, http: httpx.Client) -> PlatformClient:
    return PlatformClient(profile, base_url=account.base_url, app_id=account.app_id, secrets=lambda: account, http=http)


def _said(error: PlatformError, fact: str) -> str:
    """The fact, and what the platform said of it; this goes to a screen, not to a log."""
    told = [f"code {error.code}"] if error.code is not None else []
    told += [f"HTTP {error.status}"] if error.status not in (None, 200) else []
    told += [f'"{error.msg}"'] if error.msg else []
    return f"{fact} ({', '.join(told)})" if told else fact

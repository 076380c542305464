"""Checks of the platform: the clock, the signature, the token endpoint. Reads only; nothing is changed there."""

import time
from collections.abc import Callable

import httpx
import msgspec

from jiuwu.platform.client import PlatformClient
from jiuwu.platform.contract import Profile
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
from jiuwu.platform.oauth import OAuthClient
from jiuwu_cli.checks import Finding, failed, ok

# An order that nobody has: the answer shows that the call was understood.
_NOBODYS = "jiuwu-doctor"


class Account(msgspec.Struct, frozen=True):
    """Who calls: the app and its secret at one gateway."""

    base_url: str
    app_id: str
    current: str

    def __repr__(self) -> str:
        return f"Account({self.app_id})"


def clock(profile: Profile, account: Account, http: httpx.Client, *, now: Callable[[], float] = time.time) -> Finding:
    """Our clock against the platform's; a fifth of its window is left to each side's drift."""
    skew = _skew(profile, account, http, now)
    if skew is None:
        return failed("clock", "the platform does not tell its time", "compare this machine's clock with another's")
    direction = "ahead" if skew > 0 else "behind"
    window = profile.signing.tolerance_seconds
    if abs(skew) > window / 5:
        found = f"our clock is {abs(skew):.0f} s {direction}; the platform allows {window} s"
        return failed("clock", found, "set this machine's clock (turn on NTP)")
    return ok("clock", f"right to {abs(skew):.0f} s; the platform allows {window} s")


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
        return failed("signature", _said(error, "the timestamp was refused"), "set this machine's clock (turn on NTP)")
    except BadReply as error:
        cure = "is --url the gateway's, with its base path? else compare the profile's [reply]"
        found = f"not a reply of this platform ({error.field}: {error.problem})"
        return failed("signature", found, cure, stranger=True)
    except PlatformError as error:
        return failed("signature", _said(error, type(error).__name__), error.cure)
    return ok("signature", "a signed call passed")


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

"""The reply envelope: its data, or the error that its code names. Sans I/O."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

from msgspec.structs import astuple

from jiuwu.platform import errors
from jiuwu.platform.decoding import as_number, as_word
from jiuwu.platform.errors import Facts, MalformedPayload, PlatformError
from jiuwu.platform.payloads import decode_json
from jiuwu.platform.profile import lookup
from jiuwu.platform.profile.contract import Code, Profile
from jiuwu.platform.times import read_time

from .transport import HttpReply

_MEANINGS: dict[str | None, type[PlatformError]] = {
    None: PlatformError,
    "bad_parameters": errors.BadParameters,
    "bad_signature": errors.SignatureRefused,
    "nonce_reused": errors.NonceReused,
    "token_invalid": errors.TokenInvalid,
    "token_expired": errors.TokenExpired,
    "scope_missing": errors.ScopeMissing,
    "order_unknown": errors.OrderUnknown,
    "order_conflict": errors.OrderConflict,
    "transition_refused": errors.TransitionRefused,
    "content_refused": errors.ContentRefused,
    "product_unknown": errors.ProductUnknown,
    "internal": errors.PlatformInternal,
    "busy": errors.PlatformBusy,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A call as it is known when its reply comes: our name for it, our nonce, our clock, and the secrets to mask."""

    name: str
    nonce: str
    now: float
    confidential: tuple[str, ...] = field(default=(), repr=False)


def open_envelope(profile: Profile, sent: Sent, reply: HttpReply) -> Any:  # noqa: ANN401 -- JSON
    """Return the data of a reply; raise the error that its code means, or BadReply for no reply of this platform."""
    try:
        envelope = object_of(reply)
        code = _code(profile, envelope)
        if code in profile.reply.success:
            return _data(profile, reply, envelope)
    except MalformedPayload as problem:
        raise malformed(profile, sent, reply, problem) from None
    raise _refusal(profile, sent, reply, code, lookup(envelope, profile.reply.data))


def malformed(profile: Profile, sent: Sent, reply: HttpReply, problem: MalformedPayload) -> PlatformError:
    """Return the error of a reply that is not what the profile describes.

    Where its HTTP status tells what happened (a gateway in between answered), that is the error, else BadReply.
    """
    facts = known(profile, sent, reply)
    if reply.status == 429:
        return errors.RateLimited(sent.name, retry_after=_retry_after(None, reply, sent.now), **facts)
    if reply.status >= 500:
        return errors.PlatformInternal(sent.name, **facts)
    return errors.BadReply(sent.name, field=problem.field, problem=problem.problem, **facts)


def known(profile: Profile, sent: Sent, reply: HttpReply) -> Facts:
    """Return a reply's HTTP status, message and request id: the envelope's, else X-Request-Id, else our nonce.

    Text of theirs that holds something confidential is left out, and so is an id that could break a log line.
    """
    try:
        envelope: Mapping[str, Any] = object_of(reply)
    except MalformedPayload:
        envelope = {}
    theirs = as_word(lookup(envelope, profile.reply.request_id))
    ids = (theirs, reply.headers.get("x-request-id"), sent.nonce)
    clean = (text for text in ids if _clean(text, sent) and re.fullmatch(r"[\w.:-]{1,128}", text, re.ASCII))
    msg = lookup(envelope, profile.reply.msg)
    return {"status": reply.status, "request_id": next(clean, None), "msg": msg[:200] if _clean(msg, sent) else ""}


def _refusal(profile: Profile, sent: Sent, reply: HttpReply, code: Code, data: object) -> PlatformError:
    facts: Facts = {**known(profile, sent, reply), "code": code}
    meaning = profile.codes.meaning(code) or ("internal" if reply.status >= 500 else None)
    if meaning == "rate_limited" or reply.status == 429:
        wait = _retry_after(lookup(data, profile.reply.retry_after), reply, sent.now)
        return errors.RateLimited(sent.name, retry_after=wait, **facts)
    if meaning == "clock_skew":
        server_time = parse_server_time(profile, lookup(data, profile.reply.server_time))
        return errors.ClockSkew(sent.name, server_time=server_time, **facts)
    if meaning == "product_refused":
        return errors.ProductRefused(sent.name, reason=_word(lookup(data, profile.reply.refusal_reason), sent), **facts)
    return _MEANINGS[meaning](sent.name, **facts)


def object_of(reply: HttpReply) -> Mapping[str, Any]:
    """Return the JSON object that a reply is; raise MalformedPayload."""
    if reply.problem:
        raise MalformedPayload("body", reply.problem)
    if 300 <= reply.status < 400:
        raise MalformedPayload("status", "a redirect, which is not followed")
    found = decode_json(reply.body)
    if not isinstance(found, dict):
        raise MalformedPayload("body", "expected an object")
    return found


def _code(profile: Profile, envelope: Mapping[str, Any]) -> Code:
    code = as_number(lookup(envelope, profile.reply.code))
    # true is not 1, and text is a code only where the profile has such codes
    if type(code) is int or (isinstance(code, str) and _speaks_text(profile) and re.fullmatch(r"[\w.-]{1,64}", code)):
        return code
    raise MalformedPayload(profile.reply.code, "missing" if code is None else "not a code as the profile has them")


def _speaks_text(profile: Profile) -> bool:
    listed = (profile.reply.success, *astuple(profile.codes))
    return any(isinstance(code, str) for codes in listed for code in codes)


def _data(profile: Profile, reply: HttpReply, envelope: Mapping[str, Any]) -> object:
    if not 200 <= reply.status < 300:
        raise MalformedPayload(profile.reply.code, "says success while the HTTP status does not")
    data = lookup(envelope, profile.reply.data)
    if data is None:
        raise MalformedPayload(profile.reply.data, "missing")
    return data


def parse_server_time(profile: Profile, found: object) -> int | None:
    """Return the platform's clock in Unix seconds; None when it is no time."""
    try:
        return read_time(profile.signing, found)
    except ValueError:
        return None


def _retry_after(found: object, reply: HttpReply, now: float) -> float | None:
    header = reply.headers.get("retry-after", "")
    waits = (_seconds(found), _seconds(header), _until(header, now))
    return next((wait for wait in waits if wait is not None), None)


def _word(found: object, sent: Sent) -> str:
    """Return a word for machines, which may stand in a log line; "" for anything else."""
    return found if isinstance(found, str) and _clean(found, sent) and re.fullmatch(r"[a-z0-9_.-]{1,64}", found) else ""


def _seconds(found: object) -> float | None:
    if isinstance(found, str) and found.isascii() and found.isdigit() and len(found) <= 9:
        return float(found)
    if isinstance(found, int | float) and not isinstance(found, bool) and 0 <= found < 10**9:
        return float(found)
    return None


def _until(header: str, now: float) -> float | None:
    try:
        date = parsedate_to_datetime(header)
    except (ValueError, OverflowError):
        return None
    return max(0.0, (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now)


def _clean(text: object, sent: Sent) -> bool:
    return isinstance(text, str) and not any(secret in text for secret in sent.confidential if secret)

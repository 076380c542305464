"""Signatures of calls and notifications: the scheme is data, signing and verifying share one canonical string.

Sans I/O: text in, text or one exception out. The clock and the secrets are arguments.
"""

import hashlib
import hmac
from binascii import b2a_base64
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Literal
from urllib.parse import quote

import msgspec

Algorithm = Literal["md5", "sha1", "sha256", "hmac-md5", "hmac-sha1", "hmac-sha256", "hmac-sm3"]
SecretPlace = Literal["key", "append", "append_key", "both_ends"]
Output = Literal["hex_lower", "hex_upper", "base64"]

MAX_TOLERANCE_SECONDS = 3600


class BadSignature(Exception):
    """The signature does not fit, whatever the reason; nothing of it may be trusted."""


class SchemeRefused(ValueError):
    """A scheme that cannot sign: `field` of the scheme, what the `problem` is and its `hint`."""

    def __init__(self, field: str, problem: str, hint: str) -> None:
        super().__init__(f"{field}: {problem}; {hint}")
        self.field, self.problem, self.hint = field, problem, hint


class Scheme(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The signature scheme of a platform. The defaults are our contract's; profile/jiuwu.toml explains each field."""

    algorithm: Algorithm = "hmac-sha256"
    secret_place: SecretPlace = "key"  # noqa: S105 -- a place, no secret
    append_name: str = "key"
    pair_joiner: str = "="
    field_joiner: str = "&"
    drop_empty: bool = True
    encoding: Literal["raw", "url"] = "raw"
    excluded: tuple[str, ...] = ("sign",)
    include_path: bool = False
    output: Output = "hex_lower"
    timestamp_format: str = "seconds"
    timestamp_zone_hours: float = 8.0
    tolerance_seconds: int = 300
    body_name: str = "body"

    def __post_init__(self) -> None:
        keyed = self.algorithm.startswith("hmac-")
        if self.secret_place == "key" and not keyed:  # noqa: S105 -- a place, no secret
            hint = "use an hmac- algorithm, or append, append_key or both_ends"
            raise SchemeRefused("secret_place", "a plain digest has no key, so anybody could sign", hint)
        if not 0 < self.tolerance_seconds <= MAX_TOLERANCE_SECONDS:
            problem = f"must be above 0 and at most {MAX_TOLERANCE_SECONDS}, or an old notification could come again"
            raise SchemeRefused("tolerance_seconds", problem, "use 300; set the clocks instead")
        _check_algorithm(self)
        if not -24 < self.timestamp_zone_hours < 24:
            raise SchemeRefused("timestamp_zone_hours", "is no time zone", "give hours east of UTC, such as 8.0")
        _check_timestamp(self)


def canonical_string(scheme: Scheme, params: Mapping[str, str], *, secret: str, path: str = "") -> str:
    """Return the text that is digested; it holds `secret` where the scheme puts it into the text."""
    return place_secret(scheme, join(scheme, params, path), secret)


def sign(scheme: Scheme, params: Mapping[str, str], *, secret: str, path: str = "") -> str:
    """Return the signature of `params`; raise ValueError for an empty secret: everybody knows that one."""
    if not secret:
        raise ValueError("the secret is empty")
    return _text(scheme, join(scheme, params, path), secret)


def verify(scheme: Scheme, params: Mapping[str, str], signature: str, *, secrets: Sequence[str], path: str = "") -> int:
    """Return the index of the secret that made `signature`; raise BadSignature for everything else."""
    if not isinstance(signature, str) or not all(isinstance(value, str) for value in params.values()):
        raise BadSignature("the signature or a parameter is not text")
    try:
        given, joined = signature.encode(), join(scheme, params, path)
        for index, secret in enumerate(secrets):
            # bytes, because compare_digest refuses text that is not ASCII
            if secret and hmac.compare_digest(_text(scheme, joined, secret).encode(), given):
                return index
    except UnicodeEncodeError:
        raise BadSignature("a parameter or the signature is not valid Unicode") from None
    raise BadSignature("no secret makes this signature")


def format_timestamp(scheme: Scheme, now: float) -> str:
    """Return `now` (Unix seconds) as the scheme writes it."""
    if scheme.timestamp_format == "seconds":
        return str(int(now))
    if scheme.timestamp_format == "milliseconds":
        return str(int(now * 1000))
    return datetime.fromtimestamp(now, zone(scheme)).strftime(scheme.timestamp_format)


def parse_timestamp(scheme: Scheme, text: str) -> float:
    """Return Unix seconds; raise ValueError when `text` is not in the scheme's format."""
    if scheme.timestamp_format not in ("seconds", "milliseconds"):
        found = datetime.strptime(text, scheme.timestamp_format)  # noqa: DTZ007 -- the pattern may hold %z
        return (found if found.tzinfo else found.replace(tzinfo=zone(scheme))).timestamp()
    # int() alone would take signs, spaces, underscores and full-width digits
    if not (text.isascii() and text.isdigit() and len(text) <= 16):
        raise ValueError("not a whole number of " + scheme.timestamp_format)
    return int(text) / (1000 if scheme.timestamp_format == "milliseconds" else 1)


def join(
    scheme: Scheme,
    params: Mapping[str, str],
    path: str,
    order: Callable[[Mapping[str, str]], Iterable[str]] = sorted,
) -> str:
    """Return the canonical string before the secret is put in; only an explanation asks for another `order`."""
    excluded, keep_empty, joiner = scheme.excluded, not scheme.drop_empty, scheme.pair_joiner
    names = [name for name in order(params) if name not in excluded and (params[name] or keep_empty)]
    if scheme.encoding == "url":
        pairs = [name + joiner + quote(params[name], safe="", errors="surrogateescape") for name in names]
    else:
        pairs = [name + joiner + params[name] for name in names]
    text = scheme.field_joiner.join(pairs)
    return path + text if scheme.include_path else text


def place_secret(scheme: Scheme, joined: str, secret: str) -> str:
    """Return the canonical string, `secret` put where the scheme wants it."""
    match scheme.secret_place:
        case "key":
            return joined
        case "append":
            return joined + secret
        case "append_key":
            return joined + scheme.field_joiner + scheme.append_name + scheme.pair_joiner + secret
        case "both_ends":
            return secret + joined + secret


def digest(scheme: Scheme, joined: str, secret: str) -> bytes:
    """Return the digest of a joined text, before it is written as hex or Base64."""
    # surrogateescape: a body that is not UTF-8 is verified over the very bytes that came (see notifications)
    return _digest(scheme.algorithm, place_secret(scheme, joined, secret).encode("utf-8", "surrogateescape"), secret)


def _text(scheme: Scheme, joined: str, secret: str) -> str:
    found = digest(scheme, joined, secret)
    if scheme.output == "base64":
        return b2a_base64(found, newline=False).decode("ascii")
    return found.hex().upper() if scheme.output == "hex_upper" else found.hex()


def _digest(algorithm: str, message: bytes, secret: str) -> bytes:
    # With an HMAC the secret is always the key too, wherever else it stands: WeChat Pay v2 does both.
    if algorithm.startswith("hmac-"):
        return hmac.digest(secret.encode(), message, algorithm[5:])
    return hashlib.new(algorithm, message).digest()


def zone(scheme: Scheme) -> timezone:
    """Return the time zone of the scheme's times."""
    return timezone(timedelta(hours=scheme.timestamp_zone_hours))


def _check_algorithm(scheme: Scheme) -> None:
    try:
        _digest(scheme.algorithm, b"", "k")
    except ValueError:
        problem = f"this Python's OpenSSL does not offer {scheme.algorithm}"
        raise SchemeRefused("algorithm", problem, "run on one that does, or use another algorithm") from None


def _check_timestamp(scheme: Scheme) -> None:
    try:
        # in the morning and in the evening, in winter and in summer
        for whole in (1_700_000_000, 1_700_043_201, 1_720_000_002, 1_735_689_599):
            if parse_timestamp(scheme, format_timestamp(scheme, whole)) != whole:
                raise ValueError("loses part of the time")
    except ValueError:
        hint = 'use "seconds", "milliseconds" or a strftime pattern such as "%Y-%m-%d %H:%M:%S"'
        raise SchemeRefused("timestamp_format", "does not write a time that can be read back", hint) from None

"""Signatures of calls and notifications.

`sign` and `verify` share one canonical string; `explain` says why a signature does not fit.
"""

from .scheme import (
    MAX_TOLERANCE_SECONDS,
    Algorithm,
    BadSignature,
    Output,
    Scheme,
    SchemeRefused,
    SecretPlace,
    canonical_string,
    digest,
    format_timestamp,
    join,
    parse_timestamp,
    place_secret,
    sign,
    verify,
    zone,
)

__all__ = [
    "MAX_TOLERANCE_SECONDS",
    "Algorithm",
    "BadSignature",
    "Output",
    "Scheme",
    "SchemeRefused",
    "SecretPlace",
    "canonical_string",
    "digest",
    "format_timestamp",
    "join",
    "parse_timestamp",
    "place_secret",
    "sign",
    "verify",
    "zone",
]

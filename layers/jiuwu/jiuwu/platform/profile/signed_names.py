"""The check that a profile signs what must be signed, however it is written: over the names that remain after exclusion
and collision."""

import string
from collections.abc import Iterator, Mapping

from .contract import Profile

# (field, problem, cure) of a profile that would let something unsigned pass
type Flaw = tuple[str, str, str]

_TOKEN = frozenset("!#$%&'*+-.^_`|~" + string.ascii_letters + string.digits)  # RFC 9110, 5.6.2


def flaws(profile: Profile) -> Iterator[Flaw]:
    """Yield what keeps a profile from signing, or from checking, all that it must."""
    call, signed, headers = (
        _named(table, struct)
        for table, struct in (
            ("call", profile.call),
            ("notification.signed", profile.notification.signed),
            ("notification.headers", profile.notification.headers),
        )
    )
    call.pop("call.sign_method_value", None)
    if profile.signing.body_name:
        call["signing.body_name"] = profile.signing.body_name
    appended = {"signing.append_name": profile.signing.append_name} if _appends(profile) else {}
    own = {name: value for name, value in call.items() if name not in ("call.sign", "call.sign_method")}
    yield from _excluded(profile, own | signed)
    yield from _collisions(call | appended | _query_names(profile))
    yield from _collisions(signed | appended)
    yield from _collisions({name: value.lower() for name, value in headers.items()})
    yield from _no_headers(headers)
    yield from _joiners(profile, call | signed)


def _named(table: str, struct: object) -> dict[str, str]:
    """Return each field of the profile → the platform's name; "" names nothing."""
    fields = getattr(struct, "__struct_fields__", ())
    return {f"{table}.{field}": value for field in fields if (value := getattr(struct, field))}


def _appends(profile: Profile) -> bool:
    return profile.signing.secret_place == "append_key"  # noqa: S105 -- a place, no secret


def _query_names(profile: Profile) -> dict[str, str]:
    return {
        f"fields.request.{name}": getattr(profile.fields.request, name) for name in ("updated_after", "cursor", "limit")
    }


def _excluded(profile: Profile, names: Mapping[str, str]) -> Iterator[Flaw]:
    for field, name in names.items():
        if name in profile.signing.excluded:
            problem = f"leaves out what {field} names, so that anybody could change it"
            yield "signing.excluded", problem, "take that name out of the list"


def _collisions(names: Mapping[str, str]) -> Iterator[Flaw]:
    """Yield fields under one name: only one of them is signed, and the other could be anything."""
    first: dict[str, str] = {}
    for field, name in names.items():
        if (other := first.setdefault(name, field)) != field:
            yield field, f"has the same name as {other}, so that only one of them counts", "give each a name of its own"


def _no_headers(headers: Mapping[str, str]) -> Iterator[Flaw]:
    for field, name in headers.items():
        if not _TOKEN.issuperset(name):
            yield field, "cannot be the name of a header", "use letters, digits and hyphens, such as X-Jiuwu-Nonce"


def _joiners(profile: Profile, names: Mapping[str, str]) -> Iterator[Flaw]:
    """Yield joiners and names that hide where a value ends: two different requests must not come to the same text."""
    for field in ("pair_joiner", "field_joiner"):
        if any(char.isalnum() for char in getattr(profile.signing, field)):
            problem = "holds a letter or digit, so that a value could be read as a joiner"
            yield f"signing.{field}", problem, 'use signs such as "=" and "&", or ""'
    for field, name in names.items():
        if not any(char.isalpha() for char in name):
            yield field, "holds no letter, so that it could be read as part of a value", "use the platform's name"

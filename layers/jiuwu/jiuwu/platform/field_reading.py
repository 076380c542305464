"""The platform's JSON by the names of a profile: objects, lists, money and times of any of our models."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from msgspec.structs import asdict
from pydantic import ValidationError

from jiuwu.platform.errors import MalformedPayload
from jiuwu.platform.models import Value
from jiuwu.platform.money import MoneyError, fen
from jiuwu.platform.profile import lookup
from jiuwu.platform.profile.contract import Profile
from jiuwu.platform.profile.field_names import Table
from jiuwu.platform.times import read_time

_MONEY = ("amount", "paid_amount", "price")
_UNUSED_MONEY = ("paid_amount",)
_TIMES = ("paid_at", "refunded_at", "cancelled_at", "completed_at", "created_at", "updated_at")


def read_fields[V: Value](  # noqa: PLR0913, PLR0917 -- what is read, by which names, from where
    profile: Profile,
    model: type[V],
    names: Table,
    data: object,
    at: str = "",
    ready: Mapping[str, object] | None = None,
) -> V:
    """Return a `model` of `data` by our field → theirs; `ready` holds fields that are our values already.

    Raise MalformedPayload; `at` is where `data` stood, for the error.
    """
    if not isinstance(data, Mapping):
        raise MalformedPayload(at.rstrip(".") or "data", "missing" if data is None else "expected an object")
    found = {ours: lookup(data, theirs) for ours, theirs in asdict(names).items()} | dict(ready or {})
    for name in found.keys() & set(_MONEY):
        if (amount := found.pop(name)) is not None:
            found[f"{name}_fen"] = _fen(amount, name, at + getattr(names, name))
    for name in found.keys() & set(_TIMES):
        found[name] = _time(profile, found[name])
    try:
        # null is how some say "nothing"
        return model.model_validate({ours: value for ours, value in found.items() if value is not None})
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    ours = str(first["loc"][0]).removesuffix("_fen")
    raise MalformedPayload(at + getattr(names, ours), "missing" if first["type"] == "missing" else first["msg"])


def read_each[V: Value](  # noqa: PLR0913, PLR0917 -- as read_fields
    profile: Profile, model: type[V], names: Table, data: object, name: str, at: str
) -> tuple[V, ...] | None:
    """Return the objects of the list `name`; None where there is no such field."""
    found = read_list(data, name, at)
    if found is None:
        return None
    return tuple(
        read_fields(profile, model, names, element, f"{at}{name}.{index}.") for index, element in enumerate(found)
    )


def has_field(data: object, path: str) -> bool:
    """Return whether something stands at a dotted path, be it null."""
    parent, _, leaf = path.rpartition(".")
    found = lookup(data, parent)
    return isinstance(found, Mapping) and leaf in found


def read_list(data: object, name: str, at: str) -> list[object] | None:
    """Return a list; None where there is no such field. null (Go) and {} (Lua, PHP) are empty lists."""
    parent, _, leaf = name.rpartition(".")
    holder = lookup(data, parent)
    if not isinstance(holder, Mapping) or leaf not in holder:
        return None
    found: object = holder[leaf]
    if found is None or found == {}:
        return []
    if not isinstance(found, list):
        raise MalformedPayload(at + name, "expected a list")
    return found


def _fen(amount: Any, name: str, at: str) -> int | None:  # noqa: ANN401 -- money refuses what is no text
    try:
        return fen(amount)
    except MoneyError as error:
        if name in _UNUSED_MONEY:
            return None
        raise MalformedPayload(at, str(error)) from None


def _time(profile: Profile, found: object) -> int | None:
    with suppress(ValueError):
        return read_time(profile.signing, found)
    return None

"""A function's environment as one frozen value, checked at start."""

import os
from collections.abc import Mapping
from typing import Annotated

import msgspec

Url = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^https?://[^\s/?#@]+(/[^\s?#]*)?$",
        description="http(s)://host, without user, query or fragment",
    ),
]


class SettingsError(Exception):
    """The environment is incomplete or malformed; names the variable and never shows a value."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings that the template's Globals give every function; a function's own settings derive from this."""

    jiuwu_profile: str
    platform_url: Url
    app_id: str
    app_secret_name: str


class PlatformSettings(Settings, frozen=True, kw_only=True):
    """The settings of a function that calls the platform, with the table of its rate limit and circuits."""

    limits_table: str


def load[S: msgspec.Struct](settings: type[S], environ: Mapping[str, str] = os.environ) -> S:
    """Read each field of `settings` from the variable of its name in capitals.

    Raise SettingsError, which names the variable, when one without a default is missing or empty, or of the wrong kind.
    """
    found = {}
    for field in msgspec.structs.fields(settings):
        value = environ.get(field.name.upper(), "")
        if value == "" and field.required:
            raise SettingsError(f"{field.name.upper()} is not set; the template sets it for this function")
        if value != "":
            found[field.name] = _convert(field, value)
    return settings(**found)


def _convert(field: msgspec.structs.FieldInfo, text: str) -> object:
    try:
        return msgspec.convert(text, field.type, strict=False)
    except msgspec.ValidationError:
        # the library's own message can carry the value
        raise SettingsError(f"{field.name.upper()} is malformed; expected {_kind(field.type)}") from None


def _kind(kind: object) -> str:
    described = [str(meta.description) for meta in getattr(kind, "__metadata__", ())]
    return described[0] if described else getattr(kind, "__name__", str(kind))

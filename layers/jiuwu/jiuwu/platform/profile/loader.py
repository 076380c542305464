"""Reading profiles: profile/jiuwu.toml is our contract, any other profile is an overlay with what differs."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import msgspec

from jiuwu.platform.signing import SchemeRefused

from .contract import CALLS, EventType, OrderStatus, Profile, RefundStatus, lists
from .signed_names import flaws

_DIRECTORY = Path(__file__).parent
_DEFAULT = "jiuwu"
# Their words are the keys, so an overlay's words and ours must not be mixed.
_REPLACED_WHOLE = ("order_status", "refund_status")


class ProfileError(Exception):
    """A profile that cannot be used: the dotted `field`, the `problem`, its `hint`; never a value."""

    def __init__(self, field: str, problem: str, hint: str) -> None:
        super().__init__(f"profile: {field}: {problem}; {hint}")
        self.field, self.problem, self.hint = field, problem, hint


@cache
def load(name: str = _DEFAULT, *, directory: Path | None = None) -> Profile:
    """Return the profile of that name, from `directory` (by default the one that ships); raise ProfileError."""
    default = _read(_DIRECTORY, _DEFAULT)
    if name == _DEFAULT and directory is None:
        return _convert(default)
    return _convert(_merge(default, _read(directory or _DIRECTORY, name)))


def lookup(found: object, path: str) -> Any:  # noqa: ANN401 -- whatever JSON holds
    """Return what stands at a dotted path of decoded JSON; None where there is nothing; "" is `found` itself."""
    for name in path.split(".") if path else ():
        if not isinstance(found, Mapping):
            return None
        found = found.get(name)
    return found


def _read(directory: Path, name: str) -> dict[str, Any]:
    there = sorted(file.stem for file in directory.glob("*.toml"))
    if name not in there:
        raise ProfileError("JIUWU_PROFILE", "there is no profile of this name", "there are: " + ", ".join(there))
    try:
        return tomllib.loads((directory / f"{name}.toml").read_text("utf-8"))
    except UnicodeDecodeError:
        raise ProfileError(f"{name}.toml", "is not UTF-8", "save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        # of the parser's message only the place: the rest may quote the file
        place = re.search(r"line \d+, column \d+|end of document", str(error))
        raise ProfileError(f"{name}.toml", "is not TOML", f"mend {place[0] if place else 'it'}") from None


def _merge(base: dict[str, Any], overlay: dict[str, Any], at: str = "") -> dict[str, Any]:
    merged = dict(base)
    for key, value in overlay.items():
        field = at + key
        if key not in base:
            from difflib import get_close_matches  # 2 ms that only a typo has to pay

            near = get_close_matches(key, base, n=1)
            hint = f"did you mean {at}{near[0]}?" if near else "jiuwu.toml has all there are"
            raise ProfileError(field, "is not a field of a profile", hint)
        mergeable = isinstance(base[key], dict) and isinstance(value, dict) and field not in _REPLACED_WHOLE
        merged[key] = _merge(base[key], value, f"{field}.") if mergeable else value
    return merged


def _convert(table: dict[str, Any]) -> Profile:
    try:
        profile = msgspec.convert(table, Profile)
    except msgspec.ValidationError:
        raise _blame(table, Profile, "") from None
    unsigned = (ProfileError(*flaw) for flaw in flaws(profile))
    for error in (
        *unsigned,
        *_missing_words(profile),
        *_bad_codes(profile),
        *_bad_calls(profile),
        *_bad_shares(profile),
    ):
        raise error
    return profile


def _blame(value: object, kind: Any, field: str) -> ProfileError:  # noqa: ANN401 -- any type a field may have
    """Return the error for the innermost part of `value` that does not convert to `kind`."""
    for name, part, part_kind in _parts(value, kind):
        try:
            msgspec.convert(part, part_kind)
        except msgspec.ValidationError:
            return _blame(part, part_kind, f"{field}.{name}".lstrip("."))
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        return _in_words(error, kind, field)
    raise AssertionError(f"{field} converts")


def _parts(value: object, kind: Any) -> Iterator[tuple[str, object, Any]]:  # noqa: ANN401 -- as above
    if not isinstance(value, dict):
        return
    if get_origin(kind) is dict:
        _, part_kind = get_args(kind)
        yield from ((key, part, part_kind) for key, part in value.items())
    elif isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        for part in msgspec.structs.fields(kind):
            if part.encode_name in value:
                yield part.encode_name, value[part.encode_name], part.type


def _in_words(error: msgspec.ValidationError, kind: Any, field: str) -> ProfileError:  # noqa: ANN401 -- as above
    if isinstance(error.__cause__, SchemeRefused):
        refused = error.__cause__
        return ProfileError(f"{field}.{refused.field}", refused.problem, refused.hint)
    message = str(error).partition(" - at ")[0]
    if named := re.search(r"(missing required|unknown) field `(.*)`", message):
        problem = "is missing" if named[1] == "missing required" else "is not a field of a profile"
        return ProfileError(f"{field}.{named[2]}".lstrip("."), problem, "write it as jiuwu.toml does")
    if get_origin(kind) is Literal:
        # the library's own message quotes the value
        return ProfileError(field, "is none of the words allowed", "use one of " + ", ".join(get_args(kind)))
    return ProfileError(field, "has the wrong form", message.lower().replace("`", ""))


def _missing_words(profile: Profile) -> Iterator[ProfileError]:
    for status in sorted(set(get_args(OrderStatus)) - set(profile.order_status.values())):
        yield ProfileError("order_status", f"no word means {status}", "give each of our states the platform's word")
    for refund_status in sorted(set(get_args(RefundStatus)) - set(profile.refund_status.values())):
        hint = "give each of our states the platform's word"
        yield ProfileError("refund_status", f"no word means {refund_status}", hint)
    theirs = list(profile.notification.event_types.values())
    for ours in get_args(EventType):
        field = f"notification.event_types.{ours}"
        if ours not in profile.notification.event_types:
            yield ProfileError(field, "is missing", "give it the platform's name of this event type")
        elif theirs.count(profile.notification.event_types[ours]) > 1:
            yield ProfileError(field, "has the same name as another type", "give each type a name of its own")


def _bad_codes(profile: Profile) -> Iterator[ProfileError]:
    hint = "a code means one thing; take it out of one of the lists"
    for code in profile.reply.success:
        if meaning := profile.codes.meaning(code):
            yield ProfileError(f"codes.{meaning}", "lists a code that is in reply.success", hint)
        if lists(profile.oauth.grant_over, code):
            yield ProfileError("oauth.grant_over", "lists a code that is in reply.success", hint)


def _bad_calls(profile: Profile) -> Iterator[ProfileError]:
    for call, known in CALLS.items():
        if call not in profile.api:
            yield ProfileError(f"api.{call}", "is missing", 'give its method and path ("GET /…")')
            continue
        for unknown in sorted(set(re.findall(r"\{(.*?)\}", profile.api[call])) - known):
            names = ", ".join(sorted(known)) or "none"
            yield ProfileError(f"api.{call}", f"nothing to fill {{{unknown}}} with", f"the client can fill in: {names}")


def _bad_shares(profile: Profile) -> Iterator[ProfileError]:
    if sum(lane.share for lane in profile.limits.lanes.values()) > 100:
        yield ProfileError(
            "limits.lanes", "the shares are more than 100 percent", "take from one what another is given"
        )

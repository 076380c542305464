"""The usual mistakes in signing, each as a variation of how we sign."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import islice, permutations, product
from typing import NamedTuple, get_args
from urllib.parse import quote, quote_plus

import msgspec

from jiuwu.platform import signing
from jiuwu.platform.signing import Algorithm, Scheme, SchemeRefused, SecretPlace

# The note of a raw body that stands behind or before all pairs.
MISPLACED = "misplaced"

type Variation = tuple[str, Callable[["Reading"], Iterator["Reading"]]]


class Reading(NamedTuple):
    """One way to read what is signed: a scheme, the parameters, the path, the order of the names, and what stands
    before and behind the pairs. `note` says in a word what the mistake is about."""

    scheme: Scheme
    params: dict[str, str]
    path: str = ""
    order: Callable[[Mapping[str, str]], Iterable[str]] = sorted
    before: str = ""
    behind: str = ""
    note: str = ""

    def text(self) -> str:
        """Return the canonical string without its secret."""
        return self.before + signing.join(self.scheme, self.params, self.path, self.order) + self.behind

    def without(self, name: str) -> "Reading":
        """Return the same with one parameter less."""
        return self._replace(params={key: value for key, value in self.params.items() if key != name})

    def with_scheme(self, **changes: object) -> "Reading":
        """Return the same with another scheme."""
        return self._replace(scheme=msgspec.structs.replace(self.scheme, **changes))

    def with_params(self, **changes: str) -> "Reading":
        """Return the same with other values."""
        return self._replace(params=self.params | changes)


def _order(reading: Reading) -> Iterator[Reading]:
    yield reading._replace(order=list)
    yield reading._replace(order=lambda params: sorted(params, key=str.lower))
    yield reading._replace(order=lambda params: sorted(params, reverse=True))


def _empty_value(reading: Reading) -> Iterator[Reading]:
    if "" in reading.params.values():
        yield reading.with_scheme(drop_empty=not reading.scheme.drop_empty)


def _url_encoding(reading: Reading) -> Iterator[Reading]:
    yield reading.with_scheme(encoding="url" if reading.scheme.encoding == "raw" else "raw")
    for written in (_quote_plus, _quote_in_lower_case):
        values = {name: written(value) for name, value in reading.params.items()}
        yield reading.with_scheme(encoding="raw").with_params(**values)


def _quote_plus(value: str) -> str:
    # surrogateescape, as in signing: a body that is not UTF-8 is explained too
    return quote_plus(value, errors="surrogateescape")


def _quote_in_lower_case(value: str) -> str:
    # %e8 where RFC 3986 wants %E8: .NET's HttpUtility.UrlEncode
    return re.sub("%..", lambda byte: byte[0].lower(), quote(value, safe="", errors="surrogateescape"))


def _stray_space(reading: Reading) -> Iterator[Reading]:
    stripped = {name: value.strip() for name, value in reading.params.items()}
    if stripped != reading.params:
        yield reading.with_params(**stripped)
    body = reading.scheme.body_name
    if body in reading.params:
        for end in ("\n", "\r\n", " "):
            yield reading.with_params(**{body: reading.params[body] + end})


def _missing_ampersand(reading: Reading) -> Iterator[Reading]:
    for joiner in {"", "&", ",", "\n"} - {reading.scheme.field_joiner}:
        yield reading.with_scheme(field_joiner=joiner)


def _sign_included(reading: Reading) -> Iterator[Reading]:
    if any(name in reading.params for name in reading.scheme.excluded):
        yield reading.with_scheme(excluded=())


def _body_reserialised(reading: Reading) -> Iterator[Reading]:
    name = reading.scheme.body_name
    try:
        body = json.loads(reading.params.get(name, ""))
    except (ValueError, RecursionError):
        return
    for separators, indent in (((",", ":"), None), ((", ", ": "), None), ((",", ": "), 2), ((",", ": "), 4)):
        for ascii_only, sort in product((False, True), repeat=2):
            text = json.dumps(body, ensure_ascii=ascii_only, indent=indent, separators=separators, sort_keys=sort)
            # half a surrogate pair, written as itself, cannot be signed at all
            yield reading.with_params(**{name: text.encode("utf-8", "replace").decode()})


def _body_left_out(reading: Reading) -> Iterator[Reading]:
    name = reading.scheme.body_name
    if name in reading.params:
        yield reading.without(name)


def _body_last(reading: Reading) -> Iterator[Reading]:
    body = reading.scheme.body_name
    if body in reading.params:
        yield reading._replace(order=lambda params: sorted(params, key=lambda name: (name == body, name)))
        yield reading._replace(order=lambda params: sorted(params, key=lambda name: (name != body, name)))


def _body_unnamed(reading: Reading) -> Iterator[Reading]:
    """Put the raw body where the pair belongs, behind all pairs, or before them; the last two note a second slip."""
    scheme, body = reading.scheme, reading.params.get(reading.scheme.body_name, "")
    if not body:
        return
    rest = reading.without(scheme.body_name)
    named = scheme.body_name + scheme.pair_joiner + body
    before, found, behind = reading.text().partition(named)
    if found:
        yield rest._replace(params={}, path="", before=before + body, behind=behind)
    for joiner in dict.fromkeys((scheme.field_joiner, "")):
        yield rest._replace(behind=joiner + body, note=MISPLACED)
        yield rest._replace(before=body + joiner, note=MISPLACED)


def _parameter_left_out(reading: Reading) -> Iterator[Reading]:
    for name, value in reading.params.items():
        if value and name not in (*reading.scheme.excluded, reading.scheme.body_name):
            yield reading.without(name)._replace(note=name)


def _charset(reading: Reading) -> Iterator[Reading]:
    """Sign in GBK where UTF-8 was sent, and the other way round."""
    for written, read in (("gb18030", "utf-8"), ("utf-8", "gb18030")):
        with suppress(UnicodeError):
            values = {
                name: value.encode(written, "surrogateescape").decode(read, "surrogateescape")
                for name, value in reading.params.items()
            }
            if values != reading.params:
                yield reading.with_params(**values)


def _seconds_milliseconds(reading: Reading) -> Iterator[Reading]:
    for name, value in reading.params.items():
        if value.isascii() and value.isdigit() and len(value) in (10, 13):
            yield reading.with_params(**{name: value + "000" if len(value) == 10 else value[:-3]})


def _path(reading: Reading) -> Iterator[Reading]:
    if reading.path:
        yield reading.with_scheme(include_path=not reading.scheme.include_path)


def _secret_place(reading: Reading) -> Iterator[Reading]:
    yield from _each(reading, "secret_place", get_args(SecretPlace))


def _algorithm(reading: Reading) -> Iterator[Reading]:
    yield from _each(reading, "algorithm", get_args(Algorithm))


def _each(reading: Reading, field: str, values: Iterable[str]) -> Iterator[Reading]:
    for value in values:
        if value == getattr(reading.scheme, field):
            continue
        try:
            yield reading.with_scheme(**{field: value})
        except SchemeRefused:
            continue


def _any_order(reading: Reading) -> Iterator[Reading]:
    kept = [name for name, value in reading.params.items() if name not in reading.scheme.excluded and value]
    if len(kept) <= _MAX_PERMUTED:
        # a long body is not hashed 40,320 times
        for names in islice(permutations(kept), _MAX_CHARACTERS // (len(reading.text()) + 1)):
            yield reading._replace(order=_fixed(names))


def _fixed(names: Iterable[str]) -> Callable[[Mapping[str, str]], Iterable[str]]:
    return lambda _params: names


def _real_milliseconds(reading: Reading) -> Iterator[Reading]:
    """Sign with each millisecond of the second that was sent, since the right one is unknown."""
    for name, value in reading.params.items():
        if value.isascii() and value.isdigit() and len(value) == _DIGITS_OF_SECONDS:
            for thousandth in range(1000):
                yield reading.with_params(**{name: f"{value}{thousandth:03}"})


_MAX_PERMUTED = 8  # 40,320 orders
_MAX_CHARACTERS = 50_000_000
_DIGITS_OF_SECONDS = 10

# Of so many kinds that they are tried last, and not each two of them together.
EXHAUSTIVE: tuple[Variation, ...] = (
    ("seconds_milliseconds", _real_milliseconds),
    ("order", _any_order),
)

# After these a value is no longer what was sent, or no parameter at all.
WRITING_OUT = frozenset({"body_unnamed", "charset", "url_encoding"})

# By hint, the likelier first; secret_place before algorithm, because a plain digest needs the secret in the text.
VARIATIONS: tuple[Variation, ...] = (
    ("body_last", _body_last),
    ("order", _order),
    ("empty_value", _empty_value),
    ("url_encoding", _url_encoding),
    ("body_reserialised", _body_reserialised),
    ("stray_space", _stray_space),
    ("missing_ampersand", _missing_ampersand),
    ("sign_included", _sign_included),
    ("body_left_out", _body_left_out),
    ("body_unnamed", _body_unnamed),
    ("charset", _charset),
    ("seconds_milliseconds", _seconds_milliseconds),
    ("path", _path),
    ("parameter_left_out", _parameter_left_out),
    ("secret_place", _secret_place),
    ("algorithm", _algorithm),
)

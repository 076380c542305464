"""The reason why a signature does not fit: both canonical strings, where they part, and the mistake that explains it.

Every usual mistake is a variation of how we sign. The other side's signature or canonical string is looked for among
one and two of them at once, so what is named as the cause has been shown to lead to exactly what the other side said.
"""

import re
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations, islice, product
from urllib.parse import unquote, unquote_plus

import msgspec

from jiuwu.platform import signing
from jiuwu.platform.signing import Scheme

from .mistakes import EXHAUSTIVE, MISPLACED, VARIATIONS, WRITING_OUT, Reading, Variation

MASK = "***"
_CONTEXT = 20
_MAX_MISTAKES = 2
_MAX_TOGETHER, _MAX_CHARACTERS = 1000, 1_000_000
# sha256=… as GitHub writes it, v1,… of Standard Webhooks, t=…,v1=… of Stripe
_PREFIX = re.compile(
    r"^\s*(t=\d+\s*,\s*)?(sha-?\d*|md5|sm3|hmac[-_a-z0-9]*|v\d+|sign(ature)?)\s*[=,:]\s*", re.IGNORECASE
)

HINTS = {
    "algorithm": "the other side uses another algorithm",
    "base64_hex": "the signature is written as Base64 where hex belongs, or the other way round",
    "body_last": "the body stands behind (or before) all other pairs instead of in its place by name",
    "body_left_out": "the body is not signed, or is signed under another name",
    "body_reserialised": "the body was parsed and written again before signing; sign the raw text as it is sent",
    "body_unnamed": "the body is signed without its name and joiner",
    "charset": "the text is in GBK on one side and in UTF-8 on the other; both sides must sign UTF-8",
    "clock_skew": "the timestamp is outside the window; set the clock, or sign at the moment of sending",
    "empty_value": "parameters with an empty value are kept on one side and left out on the other",
    "missing_ampersand": "the pairs are joined with something else, or with nothing",
    "order": "the parameters are not sorted by name in ASCII order",
    "parameter_left_out": "a parameter that was sent is not signed",
    "path": "the path of the call is signed on one side only",
    "prefix": "the signature has a prefix such as sha256= or v1, that does not belong to it",
    "seconds_milliseconds": "the timestamp is in milliseconds on one side and in seconds on the other",
    "secret_place": "the secret is put into the text at another place",
    "secret_space": "the secret has a space or a line break before or behind it",
    "sign_included": "the sign parameter itself is among the signed parameters",
    "stray_space": "there is a space or a line break too many or too few",
    "timestamp_malformed": "the timestamp is not in the scheme's form",
    "unexplained": "no usual mistake leads there, so the secret may be another one; or get the other side's "
    "canonical string and compare the two",
    "upper_lower_case": "the signature or a value is in capitals on one side only",
    "url_encoding": "values are percent-encoded on one side only, or space is + on one and %20 on the other",
    "wrong_secret": "the text is the same, so the secret differs",
}


class Difference(msgspec.Struct, frozen=True):
    """The first place where two canonical strings part: 0-based `position`, and what stands around it."""

    position: int
    ours: str
    theirs: str


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """`secret_index` is set when the signature fits as it is; secrets in both strings are masked."""

    ours: str
    theirs: str | None
    secret_index: int | None
    difference: Difference | None
    skew_seconds: float | None
    hints: tuple[str, ...]

    def __str__(self) -> str:
        fits = "does not fit" if self.secret_index is None else f"fits, with secret {self.secret_index + 1}"
        fits += ", but will be refused" if self.refused else ""
        lines = [f"signature {fits}", f"ours      {_visible(self.ours)}"]
        if self.theirs is not None:
            lines.append(f"theirs    {_visible(self.theirs)}")
        if self.difference:
            at = self.difference
            lines.append(f"parts at  {at.position}: ours …{_visible(at.ours)}… theirs …{_visible(at.theirs)}…")
        if self.skew_seconds is not None:
            lines.append(f"clock     {abs(self.skew_seconds):.0f} s {'ahead' if self.skew_seconds > 0 else 'behind'}")
        lines += [f"cause     {hint_text(hint, HINTS)} [{hint.partition(':')[0]}]" for hint in self.hints]
        return "\n".join(lines)

    @property
    def refused(self) -> bool:
        """Return whether the signature fits and what it signs, a time above all, will not be taken."""
        return self.secret_index is not None and bool(self.hints)


def hint_text(hint: str, texts: Mapping[str, str]) -> str:
    """Return the text of a hint, with the name that it is about ("parameter_left_out:nonce")."""
    kind, _, about = hint.partition(":")
    text = texts.get(kind, kind)
    return (f"{text} ({about})" if text.isascii() else f"{text}（{about}）") if about else text


def explain(  # noqa: PLR0913 -- keyword-only, and any may be unknown
    scheme: Scheme,
    params: Mapping[str, str],
    *,
    secrets: Sequence[str],
    signature: str = "",
    canonical: str = "",
    path: str = "",
    timestamp: str = "",
    now: float | None = None,
) -> Explanation:
    """Compare what we sign with what the other side says: its `signature`, its `canonical` string, or both.

    `timestamp` is the sender's, in the scheme's form, and `now` our clock in Unix seconds.
    """
    base = Reading(scheme, dict(params), path)
    ours, theirs = _masked(base, secrets), _mask(canonical, secrets) if canonical else None
    index = _fitting_secret(scheme, params, signature, secrets, path)
    skew, clock_hints = _clock(scheme, timestamp, now)
    hints: Sequence[str] = ()
    if index is None and signature:
        hints = _causes_of_signature(base, signature, secrets, same_text=ours == theirs)
    if theirs is not None and theirs != ours and (not hints or hints == ["unexplained"]):
        hints = _causes_of_text(base, ours, theirs, secrets)
    return Explanation(
        ours=ours,
        theirs=theirs,
        secret_index=index,
        difference=None if theirs is None else _first_difference(ours, theirs),
        skew_seconds=skew,
        hints=tuple(dict.fromkeys([*_each_slip(hints), *clock_hints])),
    )


def _each_slip(hints: Sequence[str]) -> Iterator[str]:
    """Yield the hints; a raw body at the end is two, for mending one of them does not help."""
    for hint in hints:
        yield from ("body_unnamed", "body_last") if hint == f"body_unnamed:{MISPLACED}" else (hint,)


def _fitting_secret(
    scheme: Scheme, params: Mapping[str, str], signature: str, secrets: Sequence[str], path: str
) -> int | None:
    try:
        return signing.verify(scheme, params, signature, secrets=secrets, path=path)
    except signing.BadSignature:
        return None


def _causes_of_signature(base: Reading, signature: str, secrets: Sequence[str], *, same_text: bool) -> list[str]:
    plain = _PREFIX.sub("", signature)
    written, said = _decode_signature(plain, base.scheme.output)
    written = ["prefix", *written] if plain != signature else written
    right, spelled = _right(secrets), [*_right(secrets), *_misspelled(secrets)]
    for mistakes, reading in _readings(base) if said else ():
        joined = reading.text()
        for secret_mistake, secret in spelled if len(mistakes) < _MAX_MISTAKES else right:
            if signing.digest(reading.scheme, joined, secret) in said:
                return [*mistakes, *secret_mistake, *written]
    return ["wrong_secret"] if same_text else ["unexplained"]


def _decode_signature(text: str, output: str) -> tuple[list[str], set[bytes]]:
    """Return what is wrong with how `text` is written, and the digests it can mean."""
    stripped = text.strip()
    spaces = ["stray_space"] if stripped != text else []
    try:
        in_hex = bytes.fromhex(stripped)
    except ValueError:
        in_hex = b""
    if in_hex:
        right_case = stripped == (stripped.upper() if output == "hex_upper" else stripped.lower())
        wrong = ["base64_hex"] if output == "base64" else [] if right_case else ["upper_lower_case"]
        return spaces + wrong, {in_hex}
    try:
        # what a signature in an address loses
        in_base64 = b64decode(unquote(stripped).replace(" ", "+"), validate=True)
    except ValueError:
        return spaces, set()
    wrong = ["base64_hex"] if output != "base64" else ["url_encoding"] if unquote(stripped) != stripped else []
    return spaces + wrong, {in_base64}


def _readings(base: Reading) -> Iterator[tuple[list[str], Reading]]:
    """Yield ours, then ours with one usual mistake, then with two; each with the mistakes it has."""
    yield [], base
    for name, vary in VARIATIONS:
        yield from (([_named(name, varied)], varied) for varied in vary(base))
    for (first, vary), (second, vary_again) in _pairs():
        for varied in vary(base):
            once = _named(first, varied)
            for twice in vary_again(varied._replace(note="")):
                yield [once, _named(second, twice)], twice
    for name, vary in EXHAUSTIVE:
        yield from (([name], varied) for varied in vary(base))
    for (first, vary), (name, vary_again) in product(VARIATIONS, EXHAUSTIVE):
        for varied in vary(base):
            yield from (([_named(first, varied), name], twice) for twice in _first_of(vary_again(varied), varied))


def _first_of(readings: Iterator[Reading], base: Reading) -> Iterator[Reading]:
    """Return as many as a person waits for: a long body is not hashed 60,000 times."""
    return islice(readings, min(_MAX_TOGETHER, _MAX_CHARACTERS // (len(base.text()) + 1)))


def _pairs() -> Iterator[tuple[Variation, Variation]]:
    """Yield each two of them; in both orders where the first writes out what the second would change."""
    pairs = list(combinations(VARIATIONS, 2))
    yield from pairs
    yield from ((second, first) for first, second in pairs if {first[0], second[0]} & WRITING_OUT)


def _named(mistake: str, reading: Reading) -> str:
    return f"{mistake}:{reading.note}" if reading.note else mistake


def _right(secrets: Sequence[str]) -> list[tuple[list[str], str]]:
    return [([], secret) for secret in secrets if secret]


def _misspelled(secrets: Sequence[str]) -> Iterator[tuple[list[str], str]]:
    for secret in filter(None, secrets):
        for varied in {secret.strip(), secret + "\n", secret + " ", secret + "\r\n", " " + secret} - {secret, ""}:
            yield ["secret_space"], varied


_NORMAL: tuple[tuple[str, Callable[[Reading, str], object]], ...] = (
    ("order", lambda base, text: sorted(text.split(base.scheme.field_joiner or None))),
    ("stray_space", lambda _, text: "".join(text.split())),
    ("missing_ampersand", lambda base, text: text.replace(base.scheme.field_joiner, "")),
    ("url_encoding", lambda _, text: unquote(text)),
    ("url_encoding", lambda _, text: unquote_plus(text)),
    ("upper_lower_case", lambda _, text: text.lower()),
)


def _causes_of_text(base: Reading, ours: str, theirs: str, secrets: Sequence[str]) -> list[str]:
    for mistakes, reading in _readings(base):
        if theirs == _masked(reading, secrets):
            return mistakes
    return [name for name, normal in _NORMAL if normal(base, ours) == normal(base, theirs)] or ["unexplained"]


def _clock(scheme: Scheme, timestamp: str, now: float | None) -> tuple[float | None, list[str]]:
    if not timestamp or now is None:
        return None, []
    try:
        skew = signing.parse_timestamp(scheme, timestamp) - now
    except ValueError:
        return None, ["timestamp_malformed"]
    if abs(skew) <= scheme.tolerance_seconds:
        return skew, []
    if any(abs((skew + now) * factor - now) <= scheme.tolerance_seconds for factor in (1000, 0.001)):
        return None, ["seconds_milliseconds"]  # another unit, and no clock that is wrong by ages
    return skew, ["clock_skew"]


def _masked(reading: Reading, secrets: Sequence[str]) -> str:
    return _mask(signing.place_secret(reading.scheme, reading.text(), MASK), secrets)


def _mask(text: str, secrets: Sequence[str]) -> str:
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, MASK)
    return text


def _first_difference(ours: str, theirs: str) -> Difference | None:
    if ours == theirs:
        return None
    shorter = min(len(ours), len(theirs))
    position = next((at for at in range(shorter) if ours[at] != theirs[at]), shorter)
    around = slice(max(0, position - _CONTEXT), position + _CONTEXT)
    return Difference(position, ours[around], theirs[around])


def _visible(text: str) -> str:
    # a stray line break or space is what one looks for; letters of any script stay as they are
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)

"""Authenticate calls: strict, says exactly what is wrong, and never shows the secret."""

from collections.abc import Mapping, Sequence
from itertools import islice

from jiuwu.platform.profile import Profile
from jiuwu.platform.signing import BadSignature, canonical_string, parse_timestamp, verify
from sandbox.simulator.refusals import Refused
from sandbox.simulator.serialization import Serializer
from sandbox.simulator.state import App

_MAX_NONCE_CHARACTERS = 128


def single_values(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Return the query as a mapping; refuse a repeated name, which could be signed and read differently."""
    params = dict(pairs)
    if len(params) != len(pairs):
        names = [name for name, _ in pairs]
        twice = sorted({name for name in names if names.count(name) > 1})
        raise Refused("bad_parameters", f"given more than once: {', '.join(twice)}")
    return params


class Authentication:
    def __init__(self, app: App, serializer: Serializer) -> None:
        self._app = app
        self._serializer = serializer
        self._profile = serializer.profile
        self._nonces: dict[str, float] = {}  # nonce → when it may be forgotten; in the order of arrival
        self.secrets_matched = {"current": 0, "previous": 0}

    def check(self, params: Mapping[str, str], body: str, path: str, now: float) -> None:
        """Raise Refused unless the call is authentic; `params` is the query, `now` the platform's clock."""
        self._check_names(params)
        sent = self._sent_at(params)
        self._check_signature(params, body, path)
        tolerance = self._profile.signing.tolerance_seconds
        if abs(now - sent) > tolerance:
            msg = f"timestamp {sent:.0f} is {sent - now:+.0f} s from the server's {int(now)}; allowed is ±{tolerance} s"
            raise Refused("clock_skew", msg, data={self._profile.reply.server_time: self._serializer.time(int(now))})
        self._spend(params[self._profile.call.nonce], now)

    def _check_names(self, params: Mapping[str, str]) -> None:
        names = self._profile.call
        wanted = [names.app_id, names.timestamp, names.nonce, names.sign]
        wanted += [names.sign_method] if names.sign_method_value else []
        missing = [name for name in wanted if not params.get(name)]
        if missing:
            raise Refused("bad_parameters", f"missing in the query: {', '.join(missing)}")
        if params[names.app_id] != self._app.app_id:
            raise Refused("bad_parameters", f"{names.app_id}: no such app")
        if names.sign_method_value and params[names.sign_method] != names.sign_method_value:
            raise Refused("bad_parameters", f"{names.sign_method}: expected {names.sign_method_value}")
        if len(params[names.nonce]) > _MAX_NONCE_CHARACTERS:
            raise Refused("bad_parameters", f"{names.nonce}: longer than {_MAX_NONCE_CHARACTERS} characters")

    def _sent_at(self, params: Mapping[str, str]) -> float:
        name, scheme = self._profile.call.timestamp, self._profile.signing
        try:
            return parse_timestamp(scheme, params[name])
        except ValueError:
            raise Refused("bad_parameters", f"{name}: expected a time as {scheme.timestamp_format}") from None

    def _check_signature(self, params: Mapping[str, str], body: str, path: str) -> None:
        scheme, sign = self._profile.signing, self._profile.call.sign
        signed = signed_params(self._profile, params, body)
        try:
            matched = verify(scheme, signed, params[sign], secrets=self._app.secrets, path=path)
        except BadSignature:
            # a sandbox may show what it would have signed, with stars where a scheme puts the secret into the text
            expected = canonical_string(scheme, signed, secret="***", path=path)
            msg = f"{sign} does not fit; compare the canonical string in data with yours, or open /debug/signature"
            raise Refused("bad_signature", msg, data={"canonical_string": _printable(expected)}) from None
        self.secrets_matched["previous" if matched else "current"] += 1

    def _spend(self, nonce: str, now: float) -> None:
        for old, forget_at in list(islice(self._nonces.items(), 8)):
            if forget_at < now:
                del self._nonces[old]
        if nonce in self._nonces:
            raise Refused("nonce_reused", f"{self._profile.call.nonce}: was used before")
        self._nonces[nonce] = now + 2 * self._profile.signing.tolerance_seconds


def signed_params(profile: Profile, params: Mapping[str, str], body: str) -> dict[str, str]:
    """Return what a call signs: its query without the signature, and its body under the scheme's name."""
    signed = {name: value for name, value in params.items() if name != profile.call.sign}
    if profile.signing.body_name and body:
        signed[profile.signing.body_name] = body
    return signed


def _printable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()

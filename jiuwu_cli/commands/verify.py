"""`jiuwu verify`: verify a signature, and explain why it does not match."""

import math
import time
from typing import NamedTuple

import typer

from jiuwu.platform.profile.contract import Profile
from jiuwu.platform.signed_notifications import NotificationRefused, of_notifications, read_headers, signed_params
from jiuwu.platform.signing import Scheme
from jiuwu.platform.signing.explain import Explanation
from jiuwu.platform.signing.explain import explain as explain_signature
from jiuwu_cli.deployment import app_secret, sandbox_state
from jiuwu_cli.terminal import inputs, options
from jiuwu_cli.terminal.errors import UsageError
from jiuwu_cli.terminal.output import print_line


class Claim(NamedTuple):
    """The parameters that the sender claims to have signed, and its signature."""

    scheme: Scheme
    params: dict[str, str]
    signature: str
    timestamp: str


def verify(  # noqa: PLR0913 -- one option for each thing that the sender may have given
    *,
    param: options.Params = None,
    body: options.Body = None,
    header: options.Headers = None,
    sign: options.Signature = None,
    canonical: options.Canonical = None,
    explain: options.Explain = False,
    now: options.Now = None,
    profile: options.ProfileName = "jiuwu",
    path: options.Path = "",
    secret_env: options.SecretEnv = None,
    previous_secret_env: options.PreviousSecretEnv = None,
) -> None:
    """Verify the signature of a call (--param) or of a notification (--header).

    Exit code 0: the signature is good. 1: it is not. Secrets are printed as \\*\\*\\*.

    Examples:

    `jiuwu verify --explain -p app_id=my-app -p timestamp=1763800000 -p nonce=n1 -p sign=3f96... --body @order.json`

    `jiuwu verify --explain -H "X-Jiuwu-App-Id: my-app" -H "X-Jiuwu-Timestamp: 1763800000" ... --body @received.json`
    """
    contract = inputs.read_profile(profile)
    if body == "-" == canonical:
        raise UsageError("--body and --canonical both read standard input", "give one of them as @FILE")
    claim = _claim(contract, inputs.read_pairs(param or []), inputs.read_headers(header or []), sign, body)
    canonical_string = inputs.read_body(canonical)
    if not claim.signature and not canonical_string:
        raise UsageError(
            "there is no signature to verify", "give --signature, --canonical, or the sign parameter or header"
        )
    secrets = _secrets(secret_env, previous_secret_env, stdin_taken="-" in (body, canonical))
    found = _compare(claim, canonical_string, secrets, path, time.time() if now is None else _finite(now))
    _report(found, claim, explained=explain)


def _claim(
    contract: Profile, params: dict[str, str], headers: dict[str, str], sign: str | None, body: str | None
) -> Claim:
    if params and headers:
        raise UsageError("both --param and --header are given", "a call has parameters, a notification has headers")
    text = inputs.read_body(body)
    if headers:
        return _notification(contract, headers, sign, text)
    names = contract.call
    signature = sign or params.pop(names.sign, "")
    timestamp = params.get(names.timestamp, "")
    return Claim(contract.signing, inputs.signed_parameters(contract, params, text), signature, timestamp)


def _notification(contract: Profile, headers: dict[str, str], sign: str | None, body: str) -> Claim:
    given = {contract.notification.headers.signature: sign} if sign else {}
    try:
        values = read_headers(contract, headers | given)
    except NotificationRefused as refused:
        raise UsageError(refused.message, f'give it as --header "{refused.field}: ..."') from None
    scheme = of_notifications(contract)
    return Claim(scheme, signed_params(contract, values, body), values["signature"], values["timestamp"])


def _secrets(variable: str | None, previous: str | None, *, stdin_taken: bool) -> list[str]:
    current = app_secret.read_app_secret(variable, sandbox_state.find(), stdin_taken=stdin_taken)
    return [current] if previous is None else [current, app_secret.read_app_secret(previous, None)]


def _compare(claim: Claim, canonical_string: str, secrets: list[str], path: str, now: float) -> Explanation:
    return explain_signature(
        claim.scheme,
        claim.params,
        secrets=secrets,
        signature=claim.signature,
        canonical=canonical_string,
        path=path,
        timestamp=claim.timestamp,
        now=now,
    )


def _finite(now: float) -> float:
    if not math.isfinite(now):
        raise UsageError("--now is not a time", "give Unix seconds, such as 1763800000")
    return now


def _report(found: Explanation, claim: Claim, *, explained: bool) -> None:
    """Print the result. Exit with 1 if the signature is not good."""
    fits = found.secret_index is not None if claim.signature else found.difference is None
    good = fits and not found.hints
    if explained:
        for line in str(found).splitlines():
            print_line(line)
    print_line(
        "good" if good else "not good" if explained else "not good; --explain says why",
        style="green" if good else "red",
    )
    if not good:
        raise typer.Exit(1)

"""`jiuwu sign`: sign a call as the platform expects it."""

from jiuwu.platform import signing
from jiuwu.platform.signing.explain import MASK
from jiuwu_cli.deployment import app_secret, sandbox_state
from jiuwu_cli.terminal import inputs, options
from jiuwu_cli.terminal.errors import UsageError
from jiuwu_cli.terminal.output import print_line


def sign(
    *,
    param: options.Params = None,
    body: options.Body = None,
    profile: options.ProfileName = "jiuwu",
    path: options.Path = "",
    secret_env: options.SecretEnv = None,
) -> None:
    """Sign the parameters and the body of a call, and print the canonical string that is signed.

    The secret comes from the environment or the running sandbox, never from an argument. It is printed as \\*\\*\\*.

    Example:

    `jiuwu sign -p app_id=sandbox-app -p timestamp=1763800000 -p nonce=n1 -p sign_method=HMAC-SHA256 --body @order.json`
    """
    contract, params = inputs.read_profile(profile), inputs.read_pairs(param or [])
    if not params and body is None:
        raise UsageError("there is nothing to sign", "give --param name=value, and --body if the call has one")
    params = inputs.signed_parameters(contract, params, inputs.read_body(body))
    secret = app_secret.read_app_secret(secret_env, sandbox_state.find(), stdin_taken=body == "-")
    print_line(f"canonical string: {masked(contract.signing, params, secret, path)}")
    print_line(f"signature: {signing.sign(contract.signing, params, secret=secret, path=path)}")


def masked(scheme: signing.Scheme, params: dict[str, str], secret: str, path: str) -> str:
    """Return the canonical string with the secret masked."""
    text = signing.canonical_string(scheme, params, secret=MASK, path=path)
    return text.replace(secret, MASK) if secret else text

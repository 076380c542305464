"""`jiuwu doctor`: check the connection to the platform and back."""

from collections.abc import Iterator

import httpx
import msgspec
import typer
from rich.console import Console
from rich.text import Text

from jiuwu.platform.profile.contract import Profile
from jiuwu_cli.deployment import app_secret, sandbox_state
from jiuwu_cli.doctor import network, platform_api, sam_cli, webhook
from jiuwu_cli.doctor.findings import Finding, run_until_failure, skipped
from jiuwu_cli.terminal import inputs, options
from jiuwu_cli.terminal.errors import UsageError
from jiuwu_cli.terminal.output import escape
from jiuwu_cli.terminal.urls import http_client, read_url

_MARKS = {True: ("ok", "green"), False: ("failed", "bold red"), None: ("skipped", "yellow")}
_PLATFORM = ("clock", "signature", "token endpoint")


class Target(msgspec.Struct, frozen=True):
    """The checks to make; None is skipped."""

    gateway: httpx.URL
    account: platform_api.Account | None
    webhook: httpx.URL | None

    def __repr__(self) -> str:
        return f"Patient({self.gateway})"


def doctor(
    *,
    url: options.GatewayUrl = None,
    app_id: options.AppId = None,
    webhook_url: options.OwnWebhookUrl = None,
    profile: options.ProfileName = "jiuwu",
    secret_env: options.SecretEnv = None,
) -> None:
    """Check the SAM CLI, the platform's gateway, clock, signature and token endpoint, and your webhook URL.

    Without options it checks the running sandbox. Exit code 1 if a check fails; each failure comes with a hint.

    Examples:

    `jiuwu doctor`

    `JIUWU_APP_SECRET=... jiuwu doctor --url https://openapi.example.com --app-id my-app`
    """
    contract = inputs.read_profile(profile)
    target = _target(url, app_id, webhook_url, secret_env)
    findings = []
    for finding in run_checks(contract, target):
        _print(finding)
        findings.append(finding.passed)
    if False in findings:
        raise typer.Exit(1)


def _target(url: str | None, app_id: str | None, webhook_url: str | None, secret_env: str | None) -> Target:
    sandbox = sandbox_state.find()
    given = url or (sandbox.simulator_url if sandbox else None)
    if given is None:
        raise UsageError(
            "there is nothing to check: no sandbox is running", f"give --url, or {sandbox_state.START_HINT}"
        )
    gateway = read_url(given, "--url")
    # the sandbox's AppID, secret and webhook URL are valid at its own platform only
    sandbox = sandbox if sandbox and httpx.URL(sandbox.simulator_url).netloc == gateway.netloc else None
    known_app, known_webhook = (sandbox.app_id, sandbox.webhook_url) if sandbox else (None, None)
    app_id, webhook_url = app_id or known_app, webhook_url or known_webhook
    account = None
    if app_id:
        secret = app_secret.read_app_secret(secret_env, sandbox)
        account = platform_api.Account(str(gateway), app_id, secret)
    return Target(gateway, account, read_url(webhook_url, "--webhook-url") if webhook_url else None)


def run_checks(profile: Profile, target: Target) -> Iterator[Finding]:
    """Run the checks and yield their findings."""
    yield sam_cli.check()
    reached = True
    for finding in run_until_failure(network.checks(target.gateway)):
        reached = reached and finding.passed is not False
        yield finding
    if not reached:
        yield from (skipped(name, "the gateway cannot be reached") for name in _PLATFORM)
    elif target.account is None:
        yield from (skipped(name, "no AppID", "give --app-id") for name in _PLATFORM)
    else:
        yield from _check_platform(profile, target.gateway, target.account)
    yield _own_webhook(target.webhook)


def _check_platform(profile: Profile, gateway: httpx.URL, account: platform_api.Account) -> Iterator[Finding]:
    with http_client(gateway, seconds=network.SECONDS) as http:
        yield platform_api.clock(profile, account, http)
        signature = platform_api.signature(profile, account, http)
        yield signature
        if signature.is_stranger:
            yield skipped("token endpoint", "the secret is only sent to the platform")
        else:
            yield platform_api.token_endpoint(profile, account, http)


def _own_webhook(url: httpx.URL | None) -> Finding:
    if url is None:
        return skipped("webhook", "not given", "give --webhook-url once the stack is deployed")
    with http_client(url, seconds=2 * network.SECONDS) as http:
        return webhook.check(url, http)


def _print(finding: Finding) -> None:
    mark, style = _MARKS[finding.passed]
    hint = f"; {finding.hint}" if finding.hint else ""
    text = Text.assemble(
        (f"{mark:<8}", style),
        f"{finding.name:<15} ",
        escape(finding.detail),
        (escape(hint), "bold"),
    )
    Console(highlight=False).print(text, soft_wrap=True)

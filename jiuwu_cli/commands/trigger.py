"""`jiuwu trigger`: send a notification as the platform or an attacker would."""

import secrets
import time
from collections.abc import Sequence
from difflib import get_close_matches
from urllib.parse import quote

import httpx

from jiuwu.platform.errors import MalformedPayload
from jiuwu.platform.payloads import decode_json, parse_order
from jiuwu.platform.profile import lookup
from jiuwu.platform.profile.contract import Profile
from jiuwu_cli.deployment import app_secret, sandbox_state
from jiuwu_cli.notifications import samples
from jiuwu_cli.notifications.delivery import (
    PLATFORM_SECONDS,
    SECONDS,
    DeliveryResult,
    Notification,
    deliver,
    is_accepted,
    send_copies,
)
from jiuwu_cli.notifications.target import WEBHOOK_PATH, Target, webhook_target
from jiuwu_cli.terminal import inputs, options, urls
from jiuwu_cli.terminal.errors import CommandError, UsageError
from jiuwu_cli.terminal.output import print_line, print_note

_OLD_SECONDS = 3600.0
_MAX_REPLY_CHARACTERS = 300


def trigger(  # noqa: PLR0913 -- one option for each property of a notification
    event: options.Event,
    *,
    settings: options.Settings = None,
    body: options.SignedBody = None,
    order: options.OrderNo = None,
    url: options.WebhookUrl = None,
    app_id: options.AppId = None,
    count: options.Copies = 1,
    simultaneous: options.Simultaneous = False,
    wrong_secret: options.WrongSecret = False,
    old_timestamp: options.OldTimestamp = False,
    profile: options.ProfileName = "jiuwu",
    secret_env: options.SecretEnv = None,
) -> None:
    """Send a signed notification to the running sandbox, or to a deployed URL.

    The event did not happen at the platform. To make it happen there, use the simulator's pages; `make up` prints
    their URLs.

    Examples:

    `jiuwu trigger order.paid --order JW2A7 --copies 32 --simultaneous`

    `jiuwu trigger order.refunded --set amount=12.34 --set version:=7`

    `jiuwu trigger order.paid --order JW2A7 --set event_id=ev_again --set amount=0.01`

    `jiuwu trigger order.paid --body '{"no": "envelope"}'`

    `jiuwu trigger order.paid --wrong-secret --url https://abc.execute-api.eu-west-1.amazonaws.com --app-id my-app`
    """
    contract = inputs.read_profile(profile)
    _check_event(contract, event)
    target = webhook_target(url, app_id, sandbox_state.find())
    forged = f"attacker-{secrets.token_hex(16)}" if wrong_secret else ""
    secret = forged or app_secret.read_app_secret(secret_env, target.sandbox)
    event_id, text = _content(contract, event, target, order, settings, body)
    age = max(_OLD_SECONDS, 2.0 * contract.signing.tolerance_seconds) if old_timestamp else 0.0
    print_line(f"{event} {event_id} to {target.url}")
    results = _send(
        contract, target, Notification(target.app_id, secret, event_id, text, age), count, together=simultaneous
    )
    _print_results(results)
    _check_results(contract, results, forged=wrong_secret or old_timestamp)


def _content(  # noqa: PLR0913, PLR0917 -- what a notification can be made of
    contract: Profile,
    event: str,
    target: Target,
    order: str | None,
    settings: Sequence[str] | None,
    body: str | None,
) -> tuple[str, str]:
    """Return the event id for the header, and the body: the given one, or a sample."""
    if body is None:
        return _compose(contract, event, _facts(contract, target.sandbox, order), settings or [])
    if settings or order:
        raise UsageError("--body replaces the sample", "leave out --set and --order")
    return _event_id(), inputs.read_body(body)


def _check_event(contract: Profile, event: str) -> None:
    known = sorted(contract.notification.event_types)
    if event not in known:
        near = get_close_matches(event, known, n=1)
        raise UsageError(
            f"there is no event {event!r}", f"did you mean {near[0]}?" if near else f"there are: {', '.join(known)}"
        )


def _facts(contract: Profile, sandbox: sandbox_state.Sandbox | None, order_no: str | None) -> samples.OrderFacts:
    """Return the sandbox's facts of the order, or made-up ones."""
    if order_no is None:
        return samples.sample_facts(f"JWSAMPLE{secrets.token_hex(4).upper()}")
    if sandbox is None:
        return samples.sample_facts(order_no)
    address = f"{sandbox.simulator_url}/_sim/orders/{quote(order_no, safe='')}"
    try:
        with urls.http_client(httpx.URL(address), seconds=SECONDS) as http:
            reply = http.get(address)
        found = decode_json(reply.content)
        if reply.status_code == 404:
            print_note(f"note: the simulated platform has no order {order_no}; the data is made up")
            return samples.sample_facts(order_no)
        order = parse_order(contract, found)
    except (httpx.HTTPError, MalformedPayload):
        raise CommandError(
            "the simulated platform does not answer", f"is the sandbox still running? {sandbox_state.START_HINT}"
        ) from None
    return samples.facts_of_order(order, version=int(lookup(found, "version")))


def _compose(contract: Profile, event: str, facts: samples.OrderFacts, settings: Sequence[str]) -> tuple[str, str]:
    """Return the event id for the header, and the body of a sample."""
    event_id = _event_id()
    names = contract.notification.fields
    body = samples.notification(contract, event, facts, event_id=event_id, now=time.time())
    for setting in settings:
        samples.apply_setting(body, setting, data=names.data)
    wanted = lookup(body, names.event_id)
    # a header cannot hold every event id that a test may put into the body
    fits = isinstance(wanted, str) and wanted.isascii() and wanted.isprintable() and wanted.strip() == wanted != ""
    return (wanted if fits else event_id), samples.encode(body)


def _event_id() -> str:
    return f"ev_{secrets.token_hex(8)}"


def _send(
    contract: Profile, target: Target, notice: Notification, count: int, *, together: bool
) -> list[DeliveryResult]:
    with urls.http_client(target.url, seconds=SECONDS, connections=count) as http:
        return send_copies(lambda: deliver(http, target.url, contract, notice), count, simultaneous=together)


def _print_results(results: Sequence[DeliveryResult]) -> None:
    for number, result in enumerate(results, start=1):
        reply = result.error or f"{result.status} {result.reply[:_MAX_REPLY_CHARACTERS]}"
        slow = "  (too slow: the platform waits 5 s)" if result.milliseconds > PLATFORM_SECONDS * 1000 else ""
        print_line(f"{number:>3}  {result.milliseconds:>5} ms  {reply}{slow}")


def _check_results(contract: Profile, results: Sequence[DeliveryResult], *, forged: bool) -> None:
    """Raise CommandError unless genuine notifications were accepted, or forged ones refused with a 4xx."""
    accepted = [result for result in results if is_accepted(contract.notification, result)]
    if forged and accepted:
        raise CommandError(
            f"{len(accepted)} forged copies were accepted", "the receiver does not verify signature and timestamp"
        )
    refused = [one for one in results if one not in accepted and not (forged and 400 <= one.status < 500)]
    if refused:
        raise CommandError(f"{len(refused)} of {len(results)} copies failed", _hint(refused[0]))


def _hint(result: DeliveryResult) -> str:
    if result.timed_out:
        return "it is too slow: read the log of WebhookIntake, and try again now that it is warm"
    if result.error:
        return f"there is no server: check --url, or {sandbox_state.START_HINT}"
    match result.status:
        case 401:
            return "the receiver has another AppID, secret or clock: compare them, and try `jiuwu doctor`"
        case 403 | 404:
            return f"our function does not answer there: the URL must end in {WEBHOOK_PATH}"
        case status if 400 <= status < 500:
            return "the reply says which field is wrong"
    return "read the log of WebhookIntake"

"""`jiuwu trigger`: a notification as the platform would send it, or as an attacker would."""

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
    Notification,
    Outcome,
    deliver,
    is_accepted,
    send_copies,
)
from jiuwu_cli.notifications.target import WEBHOOK_PATH, Target, webhook_target
from jiuwu_cli.terminal import inputs, options, urls
from jiuwu_cli.terminal.errors import CommandError, UsageError
from jiuwu_cli.terminal.output import print_line, print_note

_OLD_SECONDS = 3600.0
_LONGEST_REPLY = 300


def trigger(  # noqa: PLR0913 -- each is one of the things that happen to notifications
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

    It tells of something that did not happen at the platform. To make it happen there, use the simulator's buttons
    that `make up` prints.

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
    outcomes = _send(
        contract, target, Notification(target.app_id, secret, event_id, text, age), count, together=simultaneous
    )
    _show(outcomes)
    _judge(contract, outcomes, forged=wrong_secret or old_timestamp)


def _content(  # noqa: PLR0913, PLR0917 -- what a notification can be made of
    contract: Profile,
    event: str,
    target: Target,
    order: str | None,
    settings: Sequence[str] | None,
    body: str | None,
) -> tuple[str, str]:
    """The event id for the header, and the body: one's own, or a sample."""
    if body is None:
        return _compose(contract, event, _facts(contract, target.sandbox, order), settings or [])
    if settings or order:
        raise UsageError("--body is all that is sent", "leave out --set and --order")
    return _event_id(), inputs.read_body(body)


def _check_event(contract: Profile, event: str) -> None:
    known = sorted(contract.notification.event_types)
    if event not in known:
        near = get_close_matches(event, known, n=1)
        raise UsageError(
            f"there is no event {event!r}", f"did you mean {near[0]}?" if near else f"there are: {', '.join(known)}"
        )


def _facts(contract: Profile, sandbox: sandbox_state.Sandbox | None, order_no: str | None) -> samples.OrderFacts:
    """What the sandbox knows of the order; made up when nothing is known."""
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
    """The event id for the header, and the body."""
    event_id = _event_id()
    names = contract.notification.fields
    body = samples.notification(contract, event, facts, event_id=event_id, now=time.time())
    for setting in settings:
        samples.apply_setting(body, setting, data=names.data)
    wanted = lookup(body, names.event_id)
    # a header cannot carry everything that a test may want in the body
    fits = isinstance(wanted, str) and wanted.isascii() and wanted.isprintable() and wanted.strip() == wanted != ""
    return (wanted if fits else event_id), samples.encode(body)


def _event_id() -> str:
    return f"ev_{secrets.token_hex(8)}"


def _send(contract: Profile, target: Target, notice: Notification, count: int, *, together: bool) -> list[Outcome]:
    with urls.http_client(target.url, seconds=SECONDS, connections=count) as http:
        return send_copies(lambda: deliver(http, target.url, contract, notice), count, simultaneous=together)


def _show(outcomes: Sequence[Outcome]) -> None:
    for number, outcome in enumerate(outcomes, start=1):
        reply = outcome.trouble or f"{outcome.status} {outcome.reply[:_LONGEST_REPLY]}"
        slow = "  (the platform would not have waited)" if outcome.milliseconds > PLATFORM_SECONDS * 1000 else ""
        print_line(f"{number:>3}  {outcome.milliseconds:>5} ms  {reply}{slow}")


def _judge(contract: Profile, outcomes: Sequence[Outcome], *, forged: bool) -> None:
    """Raises CommandError unless genuine notifications were accepted, and forged ones refused as a stranger's."""
    taken = [outcome for outcome in outcomes if is_accepted(contract.notification, outcome)]
    if forged and taken:
        raise CommandError(
            f"{len(taken)} forged copies were accepted", "the receiver does not check what it must check"
        )
    refused = [one for one in outcomes if one not in taken and not (forged and 400 <= one.status < 500)]
    if refused:
        raise CommandError(f"{len(refused)} of {len(outcomes)} copies failed", _cure(refused[0]))


def _cure(outcome: Outcome) -> str:
    if outcome.late:
        return "it is too slow: look at the log of WebhookIntake, and try again now that it is warm"
    if outcome.trouble:
        return f"nobody answers there: check --url, or {sandbox_state.START_HINT}"
    match outcome.status:
        case 401:
            return "the receiver has another AppID, secret or clock: compare them, and try `jiuwu doctor`"
        case 403 | 404:
            return f"no function of ours answers there: the URL ends in {WEBHOOK_PATH}"
        case status if 400 <= status < 500:
            return "the reply says which field is wrong"
    return "look at the log of WebhookIntake"

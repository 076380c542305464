"""`jiuwu circuit`: whether calls of the platform are held back, and an operator's word about it."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Literal

import typer

from jiuwu.throttling import lane as lanes
from jiuwu.throttling.circuit_breaker import Circuit
from jiuwu.throttling.lane import Address, Lane
from jiuwu.throttling.repository import LaneContested, LaneMalformed
from jiuwu_cli.deployment import stack
from jiuwu_cli.deployment.lanes import lane_table
from jiuwu_cli.deployment.stack import Stack
from jiuwu_cli.terminal import options, times
from jiuwu_cli.terminal.confirm import confirm
from jiuwu_cli.terminal.errors import CommandError, UsageError
from jiuwu_cli.terminal.output import print_line

_ADDRESSES: tuple[Address, ...] = ("primary", "fallback")

LaneName = Annotated[str | None, typer.Option("--lane", help="Only this lane: money, login, reading, products.")]
Where = Annotated[
    Literal["primary", "fallback", "both"],
    typer.Option("--address", help="The platform's own address, the profile's fallback_url, or both."),
]

circuit = typer.Typer(
    name="circuit",
    help="Hold calls of the platform back, or let them go, in all functions at once.",
    no_args_is_help=True,
)


@circuit.command("show")
def show(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    stack_name: options.StackName = None,
) -> None:
    """Show the circuits and pauses of each lane of calls.

    Example:

    `jiuwu circuit show`
    """
    found = stack.find(stack_name)
    with stack.report_aws_errors(found):
        seen = {name: lane_table(found).read(name).lane for name in found.profile.limits.lanes}
    if as_json:
        print_line(json.dumps({name: _words(lane, _utc) for name, lane in seen.items()}))
        return
    for name, lane in seen.items():
        print_line(
            f"{name:10}" + "  ".join(f"{what}: {word}" for what, word in _words(lane, times.format_time).items())
        )


@circuit.command("open")
def open_(
    *,
    lane: LaneName = None,
    every: Annotated[bool, typer.Option("--all", help="Every lane, money too.")] = False,
    address: Where = "both",
    yes: options.Yes = False,
    stack_name: options.StackName = None,
) -> None:
    """Hold calls back until you say `close` or `auto`; `--address primary` sends them to the fallback, if there is one.

    It asks first; without a terminal it needs --yes.

    Example:

    `jiuwu circuit open --lane products`
    """
    if not lane and not every:
        raise UsageError("no lane is named", "give --lane NAME, or --all to hold every call back, refunds too")
    _force("open", lane, address, stack_name, ask=not yes)


@circuit.command("close")
def close(*, lane: LaneName = None, address: Where = "both", stack_name: options.StackName = None) -> None:
    """Let calls go, whatever fails, until you say `auto`.

    Example:

    `jiuwu circuit close`
    """
    _force("closed", lane, address, stack_name)


@circuit.command("reset")
def reset(*, lane: LaneName = None, address: Where = "both", stack_name: options.StackName = None) -> None:
    """Take back your word: the circuits are closed, and open by what fails from now on.

    Example:

    `jiuwu circuit reset`
    """
    _force("auto", lane, address, stack_name)


def _force(
    word: Literal["open", "closed", "auto"],
    lane: str | None,
    address: Literal["primary", "fallback", "both"],
    stack_name: str | None,
    *,
    ask: bool = False,
) -> None:
    found = stack.find(stack_name)
    known = tuple(found.profile.limits.lanes)
    if lane is not None and lane not in known:
        raise UsageError(f"there is no lane {lane}", f"there are: {', '.join(known)}")
    if ask:
        confirm(f"Hold back the calls of {f'the lane {lane}' if lane else 'every lane, money too,'} in {found.name}?")
    with stack.report_aws_errors(found):
        for name in (lane,) if lane else known:
            _change(found, name, word, _ADDRESSES if address == "both" else (address,))
            print_line(f"{name}: {address} {word}")
    print_line("All functions know within three seconds.")


def _change(found: Stack, name: str, word: Literal["open", "closed", "auto"], addresses: tuple[Address, ...]) -> None:
    def change(lane: Lane) -> Lane:
        for address in addresses:
            lane = lanes.forced(lane, address, word)
        return lane

    try:
        lane_table(found).change(name, change)
    except LaneContested:
        raise CommandError(f"the lane {name} changes all the time", "try again") from None
    except LaneMalformed:
        raise CommandError(f"the item of the lane {name} is not ours", "delete it from LimitsTable") from None


def _words(lane: Lane, clock: Callable[[float], str]) -> dict[str, str]:
    """What holds for each address; `clock` writes a time (Unix seconds)."""
    now = time.time()
    pause = {"paused": f"by the platform until {clock(lane.paused_until)}"} if lane.paused_until > now else {}
    return {address: _word(getattr(lane, address), clock) for address in _ADDRESSES} | pause


def _word(found: Circuit, clock: Callable[[float], str]) -> str:
    if found.forced:
        return f"{found.forced} by an operator"
    if found.state != "closed":
        return f"{found.state.replace('_', '-')} until {clock(found.until)}"
    calls, failures = found.calls + found.calls_before, found.failures + found.failures_before
    return f"closed ({failures} of the last {calls} calls failed)" if calls else "closed"


def _utc(seconds: float) -> str:
    # programs read --json: it stays as it was
    return datetime.fromtimestamp(seconds, UTC).strftime("%H:%M:%S UTC")

"""`jiuwu circuit`: show the circuits of the platform's calls, and override them."""

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

LaneName = Annotated[str | None, typer.Option("--lane", help="Only this lane: money, login, reading or products.")]
Where = Annotated[
    Literal["primary", "fallback", "both"],
    typer.Option("--address", help="The platform's own URL, the profile's fallback_url, or both."),
]

circuit = typer.Typer(
    name="circuit",
    help="Show, open or close the circuits of calls to the platform, for all functions at once.",
    no_args_is_help=True,
)


@circuit.command("show")
def show(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    stack_name: options.StackName = None,
) -> None:
    """Show the circuits and pauses of each lane.

    Example:

    `jiuwu circuit show`
    """
    deployed = stack.find(stack_name)
    with stack.report_aws_errors(deployed):
        circuits = {name: lane_table(deployed).read(name).lane for name in deployed.profile.limits.lanes}
    if as_json:
        print_line(json.dumps({name: _states(lane, _utc) for name, lane in circuits.items()}))
        return
    for name, lane in circuits.items():
        print_line(
            f"{name:10}" + "  ".join(f"{what}: {word}" for what, word in _states(lane, times.format_time).items())
        )


@circuit.command("open")
def open_(
    *,
    lane: LaneName = None,
    every: Annotated[bool, typer.Option("--all", help="Every lane, including money.")] = False,
    address: Where = "both",
    yes: options.Yes = False,
    stack_name: options.StackName = None,
) -> None:
    """Block calls until you `close` or `reset` the circuit.

    `--address primary` redirects the calls to the fallback, if the profile has one. The command asks for confirmation;
    without a terminal it needs --yes.

    Example:

    `jiuwu circuit open --lane products`
    """
    if not lane and not every:
        raise UsageError("no lane is given", "give --lane NAME, or --all to block every call, including refunds")
    _force("open", lane, address, stack_name, ask=not yes)


@circuit.command("close")
def close(*, lane: LaneName = None, address: Where = "both", stack_name: options.StackName = None) -> None:
    """Let calls through, whatever fails, until you `reset` the circuit.

    Example:

    `jiuwu circuit close`
    """
    _force("closed", lane, address, stack_name)


@circuit.command("reset")
def reset(*, lane: LaneName = None, address: Where = "both", stack_name: options.StackName = None) -> None:
    """End your override: the circuits close, and open again when calls fail.

    Example:

    `jiuwu circuit reset`
    """
    _force("reset", lane, address, stack_name)


def _force(
    state: Literal["open", "closed", "reset"],
    lane: str | None,
    address: Literal["primary", "fallback", "both"],
    stack_name: str | None,
    *,
    ask: bool = False,
) -> None:
    deployed = stack.find(stack_name)
    known = tuple(deployed.profile.limits.lanes)
    if lane is not None and lane not in known:
        raise UsageError(f"there is no lane {lane}", f"there are: {', '.join(known)}")
    if ask:
        what = f"the lane {lane}" if lane else "every lane, including money,"
        confirm(f"Block the calls of {what} in {deployed.name}?")
    with stack.report_aws_errors(deployed):
        for name in (lane,) if lane else known:
            _change(deployed, name, state, _ADDRESSES if address == "both" else (address,))
            print_line(f"{name}: {address} {state}")
    print_line("All functions follow within three seconds.")


def _change(
    deployed: Stack, name: str, state: Literal["open", "closed", "reset"], addresses: tuple[Address, ...]
) -> None:
    def change(lane: Lane) -> Lane:
        for address in addresses:
            lane = lanes.forced(lane, address, "auto" if state == "reset" else state)
        return lane

    try:
        lane_table(deployed).change(name, change)
    except LaneContested:
        raise CommandError(f"other writers keep changing the lane {name}", "try again") from None
    except LaneMalformed:
        raise CommandError(f"the item of the lane {name} is malformed", "delete it from LimitsTable") from None


def _states(lane: Lane, clock: Callable[[float], str]) -> dict[str, str]:
    """Return the state of each address, and a pause; `clock` formats a time (Unix seconds)."""
    now = time.time()
    pause = {"paused": f"by the platform until {clock(lane.paused_until)}"} if lane.paused_until > now else {}
    return {address: _state(getattr(lane, address), clock) for address in _ADDRESSES} | pause


def _state(one: Circuit, clock: Callable[[float], str]) -> str:
    if one.forced:
        return f"{one.forced} by an operator"
    if one.state != "closed":
        return f"{one.state.replace('_', '-')} until {clock(one.until)}"
    calls, failures = one.calls + one.calls_before, one.failures + one.failures_before
    return f"closed ({failures} of the last {calls} calls failed)" if calls else "closed"


def _utc(seconds: float) -> str:
    # the format of --json
    return datetime.fromtimestamp(seconds, UTC).strftime("%H:%M:%S UTC")

"""Logs and metrics of this room: what happens to a lane."""

from typing import TYPE_CHECKING

from jiuwu.aws import telemetry

if TYPE_CHECKING:
    from .limiter import Event


_COUNTED: "dict[Event, str]" = {
    "opened": "CircuitOpened",
    "closed": "CircuitClosed",
    "limited": "CallsRateLimited",
    "refused": "CallsRefusedByCircuit",
    "paused": "PlatformRateLimited",
    "unavailable": "RateLimiterUnavailable",
}


def on_lane_event(event: "Event", lane: str, detail: str = "") -> None:
    """Count what happens to a lane, and log it where it is rare."""
    telemetry.count(_COUNTED[event])
    if event not in {"limited", "refused"}:
        write = telemetry.logger.error if event in {"opened", "unavailable"} else telemetry.logger.warning
        write("platform calls", extra={"outcome": event, "lane": lane, "detail": detail})

"""Read the rate limit's lanes of a deployment."""

from jiuwu.throttling.repository import LaneTable
from jiuwu_cli.deployment.stack import Stack, report_aws_errors


def lane_table(found: Stack) -> LaneTable:
    """Return the table that holds the lanes."""
    return LaneTable(found.client("dynamodb"), found.output("LimitsTable"))


def is_forced_open(found: Stack, name: str) -> bool:
    """Return whether an operator opened the circuits of all addresses of a lane, so that no call gets through."""
    if "LimitsTable" not in found.outputs:
        return False  # deployed from an older template
    with report_aws_errors(found):
        lane = lane_table(found).read(name).lane
    used = [lane.primary, lane.fallback] if found.profile.gateway.fallback_url else [lane.primary]
    return all(one.forced == "open" for one in used)

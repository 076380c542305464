"""The rate limit's lanes of a deployment."""

from jiuwu.throttling.repository import LaneTable
from jiuwu_cli.deployment.stack import Stack, answering


def lane_table(found: Stack) -> LaneTable:
    """Return the table that holds the lanes."""
    return LaneTable(found.client("dynamodb"), found.output("LimitsTable"))


def is_held_by_operator(found: Stack, name: str) -> bool:
    """Return whether an operator's word holds back all calls of a lane, at each address that the profile has."""
    if "LimitsTable" not in found.outputs:
        return False  # a stack of an older template
    with answering(found):
        lane = lane_table(found).read(name).lane
    used = [lane.primary, lane.fallback] if found.profile.gateway.fallback_url else [lane.primary]
    return all(one.forced == "open" for one in used)
